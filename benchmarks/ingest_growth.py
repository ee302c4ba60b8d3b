"""Whether an ingest stays as fast and as small when the corpus grows: the whole client, no cluster.

    python -m benchmarks.ingest_growth --documents 1000 --documents 10000 --documents 100000

Real files go through the real parser children, ledger and engine; what stands for the cluster
takes every chunk and remembers ids and hashes in a file, so that its memory does not count.
Each size runs in a process of its own, first into an empty index, then again over what is there.
Prints JSON lines: documents and chunks a second, the parent's peak memory, the ledger's size.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

WORDS = "the cluster keeps every chunk of a document whole or not at all and says what it holds"


@click.command()
@click.option("--documents", "sizes", multiple=True, type=int, default=(1000, 10_000, 100_000))
@click.option("--processes", default=2, help="Parser children.")
@click.option("--bundle", type=click.Path(path_type=Path), help="A tokenizer.json to cut with.")
def main(sizes: Sequence[int], processes: int, bundle: Path | None) -> None:
    """Measure each size, smallest first."""
    from benchmarks.ingest import machine

    click.echo(json.dumps({"machine": machine()}))
    context = multiprocessing.get_context("spawn")
    for count in sorted(sizes):
        with tempfile.TemporaryDirectory(prefix="esrag-growth-") as folder:
            write(Path(folder) / "docs", count)
            for _ in range(2):
                answers: Any = context.SimpleQueue()
                arguments = (Path(folder), count, processes, bundle or _bundle(), answers)
                process = context.Process(target=_measured, args=arguments)
                process.start()
                process.join()
                click.echo(json.dumps(answers.get()))


def write(folder: Path, count: int) -> None:
    """Documents of one to three sections, each its own."""
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        sections = "\n\n".join(
            f"## Section {section}\n\n" + f"{number} {section} {WORDS}. " * 6
            for section in range(1 + number % 3)
        )
        path.write_text(f"# Document {number}\n\n{sections}\n", encoding="utf-8")


class CountingIndex:
    """Takes everything; remembers ids, hashes and positions in a file."""

    is_one_shard = True

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS chunks (id TEXT PRIMARY KEY, document TEXT, hash TEXT,"
            " position INTEGER) WITHOUT ROWID"
        )
        self._database.execute("CREATE INDEX IF NOT EXISTS documents ON chunks (document)")

    def send(self, actions: Sequence[Any]) -> list[Any]:
        """One bulk request."""
        import orjson

        from esrag.cluster.bulk import Item, Verdict

        rows = []
        for action in actions:
            source = orjson.loads(action.source)
            row = (source["document_id"], source["document_hash"], source["position"])
            rows.append((action.id, *row))
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)", rows)
            self._database.execute("COMMIT")
        return [Item(action, Verdict.ACKNOWLEDGED, 201) for action in actions]

    def stored(self, document_ids: Sequence[str]) -> dict[str, Any]:
        """What it remembers."""
        from esrag.cluster.chunk_index import Stored

        found = {}
        query = "SELECT hash, count(*), max(position) FROM chunks WHERE document = ? GROUP BY hash"
        with self._lock:
            for document_id in document_ids:
                rows = self._database.execute(query, (document_id,)).fetchall()
                if rows:
                    versions = {version: (count, count) for version, count, _ in rows}
                    found[document_id] = Stored(versions, max(row[2] for row in rows))
        return found

    def origins(self) -> dict[str, int]:
        """None is known."""
        return {}

    def refresh(self) -> None:
        """All is visible."""

    def documents(self, selection: Any) -> Iterator[Any]:
        """Nothing is removed here."""
        raise NotImplementedError

    def chunk_ids(self, document_ids: Sequence[str], *, origin: str = "") -> list[str]:
        """Nothing is removed here."""
        raise NotImplementedError


def _measured(folder: Path, count: int, processes: int, bundle: Path, answers: Any) -> None:
    from esrag.chunking import ChunkRules
    from esrag.corpus.listing import Listing, ListingOptions
    from esrag.indexing import Ingest, new_run_id
    from esrag.ledger import Ledger
    from esrag.parsing.pool import ParserPool
    from esrag.parsing.task import CuttingTask

    task = CuttingTask("growth", "model", bundle, ChunkRules())
    ledger_file = folder / "ledger.sqlite"
    with ParserPool(task, processes=processes) as pool, Ledger(ledger_file) as ledger:
        run_id = new_run_id()
        ledger.begin(run_id, [])
        index = CountingIndex(folder / "index.sqlite")
        run = Ingest(
            index, pool, ledger, run_id=run_id, set_name="growth", dead_letters=folder / "d.jsonl"
        )
        begun, cpu = time.monotonic(), time.process_time()
        run.run(Listing([str(folder / "docs")], ListingOptions()).entries())
        seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
        report = run.report()
    chunks = report.chunks_written
    answers.put(
        {
            "documents": count,
            "indexed": report.counts.indexed,
            "unchanged": report.counts.unchanged,
            "chunks": chunks,
            "seconds": round(seconds, 1),
            "documents_per_second": round(count / seconds),
            "parent_cpu_ms_per_document": round(1000 * cpu / count, 3),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "ledger_mib": round(ledger_file.stat().st_size / 2**20, 1),
        }
    )


def _bundle() -> Path:
    from esrag.settings import Settings
    from esrag.tokens import tokenizer_file

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    settings = Settings()
    return tokenizer_file(settings.data_dir, settings.model.id)


if __name__ == "__main__":
    main()
