"""What goes into a format module and what comes out of it.

    Content (name and bytes) --format module--> Found: documents, members, failures

A format module knows nothing of files, folders and outcomes: it gets a ``Content`` and raises
``Unreadable``, or yields a ``Failure`` where only a part is unusable.  ``reading`` calls it, reads
the members it finds in turn, and turns everything into outcomes.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import IO

from esrag.corpus.formats import Format
from esrag.corpus.limits import Limits, size
from esrag.corpus.records import Unreadable
from esrag.types import Document

MEMBER = "!/"  # between the name of a container and that of a member: mail.eml!/report.pdf
RECORD = "#"  # between the name of a file and that of a record: notes.jsonl#7


@dataclass(slots=True)
class Content:
    """The bytes of a file or of a member, read at most once from start to end unless sought.

    ``name`` is the document id.  ``charset`` is what the place it came from says of it (an HTTP
    header, a mail's part), empty when that says nothing.  ``depth`` counts the containers around.
    """

    name: str
    file: IO[bytes]
    size: int | None = None
    charset: str = ""
    limits: Limits = field(default_factory=Limits)
    depth: int = 0
    form: Format | None = None
    inner: str = ""

    @property
    def typed_name(self) -> str:
        """The name whose ending says the type: that of a compressed file without ``.gz``."""
        return self.inner or self.name

    def head(self, count: int) -> bytes:
        """Up to ``count`` of the first bytes, which stay to be read."""
        peek = getattr(self.file, "peek", None)
        if peek is not None:
            return bytes(peek(count)[:count])
        at = self.file.tell()
        found = self.file.read(count)
        self.file.seek(at)
        return found

    def whole(self, limit: int) -> bytes:
        """All bytes; raises Unreadable when there are none or more than ``limit``."""
        raw = self.file.read(limit + 1) if self.size is None or self.size <= limit else None
        if raw is None or len(raw) > limit:
            found = size(self.size) if raw is None and self.size is not None else "more"
            raise Unreadable("too_large", f"{found}; the limit is {size(limit)}", stage="read")
        if not raw.strip():
            raise Unreadable("empty", "the file is empty", stage="read")
        return raw

    def sought(self) -> IO[bytes]:
        """The file, for reading here and there; a member is held in memory for that."""
        self.hold()
        return self.file

    def hold(self) -> None:
        """Make the file one that can be sought."""
        if not self.file.seekable():
            self.file = io.BytesIO(self.whole(self.limits.held_bytes))

    def sha256(self) -> str:
        """The digest of a file that can be sought; it is at its start again afterwards."""
        self.file.seek(0)
        digest = hashlib.sha256()
        while piece := self.file.read(1 << 20):
            digest.update(piece)
        self.file.seek(0)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """A document that is one of several in a file; ``place`` says where, ``raw`` what it is of."""

    document: Document
    place: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a container, to be read by its own format while the container stands here.

    ``inner`` is the name that says the format, where it is not the end of ``name``.
    """

    name: str
    file: IO[bytes]
    size: int | None = None
    charset: str = ""
    media_type: str = ""
    inner: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record or member that cannot be read, while the others can."""

    name: str
    error: Unreadable
    place: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A member that a rule excludes."""

    name: str
    rule: str


Found = Part | Member | Failure | Excluded


def sha256_of(raw: bytes) -> str:
    """The digest by which an input is known."""
    return hashlib.sha256(raw).hexdigest()
