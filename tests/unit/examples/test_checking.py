"""A data set that does not hold any more is found out: rows, splits, and documents that changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.examples import checking
from esrag.examples.desk import Desk, SplitShares
from esrag.examples.exporting import dataset_info, export
from esrag.examples.passages import Passage
from esrag.examples.rows import write_examples
from esrag.prompting import closed_book
from esrag.types import Example, Split

TERN = Passage("c1", "tern.md", 0, "A tern lays two eggs.", title="Tern", document_hash="h1")
DUNLIN = Passage("c2", "dunlin.md", 0, "A dunlin lays four.", title="Dunlin", document_hash="h2")


def row(passage: Passage, question: str, *, split: Split = "train") -> Example:
    """A row made of a passage."""
    desk = Desk(passages=None, index="docs", set="birds", seed=7, shares=SplitShares())  # type: ignore[arg-type]
    return desk.example(
        "knowledge", closed_book(question), question=question, answer=passage.text,
        passages=(passage,), maker="test", split=split,
    )  # fmt: skip


def beside(tmp_path: Path, held: Sequence[Passage], *, forbidden: Sequence[str] = ()) -> list[str]:
    """What is found in a data set of two rows beside an index that holds ``held``."""
    file = tmp_path / "rows.jsonl"
    write_examples(file, [row(TERN, "How many eggs?"), row(DUNLIN, "And the dunlin?")])
    found = checking.findings_beside(file, held, forbidden.__contains__)
    return [f"{each.document}: {each.what}" for each in found]


def test_an_index_that_is_as_it_was_has_no_findings(tmp_path: Path) -> None:
    """Neither does one to which documents came."""
    assert beside(tmp_path, [TERN, DUNLIN, dataclasses.replace(TERN, id="c9")]) == []


def test_what_went_changed_or_may_not_be_used_is_told_apart(tmp_path: Path) -> None:
    """Each is something else to do for whoever trains."""
    changed = dataclasses.replace(TERN, document_hash="h9")
    assert beside(tmp_path, [changed]) == [
        f"tern.md: {checking.CHANGED}",
        f"dunlin.md: {checking.GONE}",
    ]
    assert beside(tmp_path, [TERN], forbidden=["c2"]) == [f"dunlin.md: {checking.NOT_ALLOWED}"]


def test_a_file_that_was_put_together_by_hand_is_looked_at(tmp_path: Path) -> None:
    """An id twice, a document and a question in two splits, an answer that nobody gives."""
    file = tmp_path / "rows.jsonl"
    one = row(TERN, "How many eggs?")
    false = dataclasses.replace(row(DUNLIN, "Which bird?"), answer="A dodo.")
    write_examples(file, [one, one, row(TERN, "Eggs, how many?", split="test"), false])
    found = [each.what for each in checking.findings_in_file(file)]
    assert sorted(set(found)) == [
        "its answer is not what the assistant says",
        "its document stands in several splits",
        "its id is used twice",
        "its question stands in several splits",
    ]


def test_a_file_that_is_not_its_cards_is_told(tmp_path: Path) -> None:
    """Whoever edits the rows has another data set."""
    file = tmp_path / "examples.jsonl"
    write_examples(file, [row(TERN, "How many eggs?")])
    (tmp_path / "card.json").write_text(json.dumps({"file": file.name, "sha256": "0" * 64}))
    (found,) = checking.findings_in_file(file)
    assert "not the one that its card describes" in found.what


def test_an_export_for_trl_has_the_answer_as_its_completion(tmp_path: Path) -> None:
    """And a file for each split, called as trainers call them."""
    file = tmp_path / "rows.jsonl"
    write_examples(file, [row(TERN, "How many eggs?"), row(DUNLIN, "And?", split="dev")])
    counts = export(file, tmp_path / "out", "trl")
    assert counts == {"train.jsonl": 1, "validation.jsonl": 1}
    (line,) = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    body = json.loads(line)
    assert [message["role"] for message in body["prompt"]] == ["system", "user"]
    assert body["completion"] == [{"role": "assistant", "content": TERN.text}]


def test_an_export_for_llama_factory_names_its_files(tmp_path: Path) -> None:
    """Its list is keyed by data set and file, with the tags of the messages."""
    file = tmp_path / "rows.jsonl"
    write_examples(file, [row(TERN, "How many eggs?")])
    export(file, tmp_path / "out", "llama-factory", name="birds")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert info == dataset_info(["train.jsonl"], name="birds")
    assert info["birds_train"]["file_name"] == "train.jsonl"


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    """A folder that holds something is somebody's."""
    file = tmp_path / "rows.jsonl"
    write_examples(file, [row(TERN, "How many eggs?")])
    with pytest.raises(UsageError, match="is not empty"):
        export(file, tmp_path, "messages")
    with pytest.raises(UsageError, match="no rows of kind grounded"):
        export(file, tmp_path / "out", "messages", kinds=["grounded"])
