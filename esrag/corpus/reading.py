"""Opens one listed file and returns what its inputs became: documents, rejections, skips.

    Listed --open--> Content --module of its format--> Found --> Parsed | Rejected | Skipped
                        ↑                                │
                        └────── members of archives ─────┘

Runs inside the parser child.  Streams: of an archive or a file of records nothing is held but the
member at hand.  Never blocks (a FIFO that took the file's place is noticed after opening), never
reads more than the limits, never writes, and never raises for what a file contains.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from esrag.corpus import sniffing
from esrag.corpus.decoding import decode
from esrag.corpus.finishing import finished
from esrag.corpus.formats import Format, format_of, format_of_media_type, unknown_type
from esrag.corpus.formats.contents import (
    MEMBER,
    Content,
    Excluded,
    Failure,
    Found,
    Member,
    Part,
)
from esrag.corpus.limits import RATIO_FROM_BYTES, size
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped, Unreadable
from esrag.types import Document

Outcome = Parsed | Rejected | Skipped
_MOST_FRUITLESS = 10_000  # a file that is no JSONL would give a dead letter a line, by the million


def read(listed: Listed, options: ReadingOptions | None = None) -> Iterator[Outcome]:
    """One outcome for a document file; one per record or member for a file that holds several."""
    return _Reader(listed, options or ReadingOptions()).outcomes()


def open_regular(path: Path) -> IO[bytes]:
    """The file, opened for reading; raises Unreadable when it is none or cannot be had."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(
            "unreadable", f"cannot be opened: {error.strerror}", stage="read"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("not_a_file", "is no regular file any more", stage="read")
    return os.fdopen(descriptor, "rb")


class Exhausted(Unreadable):
    """A limit for everything inside one listed file is reached: the rest of it is not read."""


class _Reader:
    """One listed file while it is read; counts what comes out of it."""

    def __init__(self, listed: Listed, options: ReadingOptions) -> None:
        self._listed = listed
        self._options = options
        self._limits = options.limits
        self._size = 0
        self._inflated = 0
        self._members = 0

    def outcomes(self) -> Iterator[Outcome]:
        listed = self._listed
        try:
            with open_regular(listed.path) as file:
                self._size = os.fstat(file.fileno()).st_size
                content = Content(
                    listed.name,
                    file,
                    self._size,
                    charset=_charset(listed.media_type),
                    limits=self._limits,
                )
                # What a server says of its answer goes before the look of the address.
                form = format_of_media_type(listed.media_type)
                form = form or format_of(listed.name) or format_of(listed.path.name)
                yield from self._content(content, form)
        except Unreadable as error:
            yield self._rejected(listed.name, error)

    def _content(self, content: Content, form: Format | None) -> Iterator[Outcome]:
        if form is None and content.depth and content.name != self._listed.name:
            yield self._skipped(content.name, unknown_type(content.name))
            return
        if form is None:
            error = Unreadable("unknown_type", unknown_type(content.name), stage="list")
            yield self._rejected(content.name, error)
            return
        try:
            yield from self._of_format(form, content)
        except Exhausted:
            raise
        except Exception as error:  # noqa: BLE001 - libraries raise anything for damaged files
            yield self._rejected(content.name, _translated(error))

    def _of_format(self, form: Format, content: Content) -> Iterator[Outcome]:
        limit = self._limits.text_bytes if form.shape == "text" else self._limits.file_bytes
        if content.size is not None and content.size > limit:
            reason = f"{size(content.size)}; the limit is {size(limit)}"
            raise Unreadable("too_large", reason, stage="read")
        sniffing.check(form, content.head(sniffing.HEAD_BYTES))
        content.form = form
        module = _module(form)
        if form.shape == "many":
            yield from self._several(content, module.parse(content, self._options))
        else:
            yield self._one(form, module, content, limit)

    def _one(self, form: Format, module: Any, content: Content, limit: int) -> Outcome:
        sha256 = ""
        try:
            if form.shape == "text":
                raw = content.whole(limit)
                sha256 = hashlib.sha256(raw).hexdigest()
                declared = content.charset or (
                    module.declared(raw) if hasattr(module, "declared") else ""
                )
                document = module.parse(decode(raw, declared=declared), document_id=content.name)
            else:
                content.hold()
                sha256 = content.sha256()
                document = module.parse(content, self._options)
            return self._parsed(cast(Document, document), sha256, content.name)
        except Exhausted:
            raise
        except Exception as error:  # noqa: BLE001 - as above; here the digest is known
            return self._rejected(content.name, _translated(error), sha256)

    def _several(self, container: Content, found: Iterator[Found]) -> Iterator[Outcome]:
        count = fruitless = 0
        for one in found:
            count += 1
            if fruitless >= _MOST_FRUITLESS:
                reason = f"{fruitless:,} parts in a row are unusable: the rest is not looked at"
                raise Unreadable("broken", reason)
            fruitless = fruitless + 1 if isinstance(one, Failure) else 0
            if not isinstance(one, Part) and container.form and container.form.holds_members:
                self._count_member()
            if isinstance(one, Part):
                try:
                    yield self._parsed(one.document, one.sha256, container.name, one.place)
                except Unreadable as error:
                    place = self._place(container.name, one.place)
                    yield self._rejected(one.document.id, error, one.sha256, place)
            elif isinstance(one, Failure):
                place = self._place(container.name, one.place)
                yield self._rejected(one.name, one.error, one.sha256, place)
            elif isinstance(one, Excluded):
                yield self._skipped(one.name, one.rule)
            else:
                yield from self._member(container, one)
        if not count:
            raise Unreadable("empty", "there is nothing in it")

    def _member(self, container: Content, member: Member) -> Iterator[Outcome]:
        form = format_of(member.inner or member.name) or format_of_media_type(member.media_type)
        deep = container.depth + 1 >= self._limits.nesting
        if deep and form is not None and form.holds_members:
            reason = f"archives nested more than {self._limits.nesting} deep"
            yield self._rejected(member.name, Unreadable("nested_archives", reason))
            return
        with io.BufferedReader(_Metered(member.file, self), 1 << 16) as file:
            content = Content(
                member.name,
                file,
                member.size,
                charset=member.charset,
                limits=self._limits,
                depth=container.depth + 1,
                inner=member.inner,
            )
            yield from self._content(content, form)

    def _count_member(self) -> None:
        self._members += 1
        if self._members > self._limits.members:
            raise Exhausted("too_many_members", f"more than {self._limits.members:,} members")

    def count_inflated(self, more: int) -> None:
        """Note that ``more`` bytes came out of an archive; raises Unreadable over the limit."""
        self._inflated += more
        limits = self._limits
        if self._inflated > limits.inflated_bytes:
            reason = f"more than {size(limits.inflated_bytes)} unpacked"
            raise Exhausted("inflates_too_much", reason)
        if self._inflated > RATIO_FROM_BYTES + limits.inflation_ratio * self._size:
            reason = f"unpacks to more than {limits.inflation_ratio} times its size"
            raise Exhausted("inflates_too_much", reason)

    def _parsed(self, document: Document, sha256: str, name: str, place: str = "") -> Parsed:
        done = finished(document, self._options, listed=self._listed)
        return Parsed(self._listed.path, done, sha256, self._place(name, place))

    def _rejected(
        self, name: str, error: Unreadable, sha256: str = "", place: str | None = None
    ) -> Rejected:
        listed = self._listed
        return Rejected(
            listed.path,
            name,
            error.stage,
            error.code,
            error.reason,
            sha256,
            self._place(name) if place is None else place,
            listed.origin,
            listed.uri,
        )

    def _skipped(self, name: str, rule: str) -> Skipped:
        listed = self._listed
        return Skipped(listed.path, name, rule, listed.origin, listed.uri)

    def _place(self, name: str, place: str = "") -> str:
        """Where in the listed file: the member's path in the archive, the line of a record."""
        member = name.removeprefix(self._listed.name).removeprefix(MEMBER)
        return f"{'' if member == name else member} {place}".strip()


class _Metered(io.RawIOBase):
    """A member's bytes on their way out of its archive, counted."""

    def __init__(self, file: IO[bytes], reader: _Reader) -> None:
        self._file = file
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raw = self._file.read(len(buffer))
        self._reader.count_inflated(len(raw))
        buffer[: len(raw)] = raw
        return len(raw)


def _translated(error: Exception) -> Unreadable:
    """What a library raised, as a reason."""
    if isinstance(error, Unreadable):
        return error
    if isinstance(error, RecursionError):
        return Unreadable("too_deep", "nested too deeply to be parsed")
    if isinstance(error, MemoryError):
        return Unreadable("parser_limit", "needs more memory than reading a file may take")
    if isinstance(error, ModuleNotFoundError):
        reason = f"the library {error.name} is missing: pip install 'esrag[ingest]'"
        return Unreadable("missing_library", reason)
    words = " ".join(str(error).split())[:200] or "no more is known"
    return Unreadable("broken", f"cannot be parsed: {type(error).__name__}: {words}")


def _module(form: Format) -> Any:
    return importlib.import_module(form.module_name)


def _charset(media_type: str) -> str:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""
