"""A person's verdicts beside the rules': ``python -m benchmarks.hand_check --help``.

    run folder ─► draw ─► sheet (no verdicts) ─► a person judges ─► join ─► record ─► figures
                                                                     ▲
                                                      verdicts of the run folder

The sheet holds the question, the reference, the reply with the stretch marked and the pool; neither
the verdict nor the system.  Stretches are drawn with a seed, equally many of each system and
colour, or all with one chance (``--alike``); what one stretch says is drawn once, however many
systems said it of the question.  Among them, unmarked, may be some that have no colour
(``--uncoloured``), which are counted apart.  A person's verdict is ``supported``, ``contradicted``,
``unsupported`` or ``none``: no colour.  ``stored`` checks that a report shows the stored verdicts,
all of them and no others.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from esrag.evaluation.pool import build_pool
from esrag.evaluation.records import Passage, Reply, Scored, Span
from esrag.evaluation.report.texts import Limits, excerpt, limits_for, plain
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_evidence, read_questions, read_run, read_scored
from esrag.sentences import units_of
from esrag.statistics.proportions import proportion
from esrag.terms import terms

COLOURED = ("supported", "contradicted", "unsupported")
UNCOLOURED = ("refusal", "unjudged")
UNDECIDED = "unsettled"
COLOUR = {"supported": "blue", "contradicted": "red", "unsupported": "red"}
NEAREST = 4  # units of the pool that a person is shown first


@dataclass(frozen=True, slots=True)
class Drawn:
    """A stretch to be judged; ``number`` is its place in the sheet, ``key`` finds its verdict."""

    number: int
    question_id: str
    question: str
    answerable: bool
    reference: str
    evidence: tuple[str, ...]
    marked: str
    says: str
    pool: tuple[tuple[str, str], ...]
    key: tuple[str, str, int, int]


def scored_of(run: RunFolder) -> dict[str, tuple[Scored, ...]]:
    """The replies of each system with their verdicts."""
    return {system.name: read_scored(run, system.name) for system in read_run(run).systems}


def strata_of(
    scored: Mapping[str, Sequence[Scored]],
    leave_out: frozenset[str],
    kinds: Sequence[str] = COLOURED,
) -> dict[tuple[str, str], list[tuple[Reply, Span]]]:
    """The stretches of each system and verdict; the same words of a question once."""
    places: dict[tuple[str, str], list[tuple[Reply, Span]]] = defaultdict(list)
    for system, replies in scored.items():
        for each in replies:
            if each.reply.question_id in leave_out:
                continue
            seen = set()
            for span in each.spans:
                words = " ".join(each.reply.text[span.start : span.end].split()).casefold()
                if span.kind in kinds and words not in seen:
                    seen.add(words)
                    places[system, span.kind].append((each.reply, span))
    return dict(places)


def others_of(questions: Sequence[str], part: str) -> frozenset[str]:
    """The questions that do not belong to a part such as "1/2"; the parts are always the same."""
    number, parts = (int(each) for each in part.split("/"))
    mixed = sorted(questions)
    random.Random(0).shuffle(mixed)
    return frozenset(name for place, name in enumerate(mixed) if place % parts != number - 1)


def drawn_from(
    strata: Mapping[tuple[str, str], Sequence[tuple[Reply, Span]]], size: int, seed: int
) -> list[tuple[Reply, Span]]:
    """``size`` different stretches, the strata in turn, so that small ones are taken whole."""
    draw = random.Random(seed)
    queues = {name: draw.sample(list(strata[name]), len(strata[name])) for name in sorted(strata)}
    chosen: list[tuple[Reply, Span]] = []
    seen: set[tuple[str, str]] = set()
    while len(chosen) < size and any(queues.values()):
        for queue in queues.values():
            while queue:
                reply, span = queue.pop()
                words = " ".join(reply.text[span.start : span.end].split()).casefold()
                if (reply.question_id, words) not in seen:
                    seen.add((reply.question_id, words))
                    chosen.append((reply, span))
                    break
    chosen = chosen[:size]
    draw.shuffle(chosen)
    return chosen


def sheet_of(run: RunFolder, chosen: Sequence[tuple[Reply, Span]]) -> Iterator[Drawn]:
    """The stretches as a person is shown them."""
    questions = {question.id: question for question in read_questions(run)}
    kept = read_evidence(run)
    replies = defaultdict(list)
    for scored in scored_of(run).values():
        for each in scored:
            replies[each.reply.question_id].append(each.reply)
    for number, (reply, span) in enumerate(chosen, start=1):
        question = questions[reply.question_id]
        evidence = kept.get(question.id)
        pool: tuple[Passage, ...] = build_pool(
            question,
            around=evidence.around if evidence else (),
            reference=evidence.reference if evidence else (),
            replies=replies[question.id],
        )
        text = reply.text
        yield Drawn(
            number,
            question.id,
            question.text,
            question.answerable,
            question.answer,
            tuple(f"{piece.document_id}: {piece.quote}" for piece in question.evidence),
            f"{text[: span.start]}⟦{text[span.start : span.end]}⟧{text[span.end :]}",
            text[span.start : span.end],
            tuple((f"{p.document_id} › {' › '.join(p.heading_path)}", p.text) for p in pool),
            (reply.system, reply.question_id, span.start, span.end),
        )


def shown(row: Mapping[str, Any], nearest: int = NEAREST) -> str:
    """A stretch with the units of the pool that share most words with it."""
    words = terms(row["says"] + " " + row["question"]).words
    own = terms(row["says"]).words
    units = []
    for place, text in row["pool"]:
        for unit in units_of(_hit(text)):
            here = terms(f"{unit.text} {place}").words
            units.append((-2 * len(own & here) - len(words & here), place, unit.text))
    lines = [
        f"=== {row['number']} | {row['question']}",
        f"REF: {row['reference'] if row['answerable'] else '(the documents do not answer)'}",
        *(f"EV: {piece}" for piece in row["evidence"]),
        f"REPLY: {row['marked']}",
    ]
    for _, place, text in sorted(units)[:nearest]:
        lines.append(f"  · {text[:220]}   ({place[:48]})")
    return "\n".join(lines)


def _hit(text: str) -> Any:
    from esrag.evaluation.pool import hit_of

    return hit_of(Passage("p", "p", 1, 1.0, text, start=0))


def joined(
    sheet: Sequence[Mapping[str, Any]],
    judged: Mapping[int, Mapping[str, str]],
    scored: Mapping[str, Sequence[Scored]],
    *,
    words: bool,
) -> list[dict[str, Any]]:
    """Each stretch with both verdicts; ``words``: with what it says and why."""
    verdicts = {
        (system, each.reply.question_id, span.start, span.end): span
        for system, replies in scored.items()
        for each in replies
        for span in each.spans
    }
    rows = []
    for row in sheet:
        span, person = verdicts[tuple(row["key"])], judged[row["number"]]
        found = {
            "number": row["number"],
            "question": row["question_id"],
            "system": row["key"][0],
            "rules": span.kind,
            "person": person["verdict"],
        }
        if person.get("category"):
            found["category"] = person["category"]
        if words:
            found |= {"says": row["says"], "why": span.why, "note": person.get("note", "")}
        rows.append(found)
    return rows


def figures_of(record: Mapping[str, Any]) -> str:
    """The agreement of a record, as text; nothing is read but its rows and the strata's sizes."""
    rows = [row for row in record["spans"] if row["rules"] in COLOURED]
    same = [row["rules"] == row["person"] for row in rows]
    colour = [COLOUR.get(row["rules"]) == COLOUR.get(row["person"]) for row in rows]
    lines = [f"colour: {proportion(colour)}", f"verdict: {proportion(same)}"]
    for name in COLOURED:
        of = [COLOUR.get(row["person"]) == COLOUR[name] for row in rows if row["rules"] == name]
        if not of:
            continue
        lines.append(f"colour of those that the rules call {name}: {proportion(of)}")
    for system in sorted({row["system"] for row in rows}):
        of = [c for c, row in zip(colour, rows, strict=True) if row["system"] == system]
        lines.append(f"colour, {system}: {proportion(of)}")
    weights = {(each["system"], each["verdict"]): each["spans"] for each in record["strata"]}
    lines.append(f"colour, weighted by how many there are: {_weighted(rows, colour, weights):.3f}")
    lines.append(f"verdict, weighted: {_weighted(rows, same, weights):.3f}")
    without = [row["person"] == "none" for row in record["spans"] if row["rules"] in UNCOLOURED]
    if without:
        lines.append(f"no colour of those without one: {proportion(without)}")
    undecided = [row["person"] for row in record["spans"] if row["rules"] == UNDECIDED]
    if undecided:
        counts = ", ".join(f"{count} {kind}" for kind, count in Counter(undecided).most_common())
        lines.append(f"left unsettled, which the person calls: {counts}")
    pairs = Counter((row["rules"], row["person"]) for row in record["spans"])
    lines += [f"{rules} / {person}: {count}" for (rules, person), count in sorted(pairs.items())]
    return "\n".join(lines)


def _weighted(
    rows: Sequence[Mapping[str, Any]],
    agree: Sequence[bool],
    weights: Mapping[tuple[str, str], int],
) -> float:
    """The share in the run, from the shares of the strata: small ones are drawn from too often."""
    found = defaultdict(list)
    for row, same in zip(rows, agree, strict=True):
        found[row["system"], row["rules"]].append(same)
    total = sum(weights[name] for name in found)
    return sum(weights[name] * sum(of) / len(of) for name, of in found.items()) / total


def unlike_the_report(run: RunFolder) -> list[str]:
    """Where report.html shows another verdict than scored/ has, or scored/ one without a ground.

    Both ways: every coloured stretch of the page is a stored one, with its kind and its reason, and
    every stored one is shown, as far as the page shows the reply.
    """
    from lxml import html

    page = html.parse(str(run.path / "report.html"))
    scored = scored_of(run)
    by_place = {(s, each.reply.question_id): each for s, of in scored.items() for each in of}
    limits = limits_for(len(by_place))
    articles = page.xpath("//article[@class='question']")
    wrong = []
    questions = read_questions(run)
    if len(articles) != len(questions):
        wrong.append(f"{len(articles)} questions on the page, {len(questions)} in the folder")
    for article, question in zip(articles, questions, strict=False):
        cards = article.xpath(".//div[@class='card']")
        for system, card in zip(scored, cards, strict=True):
            there = [_read(detail) for detail in card.xpath(".//details[contains(@class,'span ')]")]
            each = by_place.get((system, question.id))
            stored = [_stored(each, span, limits) for span in each.spans] if each else []
            stored = [row for row in stored if row[1]]
            if there != stored:
                wrong.append(f"{system}, {question.id}: page {there} stored {stored}")
    wrong += [
        f"{system}, {each.reply.question_id}: {span.kind} without a ground"
        for system, of in scored.items()
        for each in of
        for span in each.spans
        if span.kind in COLOURED
        and (not span.why or (span.kind == "contradicted" and not _grounded(span)))
    ]
    return wrong


def _grounded(span: Span) -> bool:
    """A reference without evidence that quotes it stands alone: the reason has its words."""
    return bool(span.evidence) or span.judge == "reference"


def _read(detail: Any) -> tuple[str, str, str, int]:
    kind = detail.get("class").split()[1]
    words = "".join(detail.xpath("./summary/span[@class='words']")[0].itertext())
    why = "".join("".join(e.itertext()) for e in detail.xpath(".//span[@class='why']"))
    proofs = len(detail.xpath(".//span[@class='proof']"))
    return kind, " ".join(words.split()), " ".join(why.split()), proofs


def _stored(each: Scored, span: Span, limits: Limits) -> tuple[str, str, str, int]:
    words = plain(each.reply.text[: limits.answer][span.start : span.end])
    why, missing = excerpt(span.why, limits.why)
    proofs = min(len(span.evidence), 3) + (len(span.evidence) > 3)
    return (
        span.kind,
        " ".join(words.split()),
        " ".join(why.split()) + (" …" if missing else ""),
        proofs,
    )


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@click.group()
def main() -> None:
    """Compare a person's verdicts with those of a run."""


PATH = click.Path(path_type=Path, exists=True)


@main.command()
@click.argument("run", type=PATH)
@click.option("--seed", type=int, required=True)
@click.option("--size", type=int, default=120, show_default=True)
@click.option("--alike", is_flag=True, help="All with one chance, whatever system and colour.")
@click.option("--uncoloured", type=int, default=0, help="How many without a colour, besides.")
@click.option(
    "--leave-out", type=PATH, multiple=True, help="Records whose questions are not drawn."
)
@click.option("--part", default="1/1", help="Which part of the questions: 1/2 or 2/2, as drawn.")
@click.option("--sheet", type=click.Path(path_type=Path), required=True)
def draw(
    run: Path,
    *,
    seed: int,
    size: int,
    alike: bool,
    uncoloured: int,
    leave_out: tuple[Path, ...],
    part: str,
    sheet: Path,
) -> None:
    """Draw stretches for a person to judge."""
    records = [json.loads(file.read_text(encoding="utf-8")) for file in leave_out]
    known = frozenset(row["question"] for record in records for row in record["spans"])
    folder = RunFolder(run)
    known |= others_of([question.id for question in read_questions(folder)], part)
    scored = scored_of(folder)
    strata = strata_of(scored, known)
    together = {("all", "all"): [each for name in sorted(strata) for each in strata[name]]}
    chosen = drawn_from(together if alike else strata, size, seed)
    if uncoloured:
        chosen += drawn_from(strata_of(scored, known, (*UNCOLOURED, UNDECIDED)), uncoloured, seed)
        random.Random(seed).shuffle(chosen)
    rows = list(sheet_of(folder, chosen))
    sheet.write_text(
        "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), "utf-8"
    )
    click.echo(f"{len(rows)} stretches; {sum(map(len, strata.values()))} have a colour", err=True)


@main.command()
@click.argument("sheet", type=PATH)
@click.option("--first", type=int, default=1)
@click.option("--last", type=int, default=10**6)
def show(sheet: Path, *, first: int, last: int) -> None:
    """Print stretches with what is needed to judge them."""
    for row in _lines(sheet):
        if first <= row["number"] <= last:
            click.echo(shown(row))


@main.command()
@click.argument("sheet", type=PATH)
@click.argument("judged", type=PATH)
@click.argument("run", type=PATH)
@click.option("--words/--no-words", default=True, help="Keep what the stretches say.")
@click.option("--seed", type=int, required=True)
@click.option("--about", default="", help="What was drawn from, in words.")
@click.option("--output", type=click.Path(path_type=Path), required=True)
def join(
    sheet: Path, judged: Path, run: Path, *, words: bool, seed: int, about: str, output: Path
) -> None:
    """Lay a person's verdicts (JSONL: number, verdict, note, category) beside the rules'."""
    person = {row["number"]: row for row in _lines(judged)}
    scored = scored_of(RunFolder(run))
    strata = strata_of(scored, frozenset())
    record = {
        "about": about,
        "seed": seed,
        "strata": [
            {"system": system, "verdict": kind, "spans": len(of)}
            for (system, kind), of in sorted(strata.items())
        ],
        "spans": joined(_lines(sheet), person, scored, words=words),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    output.write_text(text + "\n", encoding="utf-8")
    click.echo(figures_of(record))


@main.command()
@click.argument("record", type=PATH)
def figures(record: Path) -> None:
    """Compute the agreement of a record."""
    found = json.loads(record.read_text(encoding="utf-8"))
    click.echo(figures_of(found))
    for row in found["spans"]:
        if COLOUR.get(row["rules"]) != COLOUR.get(row["person"]):
            click.echo(json.dumps(row, ensure_ascii=False))


@main.command()
@click.argument("run", type=PATH)
def stored(run: Path) -> None:
    """Check that the report shows the stored verdicts, and that each coloured one has a ground."""
    wrong = unlike_the_report(RunFolder(run))
    for line in wrong:
        click.echo(line)
    scored = scored_of(RunFolder(run))
    kinds = Counter(span.kind for of in scored.values() for each in of for span in each.spans)
    click.echo(f"{dict(kinds)}: {len(wrong)} differences", err=True)
    if wrong:
        raise SystemExit(3)


if __name__ == "__main__":
    main()
