"""How fast documents are cut, on hard documents and beside other libraries.

    python -m benchmarks.chunking hard             # a row for each document and strategy
    python -m benchmarks.chunking peers            # what is installed of the others

Needs a model bundle (``esrag model build``) for its tokenizer.  CPU seconds of one thread.
"peers" cuts the sample documents, as one Markdown text, into chunks of 150 tokens that share 30,
and counts chunks whose text is not the document's at the offset given, chunks that are too long,
and characters that no chunk holds.  The sides take turns; the median of the rounds is given.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

ROUNDS = 5
MAX_TOKENS, SHARED = 150, 30
SAMPLE = Path(__file__).resolve().parent.parent / "esrag" / "sample" / "documents"
Cut = Callable[[], list[tuple[int, str]]]


@click.command()
@click.argument("what", type=click.Choice(["hard", "peers"]))
@click.option("--big", is_flag=True, help="hard: also 100 MB of prose.")
def main(what: str, *, big: bool) -> None:
    """Measure and print JSON lines."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from benchmarks.ingest import machine

    click.echo(json.dumps({"machine": machine()}))
    for row in hard(big=big) if what == "hard" else peers():
        click.echo(json.dumps(row))


def hard(*, big: bool) -> Iterator[dict[str, Any]]:
    """Documents that a careless cutter takes for ever with."""
    from esrag.chunking import STRATEGIES, ChunkRules, cut
    from esrag.types import Document

    tokenizer = _tokenizer()
    for name, text, blocks in _hard_documents(big=big):
        document = Document(id="d", text=text, title="T", source="d", blocks=blocks)
        for strategy in STRATEGIES:
            begun = time.process_time()
            chunks = cut(document, tokenizer, ChunkRules(strategy=strategy), set_name="s")
            seconds = time.process_time() - begun
            yield {
                "document": name,
                "strategy": strategy,
                "megabytes": round(len(text) / 1e6, 2),
                "chunks": len(chunks),
                "seconds": round(seconds, 2),
                "milliseconds_a_chunk": round(1000 * seconds / len(chunks), 3),
            }


def _hard_documents(*, big: bool) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    from esrag.corpus.formats.plain import parse_blocks
    from esrag.types import Block

    prose = _prose(150_000)
    for times in (1, 16, *((100,) if big else ())):
        yield f"prose x{times}", prose * times, parse_blocks(prose * times)
    for letters in (60_000, 600_000):
        yield f"word of {letters}", "x" * letters, ()
    for rows in (10_000, 100_000):
        table = "| a | b |\n|---|---|\n" + "".join(f"| row {n} | {n * 7} |\n" for n in range(rows))
        yield f"table of {rows}", table, (Block("table", 0, len(table)),)
    for count in (10_000, 100_000):
        text, blocks = "", []
        parts = []
        at = 0
        for number in range(count):
            heading, words = f"## Heading {number}\n\n", f"Some words about {number}.\n\n"
            blocks.append(Block("heading", at, at + len(heading), 2))
            blocks.append(Block("paragraph", at + len(heading), at + len(heading) + len(words)))
            at += len(heading) + len(words)
            parts += [heading, words]
        text = "".join(parts)
        yield f"headings {count}", text, tuple(blocks)
    yield "blanks", " \n" * 5_000_000 + "x", ()
    yield "dots", "." * 1_000_000, ()
    code = "".join(f"    x{n} = {n}\n" for n in range(100_000))
    yield "code without definitions", code, (Block("code", 0, len(code)),)


def _prose(words: int) -> str:
    chosen = random.Random(1)
    known = sorted({word for file in SAMPLE.rglob("*.md") for word in file.read_text().split()})
    weights = [1 / (rank + 1) for rank in range(len(known))]
    chosen.shuffle(known)
    found = chosen.choices(known, weights, k=words)
    return "".join(
        word + ("\n\n" if n % 170 == 169 else ". " if n % 17 == 16 else " ")
        for n, word in enumerate(found)
    )


def peers() -> Iterator[dict[str, Any]]:
    """Ours and what is installed of theirs."""
    text = "\n\n".join(file.read_text() for file in sorted(SAMPLE.rglob("*.md")))
    tokenizer = _tokenizer()
    sides = {**_ours(text), **_theirs(text)}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    chunks: dict[str, list[tuple[int, str]]] = {}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            begun = time.process_time()
            chunks[name] = side()
            seconds[name].append(time.process_time() - begun)
    for name, found in chunks.items():
        covered = bytearray(len(text))
        exact = [(at, part) for at, part in found if text[at : at + len(part)] == part]
        for at, part in exact:
            covered[at : at + len(part)] = b"\1" * len(part)
        yield {
            "splitter": name,
            "chunks": len(found),
            "milliseconds_a_chunk": round(1000 * statistics.median(seconds[name]) / len(found), 3),
            "first_round": round(1000 * seconds[name][0] / len(found), 3),
            "exact_offsets": len(exact),
            "too_long": sum(tokenizer.count(part) > MAX_TOKENS for _, part in found),
            "characters_lost": sum(
                not covered[n] and not letter.isspace() for n, letter in enumerate(text)
            ),
        }


def _ours(text: str) -> dict[str, Cut]:
    from esrag.chunking import STRATEGIES, ChunkRules, Strategy, cut
    from esrag.corpus.formats.markdown import parse_blocks
    from esrag.types import Document

    document = Document(id="d", text=text, title="", source="d", blocks=parse_blocks(text))

    def side(strategy: Strategy) -> Cut:
        rules, tokenizer = ChunkRules(MAX_TOKENS, SHARED, strategy), _tokenizer()
        return lambda: [
            (chunk.start, chunk.text) for chunk in cut(document, tokenizer, rules, set_name="s")
        ]

    return {f"esrag {strategy}": side(strategy) for strategy in STRATEGIES}


def _theirs(text: str) -> dict[str, Cut]:
    tokenizer = _raw_tokenizer()

    def length(part: str) -> int:
        return len(tokenizer.encode(part, add_special_tokens=False).ids)

    found: dict[str, Cut] = {}
    try:
        import semantic_text_splitter as fast

        for kind in (fast.TextSplitter, fast.MarkdownSplitter):
            splitter = kind.from_huggingface_tokenizer(tokenizer, MAX_TOKENS, SHARED)
            found[
                f"semantic-text-splitter {_version('semantic-text-splitter')} {kind.__name__}"
            ] = lambda splitter=splitter: splitter.chunk_indices(text)
    except ImportError:
        pass
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        recursive = RecursiveCharacterTextSplitter(
            chunk_size=MAX_TOKENS,
            chunk_overlap=SHARED,
            length_function=length,
            add_start_index=True,
        )
        found[f"langchain-text-splitters {_version('langchain-text-splitters')}"] = lambda: [
            (each.metadata["start_index"], each.page_content)
            for each in recursive.create_documents([text])
        ]
    except ImportError:
        pass
    try:
        import chonkie

        for chunker in (
            chonkie.SentenceChunker(
                tokenizer=tokenizer, chunk_size=MAX_TOKENS, chunk_overlap=SHARED
            ),
            chonkie.RecursiveChunker(tokenizer=tokenizer, chunk_size=MAX_TOKENS),
        ):
            found[f"chonkie {_version('chonkie')} {type(chunker).__name__}"] = (
                lambda chunker=chunker: [(each.start_index, each.text) for each in chunker(text)]
            )
    except ImportError:
        pass
    return found


def _version(package: str) -> str:
    return importlib.metadata.version(package)


def _tokenizer() -> Any:
    from esrag.settings import load_settings
    from esrag.tokens import load_tokenizer

    settings = load_settings()
    return load_tokenizer(settings.data_dir, settings.model.id)


def _raw_tokenizer() -> Any:
    import tokenizers

    from esrag.settings import load_settings

    settings = load_settings()
    file = settings.data_dir / "bundles" / settings.model.id / "tokenizer.json"
    found = tokenizers.Tokenizer.from_file(str(file))
    found.no_truncation()
    found.no_padding()
    return found


if __name__ == "__main__":
    main()
