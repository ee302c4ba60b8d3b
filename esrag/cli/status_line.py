"""One line on a person's terminal that says what is being waited for, and goes when it is over."""

from __future__ import annotations

import sys

_CLEAR = "\r\x1b[K"


class StatusLine:
    """Shows nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self._shown = False

    def show(self, words: str) -> None:
        """Replace what stands there."""
        if sys.stderr.isatty():
            sys.stderr.write(f"{_CLEAR}{words}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Leave an empty line, so that other words can take its place."""
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._shown = False
