"""Every kind of tokenization against the model's own tokenizer in transformers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esrag.local.mlnode.tasks.registry import read_kind
from esrag.local.mlnode.tokenization import TokenizationSettings
from esrag.local.mlnode.tokenizer import VocabularyTokenizer
from esrag.local.mlnode.vocabulary import read_vocabulary

LIMIT = 16
# A model of each family, for the vocabulary and the settings that eland made of it.
UPLOADED = {
    "bert": "bert-ner",
    "mpnet": "mpnet-text_embedding",
    "roberta": "roberta-fill_mask",
    "xlm_roberta": "xlm_roberta-zero_shot_classification",
    "deberta_v2": "deberta_v2-text_classification",
}


@pytest.fixture(params=sorted(UPLOADED))
def family(
    request: pytest.FixtureRequest, tiny_models: Path
) -> tuple[VocabularyTokenizer, TokenizationSettings, Any]:
    """A tokenizer from what eland uploads, its settings, and what transformers says."""
    folder = tiny_models / UPLOADED[request.param]
    config = json.loads((folder / "config.json").read_text())
    _, _, settings = read_kind(config["inference_config"])
    assert settings.kind == request.param
    vocabulary = read_vocabulary((folder / "vocabulary.json").read_bytes())
    reference = tiny_models / "tokens" / request.param / "reference.json"
    return VocabularyTokenizer(vocabulary, settings), settings, json.loads(reference.read_text())


def test_one_text_becomes_the_models_own_ids(family: Any) -> None:
    """Words, accents, other scripts, emoji, nothing at all."""
    tokenizer, settings, reference = family
    for text, expected in reference["single"]:
        [pieces] = tokenizer.cut([text], settings)
        [encoded] = tokenizer.one_text(pieces, settings)
        assert encoded.ids.tolist() == expected, text


def test_asking_for_places_changes_no_id(family: Any) -> None:
    """The slower way of the library that tells offsets."""
    tokenizer, settings, reference = family
    texts = [text for text, _ in reference["single"]]
    fast = tokenizer.cut(texts, settings)
    slow = tokenizer.cut(texts, settings, places=True)
    assert [pieces.ids for pieces in fast] == [pieces.ids for pieces in slow]
    assert all(len(p.words) == len(p.starts) == len(p.ends) == len(p.ids) for p in slow)


def test_a_long_text_is_cut_where_the_model_would_be(family: Any) -> None:
    """With its special tokens."""
    tokenizer, settings, reference = family
    short = replace(settings, max_sequence_length=LIMIT)
    for text, expected in reference["cut"]:
        [pieces] = tokenizer.cut([text], short)
        [encoded] = tokenizer.one_text(pieces, short)
        assert encoded.ids.tolist() == expected, text


@pytest.mark.parametrize(
    ("kind", "truncate", "limit"),
    [("pairs", "none", 512), ("only_first", "first", LIMIT), ("only_second", "second", LIMIT)],
)
def test_pairs_are_joined_and_cut_as_by_the_model(
    family: Any, kind: str, truncate: Any, limit: int
) -> None:
    """The special tokens between the two texts are the family's."""
    tokenizer, settings, reference = family
    cut = replace(settings, truncate=truncate, max_sequence_length=limit)
    assert reference[kind]
    for first, second, expected in reference[kind]:
        pieces = tokenizer.cut([first, second], cut)
        [encoded] = tokenizer.two_texts(*pieces, cut)
        assert encoded.ids.tolist() == expected, (first, second)
