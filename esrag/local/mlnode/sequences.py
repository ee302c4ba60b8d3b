"""Pieces to the sequences that a module gets: special tokens, truncation, windows.

    one text      cls pieces sep
    two texts     cls first (1 or 2 sep) second sep

A text that is too long is cut, refused, or, with a span, goes through the module in overlapping
windows; in a pair the second text has the windows.  The rules are the server's own, down to
windows that begin and end at whole words.  Padding is no business of this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from esrag.local.mlnode.families import Family
from esrag.local.mlnode.pieces import Pieces
from esrag.local.mlnode.tokenization import Refused, TokenIds, TokenizationSettings


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sequence of token ids, special tokens included.

    ``count`` pieces of the text (in a pair: the second one), from number ``first`` on, stand in
    it from position ``offset`` on.
    """

    ids: TokenIds
    is_truncated: bool = False
    first: int = 0
    count: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the tokens around texts, -1 where the vocabulary has none."""

    cls: int
    sep: int


def one_text(
    pieces: Pieces, settings: TokenizationSettings, special: SpecialIds
) -> tuple[Encoded, ...]:
    """The sequences for one text; more than one only with a span."""
    extra = settings.family.extra_single if settings.with_special_tokens else 0
    longest = settings.max_sequence_length
    total = len(pieces) + extra
    if total == 0:
        raise Refused("The input holds no tokens, and no special tokens are wanted")
    if total <= longest:
        return (_single(pieces, 0, len(pieces), settings, special, is_truncated=False),)
    if settings.truncate != "none":
        return (_single(pieces, 0, longest - extra, settings, special, is_truncated=True),)
    if settings.span < 0:
        raise Refused(_too_large(total, longest))
    return tuple(
        _single(pieces, start, end, settings, special, is_truncated=False)
        for start, end in _windows(pieces, longest - extra, settings.span)
    )


def two_texts(
    first: Pieces, second: Pieces, settings: TokenizationSettings, special: SpecialIds
) -> tuple[Encoded, ...]:
    """The sequences for a pair; more than one only with a span."""
    if not settings.with_special_tokens:
        raise Refused("Unable to do sequence pair tokenization without special tokens")
    family = settings.family
    longest = settings.max_sequence_length
    total = len(first) + len(second) + family.extra_pair
    if settings.span >= 0 and total >= longest:
        room = _room_for_windows(first, settings, family)
        return tuple(
            _pair(first.ids, second, start, end, family, special, is_truncated=False)
            for start, end in _windows(second, room, settings.span)
        )
    if total <= longest:
        return (_pair(first.ids, second, 0, len(second), family, special, is_truncated=False),)
    kept_first, kept_second = _kept(len(first), len(second), settings, family)
    return (
        _pair(first.ids[:kept_first], second, 0, kept_second, family, special, is_truncated=True),
    )


def _single(
    pieces: Pieces,
    start: int,
    end: int,
    settings: TokenizationSettings,
    special: SpecialIds,
    *,
    is_truncated: bool,
) -> Encoded:
    ids = pieces.ids[start:end]
    if not settings.with_special_tokens:
        return Encoded(_array(ids), is_truncated, start, end - start, 0)
    ids = [special.cls, *ids, special.sep]
    return Encoded(_array(ids), is_truncated, start, end - start, 1)


def _pair(
    first: Sequence[int],
    second: Pieces,
    start: int,
    end: int,
    family: Family,
    special: SpecialIds,
    *,
    is_truncated: bool,
) -> Encoded:
    between = [special.sep] * family.separators
    ids = [special.cls, *first, *between, *second.ids[start:end], special.sep]
    offset = 1 + len(first) + family.separators
    return Encoded(_array(ids), is_truncated, start, end - start, offset)


def _array(ids: Sequence[int]) -> TokenIds:
    return np.array(ids, dtype=np.int32)


def _kept(
    first: int, second: int, settings: TokenizationSettings, family: Family
) -> tuple[int, int]:
    """How much of each text of a pair that is too long stays."""
    room = settings.max_sequence_length - family.extra_pair
    if settings.truncate == "none":
        total = first + second + family.extra_pair
        raise Refused(_too_large(total, settings.max_sequence_length))
    if settings.truncate == "balanced":
        half = room // 2
        kept_first = min(first, half if second > half else room - second)
        return kept_first, min(second, room - kept_first)
    cut, other, name = (
        (first, second, "second") if settings.truncate == "first" else (second, first, "first")
    )
    if other > room:
        raise Refused(
            f"Attempting truncation [{settings.truncate}] but input is too large for the {name} "
            f"sequence. The tokenized input length [{other}] exceeds the maximum sequence length "
            f"[{room}], when taking special tokens into account"
        )
    kept = min(cut, room - other)
    return (kept, second) if settings.truncate == "first" else (first, kept)


def _room_for_windows(first: Pieces, settings: TokenizationSettings, family: Family) -> int:
    longest, extra = settings.max_sequence_length, family.extra_pair
    room = longest - extra - len(first)
    if room <= 0:
        raise Refused(
            f"Unable to do sequence pair tokenization: the first sequence [{len(first) + extra} "
            f"tokens] is longer than the max sequence length [{longest} tokens]"
        )
    if settings.span > room:
        raise Refused(
            "Unable to do sequence pair tokenization: the combined first sequence, span length "
            f"and delimiting tokens [{len(first)} + {settings.span} + {extra} = "
            f"{len(first) + settings.span + extra} tokens] is longer than the max sequence length "
            f"[{longest} tokens]. Reduce the size of the [span] window."
        )
    return room


def _windows(pieces: Pieces, room: int, span: int) -> list[tuple[int, int]]:
    """From where to where each window reaches; neighbours share ``span`` pieces or a few more."""
    words = pieces.words
    found: list[tuple[int, int]] = []
    start = 0
    while True:
        end = min(start + room, len(pieces))
        while start + 1 < end < len(pieces) and words[end] == words[end - 1]:
            end -= 1
        found.append((start, end))
        if end == len(pieces):
            return found
        previous, start = start, end - span
        if start <= previous:
            raise Refused(
                "Tokenization cannot be satisfied with the current span setting. Consider "
                "decreasing the span setting"
            )
        while start > previous + 1 and words[start] == words[start - 1]:
            start -= 1


def _too_large(length: int, longest: int) -> str:
    return (
        f"Input too large. The tokenized input length [{length}] exceeds the maximum sequence "
        f"length [{longest}]"
    )
