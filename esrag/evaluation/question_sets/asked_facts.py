"""Words the facts of documents as people ask for them: one question a fact.

    facts of a document (cells, fields, statements) ─► question ─► Posed, with what says the answer

Training data asks for one fact in many forms (``examples.wordings``); who judges by a question
wants the one that a person would take.  English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from esrag.examples.desk import Desk
from esrag.examples.facts import Fact, FactKind, facts_of, is_english
from esrag.examples.posed import Posed, sentences_for
from esrag.examples.statements import inside
from esrag.examples.wordings import answer_of, stands_alone
from esrag.sentences import units_of
from esrag.terms import terms

_OF_CELLS = (
    "According to {topic}, what is the {attribute} for {subject}?",
    "What is the {attribute} for {subject} in {topic}?",
    "What does {topic} give as {attribute} for {subject}?",
)
# the first column names properties, the header the things that have them
_OF_CELLS_TURNED = (
    "According to {topic}, what is the {subject} of {attribute}?",
    "What is the {subject} of {attribute} in {topic}?",
)
# a column such as "Removed" or "Fixed in" is no noun that a thing could have
_OF_CELLS_QUOTED = (
    'What does {topic} say under "{attribute}" for {subject}?',
    'According to {topic}, what stands under "{attribute}" for {subject}?',
)
_OF_FIELDS_QUOTED = (
    'What does {topic} say under "{attribute}"?',
    'What stands under "{attribute}" in {topic}?',
)
_OF_FIELDS = (
    "What is the {attribute} of {topic}?",
    "What does {topic} give as {attribute}?",
)
_PLACED = ("According to {topic}, {clause}?", "{Clause}, according to {topic}?")
_ALONE = ("{Clause}?",)
_CLAUSES = 3  # the first ones are the plainest
# what heads a letter or a file is not what the document is about
_HEADERS = frozenset(
    "to from cc bcc re subject url link source id version author page tags status".split()
)
_CODE = re.compile(r"^\S*\d\S*$")
_NO_NOUN = re.compile(
    r"ed$|^(?:what|how|when|where)\b|\b(?:in|to|for|by|from|on|at|of|with|is|are)$", re.IGNORECASE
)
_LINK = re.compile(r"^\w+://|^www\.|^/")
# one digit alone stands in too much; "see below" is no answer
_SAYS_LITTLE = re.compile(r"^\d$|\bsee\b", re.IGNORECASE)
_OF_CODE = re.compile(r"[=<>{}\[\]\\#]")  # a line of a program is no statement
# what begins a part of a sentence that cannot be asked about alone
_LEANS = re.compile(
    r"(?:although|though|whereas|while|unlike|despite|today|yesterday|however|therefore|thus|hence"
    r"|during|once|since|until|even|just|only|still|overall|typical)\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"\b(?:more|fewer|less|other|others|such)\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d[\d.,]*")
_SENTENCE = re.compile(r"\b(?:is|are|was|were|here|this|these|that)\b", re.IGNORECASE)
_MOST_WORDS = 7  # of an answer that can be compared word by word


@dataclass(frozen=True, slots=True)
class AskedFact:
    """A fact with its question; ``attribute`` is what sort of thing it asks for."""

    posed: Posed
    attribute: str


def asked_facts(desk: Desk, kind: FactKind) -> Iterator[AskedFact]:
    """Every fact of a kind that can be asked for and that its passage says in sentences."""
    for document in desk.passages.documents():
        if not is_english(document[0]):
            desk.tally.drop("not in English", len(document))
            continue
        for fact in facts_of(document):
            if fact.kind == kind and _is_worth_asking(fact):
                found = _asked(desk, fact)
                if found is None:
                    desk.tally.drop("its passage does not say the answer in whole sentences")
                else:
                    yield found


def _asked(desk: Desk, fact: Fact) -> AskedFact | None:
    question = question_for(fact, desk)
    row = desk.example(
        "knowledge", (), question=question, answer=answer_of(fact), passages=(fact.passage,),
        maker=f"template:{fact.kind}", accepted=(fact.forms,),
    )  # fmt: skip
    answer = sentences_for(row, fact.passage.as_hit())
    if not answer:
        return None
    return AskedFact(Posed(question, answer, fact.passage, (fact.forms,)), fact.attribute)


def question_for(fact: Fact, desk: Desk) -> str:
    """The question for a fact, in a wording that the seed decides."""
    chance = desk.random("question", *fact.key)
    if fact.kind == "statement":
        clauses = fact.statement.clauses if fact.statement else ()
        dated = fact.attribute.startswith("date ")
        clause = chance.choice(clauses[: _CLAUSES if dated else 1])
        patterns = _ALONE if stands_alone(fact.subject, fact.topic) else _PLACED
        question = chance.choice(patterns).format(
            topic=fact.topic, clause=clause, Clause=clause[0].upper() + clause[1:]
        )
    else:
        turned = bool(_CODE.match(fact.attribute)) and not _CODE.match(fact.subject)
        quoted = bool(_NO_NOUN.search(fact.attribute)) or _is_one_of_a_row(fact)
        as_it_is = turned or quoted
        question = chance.choice(_patterns(fact.kind, turned=turned, quoted=quoted)).format(
            topic=fact.topic,
            subject=_within(fact.subject) if turned else inside(fact.subject),
            attribute=fact.attribute if as_it_is else _within(fact.attribute),
        )
    return question[0].upper() + question[1:]


def _is_one_of_a_row(fact: Fact) -> bool:
    """Whether another cell of its row holds the like: then columns may be things, such as plans.

    "The store for users" is no question, where Shelf, Store and Vault head the columns.
    """
    if fact.kind != "table":
        return False
    shape = _shape(fact.value)
    for unit in units_of(fact.passage.as_hit()):
        if unit.cells and unit.cells[0][1] == fact.subject:
            row = unit.cells[1:]
            if (fact.attribute, fact.value) in row:
                likes = [_shape(value) == shape for _, value in row]
                return bool(_DIGITS.search(fact.value)) and sum(likes) > 1
    return False


def _shape(value: str) -> str:
    """A value without its figures, in the singular."""
    return " ".join(word.rstrip("s") for word in _DIGITS.sub("0", value).split())


def _patterns(kind: FactKind, *, turned: bool, quoted: bool) -> tuple[str, ...]:
    if kind == "field":
        return _OF_FIELDS_QUOTED if quoted else _OF_FIELDS
    if turned:
        return _OF_CELLS_TURNED
    return _OF_CELLS_QUOTED if quoted else _OF_CELLS


def _is_worth_asking(fact: Fact) -> bool:
    """Whether a person would ask for it, and an answer can be held against it."""
    named = f"{fact.subject} {fact.attribute}"
    if (
        _LINK.match(fact.value)
        or len(fact.value.split()) > _MOST_WORDS
        or ": " in fact.value
        or fact.sentence.endswith(":")
        or _SAYS_LITTLE.search(fact.value)
        or _OF_CODE.search(f"{named} {fact.value}")
    ):
        return False
    if fact.kind == "statement":
        return not _LEANS.match(fact.subject) and not _COMPARES.search(fact.value)
    if fact.kind == "table":
        return True
    words = terms(fact.attribute)
    return (
        fact.attribute.casefold() not in _HEADERS
        and bool(words.words)
        and not _SENTENCE.search(fact.attribute)
        # "Product X: a sentence about it" is a headline
        and not (words.figures and len(fact.value.split()) > 3)
    )


def _within(name: str) -> str:
    """The name of a column as it stands inside a sentence: Price is written price, URL stays."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name
