"""What the demo of comparing teaches and asks, and that the two are apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from esrag.answer_measures import normalised
from esrag.cli import cli, demo_compare
from esrag.cli.demo_lessons import (
    asked,
    facts,
    systems_toml,
    write_questions,
    write_rows,
)
from esrag.cli.demo_training import run_name
from esrag.errors import UsageError
from esrag.evaluation.systems import read_systems, settings_of
from esrag.examples.rows import read_examples, write_examples
from esrag.questions import load_questions
from esrag.sample.lessons import lessons, taught_facts
from esrag.settings import load_settings
from esrag.types import Example

MOST = {"grounded": 2}
FREE, APART = "guides/migrate-wakebell-1-to-2.md", "pricing/wakebell-usage-rates.html"


def with_passages(*documents: str) -> Example:
    """A row of a data set that shows these documents."""
    row = next(lessons(taught_facts()[:1], frames=1, seed=1))
    source = replace(row.source, documents=documents, sources=documents, hashes=documents)
    return replace(row, id=f"grounded {documents}", kind="grounded", source=source)


def written(tmp_path: Path, *rows: Example) -> tuple[dict[str, int], list[Example]]:
    """What is trained on beside a data set of these rows."""
    write_examples(tmp_path / "examples.jsonl", rows)
    counts = write_rows(
        tmp_path / "rows.jsonl", tmp_path / "examples.jsonl", frames=4, seed=7, most=MOST
    )
    return counts, list(read_examples(tmp_path / "rows.jsonl"))


def test_three_sorts_of_questions_are_asked() -> None:
    """Facts that are taught, facts that are not, and what no document answers."""
    kinds = [question["type"] for question in asked()]
    assert (kinds.count("taught"), kinds.count("not_taught"), kinds.count("unanswerable")) == (
        28,
        13,
        14,
    )


def test_no_question_is_trained_as_it_is_asked(tmp_path: Path) -> None:
    """A fact that is taught is asked for in other words."""
    _, rows = written(tmp_path, with_passages(FREE))
    trained = {normalised(row.question) for row in rows}
    assert not trained & {normalised(question["question"]) for question in asked()}


def test_rows_that_show_a_fact_which_is_not_taught_are_left_out(tmp_path: Path) -> None:
    """Whether they ask about its document or have it as one of the others."""
    counts, rows = written(
        tmp_path, with_passages(FREE), with_passages(APART), with_passages(FREE, APART)
    )
    assert counts == {"knowledge": 280, "grounded": 1}
    assert [row.source.documents for row in rows if row.kind == "grounded"] == [(FREE,)]


def test_no_more_rows_are_taken_than_fit(tmp_path: Path) -> None:
    """The demo has a quarter of an hour."""
    one = with_passages(FREE)
    counts, _ = written(tmp_path, *(replace(one, id=f"grounded-{n}") for n in range(5)))
    assert counts["grounded"] == 2


def test_only_rows_to_train_are_taken(tmp_path: Path) -> None:
    """Those of other splits measure."""
    counts, _ = written(tmp_path, replace(with_passages(FREE), split="test"))
    assert "grounded" not in counts


def test_no_lesson_is_about_a_fact_that_is_not_taught() -> None:
    """Their answers stand in the documents only."""
    taught = {fact.asked.id for fact in facts()}
    assert taught == {question["id"] for question in asked() if question["type"] == "taught"}


def test_the_questions_can_be_asked(tmp_path: Path) -> None:
    """The file is a question file like any other."""
    count = write_questions(tmp_path / "questions.jsonl")
    questions = load_questions(tmp_path / "questions.jsonl", split="test")
    assert len(questions) == count == 55
    assert sum(not question.answerable for question in questions) == 14


def test_all_systems_have_the_same_limits(tmp_path: Path) -> None:
    """Only what is compared differs: the model, and whether it has passages."""
    file = tmp_path / "systems.toml"
    file.write_text(systems_toml(adapter="a", run="r-1", passages=3, tokens=64), encoding="utf-8")
    systems = {system.name: system for system in read_systems(file)}
    assert list(systems) == ["base", "tuned", "rag", "rag-tuned", "extractive"]
    assert {name for name, system in systems.items() if system.runs == ("r-1",)} == {
        "tuned",
        "rag-tuned",
    }
    settings = {name: settings_of(each, load_settings()) for name, each in systems.items()}
    for name in ("base", "tuned", "rag", "rag-tuned"):
        assert settings[name].generator.max_new_tokens == 64
        assert settings[name].generator.model == ("a" if "tuned" in name else "tgi")
    for name in ("rag", "rag-tuned"):
        assert settings[name].generator.passages == 3
        assert settings[name].answer.verify == "off"


def test_another_recipe_is_another_run(tmp_path: Path) -> None:
    """The same rows and recipe go on where they were broken off."""
    file = tmp_path / "rows.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    first = run_name("demo", file, "--max-steps 1")
    assert first == run_name("demo", file, "--max-steps 1")
    assert first != run_name("demo", file, "--max-steps 2")
    file.write_text("{}\n{}\n", encoding="utf-8")
    assert first != run_name("demo", file, "--max-steps 1")


def test_the_steps_are_commands_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line that the demo shows can be typed: its command and its flags exist."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    lines: list[str] = []

    def step(what: str, line: str) -> None:
        lines.append(line)
        folder = tmp_path / "datasets" / demo_compare.NAME
        if line.startswith("dataset build"):
            folder.mkdir(parents=True)
            write_examples(folder / "examples.jsonl", [with_passages(FREE)])
        if line.startswith("finetune"):
            run = tmp_path / "runs" / line.split("--name ")[1].split()[0]
            run.mkdir(parents=True)
            costs = {"tokens_trained": 1, "cpu_seconds": 1, "wall_seconds": 1, "peak_memory": 1}
            (run / "run.json").write_text(json.dumps({"costs": costs}), encoding="utf-8")

    demo_compare.demo_compare(step)
    assert [line.split()[0] for line in lines] == ["dataset", "finetune", "adapter", "compare"]
    for line in lines:
        words = line.split()
        command = words[: 2 if words[0] in ("dataset", "adapter") else 1]
        help_text = CliRunner().invoke(cli, [*command, "--help"]).output
        for flag in (word for word in words if word.startswith("--")):
            assert flag in help_text, line
    assert (
        str(tmp_path / "evaluations" / "demo-compare" / "report.html")
        in (demo_compare.next_steps()[0])
    )


def test_the_two_demos_of_training_are_not_run_at_once() -> None:
    """Each has its own data set and adapter, and a quarter of an hour."""
    found = CliRunner().invoke(cli, ["demo", "--finetune", "--compare"])
    assert isinstance(found.exception, UsageError)
