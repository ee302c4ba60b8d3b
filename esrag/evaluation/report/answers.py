"""The answers side by side: a question, what is known of it, and a card for each system.

Each judged stretch is a ``<details>``: its words are the summary, with a sign and an underline of
their own besides the colour, and what it opens is the verdict's reason and evidence.  The style
shows the same on hovering and focus, so that it stands in the page once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from esrag.evaluation.records import EvaluationRun, Passage, Reply, Scored, Span, SpanKind
from esrag.evaluation.report.findings import primary_measures
from esrag.evaluation.report.markup import (
    Content,
    Markup,
    address,
    foreign,
    joined,
    sign,
    tag,
    unseen,
)
from esrag.evaluation.report.outcomes import OUTCOMES, Answered
from esrag.evaluation.report.passages import Shown, found_list, given_list, passages_of
from esrag.evaluation.report.texts import (
    Limits,
    counted,
    cut,
    excerpt,
    in_words,
    one_line,
    plain,
    shown_label,
    timed,
)
from esrag.questions import Evidence

SPAN_SIGNS: dict[SpanKind, tuple[str, str]] = {
    "supported": ("✓", "Supported"),
    "contradicted": ("✗", "Contradicted"),
    "unsupported": ("?", "Unsupported"),
    "unsettled": ("≈", "Unsettled"),
    "refusal": ("–", "Refusal"),
    "unjudged": ("·", "Not judged"),
}
_NUMBERS = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
JUDGES = {
    "reference": "compared with the reference answer",
    "evidence": "compared with the evidence",
    "verifier": "compared with the passages",
    "judge": "said by the judging model",
    "none": "",
}


def question_article(
    run: EvaluationRun, each: Answered, kinds: Sequence[str], limits: Limits
) -> Markup:
    """A question with everything that belongs to it."""
    shown = passages_of(each, limits)
    cards = [_card(run, place, each, shown, limits) for place in range(len(run.systems))]
    marks = [
        " ".join(dict.fromkeys(span.kind for span in reply.spans)) if reply else ""
        for reply in each.replies
    ]
    return tag(
        "article",
        _head(each, limits),
        _known(run, each, limits),
        tag("div", *cards, class_=f"cards across-{_across(len(cards))}"),
        found_list(run, each, shown, limits),
        class_="question",
        id=f"q{each.number}",
        aria_labelledby=f"q{each.number}-title",
        data_kind=kinds.index(each.question.kind),
        data_outcomes=" ".join(each.outcomes),
        data_marks="|".join(marks),
        data_apart=f"{each.disagreement:.4f}",
    )


def _across(cards: int) -> int:
    """How many cards stand side by side on a desk, so that no row has one left over."""
    return next((columns for columns in (5, 4, 3, 2) if cards % columns == 0), min(cards, 4))


def _head(each: Answered, limits: Limits) -> Markup:
    text, missing = excerpt(each.question.text, limits.question)
    number = tag(
        "a",
        f"{each.number}",
        href=f"#q{each.number}",
        class_="number",
        aria_label=f"Question {each.number}, link",
    )
    return tag(
        "header",
        tag(
            "p",
            number,
            " ",
            foreign(shown_label(each.question.kind)),
            " · ",
            foreign(each.question.id[:80]),
            class_="label",
        ),
        tag("h3", text, " …" if missing else None, dir="auto", id=f"q{each.number}-title"),
    )


def _known(run: EvaluationRun, each: Answered, limits: Limits) -> Markup:
    """The reference answer and the evidence, with a link to where it is to be read."""
    question = each.question
    if not question.answerable:
        none = tag("dd", "None: the documents do not answer this question.")
        return tag("dl", tag("dt", "Reference"), none, class_="known")
    if not question.answer and not question.evidence:
        none = tag("dd", "None given, so that nobody knows whether an answer is right.")
        return tag("dl", tag("dt", "Reference"), none, class_="known")
    text, missing = excerpt(question.answer, limits.reference)
    parts: list[Content] = [
        tag("dt", "Reference"),
        tag("dd", tag("span", text or "–", dir="auto"), " …" if missing else None),
    ]
    if question.evidence:
        parts.append(tag("dt", "Evidence"))
    parts += [_evidence(run, each, evidence, limits) for evidence in question.evidence[:4]]
    if len(question.evidence) > 4:
        parts.append(tag("dd", f"and {counted(len(question.evidence) - 4, 'place')} more"))
    return tag("dl", *parts, class_="known")


def _evidence(run: EvaluationRun, each: Answered, evidence: Evidence, limits: Limits) -> Markup:
    place = _where(run, each, evidence.document_id)
    text, missing = excerpt(evidence.quote, limits.quote)
    return tag(
        "dd",
        tag("q", text, " …" if missing else None, dir="auto") if text else None,
        " " if text else None,
        tag("span", foreign(evidence.document_id[:200]), class_="document"),
        address(place.url) if place and place.url else None,
    )


def _where(run: EvaluationRun, each: Answered, document_id: str) -> Passage | None:
    given = (passage for reply in each.replies if reply for passage in reply.reply.passages)
    for passage in (*run.pools.get(each.question.id, ()), *given):
        if passage.document_id == document_id:
            return passage
    return None


def _card(run: EvaluationRun, place: int, each: Answered, shown: Shown, limits: Limits) -> Markup:
    system, scored, outcome = run.systems[place], each.replies[place], each.outcomes[place]
    name, finds_only = system.name, system.kind == "retrieval"
    mark, said = OUTCOMES[outcome]
    if finds_only and scored and outcome == "unjudged":
        mark, said = "", _found(run, scored)
    title = tag(
        "h4",
        foreign(name[: limits.name], class_="system"),
        tag("span", sign(mark), " ", said, class_=f"badge {outcome}"),
    )
    if scored is None:
        return tag("div", title, class_="card")
    reply = scored.reply
    return tag(
        "div",
        title,
        _failure(reply, limits) if reply.status == "failed" else None,
        _answer(scored, limits)
        if reply.text or not (finds_only or reply.status == "failed")
        else None,
        _written(reply, limits),
        _cited(reply, shown),
        given_list(each, reply, shown, opened=finds_only),
        _effort(reply),
        class_="card",
        role="group",
        aria_label=f"{one_line(name[: limits.name])}: {said}",
    )


def _found(run: EvaluationRun, scored: Scored) -> str:
    """The first primary measure of what a system found that only finds."""
    for measure in primary_measures(run):
        value = scored.metrics.get(measure.name)
        if value is not None:
            return f"{one_line(measure.title, 40)} {in_words(value, measure)}"
    return OUTCOMES["unjudged"][1]


def _failure(reply: Reply, limits: Limits) -> Markup:
    text, missing = excerpt(reply.error or "It is not known why.", limits.error)
    code = tag("code", one_line(reply.error_code)[:80]) if reply.error_code else None
    return tag(
        "div",
        tag(
            "p",
            tag("strong", "No answer: "),
            tag("span", text, dir="auto"),
            " …" if missing else None,
            " ",
            code,
        ),
        tag("p", "It counts as wrong.", class_="note"),
        class_="failure",
    )


def _answer(scored: Scored, limits: Limits) -> Markup:
    """The reply's text with its spans; nothing of it is left out but what is cut at the end."""
    text = scored.reply.text
    if not text.strip():
        return tag("p", "The answer is empty.", class_="note")
    kept, missing = cut(text, limits.answer)
    parts: list[Content] = []
    at = 0
    for span in scored.spans:
        start, end = max(at, span.start), min(span.end, len(kept))
        if start >= end:
            continue
        parts.append(_between(kept[at:start]))
        parts.append(_judged(kept[start:end], span, limits))
        at = end
    parts.append(_between(kept[at:]))
    answer = tag("div", *parts, class_="answer", dir="auto")
    if not missing:
        return answer
    left = len(text) - len(kept)
    place = f"replies/{one_line(scored.reply.system)[:120]}.jsonl"
    note = f"Cut here: {left:,} more characters. The whole text is in {place}."
    return joined(answer, tag("p", note, class_="note"))


def _between(text: str) -> Markup | None:
    """Words without a verdict."""
    shown = plain(text)
    if not shown.strip():
        return Markup("\n" if "\n" in shown else " ") if shown else None
    return tag("span", shown)


def _judged(text: str, span: Span, limits: Limits) -> Markup:
    mark, said = SPAN_SIGNS[span.kind]
    words = tag("span", plain(text), class_="words")
    why, missing = excerpt(span.why, limits.why)
    judge = JUDGES[span.judge]
    told: list[Content] = [
        tag("strong", said),
        (f", {judge}" if judge else "") + (": " if why else "."),
        tag("span", why, " …" if missing else None, dir="auto", class_="why") if why else None,
    ]
    told += [
        _span_evidence(item.quote, item.document_id, item.title, item.url, limits)
        for item in span.evidence[:3]
    ]
    if len(span.evidence) > 3:
        told.append(
            tag("span", f"and {counted(len(span.evidence) - 3, 'place')} more", class_="proof")
        )
    summary = tag(
        "summary", unseen(f"{said}: "), words, tag("span", mark, aria_hidden="true", class_="mark")
    )
    return tag("details", summary, tag("span", *told, class_="reason"), class_=f"span {span.kind}")


def _span_evidence(quote: str, document_id: str, title: str, url: str, limits: Limits) -> Markup:
    text, missing = excerpt(quote, limits.quote)
    return tag(
        "span",
        tag("q", text, " …" if missing else None, dir="auto") if text else None,
        " " if text else None,
        foreign((title or document_id)[:200], class_="document"),
        address(url) if url else None,
        class_="proof",
    )


def _written(reply: Reply, limits: Limits) -> Markup | None:
    """What checking took out or replaced, or the limit cut off, where that was something."""
    if not reply.written.strip() or _bare(reply.written) == _bare(reply.text):
        return None
    text, missing = excerpt(reply.written, limits.answer // 4)
    return tag(
        "details",
        tag("summary", "All that the model wrote"),
        tag("p", text, " …" if missing else None, dir="auto", class_="written"),
        class_="fold",
    )


def _bare(text: str) -> str:
    """``text`` without numbers of passages, which are shown on their own, and without spaces."""
    return "".join(_NUMBERS.sub("", text).split())


def _cited(reply: Reply, shown: Shown) -> Markup | None:
    """Documents that the reply cites; one that it was not given is told."""
    if not reply.cited:
        return None
    given = {passage.chunk_id for passage in reply.passages}
    items = []
    for cited in dict.fromkeys((each.chunk_id, each.document_id) for each in reply.cited):
        number = shown.numbers.get(cited[0])
        note = None if cited[0] in given else ", not among its passages"
        name = f"[{number}] " if number else None
        items.append(tag("li", name, foreign(cited[1][:120]), note))
    return tag("div", tag("p", "Cites", class_="small"), tag("ul", *items), class_="cited")


def _effort(reply: Reply) -> Markup:
    usage = reply.usage
    parts = [timed(usage.seconds)] if usage.seconds else []
    if usage.prompt_tokens or usage.generated_tokens:
        parts.append(f"{usage.prompt_tokens:,} tokens read, {usage.generated_tokens:,} written")
    words = len(reply.text.split())
    if words:
        parts.append(counted(words, "word"))
    return tag("p", " · ".join(parts) or "–", class_="effort")
