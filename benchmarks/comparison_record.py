"""The figures of a comparison, kept and shown: ``python -m benchmarks.comparison_record``.

    record RUN FILE     the figures of a run folder as JSON, without a word of question or answer
    table FILE          the same as tables for the docs

Beside the figures of all questions stand those of each type, made by the same functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from esrag.disk import replace_text
from esrag.evaluation.comparing import estimate
from esrag.evaluation.records import Estimate, Measure, Scored
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_outcome, read_questions, read_run, read_scored

SHOWN = ("right", "right_or_refuses", "invented", "supported_share")
_TITLES = {
    "right": "right",
    "right_or_refuses": "right, or rightly refused",
    "invented": "invents",
    "supported_share": "supported",
    "contradicted_share": "contradicted",
    "unsupported_share": "unsupported",
    "wrongly_refused": "wrongly refused",
    "token_f1": "token F1",
    "citation_recall": "evidence cited",
}
BY_TYPE = ("right", "right_or_refuses", "invented")


@click.group()
def main() -> None:
    """Figures of a comparison."""


@main.command("record")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path))
def write_record(run: Path, file: Path) -> None:
    """Write the figures of the folder RUN to FILE."""
    keep(RunFolder(run), file)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--measure", "shown", multiple=True, default=SHOWN, help="Of the first table.")
@click.option("--pairs", multiple=True, default=SHOWN, help="Measures of the pairs shown.")
def table(file: Path, *, shown: Sequence[str], pairs: Sequence[str]) -> None:
    """Print the tables of a record."""
    record = json.loads(file.read_text(encoding="utf-8"))
    for line in tables(record, pairs, shown):
        click.echo(line)


def keep(folder: RunFolder, file: Path, **more: object) -> None:
    """Write the figures of a run to ``file``; ``more`` stands at their head."""
    text = json.dumps({**more, **record_of(folder)}, indent=1, ensure_ascii=False)
    replace_text(file, text + "\n")


def record_of(folder: RunFolder) -> dict[str, Any]:
    """The figures of a run, without any text."""
    run, outcome = read_run(folder), read_outcome(folder)
    found = outcome.comparisons
    types = {question.id: question.kind for question in read_questions(folder)}
    scored = {system.name: read_scored(folder, system.name) for system in run.systems}
    return {
        "name": run.name,
        "started": run.started,
        "finished": run.finished,
        # the file of questions is a place on one machine; its fingerprint stands below
        "facts": {name: told for name, told in run.facts.items() if name != "questions"},
        "fingerprints": dict(run.fingerprints),
        "questions": {
            kind: [*types.values()].count(kind) for kind in dict.fromkeys(types.values())
        },
        "systems": [asdict(system) for system in run.systems],
        "estimates": [asdict(each) for each in found.estimates] if found else [],
        "by_type": by_type(scored, types),
        "pairs": [_figures(asdict(each)) for each in found.pairs] if found else [],
        "costs": [asdict(each) for each in outcome.costs],
    }


def by_type(
    scored: Mapping[str, Sequence[Scored]], types: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Shares of yes/no measures among the questions of each type; none where none has a value."""
    found = []
    for name in BY_TYPE:
        measure = Measure(name, name, kind="yes/no", when_failed=float(name == "invented"))
        for kind in dict.fromkeys(types.values()):
            for system, replies in scored.items():
                values = {
                    each.reply.question_id: each.metrics.get(name)
                    for each in replies
                    if types[each.reply.question_id] == kind
                }
                figure = estimate(system, measure, values)
                if figure.questions:
                    found.append({"type": kind, **asdict(figure)})
    return found


def tables(
    record: Mapping[str, Any], pairs: Sequence[str] = SHOWN, shown: Sequence[str] = SHOWN
) -> Iterator[str]:
    """Figures of all questions, by type, and differences; ``shown`` and ``pairs`` are measures."""
    systems = [system["name"] for system in record["systems"]]
    figures = [Estimate(**each) for each in record["estimates"]]
    yield f"| system | {' | '.join(_TITLES.get(name, name) for name in shown)} | median seconds |"
    yield "|---|---|" + "---|" * len(shown)
    seconds = {cost["system"]: cost["answer_seconds"] for cost in record["costs"]}
    for system in systems:
        cells = [
            next((_cell(e) for e in figures if (e.system, e.measure) == (system, name)), "–")
            for name in shown
        ]
        took = seconds.get(system)
        yield f"| {system} | {' | '.join(cells)} | {'–' if took is None else f'{took:.1f}'} |"
    for name in BY_TYPE:
        rows = [each for each in record["by_type"] if each["measure"] == name]
        if not rows:
            continue
        yield ""
        types = dict.fromkeys(each["type"] for each in rows)
        counts = {kind: max(e["questions"] for e in rows if e["type"] == kind) for kind in types}
        titles = (f"{kind.replace('_', ' ')}, n={counts[kind]}" for kind in types)
        yield f"| {_TITLES[name]} | {' | '.join(titles)} |"
        yield "|---|" + "---|" * len(types)
        for system in systems:
            by = {each["type"]: each for each in rows if each["system"] == system}
            cells = [
                f"{by[kind]['value']:.2f} [{by[kind]['low']:.2f}, {by[kind]['high']:.2f}]"
                if kind in by
                else "–"
                for kind in types
            ]
            yield f"| {system} | {' | '.join(cells)} |"
    yield ""
    yield "| pair | measure | difference | won/tied/lost | p, corrected |"
    yield "|---|---|---|---|---|"
    for each in record["pairs"]:
        if each["measure"] in pairs and each["corrected"] is not None:
            title = _TITLES.get(each["measure"], each["measure"])
            yield (
                f"| {each['contender']} − {each['baseline']} | {title} "
                f"| {each['difference']:+.2f} [{each['low']:+.2f}, {each['high']:+.2f}] "
                f"| {each['wins']}/{each['ties']}/{each['losses']} | {each['corrected']:.2g} |"
            )


def _cell(figure: Estimate) -> str:
    if figure.value is None:
        return "–"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] n={figure.questions}"


def _figures(pair: Mapping[str, Any]) -> dict[str, Any]:
    """A difference without its values question by question."""
    return {name: value for name, value in pair.items() if name != "values"}


if __name__ == "__main__":
    main()
