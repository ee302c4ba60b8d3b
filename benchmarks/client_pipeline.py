"""How much of bare embedding's speed is left in a whole ingest, where this machine embeds.

    python -m benchmarks.client_pipeline CORPUS [--documents 400] [--rounds 5] [--set NAME]
                                         [--out FILE]

CORPUS is a corpus.jsonl in BEIR's format or a folder that holds one.  The settings must name a
cluster that has the set and does not embed (a stack with ``--tier basic``).  One embedder serves
both sides, in turns.  A round ingests documents that the index has not seen: listing, parser
children, look-up, embedding, sending, refresh and proof, until the books are closed.  Then the
texts of exactly these chunks are embedded again, and nothing else is done.  The ratio is the time
of the second over that of the first; the median of the rounds is the result.  The server shares
the machine and works in the first only, so few cores make the ratio worse than a cluster of its
own would.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from elasticsearch import helpers

from esrag.cli.assembly import client_vectors_from
from esrag.cli.ingest_reading import pool_from, reading_from
from esrag.cli.ingest_run import ingest_into
from esrag.cli.ingest_target import Target, target_from
from esrag.client_vectors import LOOK_AHEAD, ClientVectors
from esrag.cluster.bulk import Action
from esrag.corpus.listing import Listing, ListingOptions
from esrag.settings import load_settings

DELIVERY = 128


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--set", default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    path = options.corpus / "corpus.jsonl" if options.corpus.is_dir() else options.corpus
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records = [record for record in lines if record["text"].strip()]
    settings = load_settings(index={"set": options.set})
    target = target_from(settings)
    with client_vectors_from(settings, target.index) as vectors:
        if vectors is None:
            sys.exit("this set is embedded by its cluster; name one on a cluster that does not")
        rounds = [
            one_round(target, vectors, records[first : first + options.documents])
            for first in range(0, options.rounds * options.documents, options.documents)
        ]
    ratios = [each["ratio"] for each in rounds]
    result = {
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "median_ratio": round(statistics.median(ratios), 3),
        "rounds": rounds,
    }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def one_round(
    target: Target, vectors: ClientVectors, records: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Ingest these documents, then embed their chunks alone."""
    with tempfile.TemporaryDirectory(prefix="esrag-pipeline-") as scratch:
        folder = Path(scratch)
        for record in records:
            text = f"# {record.get('title') or record['_id']}\n\n{record['text']}\n"
            (folder / f"{record['_id']}.md").write_text(text, encoding="utf-8")
        whole, run_id = ingest_timed(target, vectors, folder)
    texts = texts_of(target, run_id)
    parts = [texts[first : first + DELIVERY] for first in range(0, len(texts), DELIVERY)]
    began = time.monotonic()
    with ThreadPoolExecutor(LOOK_AHEAD // DELIVERY) as askers:
        list(askers.map(vectors, parts))
    alone = time.monotonic() - began
    found = {
        "chunks": len(texts),
        "ingest_seconds": round(whole, 2),
        "embedding_seconds": round(alone, 2),
        "ratio": round(alone / whole, 3),
    }
    sys.stderr.write(json.dumps(found) + "\n")
    return found


def ingest_timed(target: Target, vectors: ClientVectors, folder: Path) -> tuple[float, str]:
    """Seconds of a whole run, and its id."""
    settings = target.settings
    with pool_from(settings, reading_from(settings)) as pool:
        listing = Listing([str(folder)], ListingOptions())
        began = time.monotonic()
        ended = ingest_into(
            target,
            listing.entries(),
            pool,
            [str(folder)],
            show=lambda _: None,
            embedding=nullcontext(vectors),
        )
        return time.monotonic() - began, ended.report.run_id


def texts_of(target: Target, run_id: str) -> list[Action]:
    """The chunks that a run wrote, as actions that only want a vector."""
    query = {"query": {"term": {"run_id": run_id}}, "_source": {"excludes": ["embedding"]}}
    hits = helpers.scan(target.client, index=target.alias, query=query)
    return [
        Action("index", hit["_id"], number, json.dumps(hit["_source"]).encode())
        for number, hit in enumerate(hits)
    ]


if __name__ == "__main__":
    main()
