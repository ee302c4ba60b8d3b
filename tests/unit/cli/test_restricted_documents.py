"""What only some may read does not reach an adapter or a model without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esrag.cli import cli
from esrag.examples.rows import write_examples
from esrag.prompting import closed_book
from esrag.types import Example, ExampleSource, Message, Split
from tests.tiny_llama import write_tiny_llama


def row(number: int, *acl: str, split: Split = "train") -> Example:
    """A row of one document, which these may read."""
    question, answer = f"How many eels does tern {number} eat?", f"It eats {number} eels."
    return Example(
        id=f"row-{number}",
        kind="knowledge",
        split=split,
        messages=(*closed_book(question), Message("assistant", answer)),
        question=question,
        answer=answer,
        source=ExampleSource(
            index="i", set="birds", chunks=(f"c{number}",), documents=(f"tern-{number}.md",),
            sources=("s",), hashes=("h",), acl=acl, maker="m", seed=1,
        ),
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a tiny base model."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ESRAG_TRAINING_BASE_MODEL", str(write_tiny_llama(tmp_path / "base")))
    monkeypatch.setenv("ESRAG_TRAINING_THREADS", "1")
    return tmp_path


def call(*arguments: str) -> Result:
    """A command; raises what it raises."""
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_readers_go_from_the_rows_to_the_adapter_and_are_told(data: Path) -> None:
    """They stand in run.json, manifest and card, and who registers the adapter is warned."""
    rows = [row(1), row(2, "wardens"), row(3, "ringers", "wardens"), row(4, "boss", split="test")]
    write_examples(data / "rows.jsonl", rows)
    done = call(
        "finetune", str(data / "rows.jsonl"), "--name", "terns", "--max-steps", "1", "--json"
    )
    assert done.exit_code == 0, done.output
    run = data / "data" / "runs" / "terns"
    readers = ["ringers", "wardens"]  # what is not trained on is not taught
    assert json.loads((run / "run.json").read_text())["data"]["readers"] == readers
    manifest = json.loads((run / "adapter" / "manifest.json").read_text())
    assert manifest["data"]["readers"] == readers
    assert "only for: ringers, wardens" in (run / "adapter" / "README.md").read_text()
    listed = json.loads((run / "documents.json").read_text())
    assert listed == ["tern-1.md", "tern-2.md", "tern-3.md"]
    added = call("adapter", "add", "terns", "--no-load")
    assert "only these may read: ringers, wardens" in added.stderr
    assert "some only for ringers, wardens" in added.stdout
