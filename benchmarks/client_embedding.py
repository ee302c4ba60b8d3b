"""How much faster esrag embeds on this machine than sentence-transformers does by default.

    python -m benchmarks.client_embedding [CORPUS] [--texts 400] [--threads 2] [--rounds 5]
                                          [--batch 32] [--out FILE]

CORPUS is a corpus.jsonl in BEIR's format (title and text of each line), or a folder that holds
one; without it the text is seeded.  All sides run in this one session, by turns, each in a process
of its own with the same threads and the same texts: ``SentenceTransformer.encode`` with its
defaults (batch 32, float32, on the CPU), and esrag's embedding process in each runtime that is
installed, among them the one that ``auto`` chooses at a cosine of 0.9999 and the fastest with a
mean cosine of at least 0.99.  Every side tokenizes.  Each round gives one ratio of CPU seconds to
those of sentence-transformers in the same round; the median of the ratios is the result, so that
other work on the machine slows all sides.  Wall time is given as well, but means little on a
machine that is shared.

Cosines are those with sentence-transformers' vectors.  Padding is tokens that went through the
model for one token of text, over a stream that is handed over in deliveries of 128 by several
threads, as ingest does it.
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
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from esrag.bundle import ModelBundle, bundle_folder, load_bundle
from esrag.embedding.measuring import choose, folder_for
from esrag.embedding.process import Embedder
from esrag.embedding.runtimes import EXACT, RUNTIMES
from esrag.settings import load_settings
from esrag.tracing.process import source_folder

DELIVERY, ASKERS = 128, 8
BOUND, MEAN_BOUND = 0.9999, 0.99
WORDS = (
    "the release of a new storage engine repairs backups that failed when disks were full and "
    "operators should read this runbook before they upgrade because prices for support change"
).split()
# The other side, in a process of its own: texts on its first line, then a line for each round.
OTHER = """
import json, os, sys, time
import torch
from sentence_transformers import SentenceTransformer
channel = os.fdopen(os.dup(1), "w"); os.dup2(2, 1)
folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
model = SentenceTransformer(folder, device="cpu")
texts = json.loads(sys.stdin.readline())
model.encode(texts[:32])
for _ in sys.stdin:
    cpu, wall = time.process_time(), time.perf_counter()
    vectors = model.encode(texts)
    facts = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    channel.write(json.dumps({**facts, "vectors": vectors.tolist()}) + "\\n"); channel.flush()
"""


def main() -> None:
    """Measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    texts = corpus_texts(options.corpus, options.texts)
    result = measure(texts, options.threads, options.rounds)
    result["corpus"] = options.corpus.name if options.corpus else "seeded"
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def corpus_texts(corpus: Path | None, count: int) -> list[str]:
    """Title and text of the first documents, or texts of seeded words."""
    if corpus is None:
        chance = random.Random(7)
        lengths = [max(6, min(220, int(chance.lognormvariate(4.15, 0.6)))) for _ in range(count)]
        return [" ".join(chance.choices(WORDS, k=length)) for length in lengths]
    file = corpus / "corpus.jsonl" if corpus.is_dir() else corpus
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[:count]]
    return [f"{line.get('title', '')} {line['text']}".strip() for line in lines]


class Other:
    """sentence-transformers in a process of its own."""

    def __init__(self, texts: Sequence[str], threads: int) -> None:
        folder = source_folder("packaged")
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", OTHER, str(folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        self._write(json.dumps(texts))

    def round(self) -> Mapping[str, Any]:
        """CPU seconds, seconds and vectors of one round."""
        self._write("again")
        assert self._process.stdout is not None
        found: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


def streamed(embedder: Embedder, texts: Sequence[str]) -> tuple[Mapping[str, Any], Any]:
    """One round of ours: deliveries by several threads, as ingest hands them over."""
    import numpy

    parts = [texts[first : first + DELIVERY] for first in range(0, len(texts), DELIVERY)]
    found: list[Any] = [None] * len(parts)
    numbers = iter(range(len(parts)))
    lock = threading.Lock()

    def ask() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            found[number] = embedder.matrix(parts[number])

    before, started = embedder.figures(), time.perf_counter()
    askers = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    after = embedder.figures()
    facts = {
        "cpu": after.cpu - before.cpu,
        "wall": time.perf_counter() - started,
        "padding": (after.padded - before.padded) / (after.tokens - before.tokens),
        "tokens": after.tokens - before.tokens,
    }
    return facts, numpy.concatenate(found)


def measure(texts: Sequence[str], threads: int, rounds: int) -> dict[str, Any]:
    """Every side by turns; medians of the ratios to sentence-transformers."""
    settings = load_settings()
    bundle = load_bundle(bundle_folder(settings.data_dir, settings.model.id))
    folder = folder_for(settings.data_dir, bundle)
    chosen = choose(bundle, folder, min_cosine=BOUND, threads=threads)
    names = [name for name, runtime in RUNTIMES.items() if not runtime.missing]
    other = Other(texts, threads)
    ours = {name: Embedder(bundle, runtime=name, cache=folder, threads=threads) for name in names}
    try:
        other.round()
        for embedder in ours.values():
            embedder.matrix(texts[:64])
        theirs: list[Mapping[str, Any]] = []
        mine: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
        vectors: dict[str, Any] = {}
        for _ in range(rounds):
            theirs.append(other.round())
            for name in names:
                facts, vectors[name] = streamed(ours[name], texts)
                mine[name].append(facts)
    finally:
        other.end()
        for embedder in ours.values():
            embedder.close()
    rows = {
        name: row(theirs, mine[name], cosines(vectors[name], theirs[0]["vectors"]))
        for name in names
    }
    exact = [name for name in names if rows[name]["min_cosine"] >= BOUND]
    rough = [name for name in names if rows[name]["mean_cosine"] >= MEAN_BOUND]
    fastest = lambda of: max(of, key=lambda name: rows[name]["cpu_ratio"])  # noqa: E731
    return {
        "machine": machine(bundle),
        "texts": len(texts),
        "tokens": mine[EXACT][0]["tokens"],
        "threads": threads,
        "rounds": rounds,
        "sentence_transformers": {
            "texts_per_cpu_second": round(
                len(texts) / statistics.median(one["cpu"] for one in theirs), 2
            )
        },
        "auto_at_0.9999": chosen.runtime,
        "fastest_at_cosine_0.9999": fastest(exact),
        "fastest_at_mean_cosine_0.99": fastest(rough),
        "runtimes": rows,
    }


def row(
    theirs: Sequence[Mapping[str, Any]], mine: Sequence[Mapping[str, Any]], cosine: Any
) -> dict[str, Any]:
    """What one runtime did: each round against the other side's in the same round."""
    cpu = [other["cpu"] / one["cpu"] for other, one in zip(theirs, mine, strict=True)]
    wall = [other["wall"] / one["wall"] for other, one in zip(theirs, mine, strict=True)]
    return {
        "cpu_ratio": round(statistics.median(cpu), 2),
        "cpu_ratios": [round(one, 2) for one in cpu],
        "wall_ratio": round(statistics.median(wall), 2),
        "tokens_per_cpu_second": round(
            statistics.median(one["tokens"] / one["cpu"] for one in mine)
        ),
        "padding": round(max(one["padding"] for one in mine), 4),
        "min_cosine": round(float(cosine.min()), 6),
        "mean_cosine": round(float(cosine.mean()), 6),
    }


def cosines(one: Any, other: Any) -> Any:
    """Of each vector with that of the other side."""
    import numpy

    left, right = numpy.asarray(one, dtype=float), numpy.asarray(other, dtype=float)
    lengths = numpy.linalg.norm(left, axis=1) * numpy.linalg.norm(right, axis=1)
    return (left * right).sum(axis=1) / lengths


def machine(bundle: ModelBundle) -> dict[str, Any]:
    """What the figures were taken on."""
    import importlib.metadata

    names = ("sentence-transformers", "torch", "openvino", "onnxruntime")
    return {
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "processor": platform.processor() or platform.machine(),
        "model": bundle.model_id,
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


if __name__ == "__main__":
    main()
