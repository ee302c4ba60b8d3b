"""Byte pairs and unigram: prefixes, places and what is unknown."""

from __future__ import annotations

import pytest
import sentencepiece

from esrag.local.mlnode.pieces import Pieces
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import Vocabulary

BYTE_PAIRS = Vocabulary(
    ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "Ġ", "Ġa", "ab", "Ġab", "ð"),
    ("a b", "Ġ ab", "Ġ a"),
)
UNIGRAM = Vocabulary(
    ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "▁", "▁ab", "a", "b"),
    scores=(0.0, 0.0, 0.0, 0.0, 0.0, -2.0, -1.0, -3.0, -3.0),
)
ROBERTA = TokenizationSettings(kind="roberta")
XLM = TokenizationSettings(kind="xlm_roberta")


def cut(text: str, settings: TokenizationSettings) -> Pieces:
    """The pieces with their places."""
    vocabulary = BYTE_PAIRS if settings.kind in ("roberta", "byte_level_bpe") else UNIGRAM
    return VocabularyTokenizer(vocabulary, settings).cut([text], settings, places=True)[0]


def test_a_prefix_space_is_added_to_the_first_word_only() -> None:
    """And changes no place in the text."""
    prefixed = TokenizationSettings(kind="roberta", add_prefix_space=True)
    assert cut("ab ab", ROBERTA).ids == [9, 10]
    found = cut("ab ab", prefixed)
    assert (found.ids, found.starts, found.ends) == ([10, 10], [0, 3], [2, 5])
    assert cut(" ab", prefixed).ids == [10]


def test_spaces_before_a_mask_belong_to_it() -> None:
    """Those after it belong to the word."""
    assert cut("ab <mask> ab", ROBERTA).ids == [9, 4, 10]


def test_a_piece_of_byte_pairs_has_the_place_of_its_word() -> None:
    """The first one leaves out the space before the word."""
    found = cut("a abb", ROBERTA)
    assert found.words == [0, 1, 1]
    assert (found.starts, found.ends) == ([0, 2, 1], [1, 5, 5])


def test_special_tokens_may_have_other_names() -> None:
    """byte_level_bpe names its own."""
    named = TokenizationSettings(
        kind="byte_level_bpe", special_tokens=(("cls", "a"), ("sep", "b"), ("mask", "ab"))
    )
    tokenizer = VocabularyTokenizer(BYTE_PAIRS, named)
    assert tokenizer.mask_token == "ab"
    [encoded] = tokenizer.encode(["b"], named)
    assert list(getattr(encoded, "ids", ())) == [5, 6, 6]


def test_places_of_unigram_pieces_are_their_own() -> None:
    """The mark before a word takes no place."""
    found = cut("ab b", XLM)
    assert (found.ids, found.starts, found.ends) == ([6, 5, 8], [0, 3, 3], [2, 3, 4])


def test_places_count_utf16_units() -> None:
    """An emoji takes two."""
    found = cut("😀 ab", XLM)
    assert (found.ids[-1], found.starts[-1], found.ends[-1]) == (6, 3, 5)


def test_unknown_characters_in_a_row_are_one_unknown_piece() -> None:
    """Unless the family writes them as bytes."""
    assert cut("xyz", XLM).ids == [5, 3]
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁", "<0xC3>")
    vocabulary = Vocabulary(tokens, scores=(0.0,) * 5 + (-1.0, -9.0))
    settings = TokenizationSettings(kind="deberta_v2")
    [pieces] = VocabularyTokenizer(vocabulary, settings).cut(["é"], settings)
    assert pieces.ids == [5, 6, 1]


def test_unigram_text_is_normalised_as_by_sentencepiece() -> None:
    """Every character of the basic plane but ten, among neighbours."""
    theirs = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc")
    ours = VocabularyTokenizer(UNIGRAM, XLM)._cutter._tokenizer(XLM).normalizer
    other = {0x344, 0x61C, 0x200D, 0x32FF, 0xAB69, 0xFF5E, *range(0xA7F1, 0xA7F5)}
    characters = [chr(c) for c in range(1, 0x10000) if not 0xD800 <= c < 0xE000 and c not in other]
    for start in range(0, len(characters), 64):
        text = "x" + "a".join(characters[start : start + 64]) + "x"
        expected = theirs.normalize(text).replace("\u2581", " ").removeprefix(" ")
        assert ours.normalize_str(text) == expected, hex(ord(characters[start]))


def test_a_unigram_vocabulary_needs_scores() -> None:
    """As many as tokens."""
    with pytest.raises(Problem, match=r"vocabulary \[9\] and scores \[0\] must have the same size"):
        VocabularyTokenizer(Vocabulary(UNIGRAM.tokens), XLM)


def test_a_merge_needs_its_tokens() -> None:
    """The merge is named."""
    with pytest.raises(Problem, match=r"The merge \[a q\] needs the token \[q\]"):
        VocabularyTokenizer(Vocabulary(BYTE_PAIRS.tokens, ("a q",)), ROBERTA)


@pytest.mark.parametrize(
    ("settings", "token", "expected"),
    [(ROBERTA, 10, "ab"), (ROBERTA, 11, "\ufffd"), (XLM, 6, "ab"), (XLM, 7, "a")],
)
def test_a_token_is_shown_as_it_is_read(
    settings: TokenizationSettings, token: int, expected: str
) -> None:
    """Bytes to text, without the mark of a word's beginning."""
    vocabulary = BYTE_PAIRS if settings is ROBERTA else UNIGRAM
    assert VocabularyTokenizer(vocabulary, settings).decode(token) == expected
