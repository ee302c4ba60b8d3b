"""The ML tier during ``esrag ingest``: how fast beside the bare model, and how busy.

    python -m benchmarks.ingest [CORPUS] [--rounds 5] [--copies 1] [--out FILE]
    python -m benchmarks.ingest --busy 1 2 4 [CORPUS] [--rounds 3] [--copies 4] [--out FILE]

Needs a running local stack and a model bundle (``esrag local up``, ``esrag model build``).

**Speed.**  Both sides run in this one session, by turns, on the same chunks: the bundle's traced
model called directly, in a process set up like the one of a deployment (same threads, allocator and
OpenMP settings), on inputs that are already tokenised, sorted by length and cut into batches of the
same token budget; and the command ``esrag ingest``, which reads, cuts, looks up, sends, embeds
through the ingest pipeline, indexes, refreshes and verifies.  Its seconds are those of its own
report: without the start of Python.  Each round gives one ratio, so that a machine that is busy for
a while slows both sides; the median of the ratios is the result.

**Busy** (``--busy``).  For each number of allocations, of one thread each, what part of the time
they spent in the model: the deployment's average time for an input times their count, divided by
allocations times seconds, from the first result to the last, as its statistics show it five times a
second.  Allocations beyond the machine's cores stay busy as well; they wait for a core inside the
model.

Titles get another word in each round, so that the deployment's cache knows no chunk from the round
before, and so does the folder, so that nothing is replaced.  The document set ``benchmark`` is made
for this and its objects are removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SET = "benchmark"
CLI = [sys.executable, "-c", "from esrag.cli import main; main()"]
DEFAULT_CORPUS = Path(__file__).resolve().parent.parent / "esrag" / "sample" / "documents"
ENVIRONMENT = {  # the same as the ML node process gives its children
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
TITLE_LINE = re.compile(r"^(title: *['\"]?|# |<title>)", re.MULTILINE)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", nargs="?", type=Path, default=DEFAULT_CORPUS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=1, help="Ingest the corpus that many times.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--busy", nargs="+", type=int, metavar="ALLOCATIONS")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare, options.threads)
        return
    corpus, rounds, copies = options.corpus, options.rounds, options.copies
    if options.busy:
        result = measure_busy(corpus, options.busy, rounds, copies)
    else:
        result = measure(corpus, rounds, copies)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def measure(corpus: Path, rounds: int, copies: int) -> dict[str, Any]:
    """Both sides by turns."""
    from esrag.settings import load_settings

    settings = load_settings(index={"set": SET})
    threads = settings.model.threads
    bundle = settings.data_dir / "bundles" / settings.model.id
    rows: list[dict[str, float]] = []
    chunks = tokens = 0
    with document_set(), bare_module(bundle, threads) as run_bare:
        for number in range(rounds + 1):
            with salted(corpus, f"salt{os.getpid()}x{number}x", copies) as folder:
                inputs = embedding_inputs(settings, folder)
                sequences = token_ids(bundle, inputs)
                bare = run_bare(sequences)
                report = ingest(folder)
            if report["chunks_written"] != len(inputs):
                raise RuntimeError(f"{report['counts']} of {len(inputs)} chunks")
            if number == 0:
                continue  # the first round warms both sides up
            chunks, tokens = len(inputs), sum(map(len, sequences))
            rows.append({"bare": bare, "ingest": report["seconds"]})
    ratios = [row["bare"] / row["ingest"] for row in rows]
    return {
        "machine": machine(),
        "corpus": corpus.name,
        "chunks": chunks,
        "tokens": tokens,
        "threads": threads,
        "bare_chunks_per_second": rate(chunks, [row["bare"] for row in rows]),
        "ingest_chunks_per_second": rate(chunks, [row["ingest"] for row in rows]),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 3),
    }


def measure_busy(
    corpus: Path, allocations: Sequence[int], rounds: int, copies: int
) -> dict[str, Any]:
    """By turns: so many allocations, one ingest, the share of time that they worked."""
    from esrag.settings import load_settings

    model_id = load_settings(index={"set": SET}).model.id
    shares: dict[int, list[float]] = {number: [] for number in allocations}
    rates: dict[int, list[float]] = {number: [] for number in allocations}
    with document_set(**size_of(allocations[0])):
        for number in range(rounds):
            for count in allocations:
                command("setup", "--set", SET, "--yes", **size_of(count))
                salt = f"busy{os.getpid()}x{number}x{count}x"
                with salted(corpus, salt, copies) as folder, watching(model_id) as samples:
                    report = ingest(folder, **size_of(count))
                shares[count].append(busy_share(samples, count))
                rates[count].append(report["chunks_written"] / report["seconds"])
                sys.stderr.write(f"{count}: {shares[count][-1]:.3f}, {rates[count][-1]:.0f}/s\n")
    return {
        "machine": machine(),
        "corpus": corpus.name,
        "chunks": report["chunks_written"],
        "busy": {
            count: {
                "median": round(statistics.median(shares[count]), 3),
                "in_each_round": [round(share, 3) for share in shares[count]],
                "chunks_per_second": round(statistics.median(rates[count]), 1),
            }
            for count in allocations
        },
    }


def size_of(allocations: int) -> dict[str, str]:
    """Settings of a deployment of that many allocations, as environment variables."""
    return {"ESRAG_MODEL_ALLOCATIONS": str(allocations), "ESRAG_MODEL_THREADS": "1"}


def busy_share(samples: Sequence[tuple[float, float]], allocations: int) -> float:
    """Of (time, seconds in the model so far): from where it begins to rise to where it ends."""
    first = next(n for n, sample in enumerate(samples) if sample[1] > samples[0][1]) - 1
    last = next(n for n, sample in enumerate(samples) if sample[1] == samples[-1][1])
    (start, before), (end, after) = samples[first], samples[last]
    return (after - before) / (end - start) / allocations


@contextmanager
def watching(deployment_id: str) -> Iterator[list[tuple[float, float]]]:
    """Samples of the seconds that a deployment spent in the model, taken beside the block."""
    from esrag.cli.connection import connect_with
    from esrag.cluster.deployments import read_deployment
    from esrag.settings import load_settings

    client = connect_with(load_settings())
    samples: list[tuple[float, float]] = []
    over = threading.Event()

    def watch() -> None:
        while True:
            found = read_deployment(client, deployment_id)
            if found is not None:
                seconds = found.average_ms * found.inference_count / 1000
                samples.append((time.monotonic(), seconds))
            if over.wait(0.2):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def rate(chunks: int, seconds: Sequence[float]) -> float:
    """Chunks a second in the median round."""
    return round(chunks / statistics.median(seconds), 1)


@contextmanager
def document_set(**environment: str) -> Iterator[None]:
    """A document set of its own, removed afterwards."""
    command("setup", "--set", SET, "--yes", **environment)
    try:
        yield
    finally:
        remove_document_set()


def remove_document_set() -> None:
    """Everything whose name ends with our set's; the trained model is shared and stays."""
    from esrag.cli.connection import connect_with
    from esrag.names import SEARCH_KINDS, Names
    from esrag.settings import load_settings

    names = Names(SET)
    client = connect_with(load_settings()).options(ignore_status=404)
    for index in client.indices.get(index=names.index_pattern, allow_no_indices=True):
        client.indices.delete(index=index)
    client.indices.delete_index_template(name=names.index_template)
    for template in (names.settings_template, names.mappings_template):
        client.cluster.delete_component_template(name=template)
    for pipeline in (names.embed_pipeline(1), names.intake_pipeline(1)):
        client.ingest.delete_pipeline(id=pipeline)
    for kind in SEARCH_KINDS:
        client.delete_script(id=names.search_template(kind))


@contextmanager
def salted(corpus: Path, salt: str, copies: int) -> Iterator[Path]:
    """A copy of the corpus in which every title holds another word."""
    folder = Path(tempfile.mkdtemp(prefix="esrag-benchmark-"))
    try:
        for copy in range(copies):
            target = folder / f"{salt}{copy}"  # ids that no round before had
            shutil.copytree(corpus, target)
            for path in target.rglob("*"):
                if path.is_file():
                    text = path.read_text(encoding="utf-8")
                    path.write_text(with_salt(path, text, f"{salt}{copy}"), encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder)


def with_salt(path: Path, text: str, salt: str) -> str:
    """The text with ``salt`` in its title, which is part of every chunk's context."""
    if path.suffix == ".jsonl":
        return re.sub(r'("title" *: *")', rf"\g<1>{salt} ", text)
    found = TITLE_LINE.sub(rf"\g<1>{salt} ", text, count=1)
    return found if found != text else f"{salt} notes\n==========\n\n{text}"


def embedding_inputs(settings: Any, folder: Path) -> list[str]:
    """What the pipeline hands to the model for each chunk of the folder."""
    from esrag.cli.ingest_reading import cutting_from
    from esrag.corpus.listing import Listing, ListingOptions
    from esrag.indexing import UnjailedReader, drafts_of
    from esrag.parsing.task import Cut

    entries = Listing([str(folder)], ListingOptions()).entries()
    found = drafts_of(entries, UnjailedReader(cutting_from(settings)))
    drafts = [each for each in found if isinstance(each, Cut)]
    return [f"{chunk.context}\n{chunk.text}" for each in drafts for chunk in each.chunks]


def ingest(folder: Path, **environment: str) -> dict[str, Any]:
    """The command's own report."""
    said = command("ingest", "--set", SET, "--json", str(folder), **environment)
    report: dict[str, Any] = json.loads(said)
    return report


def command(*arguments: str, **environment: str) -> str:
    """Run a command of esrag; its standard output."""
    done = subprocess.run(
        [*CLI, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        raise RuntimeError(f"esrag {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def token_ids(bundle: Path, texts: Sequence[str]) -> list[list[int]]:
    """The model's input for each text, special tokens included."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(bundle / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [tokenizer.encode(text).ids for text in texts]


@contextmanager
def bare_module(bundle: Path, threads: int) -> Iterator[Callable[[list[list[int]]], float]]:
    """The bare module in a process of its own, as the child of a deployment is."""
    with subprocess.Popen(
        [sys.executable, __file__, "--bare", str(bundle), "--threads", str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            **ENVIRONMENT,
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
        },
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no pipes")

        def run(sequences: list[list[int]]) -> float:
            stdin.write(json.dumps(sequences) + "\n")
            stdin.flush()
            return float(json.loads(stdout.readline()))

        yield run
        process.kill()


def serve_bare(bundle: Path, threads: int) -> None:
    """Embed the sequences of each line of standard input; answer with the seconds it took."""
    import numpy as np
    import torch

    from esrag.local.mlnode import forward
    from esrag.local.mlnode.arguments import build_arguments
    from esrag.local.mlnode.deployment import TOKENS_PER_THREAD

    forward.prepare(threads)
    module = torch.jit.load(str(bundle / "model.pt")).eval()  # type: ignore[no-untyped-call]
    for line in sys.stdin:
        batches: list[list[Any]] = []
        for sequence in sorted(json.loads(line), key=len):
            fits = batches and len(sequence) * (len(batches[-1]) + 1) <= TOKENS_PER_THREAD * threads
            batches = batches if fits else [*batches, []]
            batches[-1].append(np.array(sequence, dtype=np.int32))
        started = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                arguments = build_arguments("bert", batch, pad_id=0)
                module(*(torch.from_numpy(argument) for argument in arguments))
        sys.stdout.write(json.dumps(time.perf_counter() - started) + "\n")
        sys.stdout.flush()


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
