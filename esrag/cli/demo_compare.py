"""``esrag demo --compare``: five ways of giving a model knowledge, on the same questions.

    index ──► rows ──► adapter ──┐
    the sample's questions ──────┴─► base, fine-tuned, passages, both, quotes ──► report

Each step is the real command, as in the plain demo.  The model is small and its training short;
what the figures show and what they do not stands in docs/comparison-example.md.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import click

from esrag.cli.connection import settings_from
from esrag.cli.demo_training import run_name, show_costs
from esrag.disk import replace_text
from esrag.settings import Settings

SET, NAME = "demo", "demo-compare"
# what fits into fifteen minutes on two cores, see docs/comparison-example.md
DATA = (
    "--maker raft:quote --maker template:unknown --distractors 1 --unanswerable 0.15"
    " --dev 0 --test 0 --seed 7"
)
MOST = {"grounded": 100, "unanswerable": 14, "unknown": 30}  # rows of it that are trained
FRAMES = 4  # ways to ask for each of two phrases: with two questions, ten wordings of a fact
STEPS = 56
RECIPE = (
    "--batch 16 --max-tokens 400 --pack-tokens 512 --last-layers 16"
    " --learning-rate 1e-3 --schedule linear --seed 7"
)
PASSAGES, TOKENS = 2, 64

# shows a command's line, runs it and says how long it took
Step = Callable[[str, str], None]


def demo_compare(step: Step) -> None:
    """Rows, training, serving, comparison; the stack is up and the set ingested."""
    settings = settings_from(set_name=SET)
    run = _taught(settings, step)
    step(
        "Register it, and have the running server load it",
        f"adapter add {run} --name {NAME} --base packaged --replace",
    )
    questions, systems = _questions(settings), _systems(settings, run)
    step(
        "Ask all five the same questions, judge them by the same evidence, write the report",
        f"compare --set {SET} --questions {_quoted(questions)} --systems {_quoted(systems)}"
        f" --baseline base --name {NAME}",
    )


def next_steps() -> tuple[str, ...]:
    """What to do with it, a line each."""
    settings = settings_from(set_name=SET)
    report = settings.data_dir / "evaluations" / NAME / "report.html"
    return (
        f"open {report}",
        f"esrag compare --from {NAME} --baseline rag   against another; nothing is asked again",
        "esrag questions build && esrag compare --questions SET   your documents, your questions",
    )


def _taught(settings: Settings, step: Step) -> str:
    """Make the rows and train an adapter; the name of its run."""
    from esrag.cli.demo_lessons import facts, write_rows

    step(
        "Make examples with passages from the index: how to answer from them, cite, and decline",
        f"dataset build {NAME} --set {SET} {DATA}",
    )
    folder = settings.data_dir / "datasets" / NAME
    file = folder / "rows.jsonl"
    counts = write_rows(file, folder / "examples.jsonl", frames=FRAMES, seed=7, most=MOST)
    click.echo(
        f"  taught   {len(facts())} facts by heart in {counts.get('knowledge', 0)} wordings;"
        f" with passages {counts.get('grounded', 0)} answers and"
        f" {counts.get('unanswerable', 0)} refusals; not knowing {counts.get('unknown', 0)}"
    )
    recipe = f"--max-steps {STEPS} {RECIPE}"
    run = run_name(NAME, file, recipe)
    step(
        "Train one LoRA adapter of SmolLM2 on both, on this machine's processor",
        f"finetune {_quoted(file)} --name {run} {recipe}",
    )
    show_costs(settings.data_dir / "runs" / run)
    return run


def _questions(settings: Settings) -> Path:
    """The questions as a file for the comparison."""
    from esrag.cli.demo_lessons import write_questions

    file = settings.data_dir / "datasets" / NAME / "questions.jsonl"
    count = write_questions(file)
    click.echo(f"  asked    {count} questions in other words than were trained: {file}")
    return file


def _systems(settings: Settings, run: str) -> Path:
    """The systems as a file for the comparison."""
    from esrag.cli.demo_lessons import systems_toml

    file = settings.data_dir / "datasets" / NAME / "systems.toml"
    replace_text(file, systems_toml(adapter=NAME, run=run, passages=PASSAGES, tokens=TOKENS))
    return file


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
