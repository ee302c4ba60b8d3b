"""Results of earlier inputs, kept while there is room: the least recently used goes first.

A deployment's results depend on the text and the task with its options alone, so these are the
key.  Sizes are estimated, not measured; the limit is a promise about the order of magnitude.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InputResult

_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "pb": 1 << 50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?b|)", re.IGNORECASE)
_ENTRY_OVERHEAD = 400  # two dictionary slots, the key tuple and the array's header


def parse_size(text: str) -> int:
    """Bytes of a size such as ``10kb``; a bare number counts bytes."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Problem("bad_request", f"failed to parse [cache_size] value [{text}] as a size")
    return int(float(match[1]) * _UNITS[match[2].lower()])


class ResultCache:
    """A least-recently-used cache bounded in bytes; the owner holds a lock around every call."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, tuple[InputResult, int]] = OrderedDict()
        self._size = 0

    @property
    def enabled(self) -> bool:
        """Whether there is room for anything at all."""
        return self._capacity > 0

    def get(self, text: str, variant: Hashable) -> InputResult | None:
        """The result of an earlier equal input, or None."""
        key = (text, variant)
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, text: str, variant: Hashable, result: InputResult) -> None:
        """Remember a result, forgetting the longest unused ones when room is short."""
        if result.body is None:
            return
        key = (text, variant)
        size = _ENTRY_OVERHEAD + 4 * len(text) + sum(map(_size, result.body.values()))
        if size > self._capacity or key in self._entries:
            return
        self._entries[key] = (replace(result, body=_on_its_own(result.body)), size)
        self._size += size
        while self._size > self._capacity:
            _, (_, freed) = self._entries.popitem(last=False)
            self._size -= freed

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._size = 0


def _size(value: object) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    return len(orjson.dumps(value)) if isinstance(value, list | str) else 0


def _on_its_own(body: dict[str, Any]) -> dict[str, Any]:
    """The same with arrays of its own: a row of a batch would keep the whole batch alive."""
    return {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in body.items()
    }
