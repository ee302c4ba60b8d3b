"""The lines that a person types, with editing and history; or those of a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

MOST_LINES = 1000
PROMPT = "\n> "


class LineInput:
    """Gives one line after the other.

    ``interactive`` says whether somebody sits there: then there is a prompt, and ^C is not the end.
    """

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty()
        self._edited = self.interactive and sys.stdout.isatty()
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")

    def read(self) -> str | None:
        """The next line, without surrounding space; None at the end."""
        if self._edited:
            try:
                return input(PROMPT).strip()
            except EOFError:
                return None
        if self.interactive:
            click.echo(PROMPT, nl=False, err=True)
        line = sys.stdin.readline()
        return line.strip() if line else None

    @contextmanager
    def history(self, path: Path | None, *, words: Sequence[str] = ()) -> Iterator[None]:
        """Earlier lines for the arrow keys; with a path they are kept, readable for oneself.

        The tab key completes ``words`` at the beginning of a line.
        """
        if not self._edited:
            yield
            return
        try:
            import readline
        except ImportError:  # pragma: no cover  # Python was built without it
            yield
            return
        readline.clear_history()
        readline.set_completer(lambda begun, number: _completed(words, begun, number))
        readline.set_completer_delims(" ")
        readline.parse_and_bind("tab: complete")
        readline.set_auto_history(True)
        readline.set_history_length(MOST_LINES)
        if path is not None:
            with suppress(OSError):
                readline.read_history_file(path)
        try:
            yield
        finally:
            readline.set_completer(None)
            if path is not None:
                with suppress(OSError):  # a full disk, or a folder that may not be written
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch(mode=0o600)
                    readline.write_history_file(path)


def _completed(words: Sequence[str], begun: str, number: int) -> str | None:
    """The ``number``-th of the words that begin so, as readline asks for them."""
    found = [word for word in words if begun and word.startswith(begun)]
    return found[number] if number < len(found) else None
