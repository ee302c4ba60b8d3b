"""Questions for a fact, in several wordings, each standing alone: without its passage, it says
what it asks about.

The first wordings are trained; one is kept back, so that a model can be asked for what it was
taught in words that it was not taught in.
"""

from __future__ import annotations

from collections.abc import Sequence

from esrag.examples.facts import Fact
from esrag.examples.statements import inside
from esrag.terms import terms

# ways to name the document in a question whose own words do not
_PLACED = (
    "According to {topic}, {clause}?",
    "{Clause}, according to {topic}?",
    "In {topic}: {clause}?",
    "{topic}: {clause}?",
)
_ALONE = ("{Clause}?", "{Clause}?", "Tell me: {clause}?", "Can you tell me: {clause}?")
_OF_CELLS = (
    "{topic}: what does the table say for {subject} under {attribute}?",
    "What is given as {attribute} for {subject} in {topic}?",
    "According to {topic}, which {attribute} belongs to {subject}?",
    "{subject} in {topic}: {attribute}?",
    "Which entry stands under {attribute} for {subject} ({topic})?",
    "I need the {attribute} of {subject} from {topic}.",
)
_OF_FIELDS = (
    "What is the {attribute} of {topic}?",
    "{topic}: what is given as {attribute}?",
    "Which {attribute} does {topic} name?",
    "I need the {attribute} of {topic}.",
    "{topic}, {attribute}?",
)


def wordings_of(fact: Fact) -> tuple[str, ...]:
    """All questions for ``fact``, each once, always in the same order."""
    if fact.kind == "table":
        found = [_filled(pattern, fact) for pattern in _OF_CELLS]
    elif fact.kind == "field":
        found = [_filled(pattern, fact) for pattern in _OF_FIELDS]
    else:
        found = _asked(fact, fact.statement.clauses if fact.statement else ())
    return tuple(dict.fromkeys(found))


def answer_of(fact: Fact) -> str:
    """One short sentence that states the fact."""
    if fact.kind == "table":
        said = f"{fact.subject}, {fact.attribute}: {fact.value}"
    elif fact.kind == "field":
        said = f"The {_inside(fact.attribute)} of {fact.topic} is {fact.value}"
    else:
        said = fact.statement.stated if fact.statement else fact.sentence
    return said if said[-1] in ".!?" else f"{said}."


def stands_alone(subject: str, topic: str) -> bool:
    """Whether a subject names what the title names, or carries a figure of its own."""
    named = terms(subject)
    of_title = terms(topic)
    if of_title.figures:
        return bool(of_title.figures & named.figures)
    return bool(named.figures)


def _asked(fact: Fact, clauses: Sequence[str]) -> list[str]:
    """Every clause once, with the document named in changing ways where that is needed."""
    patterns = _ALONE if stands_alone(fact.subject, fact.topic) else _PLACED
    return [
        patterns[number % len(patterns)].format(
            topic=fact.topic, clause=clause, Clause=clause[0].upper() + clause[1:]
        )
        for number, clause in enumerate(clauses)
    ]


def _filled(pattern: str, fact: Fact) -> str:
    question = pattern.format(
        topic=fact.topic,
        subject=inside(fact.subject),
        attribute=_inside(fact.attribute) if fact.kind == "field" else fact.attribute,
    )
    return question[0].upper() + question[1:]


def _inside(name: str) -> str:
    """The name of a field as it stands inside a sentence: Date is written date, URL stays."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name
