"""Whatever the answers are, the books balance, and the index holds what they say."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_index import Desk
from spoiled_answers import SpoilingIndex

from esrag.errors import EsragError
from esrag.ledger import Ledger


def lines(desk: Desk) -> dict[str, tuple[str, str, int]]:
    """Of the last run: state, hash and chunks of each input, as the file on the disk has them."""
    with closing(sqlite3.connect(desk.folder / "ledger.sqlite")) as database:
        rows = database.execute(
            "SELECT name, state, document_hash, chunks FROM inputs"
            " WHERE run = (SELECT max(number) FROM runs)"
        )
        return {name: (state, version, chunks) for name, state, version, chunks in rows}


def check(desk: Desk, listed: int) -> None:
    """The identity, the index and the book of documents agree with each line."""
    counts = desk.last.counts
    final = counts.indexed + counts.unchanged + counts.rejected + counts.skipped
    assert counts.listed == final + counts.open == listed
    with Ledger.reading(desk.folder / "ledger.sqlite") as ledger:
        book = {document.id: document for document in ledger.documents()}
    for name, (state, version, chunks) in lines(desk).items():
        positions = desk.index.positions(name)
        if state in ("indexed", "unchanged"):
            assert positions == list(range(chunks))
            assert desk.index.versions(name) == {version}
            assert (book[name].hash, book[name].chunks) == (version, chunks)
        elif state == "rejected":
            assert positions == []
            assert name not in book


CASES = {
    "seed": st.integers(0, 1_000_000),
    "rate": st.sampled_from([0.01, 0.05, 0.2]),
    "is_one_shard": st.booleans(),
}


def spoiled_runs(folder: Path, seed: int, rate: float, is_one_shard: bool) -> None:
    """Runs over changing documents with spoiled answers; then a quiet one indexes the rest."""
    chance = random.Random(seed)
    desk = Desk(folder)
    desk.index = index = SpoilingIndex(seed)
    index.rate, index.is_one_shard = rate, is_one_shard
    for number in range(8):
        desk.write(f"{number}.txt", chance.randint(1, 9))
    for _ in range(3):
        with suppress(EsragError):
            desk.run(max_batch=chance.choice((3, 8, 50)))
        check(desk, 8)
        for number in chance.sample(range(8), 3):
            desk.write(f"{number}.txt", chance.randint(1, 9), chance.choice(("new", "newer")))
    index.rate = 0.0
    desk.run()
    check(desk, 8)
    assert desk.last.counts.indexed + desk.last.counts.unchanged == 8


@settings(max_examples=10, deadline=None)
@given(**CASES)
def test_the_books_balance_whatever_is_answered(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rate: float, is_one_shard: bool
) -> None:
    """After every run, and what a quiet run makes of it."""
    spoiled_runs(tmp_path_factory.mktemp("desk"), seed, rate, is_one_shard)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(**CASES)
def test_the_books_balance_in_many_cases(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rate: float, is_one_shard: bool
) -> None:
    """The same, for longer."""
    spoiled_runs(tmp_path_factory.mktemp("desk"), seed, rate, is_one_shard)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1_000_000), is_one_shard=st.booleans())
def test_no_search_sees_two_versions(
    tmp_path_factory: pytest.TempPathFactory, seed: int, is_one_shard: bool
) -> None:
    """After each request, whatever became of it, a document has chunks of one version only."""
    chance = random.Random(seed)
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.index = index = SpoilingIndex(seed)
    for number in range(4):
        desk.write(f"{number}.txt", chance.randint(1, 9))
    desk.run()
    for number in range(4):
        desk.write(f"{number}.txt", chance.randint(1, 9), "new")
    index.rate, index.is_one_shard = 0.1, is_one_shard
    index.after_action = lambda: [_one_version(index, f"{n}.txt") for n in range(4)]
    with suppress(EsragError):
        desk.run(max_batch=3)


def _one_version(index: SpoilingIndex, name: str) -> None:
    assert len(index.versions(name)) <= 1
