"""Token ids to the arguments a TorchScript module was traced with, family by family.

Families differ in which arguments they take and in what order; all are int64, padding has the
pad id and mask 0, and position ids are one row for the whole batch, as eland traces them.
Token types are 0 even in the second text of a pair, because the server sends no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.int64]

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "bert": ("input_ids", "attention_mask", "token_type_ids", "position_ids"),
    "bert_ja": ("input_ids", "attention_mask", "token_type_ids", "position_ids"),
    "deberta_v2": ("input_ids", "attention_mask", "token_type_ids"),
    "byte_level_bpe": ("input_ids", "attention_mask"),
    "mpnet": ("input_ids", "attention_mask"),
    "roberta": ("input_ids", "attention_mask"),
    "xlm_roberta": ("input_ids", "attention_mask"),
}


def build_arguments(
    kind: str, sequences: Sequence[npt.NDArray[Any]], *, pad_id: int
) -> list[Matrix]:
    """The arguments for one batch, in the order the module takes them."""
    longest = max(len(sequence) for sequence in sequences)
    ids = np.full((len(sequences), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    available: dict[str, Matrix] = {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": np.zeros_like(ids),
        "position_ids": np.arange(longest, dtype=np.int64),
    }
    return [available[name] for name in ARGUMENTS[kind]]
