"""Opens one listed file and returns what its inputs became: documents and rejections.

Never blocks (a FIFO that took the file's place is noticed after opening), never reads more than
the limit, and never raises for what a file contains.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from esrag.corpus import html, jsonl, markdown, plain
from esrag.corpus.listing import FORMATS
from esrag.corpus.records import Listed, Parsed, Rejected, Unreadable
from esrag.types import Document

MAX_BYTES = 20 * 1024 * 1024
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_PARSERS = {"markdown": markdown.parse, "plain": plain.parse, "html": html.parse}


def read(listed: Listed, *, max_bytes: int = MAX_BYTES) -> Iterator[Parsed | Rejected]:
    """One outcome for a document file, one per record for a JSONL file."""
    sha256 = ""
    try:
        raw = read_bytes(listed.path, max_bytes=max_bytes)
        sha256 = hashlib.sha256(raw).hexdigest()
        family = FORMATS[listed.path.suffix.lower()]
        if family == "jsonl":
            yield from _records(listed, raw)
            return
        document = _PARSERS[family](decode(raw), document_id=listed.name)
        yield Parsed(listed.path, checked(document), sha256)
    except Unreadable as error:
        yield Rejected(listed.path, listed.name, error.stage, error.code, error.reason, sha256)
    except RecursionError:
        reason = "nested too deeply to be parsed"
        yield Rejected(listed.path, listed.name, "parse", "too_deep", reason, sha256)


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The file's bytes; raises Unreadable when they cannot be had or are too many."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(
            "unreadable", f"cannot be opened: {error.strerror}", stage="read"
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not_a_file", "is no regular file any more", stage="read")
        try:
            raw = file.read(max_bytes + 1) if status.st_size <= max_bytes else None
        except OSError as error:
            raise Unreadable(
                "unreadable", f"cannot be read: {error.strerror}", stage="read"
            ) from error
    if raw is None or len(raw) > max_bytes:
        size = f"{status.st_size / 1_048_576:.0f} MiB" if raw is None else "still growing"
        limit = f"{max_bytes / 1_048_576:.0f} MiB"
        raise Unreadable("too_large", f"{size}; the limit is {limit} a file", stage="read")
    if not raw.strip():
        raise Unreadable("empty", "the file is empty", stage="read")
    return raw


def decode(raw: bytes) -> str:
    """UTF-8, or UTF-16 when it starts with a byte order mark; never guesses."""
    encoding, skip = "utf-8", 0
    if raw.startswith(codecs.BOM_UTF8):
        skip = len(codecs.BOM_UTF8)
    elif raw[:2] in _UTF16 and not raw.startswith(codecs.BOM_UTF32_LE):
        encoding, skip = _UTF16[raw[:2]], 2
    try:
        text = raw[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        at = error.start + skip
        raise Unreadable(
            "undecodable", f"not {encoding.upper()}: {error.reason} at byte {at}", stage="read"
        ) from error
    nul = text.find("\0")
    if nul >= 0:
        at = skip + len(text[:nul].encode(encoding, "surrogatepass"))
        raise Unreadable("nul_byte", f"NUL at byte {at}: not a text file", stage="read")
    return text


def checked(document: Document) -> Document:
    """The document, when it can be indexed; raises Unreadable when it has no text or bad fields."""
    if not any(map(str.isalnum, document.text)):
        raise Unreadable("empty", "no text to index")
    if len(document.id.encode("utf-8", "replace")) > 512:
        raise Unreadable("id_too_long", "the document id is longer than 512 bytes")
    if len(document.metadata) > 200:
        raise Unreadable("metadata", f"{len(document.metadata)} metadata fields; 200 are allowed")
    for name, value in document.metadata.items():
        if len(name) + len(value) > 4000:
            raise Unreadable(
                "metadata", f"metadata field {name[:60]!r} is longer than 4000 characters"
            )
    fields = (document.id, document.text, document.title, document.url)
    for value in (*fields, *document.metadata, *document.metadata.values()):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Unreadable("lone_surrogate", "holds half of a surrogate pair") from error
    return document


def _records(listed: Listed, raw: bytes) -> Iterator[Parsed | Rejected]:
    if raw[:2] in _UTF16:
        raw = decode(raw).encode("utf-8", "replace")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        name = f"{listed.name}#L{number}"
        sha256 = hashlib.sha256(line).hexdigest()
        try:
            document = jsonl.parse(decode(line), file=listed.name, line_number=number)
            yield Parsed(listed.path, checked(document), sha256, place)
        except Unreadable as error:
            yield Rejected(listed.path, name, error.stage, error.code, error.reason, sha256, place)
        except RecursionError:
            reason = "nested too deeply to be parsed"
            yield Rejected(listed.path, name, "parse", "too_deep", reason, sha256, place)
