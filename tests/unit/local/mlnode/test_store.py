"""Uploaded models on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest

from esrag.local.mlnode.durable import Staging
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.store import ModelStore

VOCABULARY = orjson.dumps({"vocabulary": ["[PAD]", "[UNK]", "x"]})


def open_store(folder: Path) -> ModelStore:
    """A store as a fresh process opens it."""
    return ModelStore(folder / "models", Staging(folder / "staging"))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store with one model ``m`` that has a configuration only."""
    store = open_store(tmp_path)
    store.create("m", {"description": "été"})
    return store


def kind_of(error: pytest.ExceptionInfo[Problem]) -> str:
    """The kind of a refusal."""
    return error.value.kind


def test_a_model_survives_a_restart(tmp_path: Path, store: ModelStore) -> None:
    """Another process finds configuration, definition and vocabulary again."""
    store.put_part("m", 0, b"abc", total_parts=1, total_length=3)
    store.put_vocabulary("m", VOCABULARY)
    assert open_store(tmp_path).describe("m") == {
        "model_id": "m",
        "config": {"description": "été"},
        "definition": {
            "parts_stored": 1,
            "parts": [0],
            "total_parts": 1,
            "total_length": 3,
            "stored_length": 3,
            "complete": True,
            "sha256": hashlib.sha256(b"abc").hexdigest(),
        },
        "has_vocabulary": True,
    }


def test_a_second_model_of_the_same_id_is_refused(store: ModelStore) -> None:
    """Creating never replaces."""
    with pytest.raises(Problem) as refused:
        store.create("m", {})
    assert kind_of(refused) == "already_exists"


def test_parts_may_come_in_any_order(store: ModelStore) -> None:
    """The definition is the parts in the order of their numbers."""
    assert not store.put_part("m", 2, b"c", total_parts=3, total_length=3)
    assert not store.put_part("m", 0, b"a", total_parts=3, total_length=3)
    assert store.put_part("m", 1, b"b", total_parts=3, total_length=3)
    assert store.definition("m").sha256 == hashlib.sha256(b"abc").hexdigest()


def test_a_part_sent_again_replaces_itself_and_the_hash(store: ModelStore) -> None:
    """The recorded hash always describes the stored bytes."""
    store.put_part("m", 0, b"abc", total_parts=1, total_length=3)
    assert store.put_part("m", 0, b"xyz", total_parts=1, total_length=3)
    assert store.definition("m").sha256 == hashlib.sha256(b"xyz").hexdigest()


def test_lengths_that_do_not_add_up_leave_the_definition_incomplete(store: ModelStore) -> None:
    """All parts are there, but a byte is missing."""
    assert not store.put_part("m", 0, b"ab", total_parts=1, total_length=3)
    with pytest.raises(Problem, match="1 of 1 parts and 2 of 3 bytes"):
        store.deployable("m")


def test_more_bytes_than_announced_are_refused(store: ModelStore) -> None:
    """An upload cannot grow beyond what it said."""
    with pytest.raises(Problem, match="more than"):
        store.put_part("m", 0, b"abcd", total_parts=2, total_length=3)
    assert store.definition("m").stored_length == 0


def test_part_zero_with_other_totals_starts_over(store: ModelStore) -> None:
    """A half upload of one definition does not block another."""
    store.put_part("m", 0, b"aa", total_parts=2, total_length=4)
    assert store.put_part("m", 0, b"b", total_parts=1, total_length=1)
    assert store.definition("m").sha256 == hashlib.sha256(b"b").hexdigest()


def test_a_later_part_with_other_totals_is_refused(store: ModelStore) -> None:
    """Parts of two uploads do not mix."""
    store.put_part("m", 0, b"aa", total_parts=2, total_length=4)
    with pytest.raises(Problem, match="start with part 0"):
        store.put_part("m", 1, b"b", total_parts=2, total_length=3)


@pytest.mark.parametrize(
    ("part", "total_parts", "total_length", "body", "reason"),
    [
        (-1, 1, 1, b"a", "greater or equal to 0"),
        (1, 1, 1, b"a", r"\[part\] must be less than total_parts"),
        (0, 0, 1, b"a", r"\[total_parts\] must be greater than 0"),
        (0, 10_001, 1, b"a", "less than or equal to 10000"),
        (0, 1, 0, b"a", r"\[total_definition_length\] must be greater than 0"),
        (0, 1, 1, b"", "is empty"),
    ],
)
def test_impossible_parts_are_refused(
    store: ModelStore, part: int, total_parts: int, total_length: int, body: bytes, reason: str
) -> None:
    """Each limit answers with its own sentence."""
    with pytest.raises(Problem, match=reason) as refused:
        store.put_part("m", part, body, total_parts=total_parts, total_length=total_length)
    assert kind_of(refused) == "bad_request"


def test_a_crash_before_the_hash_was_written_is_made_good(
    tmp_path: Path, store: ModelStore
) -> None:
    """The last part is on disk, the record still lacks the hash."""
    store.put_part("m", 0, b"abc", total_parts=1, total_length=3)
    record = tmp_path / "models/m/definition.json"
    record.write_bytes(orjson.dumps({"total_parts": 1, "total_length": 3}))
    again = open_store(tmp_path)
    assert again.definition("m").sha256 == hashlib.sha256(b"abc").hexdigest()
    assert b"sha256" in record.read_bytes()


def test_what_a_crash_left_in_staging_is_swept_away(tmp_path: Path, store: ModelStore) -> None:
    """Half-written files never become models."""
    (tmp_path / "staging" / "half").write_bytes(b"x")
    assert open_store(tmp_path).ids() == ["m"]
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_deleted_model_is_gone(tmp_path: Path, store: ModelStore) -> None:
    """Nothing of it is left on disk."""
    store.put_part("m", 0, b"abc", total_parts=1, total_length=3)
    store.delete("m")
    assert store.ids() == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_same_vocabulary_again_is_welcome(store: ModelStore) -> None:
    """A resumed upload may repeat itself."""
    store.put_vocabulary("m", VOCABULARY)
    store.put_vocabulary("m", VOCABULARY)
    assert store.vocabulary("m").tokens == ("[PAD]", "[UNK]", "x")


def test_another_vocabulary_is_refused(store: ModelStore) -> None:
    """A vocabulary does not change under a model."""
    store.put_vocabulary("m", VOCABULARY)
    with pytest.raises(Problem) as refused:
        store.put_vocabulary("m", orjson.dumps({"vocabulary": ["y"]}))
    assert kind_of(refused) == "already_exists"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "must not be null"),
        (b"{}", "must not be null"),
        (b'{"vocabulary":[]}', "must not be empty"),
        (b'{"vocabulary":[1]}', "list of strings"),
        (b'{"vocabulary":["a"],"scores":[1,2]}', "same length"),
        (b'{"vocabulary":["a"],"merges":"a b"}', "list of strings"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(store: ModelStore, body: bytes, reason: str) -> None:
    """Each defect answers with its own sentence, and nothing is stored."""
    with pytest.raises(Problem, match=reason):
        store.put_vocabulary("m", body)
    assert not store.describe("m")["has_vocabulary"]


@pytest.mark.parametrize("call", ["describe", "config", "definition", "vocabulary", "delete"])
def test_an_unknown_model_is_not_found(store: ModelStore, call: str) -> None:
    """Every question about it says so."""
    with pytest.raises(Problem, match=r"Could not find trained model \[unknown\]") as refused:
        getattr(store, call)("unknown")
    assert kind_of(refused) == "not_found"
