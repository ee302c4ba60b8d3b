"""What adapters cost on the TGI-compatible server: ``python -m benchmarks.adapters``.

    start ─► load, first answer, replace, unload (again) ─► load beside a running stream
          ─► the same answers by the base model, by one adapter, by several mixed (again) ─► ratios

All run on one server, in turns, so the load of the machine weighs on all.  The ratios are the
result; seconds and tokens per second only say which machine it was.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from benchmarks.random_adapters import write_random_adapter
from benchmarks.tgi_batching import RunningServer, generate, rate


@dataclass(frozen=True, slots=True)
class Swaps:
    """Seconds.  ``to_answer`` is from the request to load until an answer of one token by it."""

    first_load: float
    load: float
    load_to_answer: float
    replace: float
    unload: float
    longest_gap_of_a_stream: float
    longest_gap_while_loading: float


@dataclass(frozen=True, slots=True)
class Rates:
    """So many streams at once: tokens per second of the base, and ratios to it (medians)."""

    streams: int
    base_tokens_per_second: float
    one_adapter: float | None
    mixed: float | None
    rounds: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Report:
    """One run.  ``mixed``: every stream has another one of the adapters or the base, in turn."""

    model: str
    cores: int
    load: float
    lora_rank: int
    adapter_megabytes: float
    adapters_mixed: int
    swaps: Swaps
    rates: list[Rates]


def _post(url: str, path: str, **body: Any) -> float:
    """Seconds of one request."""
    begun = time.monotonic()
    httpx.post(f"{url}/v1/{path}", json=body, timeout=120).raise_for_status()
    return time.monotonic() - begun


def load(url: str, name: str, folder: Path, **more: Any) -> float:
    """Seconds of loading."""
    return _post(url, "load_lora_adapter", lora_name=name, lora_path=str(folder), **more)


def unload(url: str, name: str) -> float:
    """Seconds of unloading."""
    return _post(url, "unload_lora_adapter", lora_name=name)


def longest_gap(url: str, beside: Path | None) -> float:
    """The longest wait between two tokens of a stream, while an adapter is loaded and unloaded."""
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 60}}
    gaps, last = [], 0.0

    def swap() -> None:
        if beside is not None:
            load(url, "beside", beside)
            generate(url, "bread", 1, adapter="beside")
            unload(url, "beside")

    with (
        ThreadPoolExecutor(1) as pool,
        httpx.stream("POST", f"{url}/generate_stream", json=body, timeout=600) as answer,
    ):
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            now = time.monotonic()
            if last:
                gaps.append(now - last)
            else:
                pool.submit(swap)
            last = now
    return max(gaps)


def measure_swaps(url: str, folders: Sequence[Path], rounds: int) -> Swaps:
    """Load, ask, replace, unload."""
    first = load(url, "swapped", folders[0])
    unload(url, "swapped")
    loads, answers, replaces, unloads = [], [], [], []
    for number in range(rounds):
        begun = time.monotonic()
        loads.append(load(url, "swapped", folders[number % len(folders)]))
        generate(url, "bread", 1, adapter="swapped")
        answers.append(time.monotonic() - begun)
        other = folders[(number + 1) % len(folders)]
        replaces.append(load(url, "swapped", other, load_inplace=True))
        unloads.append(unload(url, "swapped"))
    pairs = [(longest_gap(url, None), longest_gap(url, folders[0])) for _ in range(rounds)]
    return Swaps(
        first_load=round(first, 3),
        load=round(statistics.median(loads), 3),
        load_to_answer=round(statistics.median(answers), 3),
        replace=round(statistics.median(replaces), 3),
        unload=round(statistics.median(unloads), 4),
        longest_gap_of_a_stream=round(statistics.median(quiet for quiet, _ in pairs), 3),
        longest_gap_while_loading=round(statistics.median(busy for _, busy in pairs), 3),
    )


def measure_rates(
    url: str, names: Sequence[str], *, streams: int, tokens: int, rounds: int
) -> Rates:
    """The base model, one adapter, several mixed, in turns."""
    kinds: dict[str, Sequence[str | None]] = {
        "base": (None,),
        "one": names[:1],
        "mixed": (*names, None),
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, adapters in kinds.items():
            if kind == "mixed" and streams == 1:
                continue  # nothing to mix
            found[kind].append(rate(url, clients=streams, tokens=tokens, adapters=adapters))

    def ratio(kind: str) -> float | None:
        pairs = zip(found["base"], found[kind], strict=False)
        ratios = [other / base for base, other in pairs]
        return round(statistics.median(ratios), 3) if ratios else None

    return Rates(
        streams=streams,
        base_tokens_per_second=round(statistics.median(found["base"]), 1),
        one_adapter=ratio("one"),
        mixed=ratio("mixed"),
        rounds={kind: [round(value, 1) for value in values] for kind, values in found.items()},
    )


def measure(
    data_dir: Path,
    model: Path,
    *,
    streams: Sequence[int],
    rank: int,
    adapters: int,
    tokens: int,
    rounds: int,
    arguments: Sequence[str],
) -> Report:
    """Run everything."""
    begun_load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as top:
        folders = [
            write_random_adapter(Path(top) / f"a{number}", model, rank=rank, seed=number)
            for number in range(adapters)
        ]
        size = (folders[0] / "adapter_model.safetensors").stat().st_size / 2**20
        batch = ["--max-batch", str(max(streams)), "--adapters-below", top]
        with RunningServer(data_dir, ["--model", str(model), *batch, *arguments]) as server:
            generate(server.url, "bread", 4)
            swaps = measure_swaps(server.url, folders, rounds)
            names = [f"adapter{number}" for number in range(adapters)]
            for name, folder in zip(names, folders, strict=True):
                load(server.url, name, folder)
            rates = [
                measure_rates(server.url, names, streams=one, tokens=tokens, rounds=rounds)
                for one in streams
            ]
    return Report(
        model=model.name,
        cores=len(os.sched_getaffinity(0)),
        load=round(begun_load, 1),
        lora_rank=rank,
        adapter_megabytes=round(size, 1),
        adapters_mixed=adapters,
        swaps=swaps,
        rates=rates,
    )


@click.command()
@click.option("--data", "data_dir", type=click.Path(path_type=Path), required=True)
@click.option("--model", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--streams", multiple=True, type=int, default=(1, 8, 32), show_default=True)
@click.option("--rank", default=16, show_default=True, help="LoRA rank of the adapters.")
@click.option("--adapters", default=4, show_default=True, help="How many are mixed.")
@click.option("--tokens", default=48, show_default=True, help="Tokens of each answer.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("server_arguments", nargs=-1)
def main(
    data_dir: Path, model: Path, as_json: bool, server_arguments: tuple[str, ...], **options: Any
) -> None:
    """Measure adapters on the model in a folder; arguments after ``--`` go to the server."""
    report = measure(data_dir, model, arguments=server_arguments, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=1))
        return
    for name, value in asdict(report).items():
        if name == "swaps":
            for part, seconds in value.items():
                click.echo(f"{part.replace('_', ' '):45} {seconds} s")
        elif name == "rates":
            for one in value:
                mixed = "nothing to mix" if one["mixed"] is None else f"mixed x {one['mixed']}"
                click.echo(
                    f"{one['streams']:3} streams: base {one['base_tokens_per_second']} tokens/s, "
                    f"one adapter x {one['one_adapter']}, {mixed}"
                )
        else:
            click.echo(f"{name.replace('_', ' '):45} {value}")


if __name__ == "__main__":
    main()
