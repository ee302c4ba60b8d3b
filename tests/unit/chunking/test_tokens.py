"""The embedder's tokenizer counts and locates tokens in texts of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from esrag.errors import UnsupportedError
from esrag.tokens import EmbedderTokenizer, load_tokenizer

MODEL = "some__model"


def small_tokenizer() -> tokenizers.Tokenizer:
    """Words and marks are tokens; like the real ones it comes with truncation and padding on."""
    model = tokenizers.models.WordLevel({"[UNK]": 0, "one": 1, "two": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


def test_neither_truncation_nor_padding_is_counted() -> None:
    """What the file sets for a model's input is not what a text is long."""
    tokenizer = EmbedderTokenizer(small_tokenizer())
    assert tokenizer.count("one two") == 2
    assert tokenizer.count("one " * 50) == 50


def test_starts_are_offsets_of_characters() -> None:
    """Not of bytes."""
    tokenizer = EmbedderTokenizer(small_tokenizer())
    assert list(tokenizer.starts("é, 日本 one")) == [0, 1, 3, 6]


def test_long_texts_are_counted_in_windows_without_a_seam() -> None:
    """Blanks are where a text may be parted; a text without any is parted all the same."""
    tokenizer = EmbedderTokenizer(small_tokenizer())
    text = "one two, " * 10_000
    assert tokenizer.count(text) == 30_000
    starts = tokenizer.starts(text)
    assert len(starts) == 30_000
    assert [text[start] for start in starts[-3:]] == ["o", "t", ","]
    assert tokenizer.count("x" * 50_000) >= 1


@given(st.text(max_size=200))
def test_every_token_has_a_start(text: str) -> None:
    """In order, and within the text."""
    tokenizer = EmbedderTokenizer(small_tokenizer())
    starts = list(tokenizer.starts(text))
    assert len(starts) == tokenizer.count(text)
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)


def test_the_tokenizer_is_read_from_the_bundle(tmp_path: Path) -> None:
    """By model id."""
    folder = tmp_path / "bundles" / MODEL
    folder.mkdir(parents=True)
    small_tokenizer().save(str(folder / "tokenizer.json"))
    assert load_tokenizer(tmp_path, MODEL).count("one two") == 2


@pytest.mark.parametrize("content", [None, b"{}", b"no json", b"\xff\xfe"])
def test_a_missing_or_damaged_bundle_says_what_to_run(
    tmp_path: Path, content: bytes | None
) -> None:
    """The hint names the command that makes it."""
    if content is not None:
        folder = tmp_path / "bundles" / MODEL
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(UnsupportedError) as error:
        load_tokenizer(tmp_path, MODEL)
    assert "esrag model build" in error.value.hint


_ODD = st.text(
    st.one_of(
        st.sampled_from(" \t\n\r\x00\x1c\x85\u00a0\u2028\u3000\u200b\u0301ß日😀"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@given(st.lists(st.one_of(_ODD, st.sampled_from(["one", "two", "[UNK]", "x" * 120])), max_size=12))
def test_words_encoded_one_by_one_give_the_tokens_of_the_whole(parts: list[str]) -> None:
    """What is remembered about words is what the tokenizer says about the text."""
    text = " ".join(parts)
    ours = EmbedderTokenizer(small_tokenizer())
    whole = small_tokenizer()
    whole.no_truncation()
    whole.no_padding()
    expected = [start for start, _ in whole.encode(text, add_special_tokens=False).offsets]
    assert ours.adds_up
    assert list(ours.starts(text)) == expected
    assert ours.count(text) == len(expected)


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        tokenizers.pre_tokenizers.Metaspace(),
        tokenizers.pre_tokenizers.Punctuation(),
    ],
)
def test_a_tokenizer_that_sees_blanks_encodes_the_text_itself(pre_tokenizer: Any) -> None:
    """Where a word's tokens depend on the blank before it nothing is remembered."""
    tokenizer = small_tokenizer()
    tokenizer.pre_tokenizer = pre_tokenizer
    assert not EmbedderTokenizer(tokenizer).adds_up
    assert EmbedderTokenizer(tokenizer).count("one two") == len(tokenizer.encode("one two").ids)


def test_half_a_surrogate_pair_is_counted() -> None:
    """No document should hold one; one that does is not the end of the run."""
    assert list(EmbedderTokenizer(small_tokenizer()).starts("one \ud800 two")) == [0, 4, 6]


def test_a_special_token_with_a_blank_is_not_parted() -> None:
    """Added tokens are found before the text is parted."""
    tokenizer = small_tokenizer()
    tokenizer.add_special_tokens(["[A B]"])
    assert not EmbedderTokenizer(tokenizer).adds_up
