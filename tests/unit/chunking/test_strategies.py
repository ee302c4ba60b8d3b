"""Each strategy cuts where it says; pages, tables and code are found again in the chunks."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise

import pytest

from esrag.chunking import STRATEGIES, ChunkRules, Strategy, cut, document_hash
from esrag.types import Block, BlockKind, Chunk, Document


class Words:
    """One token for each word and each mark."""

    adds_up = True
    _token = re.compile(r"\w+|[^\w\s]")

    def count(self, text: str) -> int:
        """Words and marks."""
        return len(self._token.findall(text))

    def starts(self, text: str) -> array[int]:
        """Where they begin."""
        return array("I", (match.start() for match in self._token.finditer(text)))


def chunks_of(
    text: str,
    strategy: Strategy = "structure",
    *,
    overlap: int = 0,
    kind: BlockKind = "paragraph",
    level: int = 0,
    pages: tuple[int, ...] = (),
) -> list[Chunk]:
    """The chunks of a text that is one block."""
    blocks = (Block(kind, 0, len(text), level),)
    document = Document(id="d", text=text, title="", source="d", blocks=blocks, pages=pages)
    return cut(document, Words(), ChunkRules(32, overlap, strategy), set_name="s")


SENTENCES = [f"Sentence number {n} says what it has to say." for n in range(40)]


def test_fixed_fills_every_chunk() -> None:
    """Each chunk but the last has as many tokens as there may be."""
    chunks = chunks_of(" ".join(f"word{n}" for n in range(200)), "fixed")
    assert [Words().count(chunk.text) for chunk in chunks] == [32] * 6 + [8]


def test_fixed_repeats_as_many_tokens_as_asked() -> None:
    """Neighbours share the tokens of the overlap."""
    chunks = chunks_of(" ".join(f"word{n}" for n in range(200)), "fixed", overlap=8)
    shared = [
        Words().count(before.text[after.start - before.start :])
        for before, after in pairwise(chunks)
    ]
    assert set(shared) == {8}


def test_sentence_ends_where_sentences_end() -> None:
    """No sentence is cut that fits."""
    chunks = chunks_of(" ".join(SENTENCES), "sentence", overlap=12)
    assert len(chunks) > 5
    assert all(chunk.text.startswith("Sentence") for chunk in chunks)
    assert all(chunk.text.endswith("say.") for chunk in chunks)


def test_recursive_prefers_blank_lines() -> None:
    """Paragraphs of half a chunk are not torn although more would fit."""
    paragraphs = [" ".join(SENTENCES[n : n + 2]) for n in range(0, 40, 2)]
    chunks = chunks_of("\n\n".join(paragraphs), "recursive")
    assert [chunk.text for chunk in chunks] == paragraphs


def test_recursive_falls_back_to_sentences_and_words() -> None:
    """A paragraph that is too long is cut after sentences, a sentence between words."""
    chunks = chunks_of(" ".join(SENTENCES) + "\n\n" + "word " * 100, "recursive")
    assert chunks[0].text.endswith("say.")
    assert chunks[-1].text.startswith("word")


@pytest.mark.parametrize("strategy", ["recursive", "sentence", "fixed"])
def test_running_text_knows_its_headings(strategy: Strategy) -> None:
    """A chunk has the headings that all of it is under, and no other."""
    first, second = "# One\n\n", "# Two\n\n"
    body = " ".join(SENTENCES[:8]) + "\n\n"
    text = first + body + second + body
    at = len(first + body)
    blocks = (
        Block("heading", 0, len(first), 1),
        Block("paragraph", len(first), at),
        Block("heading", at, at + len(second), 1),
        Block("paragraph", at + len(second), len(text)),
    )
    document = Document(id="d", text=text, title="", source="d", blocks=blocks)
    chunks = cut(document, Words(), ChunkRules(32, 0, strategy), set_name="s")
    for chunk in chunks:
        expected = (
            () if chunk.start < at < chunk.end else ("One",) if chunk.start < at else ("Two",)
        )
        assert chunk.heading_path == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_chunks_know_their_pages_and_number(strategy: Strategy) -> None:
    """Pages count from 1, a chunk may reach over several, and each knows how many there are."""
    text = " ".join(SENTENCES)
    third = len(text) // 3
    chunks = chunks_of(text, strategy, pages=(0, third, 2 * third))
    assert chunks[0].page == 1
    assert chunks[-1].last_page == 3
    assert all(a.last_page <= b.last_page for a, b in pairwise(chunks))
    assert any(chunk.page < chunk.last_page for chunk in chunks)
    assert {chunk.chunk_count for chunk in chunks} == {len(chunks)}


def test_a_chunk_knows_how_many_tokens_are_embedded() -> None:
    """Context and text together."""
    text = " ".join(SENTENCES)
    document = Document(id="d", text=text, title="A title", source="d")
    chunks = cut(document, Words(), ChunkRules(32, 8), set_name="s")
    counted = [Words().count(f"{chunk.context}\n{chunk.text}") for chunk in chunks]
    assert [chunk.tokens for chunk in chunks] == counted


def test_without_pages_the_page_is_0() -> None:
    """There is nothing to count."""
    assert {(chunk.page, chunk.last_page) for chunk in chunks_of("Some words.")} == {(0, 0)}


def test_text_before_the_first_page_is_on_it() -> None:
    """A chunk is never on page 0 of a document with pages."""
    assert chunks_of("Some words.", pages=(5,))[0].page == 1


def test_a_table_without_delimiter_row_repeats_the_header_it_is_said_to_have() -> None:
    """Sheets and CSV files have a first row that is the header, and no line below it."""
    rows = [f"plan {n} | {n} euros" for n in range(40)]
    chunks = chunks_of("Plan | Price\n" + "\n".join(rows), kind="table", level=1)
    assert {chunk.heading_path for chunk in chunks[1:]} == {("Plan | Price",)}
    assert all(set(chunk.text.split("\n")) <= set(rows) for chunk in chunks[1:])


def test_code_is_cut_before_definitions_with_their_decorators() -> None:
    """A function begins a chunk, and what decorates it is not left behind."""
    functions = [
        f"@cached\ndef function_{n}(value: int) -> int:\n    more = value + {n}\n\n    return more"
        for n in range(6)
    ]
    chunks = chunks_of("\n\n\n".join(functions), kind="code")
    assert [chunk.text for chunk in chunks] == functions


def test_code_without_definitions_is_cut_at_blank_lines() -> None:
    """Paragraphs of a script stay whole."""
    steps = ["\n".join(f"step {n} {m}: call it" for m in range(4)) for n in range(6)]
    assert [chunk.text for chunk in chunks_of("\n\n".join(steps), kind="code")] == steps


def test_a_stretch_of_blanks_costs_nothing_and_gives_no_chunk() -> None:
    """However long it is."""
    chunks = chunks_of("word " * 40 + " " * 300_000 + "\n" * 300_000 + "word " * 40)
    assert all(chunk.text.strip() == chunk.text for chunk in chunks)
    assert len(chunks) == 4


def test_each_strategy_makes_another_version() -> None:
    """A document cut otherwise is sent again; the same one from elsewhere is not."""
    one = Document(id="d", text="text", title="t", source="d")
    other = Document(id="d", text="text", title="t", source="d", origin="s3://bucket")
    hashes = {
        document_hash(each, ChunkRules(strategy=strategy), model_id="m")
        for strategy in STRATEGIES
        for each in (one, other)
    }
    assert len(hashes) == len(STRATEGIES)
