"""What indexing took: the runs that wrote what is there, by the ledger; never a part of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from comparing_desk import Place, compared

from esrag.evaluation.concluding import Means, conclude
from esrag.evaluation.index_costs import note_index_seconds, read_runs
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_run
from esrag.evaluation.systems import built_in_systems
from esrag.ledger import Ledger
from esrag.settings import load_settings
from esrag.testing_elasticsearch import ElasticsearchFake, Request
from esrag.testing_elasticsearch import Reply as Answered


def cluster(request: Request, *, runs: tuple[str, ...], others: int = 0) -> Answered:
    """Says who it is, and which runs wrote."""
    if not request.path:
        return Answered(200, {"cluster_uuid": "u", "version": {"number": "9.5.3"}})
    buckets = [{"key": run, "doc_count": 1} for run in runs]
    found = {"buckets": buckets, "sum_other_doc_count": others}
    return Answered(200, {"_shards": {"failed": 0}, "aggregations": {"runs": found}})


def ledger(data_dir: Path) -> None:
    """Two runs of 40 and 2.5 seconds, and one that was cut off."""
    file = data_dir / "ledgers" / "esrag-docs-x-u.sqlite"
    file.parent.mkdir(parents=True)
    with Ledger(file) as books:
        for name in ("one", "two", "cut"):
            books.begin(name, ["docs"])
    with closing(sqlite3.connect(file)) as database, database:
        for name, seconds in (("one", 40.0), ("two", 2.5)):
            query = "UPDATE runs SET ended = started + ? WHERE id = ?"
            database.execute(query, (seconds, name))


@pytest.mark.parametrize(
    ("runs", "others", "expected"),
    [
        (("one",), 0, 40.0),
        (("one", "two"), 0, 42.5),
        (("one", "cut"), 0, None),
        (("one", "elsewhere"), 0, None),
        (("one",), 7, None),
        ((), 0, None),
    ],
)
def test_only_a_whole_sum_is_told(
    tmp_path: Path, runs: tuple[str, ...], others: int, expected: float | None
) -> None:
    """A run that nobody knows makes the figure unknown; systems without an index have none."""
    ledger(tmp_path)
    systems = built_in_systems()[:2]
    folder = RunFolder(tmp_path / "r")
    compared(folder.path, Place(), systems=systems)
    client = ElasticsearchFake(lambda each: cluster(each, runs=runs, others=others)).client()
    settings = load_settings(data_dir=tmp_path, index={"set": "x"})
    note_index_seconds(folder, systems, settings, client)
    assert read_run(folder).index_seconds == ({} if expected is None else {"extractive": expected})
    costs = {each.system: each for each in conclude(folder, means=Means(tmp_path)).costs}
    assert costs["extractive"].index_seconds == expected
    assert costs["closed-book"].index_seconds is None


def test_a_cluster_that_is_gone_costs_no_comparison(tmp_path: Path) -> None:
    """The figure is missing, and that is all."""
    systems = built_in_systems()[:1]
    folder = RunFolder(tmp_path / "r")
    compared(folder.path, Place(), systems=systems)
    client = ElasticsearchFake(lambda _: Answered(503, {})).client()
    settings = load_settings(data_dir=tmp_path, index={"set": "x"})
    note_index_seconds(folder, systems, settings, client)
    assert read_run(folder).index_seconds == {}


def test_more_runs_than_an_answer_tells_are_none() -> None:
    """Their seconds would be a part."""
    found = {"buckets": [{"key": "a", "doc_count": 1}], "sum_other_doc_count": 1}
    assert read_runs({"_shards": {"failed": 0}, "aggregations": {"runs": found}}) == ()
