"""Gives each stretch of a reply its verdict: blue, red, or none, with what it rests on.

    stretch ─┬─ declines ─────────────────────────────► refusal
             ├─ says nothing (repeats, asks, leads in) ► unjudged
             ├─ holds the reference, and nothing strange beside it ► supported
             │                       beside much that is strange ───► unsettled
             ├─ has another value in its place ────────► contradicted
             ├─ a unit of the pool carries it ─────────► supported
             ├─ a unit says otherwise ─────────────────► contradicted
             └─ none of these ─► a judge, if there is one ─┬─► unsettled, if a unit is near
                                                           └─► unsupported

The order is that of ``docs/verdicts.md``.  Nothing here asks a server; a judge is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from esrag.evaluation.differences import keys_of
from esrag.evaluation.expected import content, polarity, stems, without_values
from esrag.evaluation.grounds import LEAST_VERBATIM, STATES, Place
from esrag.evaluation.records import Passage, Span, SpanJudge, SpanKind
from esrag.evaluation.reference import MOST_EVIDENCE, NAMING, REPEATS, Finding, Reference
from esrag.evaluation.refusing import declines
from esrag.evaluation.stating import is_half
from esrag.evaluation.stretches import (
    ITEM,
    LONGEST,
    Stretch,
    clauses_of,
    parts_of,
    sentences_of,
)
from esrag.evaluation.values import values
from esrag.evaluation.wording import PRONOUN, VERB
from esrag.questions import KnownQuestion
from esrag.verification.support import folded

OF_ITS_OWN = 5  # words, above which a sentence says itself what it speaks of
MOST_LABEL = 3  # words of a line without a verb that is no answer beside others
SPOKEN_OF = 3  # last words of a clause, of which one that begins with "which" speaks
_RELATIVE = re.compile(r"[\s,;:—–-]*(?:which|who|whose)\b", re.I)
MOST_JUDGED = 300  # distinct sentences of one reply; a reply of a megabyte repeats itself
_MAY_BE_VERB = re.compile(r"\b[a-z]{3,}s\b")  # "smells"; or a plural
_POINTS = re.compile(r"\b(?:that|those|such) \w+\W*$", re.I)  # to what stands before
_ANSWERS = re.compile(r"^\W*(?:the |my )?answer(?: to the question)?(?: is)?\s*:\s*(?=\S)", re.I)
_HALF = Finding("unjudged", why="it breaks off before it states anything")
_OF_ELSE = "a passage says it of something else"
_OF_WHAT = "a passage says it, and the rules cannot tell whether of what is asked about"
_BESIDE = "it agrees with the reference answer, and says more that no passage says like this"
_YES_BESIDE = "its yes or no agrees with the reference answer, and it says more beside"
_NEAR = "a passage has nearly all of its words, and the rules cannot tell whether it says so"
_LABEL = Finding("unjudged", why="a label states nothing")
_LEADS_IN = Finding("unjudged", why="it only leads in what follows")
_RED = ("contradicted", "unsupported")
_TOO_LONG = Finding("unjudged", why="the sentence is too long to be checked")
_TOO_MANY = Finding(
    "unjudged", why=f"only the first {MOST_JUDGED} different sentences of a reply are checked"
)
Second = Callable[[str, Sequence[Place]], Finding | None]
"""A judge of stretches that the rules leave unsupported: None when it abstains."""


class SpanMaker:
    """Judges replies to one question; the same pool for all of them."""

    def __init__(
        self, question: KnownQuestion, pool: Sequence[Passage], *, second: Second | None = None
    ) -> None:
        self.question = question
        self._reference = Reference(question, pool)
        self.expected = self._reference.expected
        self.grounds = self._reference.grounds
        self._second = second
        self._kept: dict[tuple[str, bool], Finding] = {}
        self._spans_kept: dict[tuple[str, bool], tuple[Span, ...]] = {}

    def spans(self, reply: str) -> tuple[Span, ...]:
        """The spans of a reply's text: in order, none overlapping another."""
        found: list[Span] = []
        different: set[str] = set()
        left: Span | None = None  # all that is beyond the most: one span as long as nothing is kept
        sentences = list(sentences_of(reply, self.grounds.quotations(reply)))
        for sentence in sentences:
            written = reply[sentence.start : sentence.end]
            if written not in different and len(different) >= MOST_JUDGED:
                if left is None:
                    left = _span(sentence, _TOO_MANY)
                    found.append(left)
                else:
                    found[-1] = left = replace(left, end=sentence.end)
                continue
            left = None
            different.add(written)
            found += [
                replace(span, start=span.start + sentence.start, end=span.end + sentence.start)
                for span in self._spans_of(written, sentence, alone=len(sentences) == 1)
            ]
        return tuple(found)

    def _spans_of(self, written: str, sentence: Stretch, *, alone: bool) -> tuple[Span, ...]:
        """The spans of one sentence, counted from its beginning; kept, as replies are alike.

        ``alone``: the reply has no other; then a phrase is the answer, and else but a label.
        """
        spans = self._spans_kept.get((written, alone))
        if spans is None:
            itself = replace(sentence, start=0, end=len(written))
            found = self._judged(written, itself)
            if not alone and len(found) == 1 and found[0][1].kind in _RED:
                found = [(itself, _LABEL)] if self._is_label(written, sentence.text) else found
            spans = tuple(_span(each, what) for each, what in found)
            self._spans_kept[written, alone] = spans
        return spans

    def _is_label(self, written: str, text: str) -> bool:
        """Whether a line is a few words without verb or value, and no item of a list."""
        verb = STATES.search(text) or _MAY_BE_VERB.search(text) or PRONOUN.match(text)
        if verb or ITEM.match(written) or len(self.expected.groups) > 1:
            return False
        if any(value.kind not in NAMING for value in values(text)):
            return False
        return len(stems(without_values(text))) <= MOST_LABEL and polarity(text, "") is None

    def _judged(self, reply: str, sentence: Stretch) -> list[tuple[Stretch, Finding]]:
        """A sentence with its verdict, or its clauses with theirs where they differ in colour."""
        if sentence.end - sentence.start > LONGEST:
            return [(sentence, _TOO_LONG)]
        if is_half(sentence.text) and not self._reference.is_reference(sentence.text):
            return [(sentence, _HALF)]
        whole = self._finding(sentence)
        if whole.kind in ("supported", "unjudged"):
            return [(sentence, whole)]
        parts = _with_subjects(clauses_of(reply, sentence), reply)
        if len(parts) < 2 or whole.why == _YES_BESIDE or self._reference.is_whole(sentence.text):
            return [(sentence, self._final(whole, sentence))]
        halves = self._both_said(reply, parts)
        if halves:
            return halves
        found = _joined([(part, self._finding(part)) for part in parts], reply)
        found = self._led_in(found)
        kinds = {finding.kind for _, finding in found}
        if whole.kind == "refusal" and not (
            self._states(sentence.text) or kinds & {"supported", "contradicted"}
        ):
            return [(sentence, whole)]
        if not kinds & {"supported", "refusal"}:
            return [(sentence, self._final(whole, sentence))]
        return [
            (part, self._final(self._torn_out(finding, part), part))
            for part, finding in _merged(found)
        ]

    def _torn_out(self, finding: Finding, clause: Stretch) -> Finding:
        """A clause that stands in a passage word for word is not in the place of the reference."""
        if finding.kind != "contradicted" or finding.judge != "reference":
            return finding
        place = self.grounds.holding(clause.text)
        return self._found("unsettled", "verifier", _OF_WHAT, place) if place else finding

    def _elsewhere(self, text: str, finding: Finding) -> Finding:
        """A value in the place of the reference that a passage may say of what ``text`` names."""
        if finding.kind != "contradicted" or finding.judge != "reference":
            return finding
        if not self.grounds.named_in(text) - self.grounds.keys:
            return finding
        place = self.grounds.near(text)
        return self._found("unsettled", "verifier", _NEAR, place) if place else finding

    def _led_in(self, found: list[tuple[Stretch, Finding]]) -> list[tuple[Stretch, Finding]]:
        """Clauses; those before the first that has a verb, a value or a new name say nothing."""
        first = next((n for n, (part, _) in enumerate(found) if self._says(part.text)), 0)
        return [
            (part, _LEADS_IN if n < first and finding.kind in _RED else finding)
            for n, (part, finding) in enumerate(found)
        ]

    def _says(self, clause: str) -> bool:
        named = self.grounds.named_in(clause) - self.grounds.keys
        return bool(STATES.search(clause) or values(clause) or named)

    def _both_said(
        self, reply: str, parts: Sequence[Stretch]
    ) -> list[tuple[Stretch, Finding]] | None:
        """The halves of a sentence, if both are blue, or one is and the other is a title."""
        for cut in range(1, len(parts)):
            halves = [parts_of(reply, half) for half in (parts[:cut], parts[cut:])]
            found = _joined([(half, self._finding(half)) for half in halves], reply)
            blue = [finding.kind == "supported" for _, finding in found]
            if any(blue) and all(
                blue[place] or self.grounds.is_heading(half.text)
                for place, (half, _) in enumerate(found)
            ):
                return _merged(found)
        return None

    def _final(self, finding: Finding, stretch: Stretch) -> Finding:
        """What a judge makes of a stretch that the rules could not place."""
        if finding.kind not in ("unsupported", "unsettled") or not self.question.answerable:
            return finding
        near = self.grounds.nearest(stretch.text, most=MOST_EVIDENCE)
        if self._second is not None and near:
            decided = self._second(stretch.text, near)
            if decided is not None:
                return decided
        if finding.kind == "unsettled" or finding.why == _OF_ELSE:
            return finding
        place = self.grounds.near(stretch.text)
        return self._found("unsettled", "verifier", _NEAR, place) if place else finding

    def _finding(self, stretch: Stretch) -> Finding:
        key = stretch.text, stretch.heading
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = self._fresh(stretch)
        return known

    def _fresh(self, stretch: Stretch) -> Finding:
        weightless = self._weightless(stretch)
        if weightless:
            return weightless
        text = stretch.text
        if not self.question.answerable:
            return self._without_answer(text)
        held = self.expected.held(text)
        spoilt = self._reference.spoilt(text) if held else None
        return (
            self._agreeing(text, held, spoilt)
            or self._said(text)
            or self._beside(text, held, spoilt)
            or self._in_place(text)
            or self._from_pool(text)
        )

    def _weightless(self, stretch: Stretch) -> Finding | None:
        """The verdict on what refuses, or states nothing."""
        text = stretch.text
        if declines(text) and not self._reference.is_reference(text):
            return Finding("refusal", why="it declines to answer")
        nothing = self._reference.says_nothing(stretch)
        if nothing == REPEATS and self.question.answerable and STATES.search(text):
            place = self.grounds.quoting(text)
            if place and self.grounds.is_about(place.hit, place.unit):
                return self._found("supported", "verifier", "a passage says it", place)
        return Finding("unjudged", why=nothing) if nothing else None

    def _agreeing(self, text: str, held: frozenset[int], spoilt: Finding | None) -> Finding | None:
        """The verdict on what holds the reference and little else, or its yes or no."""
        plain = self._reference.is_plain(text)
        if held:
            quotes = self._reference.quotes_of(held)
            agrees = Finding("supported", "reference", "it holds the reference answer", quotes)
            return agrees if plain and spoilt is None else None
        agreed = self._reference.yes_or_no(text)
        if agreed and agreed.kind == "supported" and not plain:
            return Finding("unsettled", "reference", _YES_BESIDE, agreed.evidence)
        return agreed

    def _said(self, text: str) -> Finding | None:
        """The verdict on what a passage or a reference of whole sentences says."""
        place = self._quoted(text)
        if place is None and not self._reference.is_phrase(text):
            place = self.grounds.carrying(text)
        if place and self._of_what(text, place):
            return self._found("supported", "verifier", "a passage says it", place)
        if place:
            return self._found("unsettled", "verifier", _OF_WHAT, place)
        if self._reference.says(text):
            quotes = self._reference.quotes_of(frozenset())
            return Finding("supported", "reference", "the reference answer says it", quotes)
        return None

    def _beside(self, text: str, held: frozenset[int], spoilt: Finding | None) -> Finding | None:
        """The verdict on what holds the reference with something strange beside it."""
        if held and spoilt is None:
            return Finding("unsettled", "reference", _BESIDE, self._reference.quotes_of(held))
        if spoilt and spoilt.kind == "unsupported":
            return self._opposed(text) or spoilt
        return spoilt

    def _in_place(self, text: str) -> Finding | None:
        """The verdict on what stands in the place of the reference."""
        found = self._reference.in_place(text)
        return self._elsewhere(text, found) if found else None

    def _quoted(self, text: str) -> Place | None:
        """The place that ``text`` is a quotation of; none when it has another value than asked for.

        What a passage says of something else is no answer, once nothing tells that it does: a short
        sentence ("The image has 62 MB") or one that begins with "it".
        """
        place = self.grounds.quoting(text) or self.grounds.quoting(_ANSWERS.sub("", text))
        if place is None or keys_of(text) or self.grounds.is_about(place.hit, place.unit):
            return place
        if place.unit.cells and folded(text) != folded(place.unit.text):
            return None  # a cell of another row
        if self.expected.held(text):
            return place
        if _is_of_its_own(text):
            return place
        short = len(text) < LEAST_VERBATIM
        return None if self.expected.replaced(text, bare=short) else place

    def _of_what(self, text: str, place: Place) -> bool:
        """Whether a passage that says ``text`` says it of what is asked about, as far as is known.

        A quotation that names nothing, with a value in the place of the reference, may be of
        another version: "The window is 5 minutes by default".
        """
        if _POINTS.search(text):
            return False
        if keys_of(text) or not _is_of_its_own(text):
            return True
        replaced = self.expected.replaced(text, bare=False)
        return not replaced or self.grounds.is_about(place.hit, place.unit)

    def _without_answer(self, text: str) -> Finding:
        """The verdict when the documents do not answer: whatever is stated is red."""
        place = self.grounds.quoting(text) or self.grounds.carrying(text)
        if place:
            why = "a passage says it, but it is no answer: the documents hold none"
            return self._found("unsupported", "verifier", why, place)
        opposed = self._opposed(text)
        if opposed:
            return opposed
        return Finding("unsupported", "evidence", "the documents hold no answer to the question")

    def _from_pool(self, text: str) -> Finding:
        return self._opposed(text) or Finding("unsupported", "verifier", "no passage says it")

    def _opposed(self, text: str) -> Finding | None:
        place = self.grounds.opposing(text)
        return self._found("contradicted", "evidence", place.why, place) if place else None

    def _states(self, text: str) -> bool:
        """Whether a refusal goes on to state a value."""
        return any(not self.expected.is_asked(value) for value in values(text))

    def _found(self, kind: SpanKind, judge: SpanJudge, why: str, place: Place) -> Finding:
        return Finding(
            kind,
            judge,
            why,
            (self._reference.evidence(place.hit, place.unit.start, place.unit.end),),
        )


def _with_subjects(clauses: Sequence[Stretch], reply: str) -> tuple[Stretch, ...]:
    """Clauses, a verb that begins one with the subject before it: "The relay, in Cork, was …"."""
    joined: list[Stretch] = []
    for clause in clauses:
        if joined and VERB.match(clause.text) and not STATES.search(joined[-1].text):
            joined[-1] = parts_of(reply, (joined[-1], clause))
        else:
            joined.append(clause)
    return tuple(joined)


def _is_of_its_own(text: str) -> bool:
    """Whether a sentence says itself what it speaks of, as far as its length and beginning tell."""
    return len(stems(text)) > OF_ITS_OWN and not PRONOUN.match(text)


def _span(stretch: Stretch, found: Finding) -> Span:
    return Span(stretch.start, stretch.end, found.kind, found.judge, found.why, found.evidence)


def _joined(found: list[tuple[Stretch, Finding]], reply: str) -> list[tuple[Stretch, Finding]]:
    """Clauses with "which" or "who" are blue only by a unit that has what they speak of too."""
    kept: list[tuple[Stretch, Finding]] = []
    for part, finding in found:
        if kept and finding.judge == "verifier" and finding.kind == "supported":
            told = stems(" ".join(piece.quote for piece in finding.evidence))
            spoken = content(kept[-1][0].text)[-SPOKEN_OF:]
            relative = _RELATIVE.match(reply, part.start, part.end)
            if relative and not told & stems(" ".join(token.raw for token in spoken)):
                finding = Finding("unsupported", "verifier", _OF_ELSE)
        kept.append((part, finding))
    return kept


def _merged(found: list[tuple[Stretch, Finding]]) -> list[tuple[Stretch, Finding]]:
    """Neighbours of one verdict as one stretch; what says nothing goes with what it stands by."""
    merged: list[tuple[Stretch, Finding]] = []
    for part, finding in found:
        if merged:
            before, known = merged[-1]
            apart = _LEADS_IN in (known, finding)
            if finding.kind == known.kind or (finding.kind == "unjudged" and not apart):
                joined = replace(before, end=part.end, text=f"{before.text} {part.text}")
                merged[-1] = (
                    joined,
                    replace(known, evidence=tuple(dict.fromkeys(known.evidence + finding.evidence)))
                    if finding.kind == known.kind
                    else known,
                )
                continue
            if known.kind == "unjudged" and not apart:
                merged[-1] = replace(part, start=before.start), finding
                continue
        merged.append((part, finding))
    return merged
