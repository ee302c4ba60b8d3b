"""What a request says about tokenization: the settings, checked, with the server's defaults.

Only records and reading here; ``pieces`` cuts text with them, ``sequences`` builds what the
module gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from esrag.local.mlnode.families import FAMILIES, Family
from esrag.local.mlnode.problems import Problem

TokenIds = npt.NDArray[np.int32]
Truncate = Literal["first", "second", "balanced", "none"]

SPECIAL_TOKEN_FIELDS = {
    "bos_token": "cls",
    "eos_token": "sep",
    "pad_token": "pad",
    "unk_token": "unk",
    "mask_token": "mask",
}


@dataclass(frozen=True, slots=True)
class TokenizationSettings:
    """How one request wants its text cut; the defaults are the server's."""

    kind: str = "bert"
    do_lower_case: bool = False
    with_special_tokens: bool = True
    max_sequence_length: int = 512
    truncate: Truncate = "first"
    span: int = -1
    add_prefix_space: bool = False
    special_tokens: tuple[tuple[str, str], ...] = ()

    @property
    def family(self) -> Family:
        """Which tokens and arguments go with the kind."""
        return FAMILIES[self.kind].renamed(dict(self.special_tokens))


class Refused(Exception):
    """Why one input has no result; its neighbours can have theirs."""

    @property
    def reason(self) -> str:
        """The sentence for the caller."""
        return str(self)


def read_tokenization(
    task: str, options: Mapping[str, Any], *, windows: bool
) -> TokenizationSettings:
    """Check the ``tokenization`` of a task's options; ``windows`` says if the task has them."""
    tokenization = options.get("tokenization")
    if tokenization is None:
        return TokenizationSettings()
    kind, fields = only_entry(tokenization, "tokenization")
    if kind not in FAMILIES:
        raise Problem(
            "bad_request",
            f"Tokenization [{kind}] is not covered by this ML node process; "
            f"covered: {', '.join(FAMILIES)}",
        )
    return _read_fields(task, kind, fields, windows=windows)


def only_entry(value: object, name: str) -> tuple[str, Mapping[str, Any]]:
    """The one key of an object, and the object it holds."""
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if isinstance(inner, dict):
            return key, inner
    raise Problem("bad_request", f"[{name}] must be an object with exactly one object inside")


def _read_fields(
    task: str, kind: str, fields: Mapping[str, Any], *, windows: bool
) -> TokenizationSettings:
    defaults = TokenizationSettings()
    longest = fields.get("max_sequence_length", defaults.max_sequence_length)
    if not isinstance(longest, int) or isinstance(longest, bool) or longest <= 0:
        raise Problem("bad_request", "[max_sequence_length] must be positive")
    with_special_tokens = flag(fields, "with_special_tokens", default=True)
    if with_special_tokens and longest <= 2:
        raise Problem(
            "bad_request",
            f"[max_sequence_length] {longest} leaves no room beside the two special tokens",
        )
    truncate = fields.get("truncate", defaults.truncate)
    if truncate not in ("first", "second", "balanced", "none"):
        raise Problem("bad_request", f"[truncate] cannot be [{truncate}]")
    return TokenizationSettings(
        kind=kind,
        do_lower_case=flag(fields, "do_lower_case", default=False),
        with_special_tokens=with_special_tokens,
        max_sequence_length=longest,
        truncate=truncate,
        span=_span(task, fields, truncate, longest, windows=windows),
        add_prefix_space=flag(fields, "add_prefix_space", default=False),
        special_tokens=_special_tokens(fields) if kind == "byte_level_bpe" else (),
    )


def _span(
    task: str, fields: Mapping[str, Any], truncate: str, longest: int, *, windows: bool
) -> int:
    span = fields.get("span", -1)
    if not isinstance(span, int) or isinstance(span, bool):
        raise Problem("bad_request", "[span] must be an integer")
    if span < 0:
        return -1
    if truncate != "none":
        raise Problem("bad_request", f"[span] must not be provided when [truncate] is [{truncate}]")
    if not windows:
        raise Problem(
            "bad_request",
            f"[{task}] does not support windowing long text sequences; configured span [{span}]",
        )
    if span > longest:
        raise Problem(
            "bad_request",
            f"[span] provided [{span}] must not be greater than [max_sequence_length] provided "
            f"[{longest}]",
        )
    return span


def _special_tokens(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = []
    for field, name in SPECIAL_TOKEN_FIELDS.items():
        token = fields.get(field)
        if token is None:
            continue
        if not isinstance(token, str) or not token:
            raise Problem("bad_request", f"[{field}] must be a string")
        given.append((name, token))
    return tuple(given)


def flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A field that is true or false."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Problem("bad_request", f"[{name}] must be true or false")
    return value
