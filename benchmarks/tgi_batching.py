"""What batching gains, one client against eight: ``python -m benchmarks.tgi_batching``.

    start server -> ready -> one client -> eight clients -> (again) -> ratio

Both sides run the same greedy requests in turns, so the load of the machine weighs on both.
The ratio is the result; tokens per second only say which machine it was.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import httpx

TOPICS = ("rivers", "bread", "planets", "bridges", "music", "winter", "trains", "gardens")
_LISTENING = re.compile(r"listening at (\S+),")


@dataclass(frozen=True, slots=True)
class Report:
    """One run.  Seconds to first token are with the given number of prompt tokens, alone."""

    cores: int
    load: float
    start_seconds: float
    resident_megabytes: int
    one_client_tokens_per_second: float
    many_clients_tokens_per_second: float
    clients: int
    ratio: float
    prompt_tokens: int
    first_token_seconds: float
    longest_gap_beside_a_long_prompt_seconds: float


class RunningServer:
    """A server of this benchmark's own; a context that ends it by its pid."""

    def __init__(self, data_dir: Path, arguments: list[str]) -> None:
        self._log = tempfile.NamedTemporaryFile(suffix=".log")  # noqa: SIM115 - closed in __exit__
        command = [sys.executable, "-m", "esrag.local.tgi", "--port", "0", "--data", str(data_dir)]
        begun = time.monotonic()
        self._process = subprocess.Popen([*command, *arguments], stderr=self._log)
        self.url = self._address()
        while httpx.get(f"{self.url}/health", timeout=60).status_code != 200:
            time.sleep(0.1)
        self.start_seconds = time.monotonic() - begun

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()

    @property
    def resident_megabytes(self) -> int:
        """Memory of the process now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found.group(1)) // 1024 if found else 0

    def _address(self) -> str:
        while self._process.poll() is None:
            if found := _LISTENING.search(Path(self._log.name).read_text()):
                return found.group(1)
            time.sleep(0.05)
        raise click.ClickException(Path(self._log.name).read_text())


def generate(url: str, topic: str, tokens: int, *, adapter: str | None = None) -> int:
    """One answer, by the base model or an adapter; how many tokens it has."""
    prompt = f"Write a long story about {topic}. The story begins:\n"
    parameters = {"max_new_tokens": tokens, "details": True, "adapter_id": adapter}
    body = {"inputs": prompt, "parameters": parameters}
    response = httpx.post(f"{url}/generate", json=body, timeout=600)
    response.raise_for_status()
    return int(response.json()["details"]["generated_tokens"])


def rate(url: str, *, clients: int, tokens: int, adapters: Sequence[str | None] = (None,)) -> float:
    """Tokens per second of all clients together, each with one of the adapters in turn."""

    def one(place: int) -> int:
        topic = TOPICS[place % len(TOPICS)]
        return generate(url, topic, tokens, adapter=adapters[place % len(adapters)])

    begun = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        done = sum(pool.map(one, range(clients)))
    return done / (time.monotonic() - begun)


def long_prompt(words: int) -> str:
    """A prompt of roughly as many tokens as a question with its passages."""
    return "Passages: " + " ".join(f"item {place}" for place in range(words // 3))


def first_token(url: str, prompt: str) -> tuple[int, float]:
    """Prompt tokens, and seconds until the first token of a stream."""
    body = {"inputs": prompt, "parameters": {"max_new_tokens": 2, "details": True}}
    begun = time.monotonic()
    first = 0.0
    details = {}
    with httpx.stream("POST", f"{url}/generate_stream", json=body, timeout=600) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                first = first or time.monotonic() - begun
                details = json.loads(line[6:])["details"]
    return int(details["input_length"]), first


def longest_gap(url: str, prompt: str) -> float:
    """The longest wait between two tokens of a stream while a long prompt is read beside it."""
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 60}}
    gaps = []
    last = 0.0
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
                pool.submit(first_token, url, prompt)
            last = now
    return max(gaps)


def measure(
    data_dir: Path, *, clients: int, tokens: int, rounds: int, arguments: list[str]
) -> Report:
    """Run everything."""
    load = os.getloadavg()[0]
    with RunningServer(data_dir, arguments) as server:
        generate(server.url, TOPICS[0], 4)
        single, many = [], []
        for _ in range(rounds):
            single.append(rate(server.url, clients=1, tokens=tokens))
            many.append(rate(server.url, clients=clients, tokens=tokens))
        ratios = [both / one for one, both in zip(single, many, strict=True)]
        prompt = long_prompt(1500)
        prompt_tokens, first = first_token(server.url, prompt)
        return Report(
            cores=len(os.sched_getaffinity(0)),
            load=load,
            start_seconds=round(server.start_seconds, 1),
            one_client_tokens_per_second=round(statistics.median(single), 1),
            many_clients_tokens_per_second=round(statistics.median(many), 1),
            clients=clients,
            ratio=round(statistics.median(ratios), 2),
            prompt_tokens=prompt_tokens,
            first_token_seconds=round(first, 2),
            longest_gap_beside_a_long_prompt_seconds=round(longest_gap(server.url, prompt), 2),
            resident_megabytes=server.resident_megabytes,
        )


@click.command()
@click.option("--data", "data_dir", type=click.Path(path_type=Path), required=True)
@click.option("--clients", default=8, show_default=True)
@click.option("--tokens", default=48, show_default=True, help="Tokens of each answer.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("server_arguments", nargs=-1)
def main(
    data_dir: Path,
    clients: int,
    tokens: int,
    rounds: int,
    as_json: bool,
    server_arguments: tuple[str, ...],
) -> None:
    """Measure; further arguments go to the server, after ``--``."""
    report = asdict(
        measure(
            data_dir,
            clients=clients,
            tokens=tokens,
            rounds=rounds,
            arguments=list(server_arguments),
        )
    )
    if as_json:
        click.echo(json.dumps(report))
        return
    for name, value in report.items():
        click.echo(f"{name.replace('_', ' '):45} {value}")


if __name__ == "__main__":
    main()
