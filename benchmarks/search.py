"""How long a search takes: esrag beside bare HTTP and other clients.

    python -m benchmarks.indexing --make-peers PEERS
    python -m benchmarks.retrieval prepare --column passages FOLDER
    python -m benchmarks.search --peers PEERS FOLDER [--questions N] [--out FILE]

Needs a running stack started without ``--fast-start`` whose cluster embeds.  FOLDER is a data set
in BEIR's layout.  All search the same documents with the same vectors, one passage a document:
esrag, the standard library and the client with two queries in the index that ``prepare`` made, the
others each in the index that it makes by itself.  Each contender has a process of its own; for
every question all of them are asked in an order drawn by lot, in every way that they have:

    bm25                     words, as each searches them
    dense                    by a vector that is given
    dense, asked in words    the cluster embeds the question
    hybrid                   both, the question given in words

Milliseconds are those of the call inside the process, with whatever it makes of the answer; CPU is
that of the client's process.  "ratio" is esrag's time over the other's, of the medians.  nDCG@10 is
over all questions asked, with the paired 95 % interval of esrag's lead.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from benchmarks.indexing import Worker
    from benchmarks.judged import Judged

WORKER = Path(__file__).with_name("search_peers.py")
INDEX = "esrag-benchmark-search"
SEED = 20261123
WARM_UP = 10
OURS = ("esrag", "bare", "two queries")
PEERS = ("langchain", "llama-index", "haystack")
# which of esrag's ways each of the others' is compared with
SAME_AIM = {
    "hybrid, texts at the end": "hybrid",
    "hybrid, scores added": "hybrid",
}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--peers", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--questions", default=300, show_default=True)
@click.option("--split", default="test", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(folder: Path, peers: Path | None, questions: int, split: str, out: Path | None) -> None:
    """Measure and print the table."""
    from benchmarks.ingest import machine
    from benchmarks.judged import load
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    judged = load(folder)
    names = list(judged.splits[split])[:questions]
    with connect_with(load_settings()) as client:
        rows, versions = measure(client, judged, names, peers)
        table = summary(judged, split, names, rows)
        sizes = answer_sizes(client, judged, names)
    for line in as_lines(table):
        click.echo(line)
    click.echo(f"bytes of an answer with 5 hits: {sizes}")
    if out:
        record = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
            "set": judged.name,
            "questions": len(names),
            "versions": versions,
            "bytes": sizes,
            "table": table,
        }
        out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measure(
    client: Elasticsearch, judged: Judged, names: list[str], peers: Path | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every question, every contender, every way."""
    from benchmarks.retrieval import embedded
    from esrag.settings import load_settings

    vectors = embedded(client, load_settings().model.id, [judged.questions[n] for n in names])
    lot = random.Random(SEED)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="esrag-search-") as scratch, ExitStack() as stack:
        order = write_input(Path(scratch), client, judged)
        pythons = {name: Path(sys.executable) for name in OURS}
        if peers:
            pythons |= {name: peers / name / "bin" / "python" for name in PEERS}
        workers = {
            name: stack.enter_context(worker(name, python, order[name]))
            for name, python in pythons.items()
        }
        ready = {name: each.ask(do="prepare") for name, each in workers.items()}
        turns = [(name, way) for name, answer in ready.items() for way in answer["ways"]]
        for number, name in enumerate(names[:WARM_UP] + names):
            lot.shuffle(turns)
            vector = vectors[names.index(name)].tolist()
            for contender, way in turns:
                asked = {"question": judged.questions[name], "vector": vector, "way": way}
                answer = workers[contender].ask(do="search", **asked)
                if number >= WARM_UP:
                    rows.append({"contender": contender, "way": way, "name": name, **answer})
        for peer in PEERS:
            for index in (f"{INDEX}-{peer}", f"{INDEX}-{peer}-words"):
                client.options(ignore_status=404).indices.delete(index=index)
    return rows, {name: answer["versions"] for name, answer in ready.items()}


def summary(
    judged: Judged, split: str, names: list[str], rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each contender and way."""
    import numpy as np

    from benchmarks.judged import per_question
    from esrag.statistics import paired_interval

    qrels = {name: judged.splits[split][name] for name in names}
    of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        of.setdefault((row["contender"], row["way"]), []).append(row)
    quality = {
        key: per_question({row["name"]: row["documents"] for row in found}, qrels)
        for key, found in of.items()
    }
    table = []
    for (contender, way), found in of.items():
        ours = of["esrag", SAME_AIM.get(way, way)]
        row = {
            "contender": contender,
            "way": way,
            "p50 ms": _ms(found, "seconds"),
            "esrag's p50 / this": round(_ms(ours, "seconds") / _ms(found, "seconds"), 3),
            "client cpu ms": _ms(found, "cpu"),
            "requests": max(each["requests"] for each in found),
            "ndcg@10": round(float(np.mean(quality[contender, way])), 3),
        }
        if contender != "esrag":
            for kind in {SAME_AIM.get(way, way), "linear"} if way.startswith("hybrid") else ():
                lead = quality["esrag", kind] - quality[contender, way]
                row[f"lead of esrag's {kind}"] = paired_interval(lead).words(sign=True)
        table.append(row)
    return sorted(table, key=lambda row: (row["way"].split(",")[0], row["p50 ms"]))


def _ms(rows: list[dict[str, Any]], name: str) -> float:
    """The median in milliseconds."""
    import numpy as np

    return round(float(np.median([row[name] for row in rows])) * 1000, 3)


def as_lines(table: list[dict[str, Any]]) -> Iterator[str]:
    """The table of the documentation."""
    heads = ("way", "contender", "p50 ms", "esrag's p50 / this", "client cpu ms", "requests")
    for row in table:
        cells = [str(row[head]) for head in (*heads, "ndcg@10")]
        leads = [f"{name[8:]} {value}" for name, value in row.items() if name.startswith("lead")]
        yield "| " + " | ".join([*cells, "; ".join(leads)]) + " |"


def answer_sizes(client: Elasticsearch, judged: Judged, names: list[str]) -> dict[str, int]:
    """The median and the largest answer of the hybrid template, at the size that search shows."""
    import numpy as np

    sizes = []
    for name in names:
        answer = client.perform_request(
            "POST",
            f"/esrag-docs-{judged.name}/_search/template",
            headers={"accept": "application/json", "content-type": "application/json"},
            body={
                "id": f"esrag-hybrid-{judged.name}",
                "params": {"query": judged.questions[name], "size": 5},
            },
        )
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
        sizes.append(len(text.encode()))
    return {"median": int(np.median(sizes)), "largest": max(sizes)}


def write_input(folder: Path, client: Elasticsearch, judged: Judged) -> dict[str, Path]:
    """Texts and vectors of esrag's index as files, and for each contender where they are."""
    import numpy as np

    from benchmarks.retrieval import Vectors, set_name
    from esrag.names import Names
    from esrag.settings import load_settings

    settings = load_settings()
    name = set_name(judged, "passages")
    vectors = Vectors.read(client, Names(name).alias)
    np.save(folder / "vectors.npy", vectors.matrix)
    texts = texts_of(client, Names(name).alias)
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as lines:
        for document in vectors.documents:
            lines.write(json.dumps({"id": document, "text": texts[document]}) + "\n")
    password = settings.elasticsearch.password
    order = {
        "url": settings.elasticsearch.url,
        "username": settings.elasticsearch.username,
        "password": password.get_secret_value() if password else "",
        "set": name,
        "model": settings.model.id,
        "texts": str(folder / "texts.jsonl"),
        "vectors": str(folder / "vectors.npy"),
    }
    paths = {}
    for contender in (*OURS, *PEERS):
        paths[contender] = folder / f"{contender}.json".replace(" ", "-")
        paths[contender].touch(mode=0o600)
        paths[contender].write_text(json.dumps({**order, "index": f"{INDEX}-{contender}"}))
    return paths


def texts_of(client: Elasticsearch, index: str) -> dict[str, str]:
    """What is embedded of each document: title and text."""
    from elasticsearch import helpers

    shown = ["document_id", "title", "text"]
    hits = helpers.scan(client, index=index, query={"_source": shown}, size=1000)
    sources = [hit["_source"] for hit in hits]
    return {each["document_id"]: f"{each.get('title', '')}\n{each['text']}" for each in sources}


@contextmanager
def worker(name: str, python: Path, order: Path) -> Iterator[Worker]:
    """Start a contender, and end it."""
    from benchmarks.indexing import Worker

    paths = [str(WORKER.parent.parent)] if name in OURS else []
    with subprocess.Popen(
        [str(python), str(WORKER), name, str(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        yield Worker(name, process)
        process.kill()


if __name__ == "__main__":
    main()
