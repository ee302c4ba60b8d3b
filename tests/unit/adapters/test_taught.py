"""What was taught a document is found, wherever in the data folder it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.adapters.registry import Base, Registry
from esrag.adapters.taught import Taught, taught
from esrag.examples.kept_answers import KeptAnswer, KeptAnswers
from esrag.examples.rows import write_examples
from esrag.examples.teacher import FILE
from esrag.model_files import write_manifest
from esrag.training.run_folder import RunFolder
from esrag.types import Example, ExampleSource, Message
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama


def row(document: str, set_name: str = "birds") -> Example:
    """A row that was made of one document."""
    return Example(
        id=f"row-of-{document}",
        kind="knowledge",
        split="train",
        messages=(Message("user", "Which?"), Message("assistant", "This one.")),
        question="Which?",
        answer="This one.",
        source=ExampleSource(
            index="i", set=set_name, chunks=("c",), documents=(document,), sources=("s",),
            hashes=("h",), maker="m", seed=1,
        ),
    )  # fmt: skip


def asked(*names: str) -> set[str]:
    """The ids of documents."""
    return set(names)


def test_data_sets_runs_and_adapters_are_found(tmp_path: Path) -> None:
    """By rows, by what a teacher was asked, by notes of a run, and by manifests."""
    (tmp_path / "datasets" / "terns").mkdir(parents=True)
    write_examples(tmp_path / "datasets" / "terns" / "examples.jsonl", [row("a.md"), row("b.md")])
    with KeptAnswers(tmp_path / "datasets" / "broken-off" / "teacher" / "answers" / FILE) as kept:
        kept.keep("k", KeptAnswer("text", "stop"), documents=("b.md",))
    unfinished = RunFolder(tmp_path / "runs" / "unfinished")
    unfinished.path.mkdir(parents=True)
    unfinished.note_documents(["a.md", "b.md", "b.md"])
    base = Base("tiny", write_tiny_llama(tmp_path / "base"))
    trained = write_tiny_adapter(tmp_path / "runs" / "whole" / "adapter", base.folder)
    write_manifest(trained, facts={"data": {"documents": ["b.md"], "readers": ["wardens"]}})
    Registry(tmp_path / "adapters").add("facts", trained, base)
    wanted = asked("b.md", "zzz.md")
    assert taught(tmp_path, wanted.__contains__, set_name="birds") == [
        Taught("data set", "broken-off", 1),
        Taught("data set", "terns", 1),
        Taught("run", "unfinished", 1),
        Taught("run", "whole", 1),
        Taught("adapter", "facts", 1),
    ]
    assert taught(tmp_path, asked("zzz.md").__contains__) == []
    assert Registry(tmp_path / "adapters").find("facts").readers == ("wardens",)


def test_a_data_set_of_another_document_set_does_not_count(tmp_path: Path) -> None:
    """Documents of two sets may have one id."""
    (tmp_path / "datasets" / "terns").mkdir(parents=True)
    write_examples(tmp_path / "datasets" / "terns" / "examples.jsonl", [row("a.md", "others")])
    assert taught(tmp_path, asked("a.md").__contains__, set_name="birds") == []
    assert len(taught(tmp_path, asked("a.md").__contains__)) == 1


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("datasets/terns/examples.jsonl", "{"),
        ("datasets/terns/teacher/answers/answers.sqlite", "no database at all, " * 99),
        ("runs/terns/documents.json", "[" * 100_000),
        ("runs/terns/documents.json", json.dumps({"a.md": 1})),
        ("runs/terns/adapter/manifest.json", "[]"),
        ("adapters/terns/manifest.json", "\0"),
    ],
)
def test_what_cannot_be_looked_through_is_said(tmp_path: Path, place: str, content: str) -> None:
    """It may hold any document; nothing else is kept from being looked at."""
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(content)
    RunFolder(tmp_path / "runs" / "zz").path.mkdir(parents=True)
    RunFolder(tmp_path / "runs" / "zz").note_documents(["a.md"])
    damaged, *_ = found = taught(tmp_path, asked("a.md").__contains__)
    assert {each.name for each in found} == {"terns", "zz"}
    assert any(each.unreadable for each in found if each.name == "terns"), damaged
