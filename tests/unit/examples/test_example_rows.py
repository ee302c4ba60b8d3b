"""Data sets as JSONL: written and read by one module."""

import dataclasses
import json
from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.examples.rows import as_line, read_examples, write_examples
from esrag.types import Example, ExampleSource, Message

SOURCE = ExampleSource(
    index="esrag-docs-000001",
    set="docs",
    chunks=("c1", "c2"),
    documents=("a.md",),
    sources=("a.md",),
    hashes=("0" * 64,),
    maker="template:table",
    seed=7,
)
EXAMPLE = Example(
    id="e1",
    kind="grounded",
    split="train",
    messages=(Message("user", "Größe?\u2028"), Message("assistant", "Five. [1]")),
    question="Größe?\u2028",
    answer="Five. [1]",
    source=SOURCE,
    accepted=(("five", "5"),),
    relevant=(1,),
)


def test_comes_back_whole(tmp_path: Path) -> None:
    """What was written is read, separators of Unicode inside texts included."""
    file = tmp_path / "train.jsonl"
    assert write_examples(file, [EXAMPLE, dataclasses.replace(EXAMPLE, id="e2")]) == 2
    assert list(read_examples(file)) == [EXAMPLE, dataclasses.replace(EXAMPLE, id="e2")]


def test_same_examples_same_bytes(tmp_path: Path) -> None:
    """Writing does not depend on when or how often it is done."""
    one, two = tmp_path / "1", tmp_path / "2"
    write_examples(one, [EXAMPLE])
    write_examples(two, [EXAMPLE])
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "other"}, "kind is 'other'"),
        ({"messages": [{"role": "user", "content": "x"}]}, "must end with the assistant's"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role is 'robot'"),
        ({"question": 5}, "question is not a text"),
        ({"relevant": [0]}, "numbers of passages"),
        ({"source": {}}, "'seed' is missing"),
        ({"source": None}, "source is not an object"),
    ],
)
def test_wrong_row_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """A row that is no example is refused with its line and what is wrong."""
    file = tmp_path / "rows.jsonl"
    file.write_text(
        as_line(EXAMPLE) + "\n" + json.dumps({**json.loads(as_line(EXAMPLE)), **change})
    )
    with pytest.raises(UsageError, match="line 2") as caught:
        list(read_examples(file))
    assert words in caught.value.message


def test_no_file(tmp_path: Path) -> None:
    """A missing file is wrong usage, and says how to make one."""
    with pytest.raises(UsageError, match="cannot be read") as caught:
        list(read_examples(tmp_path / "none.jsonl"))
    assert "dataset build" in caught.value.hint
