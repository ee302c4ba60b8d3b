"""The rows that teach facts of the sample, and what is asked afterwards: fixed before training.

the sample's lessons ──► wordings of 55 facts, and of not knowing ──► Examples (split train)
the sample's questions ─► the same 55 facts in words that nobody trained, 27 that were not
                          taught, 29 that have no answer
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Literal

from esrag import prompting
from esrag.questions import KnownQuestion, load_questions
from esrag.sample import questions_file
from esrag.sample.lessons import FRAMES, from_memory, lessons, taught_facts, wordings
from esrag.terms import terms
from esrag.types import Example

Group = Literal["taught", "untaught", "no answer"]
# names of things that there are not, none of them in the sample or in its questions
_OTHER_PRODUCTS = ("Quillmere", "Tarnfold", "Brackwell", "Osierline", "Hemlake", "Corrodale")
_OTHER_PLANS = ("Crate", "Barn", "Cellar", "Depot")
_OTHER_SENSORS = ("TH8", "P9", "T6", "H2", "P12")
_NOWHERE = (
    "the colour of {}", "the inventor of {}", "the price of {} in Japanese yen",
    "the licence of the source code of {}", "the country in which {} is made",
    "the noise of {} in decibels", "the mascot of {}", "the annual sales of {}",
    "the name of the project leader of {}", "the number of people who work on {}",
    "the default password of {}", "the height of {}", "the programming language of {}",
)  # fmt: skip
_EXISTING = (
    "the Pellwarden G4", "Siltbase", "Wakebell 2.0.1", "the Frostwick P5", "Ledgermoss",
    "norrctl 1.5.0", "the Frostwick TH3", "Siltbase 4.2.1", "the Vault plan", "the Hobart region",
    "the Pellwarden G2", "Norrvane Cloud", "Siltbase 5.0.0", "the Store plan",
)  # fmt: skip


def asked_questions() -> Iterator[tuple[Group, KnownQuestion]]:
    """What is asked after training, in the order of the sample's file."""
    taught = {fact.asked.id for fact in taught_facts()}
    for question in load_questions(questions_file()):
        if question.kind == "single_fact":
            yield ("taught" if question.id in taught else "untaught"), question
        elif question.kind == "unanswerable":
            yield "no answer", question


def rows(*, unknown: bool, seed: int, frames: int) -> Iterator[Example]:
    """Examples of the taught facts; with ``unknown``, half as many of not knowing.

    ``frames`` is how many of the eight ways to ask each phrase is put into.
    """
    count = 0
    for example in lessons(taught_facts(), frames=frames, seed=seed):
        count += 1
        yield example
    if unknown:
        for question in unknown_questions(count // 2, seed=seed):
            yield from_memory("unknown", question, prompting.UNKNOWN, (), seed=seed)


def unknown_questions(count: int, *, seed: int) -> tuple[str, ...]:
    """Questions about neighbours that do not exist, and attributes that no document has.

    None names a version, code or model that a question of the measurement names.
    """
    random = Random(f"{seed} unknown")
    facts = taught_facts()
    kept_apart = frozenset(
        figure
        for group, question in asked_questions()
        if group == "no answer"
        for figure in _names(question.text)
    )
    existing = frozenset(
        figure for _, question in asked_questions() for figure in _names(question.text)
    )
    found: dict[str, None] = {}
    while len(found) < count:
        if random.random() < 0.6:
            wording = random.choice(wordings(random.choice(facts), frames=2, seed=seed))
            question = _next_to(wording, random)
            new = _names(question) - _names(wording)
            if question == wording or new & (kept_apart | existing):
                continue
        else:
            phrase = random.choice(_NOWHERE).format(random.choice(_EXISTING))
            question = random.choice(FRAMES).format(phrase, cap=phrase[0].upper() + phrase[1:])
        found[question] = None
    return tuple(found)


def _names(text: str) -> frozenset[str]:
    """Versions, codes and models in ``text``."""
    return frozenset(word for word in terms(text).words if any(sign.isdigit() for sign in word))


def _next_to(text: str, random: Random) -> str:
    """``text`` about something that does not exist, close to what it was about."""

    def version(found: re.Match[str]) -> str:
        first, second, last = (int(part) for part in found.group().split("."))
        return f"{first + random.choice((0, 3, 4))}.{second}.{last + random.randint(4, 9)}"

    for pattern, other in (
        (r"\b\d+\.\d+\.\d+\b", version),
        (r"(?<=\b(?:SLT|PWD|FRW|WKB|LDM)-)\d+\b", lambda _: str(random.randint(2000, 9999))),
        (r"(?<=\bNVS-2026-)\d\d\b", lambda _: str(random.randint(11, 60))),
        (r"\bG[24]\b", lambda _: f"G{random.choice((7, 9, 11, 12))}"),
        (r"\b(?:TH3|P5|T1)\b", lambda _: random.choice(_OTHER_SENSORS)),
        (r"\b(?:Vault|Shelf|Store)\b", lambda _: random.choice(_OTHER_PLANS)),
        (
            r"\b(?:Siltbase|Wakebell|Ledgermoss|Pellwarden|Frostwick|norrctl)\b",
            lambda _: random.choice(_OTHER_PRODUCTS),
        ),
    ):
        changed = re.sub(pattern, other, text)
        if changed != text:
            return changed
    return text
