"""Builds a document's text block by block, for formats whose bytes are not their text.

``Writer`` knows at every moment where in the text a block, and a page, began, so that the offsets
are exact by construction.  Tables are written as Markdown tables (header row, delimiter row), the
one form that chunking repeats headers for, whatever the format they came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from esrag.corpus.limits import Limits
from esrag.corpus.records import Unreadable
from esrag.types import Block, BlockKind

# Controls that no text needs; XML 1.0 forbids them, PDF and office files hold them all the same.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


class Writer:
    """Collects blocks; ``blocks`` and ``pages`` index ``text``."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.blocks: list[Block] = []
        self.pages: list[int] = []
        self._parts: list[str] = []
        self._length = 0
        self._page_waits = 0
        self._limits = limits or Limits()

    @property
    def text(self) -> str:
        """All that has been written."""
        return "".join(self._parts)

    @property
    def page_starts(self) -> tuple[int, ...]:
        """Where each page begins; empty ones at the end begin where the text ends."""
        return (*self.pages, *(self._length for _ in range(self._page_waits)))

    def page(self) -> None:
        """What is added from now on is on a new page."""
        if len(self.pages) + self._page_waits >= self._limits.pages:
            raise Unreadable("too_many_pages", f"more than {self._limits.pages:,} pages")
        self._page_waits += 1

    def add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        """One block, set off by a blank line; blank ones vanish."""
        text = cleaned(text)
        text = text.strip("\r\n").rstrip() if kind == "code" else text.strip()
        if not text.strip():
            return
        if self._parts:
            self._append("\n\n")
        # A page begins with its first block; those that hold nothing begin there as well.
        self.pages.extend(self._length for _ in range(self._page_waits))
        self._page_waits = 0
        start = self._length
        self._append(text)
        self.blocks.append(Block(kind, start, self._length, level))

    def heading(self, text: str, level: int) -> None:
        """A heading on one line."""
        self.add("heading", _SPACE.sub(" ", text), min(max(level, 1), 6))

    def table(self, rows: Iterable[Sequence[str]], *, header: bool = True) -> None:
        """A table; its first row that holds anything is the header, unless there is ``header``
        none: then the header row is empty, as Markdown wants one.
        """
        lines: list[str] = []
        width = length = 0
        for row in rows:
            cells = [cell(each) for each in row]
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                continue
            if not lines:
                width = len(cells)
                first = cells if header else [""] * width
                lines += [row_line(first), f"|{' --- |' * max(width, 1)}"]
                if header:
                    continue
            cells += [""] * (width - len(cells))
            lines.append(row_line(cells))
            length += len(lines[-1]) + 1
            self._refuse_too_long(length)
        self.add("table", "\n".join(lines))

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        self._refuse_too_long(0)

    def _refuse_too_long(self, more: int) -> None:
        limit = self._limits.document_characters
        if self._length + more > limit:
            raise Unreadable("text_too_long", f"more than {limit:,} characters in one document")


def cell(text: str) -> str:
    """A table's cell: on one line, with its bars escaped."""
    return _SPACE.sub(" ", text).strip().replace("|", "\\|")


def row_line(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def cleaned(text: str) -> str:
    """Text without control characters and halves of surrogate pairs."""
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATE.sub("\ufffd", _CONTROLS.sub("", text))
