"""Finds facts in passages without a model: cells of tables, fields, statements with a figure.

    passages of a document ──► Fact: subject, attribute, value, and the words that state it

A fact is something that one question asks for and a few words answer.  Its value stands verbatim
in its passage, so that an answer can be checked against it.  The patterns are of English; a passage
that says it is in another language gives no statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from esrag.examples.passages import Passage
from esrag.examples.statements import Statement, statement_in
from esrag.sentences import Unit, units_of
from esrag.terms import dates_normalised

FactKind = Literal["table", "field", "statement"]

_FIELD = re.compile(
    r"^(?P<name>(?!(?:Example|Note|Tip|Warning|Caution|Step|Input|Output|Q|A)\b)"
    r"[A-Z][\w /-]{1,30}):\s+(?P<value>\S.*)$"
)
_LONGEST_VALUE = 80
_LONGEST_SENTENCE = 320
_MOST_WORDS = 8  # of a field's value: what is longer is a sentence with a catchword before it
_NO_VALUE = frozenset(("", "-", "–", "—", "n/a", "no", "yes", "none", "x", "✓", "✗", "."))
_COMMA = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_QUOTED = re.compile(r"[\"“”«»]")


@dataclass(frozen=True, slots=True)
class Fact:
    """``subject`` has the ``attribute`` with the ``value``, as ``sentence`` of ``passage`` says.

    ``topic`` names the document, and the section where it matters, for a question that stands
    alone.  ``statement`` is what was found in a sentence, None for a cell or a field; ``sentence``
    reads outside its passage.
    """

    kind: FactKind
    subject: str
    attribute: str
    value: str
    sentence: str
    passage: Passage
    topic: str
    statement: Statement | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """Forms in which an answer may give the value."""
        return forms_of(self.value)

    @property
    def key(self) -> tuple[str, ...]:
        """What distinguishes it from other facts of the corpus."""
        return (self.passage.document_id, self.topic, self.subject, self.attribute, self.value)


def facts_of(document: Sequence[Passage]) -> Iterator[Fact]:
    """The facts of a document's passages, in order, each once."""
    seen: set[tuple[str, ...]] = set()
    for passage in document:
        for unit in units_of(passage.as_hit()):
            for fact in _facts(passage, unit):
                if fact.key not in seen:
                    seen.add(fact.key)
                    yield fact


def is_english(passage: Passage) -> bool:
    """Whether the patterns fit; what does not say its language is taken for English."""
    return passage.language.lower().partition("-")[0] in ("", "en", "english")


def forms_of(value: str) -> tuple[str, ...]:
    """The value as it is written, and without the commas of its thousands, or as an ISO date."""
    forms = [value, _COMMA.sub("", value)]
    iso = dates_normalised(value)
    if re.fullmatch(r"\d{4}-\d{2}(?:-\d{2})?", iso):
        forms.append(iso)
    return tuple(dict.fromkeys(forms))


def topic_of(passage: Passage) -> str:
    """What a question about a passage has to name: its document's title, else its source."""
    return " ".join((passage.title or passage.source).split())


def section_of(passage: Passage) -> str:
    """The heading right above a passage, "" when there is none besides the title."""
    last = passage.heading_path[-1] if passage.heading_path else ""
    if " | " in last:  # the header of a table that was cut
        last = passage.heading_path[-2] if len(passage.heading_path) > 1 else ""
    return "" if last == passage.title else " ".join(last.split())


def _facts(passage: Passage, unit: Unit) -> Iterator[Fact]:
    if unit.is_heading or len(unit.text) > _LONGEST_SENTENCE:
        return
    if unit.cells:
        yield from _of_cells(passage, unit)
    elif field := _FIELD.match(unit.text):
        value = field["value"].strip()
        if passage.title.startswith(field["name"]):
            return  # the title itself, with a colon in it
        if _is_value(value) and len(value.split()) <= _MOST_WORDS and not value.endswith("."):
            yield Fact(
                "field", topic_of(passage), field["name"], value, unit.text, passage,
                topic_of(passage),
            )  # fmt: skip
    elif is_english(passage) and (found := statement_in(unit.text)) is not None:
        yield Fact(
            "statement", found.subject, found.attribute, found.value, unit.text, passage,
            topic_of(passage), found,
        )  # fmt: skip


def _of_cells(passage: Passage, unit: Unit) -> Iterator[Fact]:
    """A fact for each named column, about what the first cell names."""
    (_, subject), *others = unit.cells
    if not _LETTER.search(subject) or len(subject) > _LONGEST_VALUE:
        return
    section = section_of(passage)
    topic = f"{topic_of(passage)}, {section}" if section else topic_of(passage)
    columns = [name for name, _ in others]
    if len(others) == 1 and _DIGIT.search(columns[0]):
        # two columns, and a value where the name of the second should be: every row is a field
        if _is_value(others[0][1]):
            sentence = f"{subject}: {others[0][1]}"
            yield Fact("field", topic, subject, others[0][1], sentence, passage, topic)
        return
    for name, value in others:
        if name and columns.count(name) == 1 and _is_value(value):
            sentence = f"{subject}: {name} {value}"
            yield Fact("table", subject, name, value, sentence, passage, topic)


def _is_value(value: str) -> bool:
    return (
        0 < len(value) <= _LONGEST_VALUE
        and value.casefold() not in _NO_VALUE
        and not _QUOTED.search(value)
    )
