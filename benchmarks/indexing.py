"""Bringing chunks with ready vectors into Elasticsearch: esrag's sender beside four others.

    python -m benchmarks.indexing --make-peers FOLDER
    python -m benchmarks.indexing --peers FOLDER [CORPUS] [--chunks 5000] [--rounds 5] [--out FILE]

Needs a running local stack started without ``--fast-start`` (or ``ESRAG_ELASTICSEARCH_URL`` and
its login in the settings), and for the first line ``uv`` and a package index.  The others are
elasticsearch-py's bulk helper (also with its packing of vectors), langchain-elasticsearch,
llama-index's and haystack's Elasticsearch stores.  Each has a virtual environment of its own in
FOLDER, as their pins of the client exclude each other, and a process of its own.  All get the same
texts, ids and vectors from files; CORPUS is a folder with BEIR's ``corpus.jsonl``, and without one
the texts are made from a seed.  Vectors are made from a seed as well: their values do not matter to
a client.

Two columns.  ``own``: each with the index that it makes by itself and its default options; esrag
with the mapping and the pipeline that it ships, which index more.  ``same``: one analysed text
field, one vector field with the same graph, everything else kept and not indexed, no refresh but
one at the end (llama-index refreshes after each request and cannot be told otherwise).  In each
round every contender runs once in each column, in an order drawn by lot; each round gives one
ratio, and the median of the ratios is the result.  Seconds end when all is acknowledged and
refreshed.  CPU seconds are those of the contender's process; those of the server come from its
statistics.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

COLUMNS = ("own", "same")
PACKAGES = {
    "bulk-helper": ("elasticsearch==9.5.1", "numpy"),
    "langchain": ("langchain-elasticsearch==1.0.0", "numpy"),
    "llama-index": ("llama-index-vector-stores-elasticsearch==0.7.0", "numpy"),
    "haystack": ("elasticsearch-haystack==7.1.0", "numpy"),
}
ENVIRONMENTS = {name: name for name in PACKAGES} | {"bulk-helper-packed": "bulk-helper"}
DIMS = 384
INDEX = "esrag-benchmark-indexing"
WORKER = Path(__file__).with_name("indexing_peers.py")
SEED = 20261123


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--make-peers", type=Path, metavar="FOLDER")
    parser.add_argument("--peers", type=Path, metavar="FOLDER")
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="CONTENDER", help="Beside esrag.")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.make_peers:
        make_environments(options.make_peers)
        return
    if not options.peers:
        parser.error("--peers FOLDER is needed; --make-peers FOLDER makes it")
    names = options.only or list(ENVIRONMENTS)
    result = measure(options.corpus, options.peers, names, options.chunks, options.rounds)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def make_environments(folder: Path) -> None:
    """A virtual environment for each of the others."""
    for name, packages in PACKAGES.items():
        subprocess.run(["uv", "venv", "--quiet", str(folder / name)], check=True)
        python = str(folder / name / "bin" / "python")
        subprocess.run(
            ["uv", "pip", "install", "--quiet", "--python", python, *packages], check=True
        )


def measure(
    corpus: Path | None, peers: Path, names: Sequence[str], chunks: int, rounds: int
) -> dict[str, Any]:
    """All contenders by turns."""
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    client = connect_with(load_settings())
    lot = random.Random(SEED)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="esrag-benchmark-") as folder, ExitStack() as stack:
        order, count = write_input(Path(folder), corpus, chunks)
        pythons = {"esrag": Path(sys.executable)} | {
            name: peers / ENVIRONMENTS[name] / "bin" / "python" for name in names
        }
        workers = {
            contender: stack.enter_context(worker(contender, python, order))
            for contender, python in pythons.items()
        }
        for number in range(rounds + 1):
            turns = [(each, column) for each in workers for column in COLUMNS]
            lot.shuffle(turns)
            for contender, column in turns:
                row = one_turn(client, workers[contender], column, count)
                row |= {"contender": contender, "column": column, "round": number}
                sys.stderr.write(json.dumps(row) + "\n")
                rows.append(row)
    rows = [row for row in rows if row["round"]]  # the first round warms everything up
    return {
        "machine": machine(),
        "elasticsearch": client.info()["version"]["number"],
        "corpus": corpus.name if corpus else "seeded",
        "chunks": count,
        "rounds": rounds,
        "columns": {column: table(rows, column) for column in COLUMNS},
        "rows": [{name: row[name] for name in row if name != "versions"} for row in rows],
    }


def one_turn(client: Any, contender: Worker, column: str, count: int) -> dict[str, Any]:
    """One index, filled once."""
    client.options(ignore_status=404).indices.delete(index=INDEX)
    contender.ask(do="prepare", index=INDEX, column=column)
    before = server_seconds(client)
    answer = contender.ask(do="run")
    server = server_seconds(client) - before
    found = client.count(index=INDEX)["count"]
    client.indices.delete(index=INDEX)
    if found != count:
        raise RuntimeError(f"{contender.name} brought {found} of {count} chunks")
    return {
        "chunks_per_second": round(count / answer["seconds"], 1),
        "client_cpu_ms": round(answer["cpu"] / count * 1000, 4),
        "server_cpu_ms": round(server / count * 1000, 4),
        "versions": answer["versions"],
    }


def table(rows: Sequence[dict[str, Any]], column: str) -> dict[str, dict[str, Any]]:
    """For each contender medians, and the medians of esrag's ratios to it."""
    found: dict[str, dict[str, Any]] = {}
    by_turn = {(row["contender"], row["round"]): row for row in rows if row["column"] == column}
    rounds = sorted({number for _, number in by_turn})
    for name in dict.fromkeys(contender for contender, _ in by_turn):
        theirs = [by_turn[name, number] for number in rounds]
        ours = [by_turn["esrag", number] for number in rounds]
        pairs = list(zip(ours, theirs, strict=True))
        speed = [a["chunks_per_second"] / b["chunks_per_second"] for a, b in pairs]
        found[name] = {
            "chunks_per_second": median(theirs, "chunks_per_second"),
            "client_cpu_ms": median(theirs, "client_cpu_ms"),
            "server_cpu_ms": median(theirs, "server_cpu_ms"),
            "esrag_is_faster_by": round(statistics.median(speed), 2),
            "in_each_round": [round(each, 2) for each in speed],
            "client_cpu_by": round(
                statistics.median(b["client_cpu_ms"] / a["client_cpu_ms"] for a, b in pairs), 1
            ),
            "server_cpu_by": round(
                statistics.median(b["server_cpu_ms"] / a["server_cpu_ms"] for a, b in pairs), 2
            ),
            "versions": theirs[0]["versions"],
        }
    return found


def median(rows: Sequence[dict[str, Any]], name: str) -> float:
    """Of one value over the rounds."""
    return round(statistics.median(row[name] for row in rows), 4)


def server_seconds(client: Any) -> float:
    """CPU seconds of all nodes of the cluster so far; they are counted anew once a second."""
    time.sleep(1.1)
    answer = client.nodes.stats(metric="process", filter_path="nodes.*.process.cpu")
    return sum(
        node["process"]["cpu"]["total_in_millis"] / 1000 for node in answer["nodes"].values()
    )


class Worker:
    """A contender's process."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no pipes")
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def worker(name: str, python: Path, order: Path) -> Iterator[Worker]:
    """Start a contender, and end it."""
    paths = [str(WORKER.parent.parent)] if name == "esrag" else []
    with subprocess.Popen(
        [str(python), str(WORKER), name, str(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        yield Worker(name, process)
        process.kill()


def write_input(folder: Path, corpus: Path | None, chunks: int) -> tuple[Path, int]:
    """Texts and vectors as files, and the file that says where they are."""
    import numpy as np

    from esrag.settings import load_settings

    settings = load_settings()
    records = list(corpus_records(corpus) if corpus else seeded_records(chunks))[:chunks]
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps(record) + "\n" for record in records))
    lot = np.random.default_rng(SEED)
    # as vectors of texts do, these lie near a surface of far fewer dimensions
    inner = lot.standard_normal((len(records), 24)) @ lot.standard_normal((24, DIMS))
    vectors = inner + 0.5 * lot.standard_normal((len(records), DIMS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "vectors.npy", vectors.astype(np.float32))
    password = settings.elasticsearch.password
    order = {
        "url": settings.elasticsearch.url,
        "username": settings.elasticsearch.username,
        "password": password.get_secret_value() if password else "",
        "texts": str(texts),
        "vectors": str(folder / "vectors.npy"),
    }
    path = folder / "order.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(order))
    return path, len(records)


def corpus_records(corpus: Path) -> Iterator[dict[str, str]]:
    """The documents of a folder in BEIR's form, one chunk each."""
    with (corpus / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield {
                "id": str(record["_id"]),
                "title": record.get("title") or "",
                "text": record["text"],
            }


def seeded_records(count: int) -> Iterator[dict[str, str]]:
    """Texts of 200 made-up words, drawn as words are: few of them often."""
    lot = random.Random(SEED)
    letters = "aeioubcdfghklmnprstvw"
    words = ["".join(lot.choices(letters, k=lot.randint(2, 10))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    for number in range(count):
        drawn = lot.choices(words, weights, k=208)
        yield {
            "id": f"made-{number}",
            "title": " ".join(drawn[:8]),
            "text": " ".join(drawn[8:]),
        }


def machine() -> str:
    """Processor, cores and load, because numbers without them say nothing."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
