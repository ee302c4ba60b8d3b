"""What was retrieved, beside the answers: ranks in each card, the passages themselves once below.

Several systems are given the same passages, so a passage has a number within its question, and its
words stand in the page once.  Of each system the first ranks are shown, and those further down that
hold the evidence; how many are left out is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from esrag.evaluation.records import EvaluationRun, Passage, Reply
from esrag.evaluation.report.markup import Content, Markup, address, foreign, joined, tag
from esrag.evaluation.report.outcomes import Answered
from esrag.evaluation.report.texts import Limits, around, counted, plain
from esrag.questions import supports


@dataclass(frozen=True, slots=True)
class Shown:
    """A question's passages, each once, by best rank; ``holding`` are those with its evidence.

    ``left_out`` counts passages that are further down and hold nothing of it.
    """

    passages: tuple[Passage, ...]
    holding: frozenset[str]
    numbers: dict[str, int]
    left_out: int


def passages_of(each: Answered, limits: Limits) -> Shown:
    """The passages that the page shows of a question."""
    found: dict[str, Passage] = {}
    for reply in each.replies:
        for passage in reply.reply.passages if reply else ():
            known = found.get(passage.chunk_id)
            if known is None or passage.rank < known.rank:
                found[passage.chunk_id] = passage
    holding = frozenset(
        name
        for name, passage in found.items()
        if any(supports(passage, evidence) for evidence in each.question.evidence)
    )
    chosen = [
        passage
        for passage in found.values()
        if passage.rank <= limits.ranks or passage.chunk_id in holding
    ]
    ordered = tuple(sorted(chosen, key=lambda passage: (passage.rank, passage.chunk_id)))
    numbers = {passage.chunk_id: number for number, passage in enumerate(ordered, start=1)}
    return Shown(ordered, holding, numbers, len(found) - len(ordered))


def given_list(each: Answered, reply: Reply, shown: Shown, *, opened: bool) -> Markup | None:
    """The passages that a system had, by rank, behind a line that says where the evidence is."""
    if not reply.passages:
        return None
    items = []
    has_evidence = bool(each.question.evidence)
    ordered = sorted(reply.passages, key=lambda passage: passage.rank)
    told = [passage for passage in ordered if passage.chunk_id in shown.numbers]
    for passage in told:
        place = shown.numbers[passage.chunk_id]
        holds = passage.chunk_id in shown.holding
        items.append(
            tag(
                "li",
                tag("a", f"[{place}]", href=f"#q{each.number}-p{place}"),
                " ",
                foreign((passage.title or passage.source or passage.document_id)[:80]),
                tag("span", " ✓ evidence", class_="holds") if holds else None,
                value=passage.rank,
            )
        )
    more = len(ordered) - len(told)
    ranks = [str(passage.rank) for passage in ordered if passage.chunk_id in shown.holding]
    evidence = f", evidence at {', '.join(ranks)}" if ranks else ", no evidence"
    return tag(
        "details",
        tag("summary", f"Retrieved {len(ordered):,}{evidence if has_evidence else ''}"),
        tag("ol", *items),
        tag("p", f"and {more:,} more", class_="small") if more else None,
        class_="fold given",
        open_=opened,
    )


def found_list(run: EvaluationRun, each: Answered, shown: Shown, limits: Limits) -> Markup | None:
    """All passages that are shown, with the rank that each system gave them."""
    if not shown.passages:
        return None
    holding = len(shown.holding)
    told = f"The passages: {counted(len(shown.passages) + shown.left_out, 'passage')}"
    if each.question.evidence:
        told += f", {holding or 'none'} of them with the evidence"
    items = [_passage(run, each, shown, passage, limits) for passage in shown.passages]
    left = f"{counted(shown.left_out, 'passage')} further down are in the replies alone."
    return tag(
        "details",
        tag("summary", told),
        tag("ol", *items),
        tag("p", left, class_="note") if shown.left_out else None,
        class_="fold passages",
    )


def _passage(
    run: EvaluationRun, each: Answered, shown: Shown, passage: Passage, limits: Limits
) -> Markup:
    number = shown.numbers[passage.chunk_id]
    quote = next(
        (evidence.quote for evidence in each.question.evidence if supports(passage, evidence)), ""
    )
    text, before, behind = around(passage.text, quote, limits.passage)
    holds = passage.chunk_id in shown.holding
    return tag(
        "li",
        tag(
            "p",
            tag("span", f"[{number}]", class_="number"),
            " ",
            foreign((passage.title or passage.document_id)[:120]),
            tag("span", " ✓ holds the evidence", class_="holds") if holds else None,
            class_="passage-name",
        ),
        tag(
            "p",
            "… " if before else None,
            plain(text),
            " …" if behind else None,
            dir="auto",
            class_="passage-text",
        ),
        tag(
            "p",
            _ranks(run, each, passage),
            address(passage.url, passage.source),
            class_="passage-facts",
        ),
        id=f"q{each.number}-p{number}",
    )


def _ranks(run: EvaluationRun, each: Answered, passage: Passage) -> Markup:
    told: list[Content] = []
    for system, reply in zip(run.systems, each.replies, strict=True):
        given = reply.reply.passages if reply else ()
        ranks = [other.rank for other in given if other.chunk_id == passage.chunk_id]
        if ranks:
            told += [" · " if told else None, foreign(system.name[:80]), f" rank {min(ranks)}"]
    return joined(*told)
