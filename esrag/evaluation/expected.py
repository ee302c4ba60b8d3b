"""What a right answer to a question states, and what a reply states in its place.

    accepted forms, reference answer, evidence ─► Expected
    a stretch of a reply ─► which groups it holds, which value stands where one of them belongs

Dates, numbers and units are compared in normal form (``values``), names and phrases as words.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from esrag.answer_measures import exact_match
from esrag.evaluation.values import NUMERIC, Value, agreement, comparable, values
from esrag.questions import KnownQuestion, holds
from esrag.terms import STOPWORDS
from esrag.verification.tokens import Token, tokens

Kind = Literal["value", "polar", "name", "text"]

_YES = re.compile(r"^\W*(?:yes|yeah|yep|correct|true|indeed|affirmative|ja|oui|sí|sì|да)\b", re.I)
_NO = re.compile(r"^\W*(?:no|nope|not|false|incorrect|negative|nein|non|nee|нет)\b", re.I)
_LABEL = re.compile(r"^\W*(?:the )?answer(?: is)?\s*:?\s*", re.I)
_POLAR = re.compile(
    r"^\W*(?:is|are|was|were|does|do|did|can|could|may|must|will|would|should|has|have|had)\b", re.I
)
_FREE = re.compile(r"\b(?:free|nothing|no charge)\b", re.I)
IRREGULAR = {
    "came": "come", "took": "take", "taken": "take", "made": "make", "gave": "give",
    "given": "give", "went": "go", "wrote": "write", "written": "write", "bought": "buy",
    "built": "build", "kept": "keep", "sold": "sell", "sent": "send", "held": "hold", "led": "lead",
    "began": "begin", "begun": "begin", "became": "becom", "ran": "run", "grew": "grow",
    "won": "win", "lost": "lose", "paid": "pay", "found": "find", "told": "tell", "said": "say",
    "left": "leav", "meant": "mean", "spoke": "speak", "spoken": "speak", "drew": "draw",
    "fell": "fall", "rose": "rise",
}  # fmt: skip
_FIRST_FORM = IRREGULAR | {"cost": "price", "weigh": "weight"}
LEAST_ECHO = 0.5  # of the question's words, for a sentence that only repeats it as a yes or no
SMALL = 2  # digits
MOST_SHORT = 6  # words of a reference answer, any value of which is a part of the answer
SHORT_TEXT = 3  # words, up to which one phrase stands in the place of another


@dataclass(frozen=True, slots=True)
class Wanted:
    """One group of the reference: its forms, and the values that they are."""

    forms: tuple[str, ...]
    kind: Kind
    values: tuple[Value, ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """The stems of its forms."""
        return frozenset(stem for form in self.forms for stem in stems(form))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a question's reference says.

    ``stated`` are the values of question, reference and evidence with their units: what tells
    whether a unit in a reply belongs to its number.
    """

    question: str
    answer_text: str
    groups: tuple[Wanted, ...]
    answer: Wanted | None
    asked: tuple[Value, ...]
    stated: tuple[Value, ...]
    words: frozenset[str]

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """All that may be held or replaced: the groups and the reference answer as a whole."""
        return (*self.groups, self.answer) if self.answer else self.groups

    def held(self, text: str) -> frozenset[int]:
        """The groups that ``text`` holds; all of them when it holds the reference answer."""
        whole = frozenset(range(len(self.groups) or 1))
        if self.answer and self._holds(text, self.answer):
            return whole
        return frozenset(n for n, group in enumerate(self.groups) if self._holds(text, group))

    def is_wanted(self, value: Value) -> bool:
        """Whether a value of a reply is one of the reference."""
        return any(self.agrees(value, other) for group in self.wanted for other in group.values)

    def less_exact(self, value: Value) -> bool:
        """Whether a value says a part of what the reference says, as a month for its day."""
        return any(
            agreement(value, other) == "less exact" for w in self.wanted for other in w.values
        )

    def in_answer(self, value: Value) -> bool:
        """Whether the reference answer says the value, although no group asks for it.

        A small number says too little to be found in a long answer.
        """
        small = value.kind == "number" and len(value.key) <= SMALL
        if small and len(stems(self.answer_text)) > MOST_SHORT:
            return False
        return any(agreement(value, other) == "equal" for other in values(self.answer_text))

    def is_asked(self, value: Value) -> bool:
        """Whether the question itself says the value."""
        return any(
            agreement(value, other) in ("equal", "without unit")
            or (value.kind == other.kind == "date" and agreement(value, other) == "less exact")
            for other in self.asked
        )

    def replaced(
        self, text: str, *, bare: bool, pure: bool = False, echo: bool = False
    ) -> tuple[Value, Wanted] | None:
        """A value of ``text`` in the place of one of the reference, if there is one.

        ``bare``: little else is said, so a number without a unit may stand for any.  ``pure``:
        nothing else is said, so any value stands in the place of any.  ``echo``: the question's
        words are said with it, so its values are none.
        """
        for value in values(text):
            if self.is_wanted(value) or self.less_exact(value):
                continue
            if self.in_answer(value) or (
                self.is_asked(value) and (echo or not self._may_be(value))
            ):
                continue
            if self.is_asked(value) and not pure:
                continue
            for wanted in self.wanted:
                if any(self._replaces(value, other, bare, pure) for other in wanted.values):
                    return value, wanted
                told = any(agreement(value, other) != "other" for other in self.stated)
                short = len(wanted.words) <= MOST_SHORT
                if pure and short and not echo and not wanted.values and not told:
                    return value, wanted
        return self._free(text) if bare else None

    def only_asks(self, text: str) -> bool:
        """Whether all values of a text name the thing that is asked about."""
        said = values(text)
        return bool(said) and all(
            self.is_asked(v) and not self.is_wanted(v) and not self._may_be(v) for v in said
        )

    def _may_be(self, value: Value) -> bool:
        """Whether a value of the question may be the answer; the name of its thing is none."""
        if value.kind not in ("code", "version"):
            return True
        return any(value.kind == other.kind for wanted in self.wanted for other in wanted.values)

    def _free(self, text: str) -> tuple[Value, Wanted] | None:
        """That something costs nothing, where the reference is a sum of money."""
        match = _FREE.search(text)
        for wanted in self.wanted if match else ():
            for other in wanted.values:
                if match and other.kind == "money" and other.key != "0":
                    free = Value("money", "0", *match.span(), match.group(), other.unit)
                    return free, wanted
        return None

    def _replaces(self, value: Value, wanted: Value, bare: bool, pure: bool) -> bool:
        if not value.unit and agreement(value, wanted) == "without unit":
            return False  # the number itself is right
        if pure:
            return True
        if not comparable(value, wanted):
            return False
        if value.kind in NUMERIC and wanted.kind in NUMERIC:
            units = {wanted.unit} | {v.unit for v in self.stated if v.key == wanted.key}
            money = {value.kind, wanted.kind} == {"money"}
            return value.unit in units or money or (bare and not value.unit)
        return True

    @property
    def says(self) -> bool | None:
        """Whether the reference answer begins with yes or no; None when it does not."""
        return polarity(self.answer_text, "")

    def agrees(self, said: Value, wanted: Value) -> bool:
        """Whether ``said`` is ``wanted``; a unit may be said where the surroundings name it."""
        found = agreement(said, wanted)
        if found != "without unit":
            return found == "equal"
        if said.unit:  # the reference is a bare number: whose unit do its surroundings name?
            return any(agreement(said, other) == "equal" for other in self.stated)
        return _names_unit(self.question, wanted)

    def _holds(self, text: str, wanted: Wanted) -> bool:
        if wanted.kind == "polar":
            return polarity(text, self.question) == polarity(wanted.forms[0], "")
        rest = text
        for value in values(text):
            if any(self.agrees(value, other) for other in wanted.values):
                return True
            if value.kind != "code" and wanted.values:
                gap = "\x00" * (value.end - value.start)
                rest = rest[: value.start] + gap + rest[value.end :]
        return holds(rest, [wanted.forms])


@lru_cache(maxsize=512)
def expected_of(question: KnownQuestion) -> Expected:
    """What the question's reference says."""
    groups = tuple(_wanted(group) for group in question.answer_groups)
    known = {form.casefold() for group in question.answer_groups for form in group}
    answer = None
    if question.answer and question.answerable and question.answer.casefold() not in known:
        whole = _wanted((question.answer,))
        # a number without a unit or a word stands in too many texts to be found in any of them
        if not groups or (whole.kind == "value" and any(v.unit for v in whole.values)):
            answer = whole
        elif whole.kind in ("text", "name"):
            answer = replace(whole, kind="text", values=())
    told = [question.answer, question.text, *(form for g in question.answer_groups for form in g)]
    told += [place.quote for piece in question.evidence for place in (piece, *piece.also)]
    return Expected(
        question=question.text,
        answer_text=question.answer if question.answerable else "",
        groups=groups,
        answer=answer,
        asked=values(question.text),
        stated=tuple(value for text in told for value in values(text)),
        words=stems(question.text),
    )


def polarity(text: str, question: str) -> bool | None:
    """Whether ``text`` says yes or no; None when it says neither.

    A statement that repeats a yes-or-no question says yes, and with a negation no.
    """
    text = _LABEL.sub("", text)
    if _YES.match(text):
        return True
    if _NO.match(text):
        return False
    if not asks_yes_or_no(question):
        return None
    asked, said = stems(question), stems(text)
    if not asked or len(said & asked) < LEAST_ECHO * len(asked) or len(said - asked) > 1:
        return None
    if said - asked and asked - said:
        return None  # one word for another: it may be of something else
    return is_negated(text) == is_negated(question)


def asks_yes_or_no(question: str) -> bool:
    """Whether a question begins with a verb: "Is it …", "Does it …"."""
    return _POLAR.match(question) is not None


def is_negated(text: str) -> bool:
    """Whether an odd number of negations stands in ``text``."""
    return sum(token.key == "not" for token in tokens(text)) % 2 == 1


def content(text: str) -> tuple[Token, ...]:
    """The tokens of ``text`` that say something: words and figures, small words left out."""
    return tuple(
        token
        for token in tokens(text)
        if token.kind in ("word", "figure") and token.raw.lower() not in STOPWORDS
    )


def stems(text: str) -> frozenset[str]:
    """The content of ``text`` as a set, irregular verbs in their first form."""
    return frozenset(_FIRST_FORM.get(token.key, token.key) for token in content(text))


def without_values(text: str) -> str:
    """``text`` with blanks in the place of its values."""
    for value in reversed(values(text)):
        text = f"{text[: value.start]} {text[value.end :]}"
    return text


def is_exact(text: str, expected: Expected) -> bool:
    """Whether ``text`` is nothing but what is accepted."""
    groups = [group.forms for group in expected.groups]
    if exact_match(text, groups):
        return True
    if expected.answer and exact_match(text, [expected.answer.forms]):
        return True
    said = values(text.strip().rstrip("."))
    if len(expected.groups) != 1 or len(said) != 1:
        return False
    bare = text.strip().rstrip(".!")
    return said[0].text == bare.strip() and expected.is_wanted(said[0])


def _wanted(forms: Sequence[str]) -> Wanted:
    if all(re.fullmatch(r"\W*(?:yes|no|true|false)\W*", form, re.I) for form in forms):
        return Wanted(tuple(forms), "polar")
    found = [value for form in forms if _is_value(form) for value in values(form)]
    if found:
        return Wanted(tuple(forms), "value", tuple(found))
    named = all(
        any(t.capital for t in content(form)) and _is_name(form) for form in forms if form.strip()
    )
    return Wanted(tuple(forms), "name" if named else "text")


def _is_value(form: str) -> bool:
    """Whether a form is one value with no more than two words beside it."""
    found = values(form)
    if len(found) != 1:
        return False
    rest = form[: found[0].start] + " " + form[found[0].end :]
    return len(content(rest)) <= 2 and not any(mark in rest for mark in '="(){}`')


def _is_name(form: str) -> bool:
    words = re.findall(r"[^\W\d_][\w-]*", form)
    return bool(words) and all(
        word[0].isupper() or word in ("of", "the", "and", "de", "van", "von") for word in words
    )


def _names_unit(question: str, wanted: Value) -> bool:
    """Whether the question asks for a number of the unit: "How many seconds …"."""
    return any(
        other.unit == wanted.unit
        for token in tokens(question)
        if token.kind == "word"
        for other in values(f"2 {token.raw}")
    )
