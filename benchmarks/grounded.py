"""Answering from passages before and after tuning: right, with the right citation, or refused.

    python -m benchmarks.grounded rows EXAMPLES.jsonl OUTPUT.jsonl
    python -m benchmarks.grounded measure --url … --rows EXAMPLES.jsonl --folder FOLDER base=tgi …

`rows` adds questions as a teacher would write them, about documents that are trained, to what
`esrag dataset build` made without one.  `measure`: each model that the generator serves gets the
same prompts: rows of held-out documents of ours, the sample's own questions about these, and
questions of data sets that it never saw (folders in BEIR's layout with short answers).  The
model's bare text is judged, without the verification that serving puts behind it.  Changes are
paired, question by question, against the first model.
"""

from __future__ import annotations

import json
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from benchmarks.asking import ask_all, models_of
from benchmarks.grounded_rows import (
    PASSAGES,
    Posed,
    documents_held_out,
    from_examples,
    from_folder,
    from_sample,
    written_rows,
)
from esrag.answer_measures import read_answer
from esrag.cli.connection import connect_with
from esrag.examples.passages import Passage
from esrag.examples.reading import read_passages
from esrag.examples.rows import read_examples, write_examples
from esrag.names import Names
from esrag.settings import load_settings
from esrag.statistics import change, proportion

MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Said:
    """What one model said to one prompt."""

    model: str
    questions: str
    id: str
    question: str
    answerable: bool
    text: str
    right: bool
    cites_right: bool
    refused: bool


def _right(said: Said) -> bool:
    return said.right


def _right_and_cited(said: Said) -> bool:
    return said.right and said.cites_right


def _refused(said: Said) -> bool:
    return said.refused


# what is counted, over questions whose passages hold the answer or over those whose do not
_MEASURES: tuple[tuple[str, bool, Callable[[Said], bool]], ...] = (
    ("right", True, _right),
    ("right and cites the right passage", True, _right_and_cited),
    ("refuses wrongly", True, _refused),
    ("refuses where it should", False, _refused),
)


@click.group()
def main() -> None:
    """Grounded tuning, measured."""


@main.command("rows")
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--seed", default=7, show_default=True)
@click.option(
    "--passages", "sizes", multiple=True, type=click.IntRange(min=1), default=(PASSAGES,),
    show_default=True, help="Passages of a written row's prompt; more than once: a row of each.",
)  # fmt: skip
@click.option(
    "--without", default=0.5, show_default=True, type=click.FloatRange(0, 1),
    help="For so large a share of them there is a row without its passage.",
)  # fmt: skip
def write_rows(
    data: Path, output: Path, *, seed: int, sizes: tuple[int, ...], without: float
) -> None:
    """Write DATA's rows and the written ones about documents that DATA trains on."""
    written = list(
        written_rows(
            _passages(),
            held_out=documents_held_out(data),
            seed=seed,
            sizes=sizes,
            without=without,
        )
    )
    count = write_examples(output, [*read_examples(data), *written])
    click.echo(f"{output}: {count} rows, {len(written)} of them written")


@main.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--url", required=True, help="Address of the generator that serves the models.")
@click.option("--rows", type=click.Path(path_type=Path, exists=True), help="Data set of ours.")
@click.option(
    "--folder", "folders", multiple=True, type=click.Path(path_type=Path, exists=True),
    help="Folder in BEIR's layout.",
)  # fmt: skip
@click.option("--limit", default=60, show_default=True, help="Questions of each sort.")
@click.option(
    "--split", default="test", show_default=True, type=click.Choice(["dev", "test"]),
    help="What is asked of the data set of ours: dev to choose by, test to judge by.",
)  # fmt: skip
@click.option("--seed", default=7, show_default=True)
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Keeps answers.")
@click.option("--output", type=click.Path(path_type=Path), help="Write all answers as JSON.")
@click.option("--concurrent", default=4, show_default=True)
def measure(
    models: Sequence[str],
    *,
    url: str,
    rows: Path | None,
    folders: Sequence[Path],
    limit: int,
    split: Literal["dev", "test"],
    seed: int,
    work: Path,
    output: Path | None,
    concurrent: int,
) -> None:
    """Ask each of MODELS (NAME, or LABEL=NAME) and print the table; the first is the baseline."""
    posed = {folder.name: from_folder(folder, limit=limit, seed=seed) for folder in folders}
    if rows:
        held_out = documents_held_out(rows, (split,))
        posed = {
            "ours, made by templates": from_examples(rows, limit=limit, seed=seed, split=split),
            "ours, people's questions": from_sample(_passages(), held_out=held_out, seed=seed),
        } | posed
    said = [
        each
        for label, model in models_of(models)
        for name, asked in posed.items()
        for each in _asked(label, model, name, asked, url=url, work=work, concurrent=concurrent)
    ]
    lines = table(said, [label for label, _ in models_of(models)], list(posed))
    for line in lines:
        click.echo(line)
    if output:
        record = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, Python {sys.version.split()[0]}",
            "seed": seed,
            "table": lines,
            "said": [asdict(each) for each in said],
        }
        text = json.dumps(record, indent=1, ensure_ascii=False)
        output.write_text(text + "\n", encoding="utf-8")


def _passages() -> list[Passage]:
    """The passages of the set that the settings name."""
    settings = load_settings()
    with connect_with(settings) as client:
        alias = Names(settings.index.set).alias
        return list(read_passages(client, alias, left_out=Counter()))


def _asked(
    label: str,
    model: str,
    name: str,
    posed: Sequence[Posed],
    *,
    url: str,
    work: Path,
    concurrent: int,
) -> list[Said]:
    texts = ask_all(
        [each.messages for each in posed],
        url=url,
        model=model,
        folder=work / label,
        max_tokens=MAX_TOKENS,
        concurrent=concurrent,
    )
    return [_said(label, name, each, text) for each, text in zip(posed, texts, strict=True)]


def _said(label: str, name: str, posed: Posed, text: str) -> Said:
    reading = read_answer(text, accepted=posed.accepted, relevant=posed.relevant, given=posed.given)
    return Said(
        model=label,
        questions=name,
        id=posed.id,
        question=posed.question,
        answerable=posed.answerable,
        text=text,
        right=reading.right,
        cites_right=reading.cites_right,
        refused=reading.refused,
    )


def table(said: Sequence[Said], labels: Sequence[str], names: Sequence[str]) -> list[str]:
    """A row for each set of questions and measure, a column for each model, then the changes."""
    lines = [
        f"| questions | measure | {' | '.join(labels)} |",
        "|---|---|" + "---|" * len(labels),
    ]
    changes = []
    for name in names:
        for measure, answerable, of in _MEASURES:
            outcomes = {
                label: [
                    of(each)
                    for each in said
                    if (each.model, each.questions, each.answerable) == (label, name, answerable)
                ]
                for label in labels
            }
            cells = " | ".join(str(proportion(outcomes[label])) for label in labels)
            lines.append(f"| {name} | {measure} | {cells} |")
            changes += [
                f"{label} against {labels[0]}, {name}, {measure}: "
                f"{change(outcomes[labels[0]], outcomes[label])}"
                for label in labels[1:]
            ]
    return lines + changes


if __name__ == "__main__":
    main()
