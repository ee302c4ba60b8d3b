"""One text in the place of another, as whole words: 5,000 is no part of 15,000 or of 5,000.5."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache


def places(text: str, old: str) -> Iterator[int]:
    """Where ``old`` stands in ``text``, as offsets of characters."""
    return (found.start() for found in _whole(old).finditer(text))


def replaced(text: str, old: str, new: str) -> str:
    """The text with ``new`` wherever it has ``old``."""
    return _whole(old).sub(lambda _: new, text)


def has(text: str, old: str) -> bool:
    """Whether the text has ``old``."""
    return _whole(old).search(text) is not None


@lru_cache(maxsize=8)
def _whole(old: str) -> re.Pattern[str]:
    before = r"(?<!\w)(?<!\d[.,])" if old[:1].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if old[-1:].isalnum() else ""
    return re.compile(before + re.escape(old) + after)
