"""What a bad file is: how it is made, and what has to become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CUT = "cut"  # accepted: there are chunks
SKIPPED = "skipped"  # left out by a rule
Content = bytes | str | Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Bad:
    """A file by this ``name``.

    ``content`` is what is in it, or makes it at a path.  ``expect`` are the reason codes of all
    that becomes of it, each once, with ``cut`` and ``skipped`` for what is no rejection.  ``why``
    says what is bad about it, and of an accepted one why it is accepted.
    """

    name: str | bytes
    content: Content
    expect: tuple[str, ...]
    why: str

    def make(self, folder: Path) -> Path:
        """Write it into ``folder``."""
        name = (
            self.name.decode("utf-8", "surrogateescape")
            if isinstance(self.name, bytes)
            else self.name
        )
        path = folder / name
        if callable(self.content):
            self.content(path)
        elif isinstance(self.content, str):
            path.write_bytes(self.content.encode("utf-8"))
        else:
            path.write_bytes(self.content)
        return path


def sparse(size: int, head: bytes = b"") -> Callable[[Path], None]:
    """A file of ``size`` bytes that takes no room on the disk."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            file.truncate(size)

    return make
