"""What indexing took: the seconds of the runs that wrote what an index holds.

    run ids of the chunks ─► the ledger's runs ─► seconds, or nothing where one is not known

The books are those of this data folder: what another machine indexed is not measured here, and
that is told by None, never by a part of the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.cluster.stored_documents import require_all_shards
from esrag.errors import EsragError
from esrag.evaluation.records import System
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_run, write_run
from esrag.evaluation.systems import SEARCHING, settings_of
from esrag.ledger import Ledger
from esrag.names import Names
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_MOST_RUNS = 100


def note_index_seconds(
    folder: RunFolder, systems: Sequence[System], settings: Settings, client: Elasticsearch
) -> None:
    """Write into run.json what indexing took for each system that searches.

    Where that cannot be found out, nothing is noted: a comparison does not fail for it.
    """
    known: dict[str, float | None] = {}
    found: dict[str, float] = {}
    for system in systems:
        if system.kind not in SEARCHING:
            continue
        name = settings_of(system, settings).index.set
        if name not in known:
            known[name] = _seconds(client, name, settings.data_dir)
        seconds = known[name]
        if seconds is not None:
            found[system.name] = round(seconds, 3)
    write_run(folder, replace(read_run(folder), index_seconds=found))


def _seconds(client: Elasticsearch, name: str, data_dir: Path) -> float | None:
    alias = Names(name).alias
    try:
        with explained(f"asking which runs wrote {alias}"):
            cluster = str(client.info()["cluster_uuid"])
            answer = client.search(index=alias, body=runs_body()).body
        runs = read_runs(answer)
        file = data_dir / "ledgers" / f"{alias}-{cluster}.sqlite"
        if not file.is_file():
            return None
        with Ledger.reading(file) as ledger:
            took = ledger.seconds(runs)
    except (EsragError, KeyError):
        return None
    return sum(took.values()) if runs and took.keys() == set(runs) else None


def runs_body() -> dict[str, Any]:
    """The search for the runs that wrote what is there."""
    terms = {"field": "run_id", "size": _MOST_RUNS}
    return {"size": 0, "track_total_hits": False, "aggs": {"runs": {"terms": terms}}}


def read_runs(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids in an answer; none when there are more than one answer tells."""
    require_all_shards(answer)
    found = answer["aggregations"]["runs"]
    if found.get("sum_other_doc_count"):
        return ()
    return tuple(str(each["key"]) for each in found["buckets"])
