"""What reading and cutting in children costs, beside reading and cutting in this process.

    python -m benchmarks.parsing                # 4,000 small Markdown files
    python -m benchmarks.parsing --files 20000

Needs a model bundle (``esrag model build``) for its tokenizer.  The sides take turns, the median
of the rounds is given; times of children include their start.  ``parent_mib`` is the peak of the
parent's memory so far, so it may only be compared between two numbers of files.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

ROUNDS = 3
WORDS = "the of index query vector shard node cluster field token passage answer".split()


@click.command()
@click.option("--files", "count", default=4000, show_default=True)
@click.option("--processes", default="1,2,3", show_default=True, help="Numbers of children.")
def main(count: int, processes: str) -> None:
    """Measure and print JSON lines."""
    from benchmarks.ingest import machine
    from esrag.chunking import ChunkRules
    from esrag.corpus.records import Listed
    from esrag.parsing.task import CuttingTask
    from esrag.settings import load_settings
    from esrag.tokens import tokenizer_file

    settings = load_settings()
    tokenizer = tokenizer_file(settings.data_dir, settings.model.id)
    task = CuttingTask("docs", settings.model.id, tokenizer, ChunkRules())
    click.echo(json.dumps({"machine": machine(), "files": count}))
    with tempfile.TemporaryDirectory() as folder:
        files = [Listed(path, path.name) for path in _written(Path(folder), count)]
        sides: dict[str, Callable[[], int]] = {"in process": lambda: _here(files, task)}
        for number in map(int, processes.split(",")):
            sides[f"{number} children"] = lambda n=number: _there(files, task, n)
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, side in sides.items():
                began = time.perf_counter()
                chunks = side()
                seconds[name].append(time.perf_counter() - began)
        base = statistics.median(seconds["in process"])
        for name, taken in seconds.items():
            median = statistics.median(taken)
            row = {"side": name, "chunks": chunks, "docs_per_second": round(count / median)}
            click.echo(json.dumps(row | {"speed_ratio": round(base / median, 2)}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    click.echo(json.dumps({"parent_mib": peak, "start_ms": _start_ms(task, Path(folder))}))


def _written(folder: Path, count: int) -> list[Path]:
    chance = random.Random(1)
    paths = []
    for number in range(count):
        sections = (" ".join(chance.choices(WORDS, k=120)) for _ in range(3))
        path = folder / f"{number:06}.md"
        path.write_text(f"# Page {number}\n\n" + "\n\n".join(f"## Part\n\n{s}." for s in sections))
        paths.append(path)
    return paths


def _here(files: list, task) -> int:  # type: ignore[no-untyped-def, type-arg]
    from esrag.chunking import cut, document_hash
    from esrag.corpus.reading import read
    from esrag.corpus.records import Parsed
    from esrag.tokens import read_tokenizer

    tokenizer = read_tokenizer(task.tokenizer)
    chunks = 0
    for file in files:
        for found in read(file, task.reading):
            if isinstance(found, Parsed):
                chunks += len(cut(found.document, tokenizer, task.rules, set_name=task.set_name))
                document_hash(found.document, task.rules, model_id=task.model_id)
    return chunks


def _there(files: list, task, processes: int) -> int:  # type: ignore[no-untyped-def, type-arg]
    from esrag.parsing.pool import ParserPool
    from esrag.parsing.task import Cut

    with ParserPool(task, processes=processes) as pool:
        reads = pool.read(enumerate(files))
        return sum(len(r.outcome.chunks) for r in reads if isinstance(r.outcome, Cut))


def _start_ms(task, folder: Path) -> int:  # type: ignore[no-untyped-def]
    """From nothing to the first answer of a child, without what the answer takes."""
    folder.mkdir(exist_ok=True)
    files = _written(folder, 1)
    from esrag.corpus.records import Listed

    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        _there([Listed(path, path.name) for path in files], task, 1)
        taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1000)


if __name__ == "__main__":
    main()
