"""Writes a ``tokenizer.json`` from the vocabulary in a GGUF file of the SmolLM family.

transformers 4.57 converts this vocabulary wrongly (end of sequence becomes ``<|im_start|>``, a
beginning-of-sequence token is prepended, digits are not split), so that prompts get a doubled
marker and generation never ends.  Here it is assembled from the file's own lists instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONTROL_TOKEN = 3  # GGUF's token_type of markers such as <|im_end|>


def write_tokenizer(
    folder: Path,
    *,
    tokens: Sequence[str],
    merges: Sequence[str],
    token_types: Sequence[int],
    end_token_id: int,
    chat_template: str,
    max_length: int,
) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` into ``folder``."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(left, right) for left, right in (merge.split(" ", 1) for merge in merges)]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, token_types, strict=True)
            if kind == CONTROL_TOKEN
        ]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    end_token = tokens[end_token_id]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": end_token,
        "pad_token": end_token,
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
        "chat_template": chat_template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
