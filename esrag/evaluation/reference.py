"""Holds a stretch of a reply against the reference answer and its evidence.

    stretch ─┬─ what spoils it, although it holds the reference
             ├─ what stands in the place of the reference
             └─ whether it speaks of something else, or states nothing

Knows the question, its reference and the words of its evidence; other passages ``grounds`` know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from esrag.evaluation.differences import exchanged, keys_of, opposite_in, starts_where_it_ends
from esrag.evaluation.expected import (
    LEAST_ECHO,
    SHORT_TEXT,
    Wanted,
    asks_yes_or_no,
    expected_of,
    is_negated,
    polarity,
    stems,
    without_values,
)
from esrag.evaluation.grounds import Grounds
from esrag.evaluation.pool import Quoted, evidence_of, hit_of, quoted_in
from esrag.evaluation.records import Passage, SpanEvidence, SpanJudge, SpanKind
from esrag.evaluation.stating import (
    PASSAGE_ID,
    breaks_off,
    is_about_speaker,
    only_yes_or_no,
    says_nothing,
    tells_nothing,
)
from esrag.evaluation.stretches import Stretch
from esrag.evaluation.values import Value, agreement, values
from esrag.evaluation.wording import (
    BOUNDS,
    EXCLUSIVE,
    FILLERS,
    FINITE,
    LABEL,
    MUCH_REPEATED,
    OPTION,
    PRONOUN,
    VERB,
    is_other_phrase,
    is_part,
    negates,
    only_values,
    other_head,
    other_numbers,
    shape,
    values_beside,
)
from esrag.questions import KnownQuestion, holds
from esrag.types import Hit
from esrag.verification.support import ground

_DENIES = re.compile(r"(?:\bnot|n['’]t|\bnever|\bno)(?:\W+\w+){0,3}\W*$", re.I)
_OF_PASSAGE = re.compile(r"^the (?:passage|document|text) (?:is|was) (?:dated|from|of)\b", re.I)
_REASON = re.compile(r"\b(?:because|since|so that|in order to|due to)\b(.+)", re.I)
MOST_STRANGE = 2  # unknown words that a stretch may have which holds the reference
STRANGE_SHARE = 0.34
MOST_EVIDENCE = 3
NAMING = ("code", "version")  # values that name a thing, and measure none
LEAST_SAID = 6  # words, from which a reference answer is read as a passage is
SHORT_SENTENCE = 8  # words, up to which one of them may be strange
REPEATS = "it only repeats the question"
MOST_REPEATED = 2  # words of the question beside a value that is labelled as the answer


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict without its place."""

    kind: SpanKind
    judge: SpanJudge = "none"
    why: str = ""
    evidence: tuple[SpanEvidence, ...] = ()


class Reference:
    """The reference of one question, and the pool that its evidence was found in."""

    def __init__(self, question: KnownQuestion, pool: Sequence[Passage]) -> None:
        hits = tuple(hit_of(passage) for passage in pool)
        self.question = question
        self.expected = expected_of(question)
        self._placed = {passage.chunk_id for passage in pool if passage.start >= 0}
        self._quotes = quoted_in(question, hits)
        evidence = frozenset(quote.hit.id for quote in self._quotes)
        self.grounds = Grounds(question.text, hits, evidence=evidence)
        told = [f"{quote.hit.context} {quote.text}" for quote in self._quotes]
        told += [piece.quote for piece in question.evidence]
        forms = [form for wanted in self.expected.wanted for form in wanted.forms]
        self._whole = None
        if question.answerable and len(stems(question.answer)) >= LEAST_SAID:
            said = hit_of(Passage("reference", "", 1, 0.0, question.answer))
            self._whole = Grounds(question.text, (said,), evidence=frozenset({said.id}))
        self._told = " \n ".join((question.text, question.answer, *forms, *told))
        self._told_words = stems(self._told)
        self._told_values = values(self._told)
        self._told_keys = keys_of(" \n ".join(("Told", *told, *forms))) | self._told_words

    def says(self, text: str) -> bool:
        """Whether a reference answer of whole sentences says all of ``text``."""
        return self._whole is not None and self._whole.carrying(text) is not None

    def yes_or_no(self, text: str) -> Finding | None:
        """The verdict on a yes or no where the reference answer begins with one."""
        said = polarity(text, self.question.text)
        if said is None or self.expected.says is None:
            return None
        if said != self.expected.says:
            return self._against("Yes" if said else "No", self.expected.wanted[0])
        return self._unspoilt(text, "it agrees with the yes or no of the reference answer")

    def in_place(self, text: str) -> Finding | None:
        """The verdict on a stretch that has something in the place of the reference."""
        rest = self.rest(text)
        bare = len(rest) <= 1 and not self._rivals(text)
        if self._other_subject(text) or not (bare or self._is_of_it(text, rest)):
            return None
        echo = len(stems(text) & self.expected.words) >= LEAST_ECHO * len(self.expected.words)
        alone = only_values(text) or (not rest and bool(LABEL.match(text)))
        pure = bare and (alone or (echo and not rest))
        replaced = self.expected.replaced(text, bare=bare, pure=pure, echo=not alone)
        if replaced:
            return self._value_in_place(text, *replaced)
        said = values(text)
        if bare and said and all(self.expected.in_answer(value) for value in said):
            return self._unspoilt(text, "it says a part of the reference answer")
        if any(self.expected.less_exact(value) for value in said):
            return self._unspoilt(text, "it agrees with the reference answer, and is less exact")
        return self._words_in_place(text, rest, bare=bare)

    def _is_of_it(self, text: str, rest: frozenset[str]) -> bool:
        """Whether a stretch of several words has few strange ones, and names no other thing."""
        strangers = keys_of(text) - self.grounds.keys - self._wanted_words()
        named = (strangers | other_numbers(text, self.question.text)) & self._rivals(text)
        return len(rest - self._told_words) <= MOST_STRANGE and not named

    def _value_in_place(self, text: str, value: Value, wanted: Wanted) -> Finding | None:
        """The same for a value; None when the stretch may deny something else."""
        if not is_negated(text) or negates(self._told):
            return self._against(value.text, wanted)
        if len(values(text)) > 1 or not _DENIES.search(text[: value.start]):
            return None
        why = "it denies another value than that of the reference answer"
        return Finding("supported", "reference", why, self.quotes_of(frozenset()))

    def _unspoilt(self, text: str, why: str) -> Finding | None:
        """Blue, unless something spoils it."""
        if self.spoilt(text) is not None:
            return None
        return Finding("supported", "reference", why, self.quotes_of(frozenset()))

    def _words_in_place(self, text: str, rest: frozenset[str], *, bare: bool) -> Finding | None:
        """The same for names, phrases, and yes or no."""
        said = stems(text) - FILLERS
        for wanted in self.expected.wanted:
            if wanted.kind == "polar" and polarity(text, self.question.text) is not None:
                return self._against("Yes" if polarity(text, "") else "No", wanted)
            own = wanted.words
            if not own:
                continue
            if wanted.kind in ("name", "text") and is_part(text, wanted, rest):
                why = "it says the reference answer in part, or in another order"
                return self._unspoilt(text, why)
            if own <= self.expected.words and bare and said <= self.expected.words:
                return self._against(text.strip(" ."), wanted)  # the other of a choice
            if is_other_phrase(text, wanted):
                return self._against(text.strip(" ."), wanted)
        return self._name_in_place(text)

    def _name_in_place(self, text: str) -> Finding | None:
        """A sentence with a name that nobody tells of, where the reference is a name."""
        named = keys_of(text) - self._told_keys - self.expected.words
        for wanted in self.expected.wanted:
            if wanted.kind == "name" and named:
                return self._against(text.strip(" ."), wanted)
        return None

    def spoilt(self, text: str) -> Finding | None:
        """What makes a stretch wrong although it holds the reference; None for nothing."""
        quotes = self.quotes_of(frozenset())
        polar = any(wanted.kind == "polar" for wanted in self.expected.wanted)
        if is_negated(text) and not polar and not negates(self._told):
            return Finding("contradicted", "evidence", "it denies what the documents say", quotes)
        turned = opposite_in(text, self._told)
        if turned:
            why = f"the documents say the opposite of “{turned}”"
            return Finding("contradicted", "evidence", why, quotes)
        bounds = {match.group().lower() for match in BOUNDS.finditer(text)}
        bounds -= {match.group().lower() for match in BOUNDS.finditer(self._told)}
        if bounds:
            kind: SpanKind = "contradicted" if bounds & EXCLUSIVE else "unsupported"
            return Finding(kind, "evidence", f"the documents do not say “{min(bounds)}”", quotes)
        if starts_where_it_ends(text, self._told):
            why = "the documents say until when, not from when"
            return Finding("contradicted", "evidence", why, quotes)
        if self._exchanges(text):
            why = "it exchanges two values that the documents state"
            return Finding("contradicted", "evidence", why, quotes)
        if self._lumps(text):
            why = "it says one thing of several for which the reference says different ones"
            return Finding("contradicted", "reference", why, quotes)
        return self._strange(text, quotes)

    def is_whole(self, text: str) -> bool:
        """Whether a part of a sentence would say what the whole does not: of another thing."""
        return self._exchanges(text) or bool(other_numbers(text, self.question.text))

    def _exchanges(self, text: str) -> bool:
        return any(exchanged(text, quote.text) for quote in self._quotes)

    def _lumps(self, text: str) -> bool:
        """Whether a stretch names more of the question's things than it has of their values."""
        asked = {v.key for v in self.expected.asked if v.kind in ("version", "code")}
        named = {v.key for v in values(text) if v.kind in ("version", "code")} & asked
        groups, held = len(self.expected.groups), len(self.expected.held(text))
        return groups > 1 and len(named) > 1 and held < min(groups, len(named))

    def _strange(self, text: str, quotes: tuple[SpanEvidence, ...]) -> Finding | None:
        """A value, a name or too many words beside the reference that are not in the evidence."""
        for value in values(text):
            if self.expected.is_wanted(value) or self.expected.is_asked(value):
                continue
            if self.expected.less_exact(value) or any(
                agreement(value, other) in ("equal", "less exact") for other in self._told_values
            ):
                continue
            if value.key in ground(self._told).figures:
                continue
            replaced = self.expected.replaced(text, bare=False)
            kind: SpanKind = "contradicted" if replaced else "unsupported"
            return Finding(kind, "evidence", f"the evidence does not say {value.text}", quotes)
        options = set(OPTION.findall(text)) - set(OPTION.findall(self._told))
        if options:
            why = f"the evidence does not say {min(options)}"
            return Finding("unsupported", "evidence", why, quotes)
        strangers = keys_of(text) - self._told_keys - self.expected.words
        if strangers:
            why = "it names what neither the question nor the evidence does"
            return Finding("unsupported", "evidence", why, quotes)
        if self._rivals(text) or self._other_subject(text):
            return Finding("unsupported", "evidence", "it speaks of something else", quotes)
        reason = _REASON.search(text)
        given = stems(reason.group(1)) if reason else frozenset()
        invented = len(given - self._told_words)
        if invented >= max(MOST_STRANGE, STRANGE_SHARE * len(given)):
            why = "the evidence does not give this reason"
            return Finding("unsupported", "evidence", why, quotes)
        said = stems(without_values(text)) - FILLERS
        strange = said - self._told_words
        foreign = len(strange) == len(said) >= MOST_STRANGE  # not one word of it is known
        if foreign or len(strange) > max(MOST_STRANGE, STRANGE_SHARE * len(said)):
            return Finding("unsupported", "evidence", "the evidence does not say all of it", quotes)
        return None

    def is_plain(self, text: str) -> bool:
        """Whether a stretch has no word beside those of question, reference and evidence.

        What has others may say something else with the reference in it; the longer, the sooner.  In
        a short one a single word may be new: "The T1 takes a CR2477".
        """
        if _OF_PASSAGE.match(text):
            return False
        strange = stems(without_values(text)) - FILLERS - self._told_words
        return len(strange) <= (len(text.split()) <= SHORT_SENTENCE)

    def _rivals(self, text: str) -> frozenset[str]:
        """Versions and codes that stand where the question has others: it is of another thing."""
        asked = {v.key: v for v in self.expected.asked if v.kind in ("version", "code")}
        said = {v.key: v for v in values(text) if v.kind in ("version", "code")}
        if set(asked) & set(said) or only_values(LABEL.sub(" ", text).replace(" is", " ")):
            return frozenset()
        shapes = {shape(v.key) for v in asked.values()}
        wanted = {shape(v.key) for w in self.expected.wanted for v in w.values}
        return (
            self._other_names(text)
            | other_numbers(text, self.question.text)
            | frozenset(
                key
                for key, value in said.items()
                if not self.expected.is_wanted(value)
                and any(value.kind == other.kind for other in asked.values())
                and (shape(key) in shapes or shape(key) not in wanted)
            )
        )

    def _other_subject(self, text: str) -> bool:
        """Whether a sentence begins with a thing that neither question nor evidence speaks of."""
        verb = FINITE.search(text)
        if other_head(text, self.question.text, self.grounds.titled):
            return True
        subject = stems(without_values(text[: verb.start()])) - FILLERS if verb else frozenset()
        return bool(subject) and not subject & self._told_words and subject <= self.grounds.words

    def _other_names(self, text: str) -> frozenset[str]:
        """Names of a stretch that has none of the question's, where no name is asked for."""
        asked = keys_of(self.question.text) - {v.key for v in self.expected.asked}
        named = keys_of(text) - {v.key for v in values(text)}
        if not asked or asked & stems(text) or any(w.kind == "name" for w in self.expected.wanted):
            return frozenset()
        return named - self.expected.words - self._wanted_words() - self._told_words

    def says_nothing(self, stretch: Stretch) -> str:
        """Why a stretch states nothing; "" when it states something."""
        text = PASSAGE_ID.sub("passage", stretch.text)
        nothing = "a heading states nothing" if stretch.heading else says_nothing(text)
        if nothing or self.is_reference(text):
            return nothing
        return self._is_no_statement(text) or self._is_no_answer(text)

    def _is_no_statement(self, text: str) -> str:
        """Why words of this form state nothing, whatever was asked; "" when they may."""
        named = bool(keys_of(text) - self.expected.words - {"passag"})
        nothing = tells_nothing(text, named=named)
        if nothing and not self.grounds.is_line(text):
            return nothing
        if is_about_speaker(text) and self.grounds.quoting(text) is None:
            return "it is about the one who speaks"
        if self.question.answerable and only_yes_or_no(text) and not self._asks_yes_or_no():
            return "the question does not ask for yes or no"
        return "a heading states nothing" if self._only_titles(text) else ""

    def _is_no_answer(self, text: str) -> str:
        """Why a stretch breaks off, leads in, or has only words of the question; "" if it does not.

        A word or two of its own may be too light to state anything.
        """
        said = stems(text)
        new = said - self.expected.words - FILLERS
        if only_values(text) and self.expected.only_asks(text):
            return REPEATS
        if len(new) <= 1 and breaks_off(text) and not values_beside(new, text):
            return "it breaks off before it states anything"
        repeats = len(stems(without_values(text)) & self.expected.words) > MOST_REPEATED
        if said and not new and (only_values(text) or (_labelled(text) and not repeats)):
            return ""
        if text.rstrip().endswith(":") and not any(
            not self.expected.is_asked(value) for value in values(text)
        ):
            return "it only leads in what follows"
        if polarity(text, self.question.text) is not None:
            return ""
        if self._is_light(text, new):
            return REPEATS
        if new or (said and (self._chooses() or PRONOUN.match(text))):
            return ""
        return REPEATS if said - FILLERS else "it states nothing"

    def _is_light(self, text: str, new: frozenset[str]) -> bool:
        """Whether one new word, no name and no value, stands beside words of the question."""
        if len(new) != 1 or keys_of(text) & new or is_negated(text) or values_beside(new, text):
            return False
        repeated = len(stems(text) & self.expected.words)
        valued = {wanted.kind for wanted in self.expected.wanted} == {"value"}
        phrase = valued and not FINITE.search(text) and repeated > 1
        return repeated >= MUCH_REPEATED or phrase

    def _only_titles(self, text: str) -> bool:
        """Whether a stretch is titles and headings of the passages, and codes beside them."""
        parts = [part.strip(" .[]") for part in re.split("[,;]", text)]
        titles = [self.grounds.is_heading(part) for part in parts]
        whole = self.grounds.is_heading(text.strip("[]"))
        return whole or (
            any(titles)
            and all(
                title or (only_values(part) and all(v.kind in NAMING for v in values(part)))
                for part, title in zip(parts, titles, strict=True)
            )
        )

    def _asks_yes_or_no(self) -> bool:
        polar = any(wanted.kind == "polar" for wanted in self.expected.wanted)
        return polar or self.expected.says is not None or asks_yes_or_no(self.question.text)

    def _chooses(self) -> bool:
        """Whether the question names the answers from which one is to be chosen."""
        return any(w.words and w.words <= self.expected.words for w in self.expected.wanted)

    def is_reference(self, text: str) -> bool:
        """Whether ``text`` holds any of the reference."""
        return self.question.answerable and bool(self.expected.held(text))

    def rest(self, text: str) -> frozenset[str]:
        """What a stretch says beside its values and the words of the question."""
        return stems(without_values(text)) - self.expected.words - FILLERS

    def is_phrase(self, text: str) -> bool:
        """Whether a stretch is an answer in a word or two, and no sentence."""
        if VERB.search(text) or PRONOUN.match(text) or self._rivals(text):
            return False
        rest = self.rest(text) - keys_of(f"The {text}")
        return not rest or (len(rest) == 1 and len(text.split()) <= SHORT_TEXT + 1)

    def _wanted_words(self) -> frozenset[str]:
        return frozenset(key for wanted in self.expected.wanted for key in wanted.words)

    def quotes_of(self, groups: frozenset[int]) -> tuple[SpanEvidence, ...]:
        """The evidence that holds these groups; all of it when none does."""
        wanted = self.expected.groups or self.expected.wanted
        forms = [wanted[number].forms for number in sorted(groups)]
        holding = [q for q in self._quotes if any(holds(q.text, [form]) for form in forms)]
        chosen: dict[int, Quoted] = {}
        for quote in holding or self._quotes:
            chosen.setdefault(quote.piece, quote)
        return tuple(self.evidence(q.hit, q.start, q.end) for q in chosen.values())[:MOST_EVIDENCE]

    def evidence(self, hit: Hit, start: int, end: int) -> SpanEvidence:
        """``hit.text[start:end]`` as evidence."""
        return evidence_of(hit, start, end, placed=hit.id in self._placed)

    def _against(self, said: str, wanted: Wanted) -> Finding:
        groups = frozenset(n for n, w in enumerate(self.expected.groups) if w is wanted)
        shown = said if len(said) <= 60 else f"{said[:59]}…"
        why = f"the reference answer is “{wanted.forms[0]}”, not “{shown}”"
        return Finding("contradicted", "reference", why, self.quotes_of(groups))


def _labelled(text: str) -> bool:
    return bool(LABEL.match(text) and values(text))
