"""Chunks are exact stretches of the document, fit, follow its structure and lose nothing."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.chunking import (
    STRATEGIES,
    ChunkRules,
    Strategy,
    chunk_id,
    cut,
    document_hash,
    heading_text,
)
from esrag.corpus.formats import html, markdown, plain
from esrag.types import Block, Chunk, Document

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()


class WordTokenizer:
    """One token for each word and each mark, as far as that says nothing about the inside."""

    _TOKEN = re.compile(r"\w+|[^\w\s]")

    def count(self, text: str) -> int:
        """Words and marks."""
        return len(self._TOKEN.findall(text))

    def starts(self, text: str) -> array[int]:
        """Where they begin."""
        return array("L", (match.start() for match in self._TOKEN.finditer(text)))


class AddingTokenizer(WordTokenizer):
    """Promises what is true of it: a text has as many tokens as its parts."""

    adds_up = True


class BlobTokenizer(WordTokenizer):
    """Long words are one unknown token, short ones one token a letter: cutting changes counts."""

    def _pieces(self, text: str) -> list[int]:
        found: list[int] = []
        for match in self._TOKEN.finditer(text):
            length = 1 if len(match.group()) > 20 else len(match.group())
            found.extend(range(match.start(), match.start() + length))
        return found

    def count(self, text: str) -> int:
        """Letters of short words, and long words."""
        return len(self._pieces(text))

    def starts(self, text: str) -> array[int]:
        """Where they begin."""
        return array("L", self._pieces(text))


def cut_markdown(
    text: str, *, max_tokens: int = 40, overlap: int = 0, strategy: Strategy = "structure"
) -> list[Chunk]:
    """The chunks of a Markdown text, counted in words."""
    document = markdown.parse(text, document_id="guide.md")
    rules = ChunkRules(max_tokens, overlap, strategy)
    return cut(document, WordTokenizer(), rules, set_name="test")


def sentence(number: int, words: int = 9) -> str:
    """A sentence of its own for each number."""
    return " ".join(WORDS[(number + i) % len(WORDS)] for i in range(words)) + "."


def uncovered(document: Document, chunks: list[Chunk]) -> str:
    """The text that no chunk holds."""
    left = list(document.text)
    for chunk in chunks:
        left[chunk.start : chunk.end] = " " * (chunk.end - chunk.start)
    return "".join(left).strip()


markdown_texts = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "# Title\n",
                "## Part\n\n",
                "### Deep\n",
                "Setext\n======\n",
                "- one\n- two words\n  more\n- three\n\n",
                "1. first\n2. second\n\n",
                "| a | b |\n| --- | --- |\n" + "| one two | three four |\n" * 12 + "\n",
                "```\n" + "code line here\n" * 15 + "```\n",
                "> a quote of some words. And more.\n\n",
                "---\n",
                "[link]: https://example.com\n",
                "<div>\nraw\n</div>\n\n",
                "    indented code\n",
                "\r\n\r\n",
                "\r",
            ]
        ),
        st.lists(
            st.sampled_from([*WORDS, "e.g.", "2.1", "end.", "What?", "x" * 90]),
            min_size=1,
            max_size=80,
        ).map(lambda words: " ".join(words) + "\n\n"),
        st.text(max_size=40),
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=150, deadline=None)
@given(
    text=markdown_texts,
    tokenizer=st.sampled_from([WordTokenizer(), AddingTokenizer(), BlobTokenizer()]),
    max_tokens=st.integers(32, 90),
    overlap=st.integers(0, 100),
    kind=st.sampled_from(["markdown", "plain", "html"]),
)
def test_nothing_is_lost_and_everything_fits(
    strategy: Strategy,
    text: str,
    tokenizer: WordTokenizer,
    max_tokens: int,
    overlap: int,
    kind: str,
) -> None:
    """Whatever the document: offsets are exact, all text is covered, each chunk fits."""
    parse = {"markdown": markdown.parse_blocks, "plain": plain.parse_blocks}
    document = Document(id="d", text=text, title="A title", source="d")
    if kind == "html":
        document = html.parse(text, document_id="d")
    else:
        document = replace(document, blocks=parse[kind](text))
    rules = ChunkRules(max_tokens, overlap, strategy)
    chunks = cut(document, tokenizer, rules, set_name="s")
    assert uncovered(document, chunks) == ""
    for chunk in chunks:
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert tokenizer.count(f"{chunk.context}\n{chunk.text}") <= max_tokens
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert sorted(chunks, key=lambda c: (c.start, c.end)) == chunks
    assert chunks == cut(document, tokenizer, rules, set_name="s")


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=100, deadline=None)
@given(
    text=st.text(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=10),
    kind=st.sampled_from(["heading", "table", "code", "list", "quote"]),
)
def test_any_blocks_over_any_text_are_covered(
    strategy: Strategy, text: str, cuts: list[int], kind: str
) -> None:
    """Blocks of any kind at any place, with gaps between them, lose no text."""
    edges = sorted(min(c, len(text)) for c in cuts)
    blocks = tuple(
        Block(kind, a, b, 2 if kind == "heading" else 0)  # type: ignore[arg-type]
        for a, b in zip(edges[::2], edges[1::2], strict=False)
    )
    document = Document(id="d", text=text, title="t" * 300, source="d", blocks=blocks)
    chunks = cut(document, WordTokenizer(), ChunkRules(32, 10, strategy), set_name="s")
    assert uncovered(document, chunks) == ""
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)


def test_a_short_document_is_one_chunk() -> None:
    """Sections that are tiny are not worth a chunk of their own."""
    chunks = cut_markdown("# Title\n\nSome words.\n\n## Contact\n\nWrite to us.\n", max_tokens=64)
    assert [c.text for c in chunks] == ["# Title\n\nSome words.\n\n## Contact\n\nWrite to us."]
    assert chunks[0].heading_path == ("Title",)


def test_headings_open_sections() -> None:
    """Each section of some size is a chunk with the headings above it as its path."""
    body = " ".join(sentence(i) for i in range(3))
    chunks = cut_markdown(
        f"# Title\n\n{body}\n\n## First\n\n{body}\n\n### Inner\n\n{body}\n\n## Second\n\n{body}\n",
        max_tokens=48,
    )
    assert [c.heading_path for c in chunks] == [
        ("Title",),
        ("Title", "First"),
        ("Title", "First", "Inner"),
        ("Title", "Second"),
    ]
    assert chunks[1].text.startswith("## First\n\n")


def test_context_names_title_and_headings_once() -> None:
    """A first heading that equals the title is not said twice."""
    body = " ".join(sentence(i) for i in range(3))
    chunks = cut_markdown(f"# Title\n\n## First\n\n{body}\n", max_tokens=48)
    assert chunks[0].context == "Title › First"


def test_no_chunk_is_only_a_heading() -> None:
    """Headings without text of their own go with what follows, or with what came before."""
    body = " ".join(sentence(i) for i in range(4))
    text = f"# Title\n\n## Empty\n\n## Full\n\n{body} {body}\n\n{body}\n\n## Last\n"
    chunks = cut_markdown(text, max_tokens=48, overlap=8)
    bare = re.compile(r"(?:#+ \w+\s*)+")
    assert len(chunks) > 2
    assert not [c.text for c in chunks if bare.fullmatch(c.text)]


def test_a_table_that_fits_is_kept_whole() -> None:
    """The table is not cut although the paragraph before it already fills half a chunk."""
    rows = "".join(f"| row{i} | {i} |\n" for i in range(3))
    table = f"| Plan | Price |\n| --- | --- |\n{rows}".strip()
    body = " ".join(sentence(i) for i in range(2))
    chunks = cut_markdown(f"# T\n\n{body}\n\n{table}\n\n{body}\n", max_tokens=50)
    assert any(table in chunk.text for chunk in chunks)


def test_a_long_table_is_cut_between_rows_and_keeps_its_header() -> None:
    """Later parts begin with a row and carry the header row in their heading path."""
    rows = [f"| plan number {i} | {i} euros |" for i in range(30)]
    chunks = cut_markdown(
        "# Prices\n\n| Plan | Price |\n| --- | --- |\n" + "\n".join(rows) + "\n", max_tokens=50
    )
    assert len(chunks) > 3
    assert chunks[0].heading_path == ("Prices",)
    assert {c.heading_path for c in chunks[1:]} == {("Prices", "Plan | Price")}
    for chunk in chunks[1:]:
        assert set(chunk.text.split("\n")) <= set(rows)
    assert "Plan | Price" in chunks[1].context


def test_text_after_a_cut_table_does_not_carry_the_header() -> None:
    """The header row belongs to the rows, not to the paragraph below the table."""
    rows = "".join(f"| plan number {i} | {i} euros |\n" for i in range(12))
    body = " ".join(sentence(i) for i in range(2))
    chunks = cut_markdown(
        f"# P\n\n| Plan | Price |\n| --- | --- |\n{rows}\n{body}\n", max_tokens=50
    )
    assert chunks[-1].text == body
    assert chunks[-1].heading_path == ("P",)


def test_long_code_is_cut_between_lines() -> None:
    """No line of code is torn apart, and its indentation stays."""
    lines = [f"    call(number={i}, name='x')" for i in range(30)]
    chunks = cut_markdown("```python\n" + "\n".join(lines) + "\n```\n", max_tokens=50)
    assert len(chunks) > 3
    assert {line for c in chunks for line in c.text.split("\n")} == {"```python", *lines, "```"}


def test_a_long_list_is_cut_between_items() -> None:
    """Every part of the list begins with an item."""
    items = "\n".join(f"- {sentence(i)} {sentence(i + 1)}" for i in range(12))
    chunks = cut_markdown(items, max_tokens=60)
    assert len(chunks) > 2
    assert all(chunk.text.startswith("- ") for chunk in chunks)


def test_a_long_paragraph_is_cut_after_sentences_with_overlap() -> None:
    """Neighbours share whole sentences up to the overlap."""
    sentences = [sentence(i) for i in range(20)]
    chunks = cut_markdown(" ".join(sentences), max_tokens=50, overlap=12)
    assert len(chunks) > 3
    for before, after in pairwise(chunks):
        shared = before.text[after.start - before.start :]
        assert shared in sentences
        assert after.text.startswith(shared)
    assert all(chunk.text.endswith(".") for chunk in chunks)


def test_a_word_without_end_is_cut() -> None:
    """Sixty thousand letters, one token to the tokenizer, do not become one chunk."""
    chunks = cut_markdown("x" * 60_000)
    assert max(len(chunk.text) for chunk in chunks) <= 40 * 16
    assert sum(len(chunk.text) for chunk in chunks) == 60_000


def test_a_title_without_end_leaves_room_for_text() -> None:
    """A title longer than the budget is cut, not the text starved."""
    title = " ".join(WORDS * 30)
    document = Document(
        id="d", text=" ".join(sentence(i) for i in range(10)), title=title, source="d"
    )
    chunks = cut(document, WordTokenizer(), ChunkRules(40, 0), set_name="s")
    assert len(chunks) < 10
    assert chunks[0].title.endswith("…")


def test_a_document_of_blanks_has_no_chunks() -> None:
    """There is nothing to embed."""
    assert cut_markdown("  \n\n\t\n") == []


def test_ids_depend_on_set_document_and_position() -> None:
    """Equal inputs give equal ids of 40 hex digits; any difference gives another."""
    ids = {chunk_id(s, d, p) for s in "ab" for d in "xy" for p in (0, 1)}
    assert len(ids) == 8
    assert all(re.fullmatch(r"[0-9a-f]{40}", i) for i in ids)
    assert chunk_id("a", "x", 0) in ids


@pytest.mark.parametrize(
    "change",
    [
        {"text": "other"},
        {"title": "other"},
        {"url": "https://example.com"},
        {"published": "2026-01-01"},
        {"metadata": {"owner": "me"}},
        {"blocks": (Block("code", 0, 4),)},
    ],
)
def test_the_document_hash_changes_with_every_field(change: dict[str, object]) -> None:
    """A new title alone is a new version."""
    document = Document(id="d", text="text", title="t", source="d")
    rules = ChunkRules()
    before = document_hash(document, rules, model_id="m")
    assert document_hash(replace(document, **change), rules, model_id="m") != before  # type: ignore[arg-type]


def test_the_document_hash_changes_with_the_way_of_cutting() -> None:
    """Other chunk settings, or another embedder, mean other chunks."""
    document = Document(id="d", text="text", title="t", source="d")
    hashes = {
        document_hash(document, rules, model_id=model)
        for rules in (ChunkRules(), ChunkRules(max_tokens=100), ChunkRules(overlap_tokens=5))
        for model in ("m", "n")
    }
    assert len(hashes) == 6


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("## Plan **A** ##", "Plan A"),
        ("Setext\n-----", "Setext"),
        ("# See [the page](https://example.com/x)", "See the page"),
        ("#", ""),
        ("# `esrag up`", "esrag up"),
        ("C# and F#", "C# and F#"),
    ],
)
def test_heading_text_is_what_a_reader_sees(raw: str, words: str) -> None:
    """Marks, underlines and link targets are left out."""
    assert heading_text(raw) == words
