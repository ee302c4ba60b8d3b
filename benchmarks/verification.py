"""How many altered sentences pass verification: ``python -m benchmarks.verification CORPUS …``.

    sentences of a corpus ─┬─ as they are ─────────► should be supported: share kept
                           └─ altered in one place ─► should not be:      share shown

A corpus is a JSONL file of objects with ``_id``, ``title`` and ``text``, as BEIR has them.  Each
sentence is checked against its own passage and four others, as in a prompt.  What is altered: a
number, two numbers or names exchanged, a number or name or word from elsewhere in the passage, a
negation more, a small word or an antonym turned round, a condition left out.  An alteration may by
chance leave a sentence true, so a few that pass are no fault; all that pass are written out.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from esrag.sentences import units_of
from esrag.types import Hit
from esrag.verification import Verifier

PASSAGE = 900  # characters, about what a chunk has
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w-]|[.,]\d)")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][a-z]{2,}\b")
_WORD = re.compile(r"\b[a-z]{5,}\b")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|could|will|must|should|has|have|may)\b")
_TURNS = (
    ("before", "after"), ("more", "less"), ("all", "some"), ("may", "will"), ("must", "may"),
    ("least", "most"), ("above", "below"), ("with", "without"), ("from", "to"), ("over", "under"),
    ("only", "also"), ("always", "sometimes"), ("and", "or"), ("increase", "decrease"),
    ("increased", "decreased"), ("higher", "lower"), ("first", "last"), ("enable", "disable"),
    ("allow", "prevent"), ("add", "remove"), ("large", "small"), ("high", "low"), ("new", "old"),
)  # fmt: skip
_CONDITION = re.compile(r"(?:,)? (?:if|unless|when|only|except|until|while) [^,.;]+(?=[.;]|,)")

Alter = Callable[[str, str, random.Random], str | None]


def a_number(sentence: str, _: str, rng: random.Random) -> str | None:
    """One digit of one number is another."""
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    place = rng.randrange(match.start(), match.end())
    if sentence[place] == ".":
        return None
    digit = rng.choice([d for d in "123456789" if d != sentence[place]])
    return sentence[:place] + digit + sentence[place + 1 :]


def exchanged(pattern: re.Pattern[str]) -> Alter:
    """Two matches of ``pattern`` in the sentence change places."""

    def alter(sentence: str, _: str, rng: random.Random) -> str | None:
        found = list(pattern.finditer(sentence))
        pairs = [
            (a, b)
            for a in found
            for b in found
            if a.start() < b.start() and a.group().lower() != b.group().lower()
        ]
        # "5 and 6" and "6 and 5" may say the same
        pairs = [(a, b) for a, b in pairs if len(sentence[a.end() : b.start()].split()) > 1]
        if not pairs:
            return None
        a, b = rng.choice(pairs)
        between = sentence[a.end() : b.start()]
        return sentence[: a.start()] + b.group() + between + a.group() + sentence[b.end() :]

    return alter


def borrowed(pattern: re.Pattern[str]) -> Alter:
    """A match is replaced by one from elsewhere in the passage."""

    def alter(sentence: str, passage: str, rng: random.Random) -> str | None:
        found = list(pattern.finditer(sentence))
        others = sorted({m.group() for m in pattern.finditer(passage)} - {m.group() for m in found})
        if not found or not others:
            return None
        match = rng.choice(found)
        return sentence[: match.start()] + rng.choice(others) + sentence[match.end() :]

    return alter


def negated(sentence: str, _: str, rng: random.Random) -> str | None:
    """A "not" behind an auxiliary, or taken away."""
    if " not " in sentence:
        return sentence.replace(" not ", " ", 1)
    found = list(_AUXILIARY.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    return f"{sentence[: match.end()]} not{sentence[match.end() :]}"


def turned(sentence: str, _: str, rng: random.Random) -> str | None:
    """A small word or an antonym turned round."""
    pairs = [*_TURNS, *((b, a) for a, b in _TURNS)]
    fitting = [(a, b) for a, b in pairs if re.search(rf"\b{a}\b", sentence)]
    if not fitting:
        return None
    a, b = rng.choice(fitting)
    return re.sub(rf"\b{a}\b", b, sentence, count=1)


def unconditional(sentence: str, _: str, rng: random.Random) -> str | None:
    """A condition left out."""
    del rng
    found = _CONDITION.search(sentence)
    if found is None or found.start() < 15:
        return None
    return sentence[: found.start()] + sentence[found.end() :]


ALTERATIONS: dict[str, Alter] = {
    "a number changed": a_number,
    "two numbers exchanged": exchanged(_NUMBER),
    "a number from elsewhere": borrowed(_NUMBER),
    "two names exchanged": exchanged(_NAME),
    "a name from elsewhere": borrowed(_NAME),
    "two words exchanged": exchanged(_WORD),
    "a word from elsewhere": borrowed(_WORD),
    "negation": negated,
    "a small word or antonym": turned,
    "a condition left out": unconditional,
}


def passages(corpus: Path, *, limit: int) -> Iterator[Hit]:
    """The first passage of each document."""
    for rank, line in enumerate(corpus.read_text(encoding="utf-8").splitlines()[:limit], start=1):
        record = json.loads(line)
        text = str(record["text"])[:PASSAGE].rsplit("\n", 1)[0].strip()
        yield Hit(
            id=str(record["_id"]),
            document_id=str(record["_id"]),
            rank=rank,
            score=1.0,
            text=text,
            title=str(record.get("title", "")),
            heading_path=(),
            source=corpus.name,
            url="",
            position=0,
            start=0,
            end=len(text),
        )


def examine(hits: Sequence[Hit], *, seed: int) -> dict[str, object]:
    """Check every sentence of the passages and its alterations."""
    rng = random.Random(seed)
    kept: Counter[bool] = Counter()
    shown: dict[str, Counter[bool]] = defaultdict(Counter)
    passed: list[dict[str, str]] = []
    lost: list[dict[str, str]] = []
    times: list[float] = []
    for index, hit in enumerate(hits):
        prompt = [hit, *(hits[(index + step) % len(hits)] for step in range(1, 5))]
        for unit in units_of(hit):
            if unit.is_heading or unit.cells or unit.text[-1:] != "." or len(unit.text) < 25:
                continue
            began = time.perf_counter()
            verdict = Verifier("", prompt).verdict(unit.text)
            times.append(time.perf_counter() - began)
            kept[verdict.kind == "supported"] += 1
            if verdict.kind != "supported":
                lost.append({"sentence": unit.text, "why": verdict.why})
            for name, alter in ALTERATIONS.items():
                sentence = alter(unit.text, hit.text, rng)
                if sentence is None or sentence == unit.text or sentence in hit.text:
                    continue
                verdict = Verifier("", prompt).verdict(sentence)
                supported = verdict.kind == "supported"
                shown[name][supported] += 1
                if supported:
                    passed.append({"altered": name, "sentence": sentence, "was": unit.text})
    return {
        "kept": f"{kept[True]}/{kept.total()}",
        "shown": {name: f"{count[True]}/{count.total()}" for name, count in shown.items()},
        "shown in all": f"{len(passed)}/{sum(count.total() for count in shown.values())}",
        "median ms a sentence": round(1000 * statistics.median(times), 2) if times else None,
        "passed": passed,
        "lost": lost,
    }


@click.command()
@click.argument("corpora", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--limit", default=200, show_default=True, help="Documents of each corpus.")
@click.option("--seed", default=7, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write everything as JSON.")
def main(corpora: tuple[Path, ...], *, limit: int, seed: int, output: Path | None) -> None:
    """Alter sentences of each CORPUS and count what verification lets pass."""
    found = {}
    for corpus in corpora:
        name = corpus.parent.name or corpus.stem
        found[name] = examine(list(passages(corpus, limit=limit)), seed=seed)
        for row in ("kept", "shown in all", "median ms a sentence"):
            click.echo(f"| {name} | {row} | {found[name][row]} |")
        shown = found[name]["shown"]
        if isinstance(shown, dict):
            for kind, share in shown.items():
                click.echo(f"| {name} | {kind} | {share} |")
    if output:
        output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
