"""A tokenizer that goes on learning words splits text into fewer pieces and loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from esrag.errors import UnsupportedError
from esrag.training.pretraining_corpus import encoder, load_tokenizer
from esrag.training.vocabulary import extend_folder, find_new_tokens
from tests.tiny_llama import write_tiny_llama

TEXT = (
    "The Pellwarden gateway hears the Pellwarden sensors. Größe 漢字; the gateway of the roof "
    "hears a sensor below the roof, and a Pellwarden relay. "
) * 12


def test_an_extended_tokenizer_says_the_same_in_fewer_tokens(tmp_path: Path) -> None:
    """Any text comes back as it was; the domain's words become one token each."""
    write_tiny_llama(tmp_path)
    before, _ = load_tokenizer(tmp_path)
    new = find_new_tokens(before, [TEXT], most=80)
    ids = extend_folder(tmp_path, new)
    after, _ = load_tokenizer(tmp_path)
    encode = encoder(after)
    assert len(encode(TEXT)) < len(encoder(before)(TEXT)) / 3
    for text in (TEXT, "other words 🙂 <|im_end|>\n\ttabs"):
        assert after.decode(encode(text)) == text
    assert len(encode(" Pellwarden")) == 1
    assert sorted(ids.values()) == list(range(len(before), len(before) + len(new)))


def test_going_on_equals_beginning_anew_where_there_were_no_merges(tmp_path: Path) -> None:
    """From bytes alone, the merges are as good as those of the tokenizers library's own trainer."""
    write_tiny_llama(tmp_path)
    before, _ = load_tokenizer(tmp_path)
    extend_folder(tmp_path, find_new_tokens(before, [TEXT], most=60))
    after, _ = load_tokenizer(tmp_path)
    fresh = Tokenizer(models.BPE())
    fresh.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    fresh.train_from_iterator(
        [TEXT],
        trainers.BpeTrainer(
            vocab_size=256 + 60, initial_alphabet=alphabet, min_frequency=5, show_progress=False
        ),
    )
    ours, theirs = len(encoder(after)(TEXT)), len(fresh.encode(TEXT).ids)
    assert ours == pytest.approx(theirs, rel=0.02)


def test_new_tokens_are_those_of_frequent_pairs_and_known_parts(tmp_path: Path) -> None:
    """Each is its two halves, comes often enough, and begins from tokens of the base."""
    write_tiny_llama(tmp_path)
    tokenizer, _ = load_tokenizer(tmp_path)
    new = find_new_tokens(tokenizer, [TEXT, "rare"], most=500)
    assert all(each.token == each.left + each.right and each.count >= 5 for each in new)
    assert all(0 <= part < len(tokenizer) for each in new for part in each.parts)
    assert find_new_tokens(tokenizer, [TEXT], most=500) == find_new_tokens(
        tokenizer, [TEXT], most=500
    )
    assert not any("rare" in each.token for each in new)
    said = {each.token: tokenizer.decode(list(each.parts)) for each in new}
    assert said["ĠPellwarden"] == " Pellwarden"


def test_a_tokenizer_without_merges_is_refused(tmp_path: Path) -> None:
    """Word pieces have no pairs to go on with."""
    write_tiny_llama(tmp_path)
    tokenizer, _ = load_tokenizer(tmp_path)
    body = json.loads((tmp_path / "tokenizer.json").read_text())
    body["model"] = {
        "type": "WordLevel",
        "vocab": {"a": 0, "[UNK]": 1},
        "unk_token": "[UNK]",
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(body))
    other, _ = load_tokenizer(tmp_path)
    with pytest.raises(UnsupportedError, match="byte-pair"):
        find_new_tokens(other, [TEXT], most=5)
    assert tokenizer.is_fast
