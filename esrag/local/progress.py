"""How the stack tells what it is doing; the command line decides how that looks.

Nothing here prints.  ``Silent`` is for callers that do not want to hear anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Reporter(Protocol):
    """Receives the steps of ``esrag local up`` as they happen."""

    def step(self, doing: str) -> AbstractContextManager[None]:
        """A step that begins and ends with the block, e.g. "compiling the plugins"."""

    def done(self, what: str, seconds: float) -> None:
        """Something that went on in the background has been reached after ``seconds``."""

    def download(self, name: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        """A download of ``size`` bytes; the function receives the length of each piece."""

    def note(self, text: str) -> None:
        """Something worth knowing that is no step."""


class Silent:
    """A reporter that says nothing."""

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Say nothing."""
        del doing
        yield

    def done(self, what: str, seconds: float) -> None:
        """Say nothing."""

    @contextmanager
    def download(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Say nothing."""
        del name, size
        yield lambda _length: None

    def note(self, text: str) -> None:
        """Say nothing."""
