"""The families of tokenization that the API names: which special tokens, which arguments.

Facts about the formats only; nothing here cuts text.  ``bert_ja`` is missing: it needs a
Japanese morphological analyzer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Algorithm = Literal["wordpiece", "byte_pairs", "unigram"]


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of tokenization.

    ``separators`` stand between the two texts of a pair; ``kept`` are the special tokens that are
    recognised inside a text, all others are cut like words.  With ``byte_fallback`` an unknown
    piece is written as its bytes.
    """

    algorithm: Algorithm
    cls: str
    sep: str
    pad: str
    unk: str
    mask: str
    separators: int
    kept: tuple[str, ...] = ("mask",)
    byte_fallback: bool = False

    @property
    def extra_single(self) -> int:
        """How many special tokens one text takes."""
        return 2

    @property
    def extra_pair(self) -> int:
        """How many special tokens two texts take."""
        return 2 + self.separators

    @property
    def kept_tokens(self) -> tuple[str, ...]:
        """The special tokens that a text may hold."""
        return tuple(getattr(self, name) for name in self.kept)

    def renamed(self, tokens: Mapping[str, str]) -> Family:
        """The same family with other special tokens."""
        return replace(
            self,
            cls=tokens.get("cls", self.cls),
            sep=tokens.get("sep", self.sep),
            pad=tokens.get("pad", self.pad),
            unk=tokens.get("unk", self.unk),
            mask=tokens.get("mask", self.mask),
        )


_ALL = ("cls", "sep", "pad", "unk", "mask")

FAMILIES: dict[str, Family] = {
    "bert": Family("wordpiece", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", 1),
    "mpnet": Family("wordpiece", "<s>", "</s>", "<pad>", "[UNK]", "<mask>", 2),
    "roberta": Family("byte_pairs", "<s>", "</s>", "<pad>", "<unk>", "<mask>", 2),
    "byte_level_bpe": Family("byte_pairs", "<s>", "</s>", "<pad>", "<unk>", "<mask>", 2),
    "xlm_roberta": Family("unigram", "<s>", "</s>", "<pad>", "<unk>", "<mask>", 2),
    "deberta_v2": Family("unigram", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", 1, _ALL, True),
}
