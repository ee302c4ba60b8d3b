"""A bundle's tokenizer, and token ids as the rectangle that a model takes; in the child only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from esrag.bundle import TOKENIZER, ModelBundle
from esrag.embedding.files import checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAD_TOKENS = ("[PAD]", "<pad>")


def bundle_tokenizer(bundle: ModelBundle) -> tuple[Any, int]:
    """The bundle's tokenizer, which cuts as the cluster cuts, and the id that fills up."""
    from tokenizers import Tokenizer

    content = json.loads(checked(bundle, TOKENIZER))
    for token in content.get("added_tokens", ()):
        # The cluster knows the mask when it stands in a text, and no other special token.
        token["special"] = not _is_mask(token["content"])
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.enable_truncation(bundle.max_sequence_length)
    ids = [tokenizer.token_to_id(token) for token in _PAD_TOKENS]
    return tokenizer, next((found for found in ids if found is not None), 0)


def _is_mask(token: str) -> bool:
    return token.strip("[]<>").lower() == "mask"


def padded(sequences: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Token ids, filled up to the length of the longest, and the mask of what is text."""
    import numpy

    longest = max(len(sequence) for sequence in sequences)
    ids = numpy.full((len(sequences), longest), pad_id, dtype=numpy.int64)
    mask = numpy.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return ids, mask
