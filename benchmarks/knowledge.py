"""What a model can be taught by heart, and what it invents: closed book, before and after.

    python -m benchmarks.knowledge rows FOLDER          the rows for `esrag finetune`
    python -m benchmarks.knowledge measure --url … base taught=NAME …

`rows` writes `taught.jsonl`, and `taught-and-unknown.jsonl` with half as many examples of not
knowing.  `measure` asks a generator, once for each model that it serves, what
``knowledge_rows`` fixed before: exact match on the taught facts in other words than trained, and
what is said to questions that nobody taught or that have no answer.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.asking import ask_all, models_of
from benchmarks.knowledge_rows import Group, asked_questions, rows
from esrag import prompting
from esrag.answer_measures import Reading, read_answer
from esrag.examples.rows import write_examples
from esrag.questions import KnownQuestion
from esrag.sample.lessons import taught_facts
from esrag.statistics import change, proportion

GROUPS: tuple[Group, ...] = ("taught", "untaught", "no answer")
MAX_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Said:
    """What one model said to one question."""

    model: str
    group: Group
    id: str
    question: str
    text: str
    right: bool
    exact: bool
    refused: bool


@click.group()
def main() -> None:
    """Teaching by heart, measured."""


@main.command("rows")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=7, show_default=True)
@click.option("--frames", default=4, show_default=True, help="Ways to ask for each phrase.")
def write_rows(folder: Path, *, seed: int, frames: int) -> None:
    """Write the rows to train with."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, unknown in (("taught", False), ("taught-and-unknown", True)):
        file = folder / f"{name}.jsonl"
        count = write_examples(file, rows(unknown=unknown, seed=seed, frames=frames))
        click.echo(f"{file}: {count} rows")


@main.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--url", required=True, help="Address of the generator that serves the models.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Keeps answers.")
@click.option("--output", type=click.Path(path_type=Path), help="Write all answers as JSON.")
@click.option("--concurrent", default=8, show_default=True)
def measure(
    models: Sequence[str], *, url: str, work: Path, output: Path | None, concurrent: int
) -> None:
    """Ask each of MODELS (NAME, or LABEL=NAME) and print the table; the first is the baseline."""
    questions = list(asked_questions())
    taught = {fact.asked.id: fact.answer for fact in taught_facts()}
    said: list[Said] = []
    for label, model in models_of(models):
        texts = ask_all(
            [prompting.closed_book(question.text) for _, question in questions],
            url=url,
            model=model,
            folder=work / label,
            max_tokens=MAX_TOKENS,
            concurrent=concurrent,
        )
        for (group, question), text in zip(questions, texts, strict=True):
            reading = _read(group, text, question, taught.get(question.id))
            said.append(
                Said(
                    label, group, question.id, question.text, text,
                    reading.right, reading.exact, reading.refused,
                )
            )  # fmt: skip
    labels = [label for label, _ in models_of(models)]
    for line in table(said, labels):
        click.echo(line)
    if output:
        output.write_text(_record(said, labels), encoding="utf-8")


def _read(group: Group, text: str, question: KnownQuestion, taught: str | None) -> Reading:
    """The words of the answer that was taught count as exact, like the sample's accepted forms."""
    if group == "no answer":
        return read_answer(text)
    forms = [form for group in question.answer_groups for form in group]
    return read_answer(text, accepted=[[*forms, taught] if taught else forms])


def table(said: Sequence[Said], labels: Sequence[str]) -> list[str]:
    """The rows of the table, one for each model and group, and the changes from the first."""
    lines = [
        "| model | questions | exact match | answer held | says that it does not know | invents |",
        "|---|---|---|---|---|---|",
    ]
    for label in labels:
        for group in GROUPS:
            part = [each for each in said if (each.model, each.group) == (label, group)]
            lines.append(
                f"| {label} | {group} | {proportion([each.exact for each in part])} "
                f"| {proportion([each.right for each in part])} "
                f"| {proportion([each.refused for each in part])} "
                f"| {proportion([_invents(each) for each in part])} |"
            )
    first = labels[0]
    for label in labels[1:]:
        for group, name, of in _CHANGES:
            before = [of(each) for each in said if (each.model, each.group) == (first, group)]
            after = [of(each) for each in said if (each.model, each.group) == (label, group)]
            lines.append(f"{label} against {first}, {name}, {group}: {change(before, after)}")
    return lines


def _exact(said: Said) -> bool:
    return said.exact


def _invents(said: Said) -> bool:
    return not said.right and not said.refused


_CHANGES: tuple[tuple[Group, str, Callable[[Said], bool]], ...] = (
    ("taught", "exact match", _exact),
    ("taught", "invents", _invents),
    ("untaught", "invents", _invents),
    ("no answer", "invents", _invents),
)


def _record(said: Sequence[Said], labels: Sequence[str]) -> str:
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, Python {sys.version.split()[0]}",
        "models": list(labels),
        "table": table(said, labels),
        "said": [asdict(each) for each in said],
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
