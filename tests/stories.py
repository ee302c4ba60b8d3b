"""Words, sentences and whole documents out of a seed, each with facts that are known."""

from __future__ import annotations

import random
from dataclasses import dataclass

THINGS = (
    "pump valve boiler sensor conveyor gearbox turbine compressor chiller furnace lathe press "
    "crane mixer kiln separator dryer burner fan heater"
).split()
PLACES = "hall yard basement roof annex dock corridor cellar workshop laboratory".split()
WORK = (
    "checks repairs cleans adjusts replaces records inspects orders moves tests paints measures"
).split()
PEOPLE = "Amber Boris Carla Dimitri Elena Farid Greta Hugo Ines Jonas Kaito Lena Milo Nora".split()
TIMES = "daily weekly monthly in spring in autumn after each shift before the audit".split("  ")
WHY = (
    "because the noise grows|so that the belt stays dry|until the seal holds|while the line rests|"
    "as the manual asks|although the part is new|when the lamp turns red|unless the tank is empty"
).split("|")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A document before it has a format.  Each of ``facts`` is a sentence that stands in it."""

    number: int
    title: str
    author: str
    date: str
    sections: tuple[Section, ...]
    facts: tuple[str, ...]


def story(number: int, *, seed: int = 7, version: int = 0) -> Story:
    """Always the same for the same numbers; another ``version`` differs in its facts only."""
    rng = random.Random(f"{seed}-{number}")
    thing, place = rng.choice(THINGS), rng.choice(PLACES)
    facts: list[str] = []
    sections: list[Section] = []
    for position in range(rng.randint(2, 4)):
        code = f"{thing[:2].upper()}{number:05d}{'ABCD'[position]}{version}"
        fact = f"The code of {thing} {number} in the {place} for step {position + 1} is {code}."
        facts.append(fact)
        paragraphs = [_paragraph(rng, thing, place) for _ in range(rng.randint(1, 3))]
        paragraphs[rng.randrange(len(paragraphs))] += f" {fact}"
        items = [_sentence(rng, thing, place) for _ in range(rng.choice((0, 0, 3)))]
        rows = [(rng.choice(THINGS), str(rng.randint(1, 99)), rng.choice(PEOPLE)) for _ in range(4)]
        table = (("Part", "Count", "Keeper"), *rows) if rng.random() < 0.4 else ()
        heading = f"{rng.choice(WORK).capitalize()} {rng.choice(THINGS)} {position + 1}"
        sections.append(Section(heading, tuple(paragraphs), tuple(items), table))
    return Story(
        number,
        f"Notes on {thing} {number}",
        f"{rng.choice(PEOPLE)} {rng.choice(PEOPLE)}sen",
        f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        tuple(sections),
        tuple(facts),
    )


def _paragraph(rng: random.Random, thing: str, place: str) -> str:
    return " ".join(_sentence(rng, thing, place) for _ in range(rng.randint(2, 6)))


def _sentence(rng: random.Random, thing: str, place: str) -> str:
    who, other = rng.choice(PEOPLE), rng.choice(THINGS)
    what = rng.choice((thing, other))
    return (
        f"{who} {rng.choice(WORK)} the {what} beside the {rng.choice((place, 'gate'))} "
        f"{rng.choice(WHY)}."
    )
