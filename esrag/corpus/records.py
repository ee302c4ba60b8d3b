"""What travels through the corpus package: inputs, and what became of them before chunking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrag.types import Document

Stage = Literal["list", "read", "parse", "chunk", "embed", "index", "verify"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is to be read.  ``name`` is its document id: the path below its origin.

    ``origin`` is a URI or a name that the user gave.  ``path`` is always a file on this machine:
    what came from elsewhere (``uri``) is ``spooled``, and whoever has read it removes it.
    ``media_type`` is what the place it came from says it is, empty when it says nothing.
    """

    path: Path
    name: str
    origin: str = ""
    uri: str = ""
    media_type: str = ""
    spooled: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """An input that ``rule`` excludes; of a remote one ``path`` is only for show."""

    path: Path
    name: str
    rule: str
    origin: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that cannot become a document.

    ``code`` is stable and short, ``reason`` says it to a person; ``place`` is where in the file
    (a line of a JSONL file), empty for a whole file.
    """

    path: Path
    name: str
    stage: Stage
    code: str
    reason: str
    sha256: str = ""
    place: str = ""
    origin: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document together with the file it came from and that input's sha256."""

    path: Path
    document: Document
    sha256: str
    place: str = ""


class Unreadable(Exception):
    """Raised inside the package when an input cannot be used; ``reading`` makes it a Rejected."""

    def __init__(self, code: str, reason: str, *, stage: Stage = "parse") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.stage = stage
