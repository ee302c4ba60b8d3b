"""Text to token ids: BERT's WordPiece, built from the uploaded vocabulary.

Only the vocabulary and the tokenization settings decide; no file of the model is read.  The
result equals what the ``tokenizers`` library gives for the model's own tokenizer.json, because
the same library does the work here.  Padding is no business of this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.vocabulary import Vocabulary

TokenIds = npt.NDArray[np.int32]
Truncate = Literal["first", "second", "balanced", "none"]

COVERED_TASKS = ("text_embedding",)
COVERED_KINDS = ("bert",)
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True)
class TokenizationSettings:
    """How one request wants its text cut; the defaults are the server's."""

    kind: str = "bert"
    do_lower_case: bool = False
    with_special_tokens: bool = True
    max_sequence_length: int = 512
    truncate: Truncate = "first"


@dataclass(frozen=True, slots=True)
class Encoded:
    """The token ids of one input, special tokens included."""

    ids: TokenIds
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Why one input cannot be encoded; its neighbours can."""

    reason: str


def read_settings(inference_config: object) -> TokenizationSettings:
    """Check a merged inference_config ``{task: {"tokenization": {kind: {…}}}}``."""
    task, options = _only_entry(inference_config, "inference_config")
    if task not in COVERED_TASKS:
        raise Problem(
            "bad_request",
            f"Task [{task}] is not covered by this ML node process; "
            f"covered: {', '.join(COVERED_TASKS)}",
        )
    tokenization = options.get("tokenization")
    if tokenization is None:
        return TokenizationSettings()
    kind, fields = _only_entry(tokenization, "tokenization")
    if kind not in COVERED_KINDS:
        raise Problem(
            "bad_request",
            f"Tokenization [{kind}] is not covered by this ML node process; "
            f"covered: {', '.join(COVERED_KINDS)}",
        )
    return _read_fields(task, kind, fields)


def _only_entry(value: object, name: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if isinstance(inner, dict):
            return key, inner
    raise Problem("bad_request", f"[{name}] must be an object with exactly one object inside")


def _read_fields(task: str, kind: str, fields: Mapping[str, Any]) -> TokenizationSettings:
    defaults = TokenizationSettings()
    longest = fields.get("max_sequence_length", defaults.max_sequence_length)
    if not isinstance(longest, int) or isinstance(longest, bool) or longest <= 0:
        raise Problem("bad_request", "[max_sequence_length] must be positive")
    with_special_tokens = _flag(fields, "with_special_tokens", default=True)
    if with_special_tokens and longest <= 2:
        raise Problem(
            "bad_request",
            f"[max_sequence_length] {longest} leaves no room beside the two special tokens",
        )
    truncate = fields.get("truncate", defaults.truncate)
    if truncate not in ("first", "second", "balanced", "none"):
        raise Problem("bad_request", f"[truncate] cannot be [{truncate}]")
    span = fields.get("span", -1)
    if not isinstance(span, int) or isinstance(span, bool):
        raise Problem("bad_request", "[span] must be an integer")
    if span >= 0 and truncate != "none":
        raise Problem("bad_request", f"[span] must not be provided when [truncate] is [{truncate}]")
    if span >= 0:
        raise Problem(
            "bad_request",
            f"[{task}] does not support windowing long text sequences; configured span [{span}]",
        )
    return TokenizationSettings(
        kind=kind,
        do_lower_case=_flag(fields, "do_lower_case", default=False),
        with_special_tokens=with_special_tokens,
        max_sequence_length=longest,
        truncate=truncate,
    )


def _flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise Problem("bad_request", f"[{name}] must be true or false")
    return value


class BertTokenizer:
    """WordPiece over one vocabulary, for any settings of the ``bert`` kind."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = {token: number for number, token in enumerate(vocabulary.tokens)}
        for token in ("[PAD]", "[UNK]"):
            if token not in self._ids:
                raise Problem("bad_request", f"The vocabulary lacks the token {token}")
        self._by_case: dict[bool, Tokenizer] = {}

    @property
    def pad_id(self) -> int:
        """The id that fills up shorter inputs of a batch."""
        return self._ids["[PAD]"]

    def check(self, settings: TokenizationSettings) -> None:
        """Refuse settings that want tokens which the vocabulary does not have."""
        missing = [token for token in ("[CLS]", "[SEP]") if token not in self._ids]
        if settings.with_special_tokens and missing:
            raise Problem("bad_request", f"The vocabulary lacks the token {missing[0]}")

    def encode(
        self, texts: Sequence[str], settings: TokenizationSettings
    ) -> list[Encoded | Refused]:
        """Token ids for each text, cut to the longest sequence allowed."""
        self.check(settings)
        encodings = self._tokenizer(settings.do_lower_case).encode_batch_fast(
            list(texts), add_special_tokens=False
        )
        return [self._finish(encoding.ids, settings) for encoding in encodings]

    def _finish(self, ids: list[int], settings: TokenizationSettings) -> Encoded | Refused:
        extra = 2 if settings.with_special_tokens else 0
        length = len(ids) + extra
        too_long = length > settings.max_sequence_length
        if too_long and settings.truncate == "none":
            return Refused(
                f"Input too large. The tokenized input length [{length}] exceeds the maximum "
                f"sequence length [{settings.max_sequence_length}]"
            )
        if length == 0:
            return Refused("The input holds no tokens, and no special tokens are wanted")
        if too_long:
            ids = ids[: settings.max_sequence_length - extra]
        if settings.with_special_tokens:
            ids = [self._ids["[CLS]"], *ids, self._ids["[SEP]"]]
        return Encoded(np.array(ids, dtype=np.int32), too_long)

    def _tokenizer(self, do_lower_case: bool) -> Tokenizer:
        if do_lower_case not in self._by_case:
            tokenizer = Tokenizer(WordPiece(self._ids, unk_token="[UNK]"))  # noqa: S106 - a token of text
            # strip_accents=None follows do_lower_case, as the server's tokenizer does.
            tokenizer.normalizer = BertNormalizer(lowercase=do_lower_case, strip_accents=None)
            tokenizer.pre_tokenizer = BertPreTokenizer()
            tokenizer.add_special_tokens(
                [AddedToken(t, normalized=False) for t in SPECIAL_TOKENS if t in self._ids]
            )
            self._by_case[do_lower_case] = tokenizer
        return self._by_case[do_lower_case]
