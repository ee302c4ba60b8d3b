"""Patterns such as ``docs/**/*.md`` that a user quotes, so that the shell leaves them alone.

The folders before the first sign are the base; names are below it.  As in a shell, a sign does
not match a dot at the beginning, and a folder that matches as a whole stands for all that is in
it.  ``**`` matches any number of folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_MAGIC = re.compile(r"[*?[]")


def has_magic(text: str) -> bool:
    """Whether ``text`` holds signs of a pattern."""
    return _MAGIC.search(text) is not None


def split(pattern: str) -> tuple[str, str]:
    """The folder before the first sign ("." when there is none), and the pattern below it."""
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if has_magic(part))
    base = "/".join(parts[:first])
    if not base:
        base = "/" if pattern.startswith("/") else "."
    return base, "/".join(parts[first:])


@dataclass(frozen=True)
class Glob:
    """A pattern below a base folder; says of paths below it whether they are meant."""

    pattern: str

    def enters(self, folder: str) -> bool:
        """Whether a file below this folder can match."""
        return self.wants(folder) or _matches(self._parts, folder.split("/"), partly=True)

    def wants(self, file: str) -> bool:
        """Whether the path, or a folder above it, matches."""
        parts = file.split("/")
        return any(
            _matches(self._parts, parts[:count]) and _visible(parts[count:])
            for count in range(1, len(parts) + 1)
        )

    @cached_property
    def _parts(self) -> tuple[re.Pattern[str] | None, ...]:
        return tuple(
            None if part == "**" else re.compile(_segment(part), re.DOTALL)
            for part in self.pattern.split("/")
            if part
        )


def _matches(
    pattern: tuple[re.Pattern[str] | None, ...], parts: list[str], *, partly: bool = False
) -> bool:
    """Whether ``parts`` match the pattern; ``partly``: or could, with more parts behind them."""
    reached = _closure(pattern, {0})
    for part in parts:
        following: set[int] = set()
        for place in reached:
            if place == len(pattern):
                continue
            segment = pattern[place]
            if segment is None:
                following |= {place} if not part.startswith(".") else set()
            elif segment.fullmatch(part):
                following.add(place + 1)
        reached = _closure(pattern, following)
    if partly:
        return any(place < len(pattern) for place in reached)
    # ``docs/**`` is met by what is in docs, not by docs itself
    return len(pattern) in reached and bool(parts)


def _closure(pattern: tuple[re.Pattern[str] | None, ...], places: set[int]) -> set[int]:
    """The places, and those behind a ``**`` that stands for no folder."""
    waiting, found = list(places), set(places)
    while waiting:
        place = waiting.pop()
        if place < len(pattern) and pattern[place] is None and place + 1 not in found:
            found.add(place + 1)
            waiting.append(place + 1)
    return found


def _visible(parts: list[str]) -> bool:
    return not any(part.startswith(".") for part in parts)


def _segment(part: str) -> str:
    """One part of a pattern as an expression."""
    written = "" if part.startswith(".") else r"(?!\.)"
    position = 0
    while position < len(part):
        sign = part[position]
        position += 1
        if sign == "*":
            written += ".*"
        elif sign == "?":
            written += "."
        elif sign == "[" and (end := part.find("]", position + 1)) > 0:
            inside = part[position:end].replace("\\", r"\\").replace("[", r"\[")
            inside = "^" + inside[1:] if inside[0] in "!^" else inside
            written += f"[{inside}]"
            position = end + 1
        else:
            written += re.escape(sign)
    return written
