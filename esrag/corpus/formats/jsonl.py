"""JSONL: one line, one record, one document; read line by line, however long the file is."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from esrag.corpus.decoding import decode, is_utf16, without_mark
from esrag.corpus.formats.contents import RECORD, Content, Failure, Found, Part, sha256_of
from esrag.corpus.formats.record import document_of
from esrag.corpus.limits import size
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """A document or a failure for each line that is not blank."""
    for number, line in enumerate(_lines(content), start=1):
        if not line.strip():
            continue
        place, name = f"line {number}", f"L{number}"
        sha256 = sha256_of(line)
        try:
            record = loaded(line, limit=content.limits.record_bytes)
            document = document_of(
                record, file=content.name, place=place, number=name, paths=options.fields
            )
            yield Part(document, place, sha256)
        except Unreadable as error:
            yield Failure(f"{content.name}{RECORD}{name}", error, place, sha256)
        except RecursionError:
            deep = Unreadable("too_deep", "nested too deeply to be parsed")
            yield Failure(f"{content.name}{RECORD}{name}", deep, place, sha256)


def loaded(line: bytes, *, limit: int) -> dict[str, Any]:
    """The object that a line holds."""
    if len(line) > limit:
        raise Unreadable("record_too_large", f"the line is longer than {size(limit)}")
    try:
        record = json.loads(decode(line), **AS_WRITTEN)
    except json.JSONDecodeError as error:
        raise Unreadable("bad_json", f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise Unreadable("not_an_object", "the line is JSON, but not an object")
    return record


def refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise Unreadable("bad_json", f"{name} is not JSON")


# Numbers stay as they are written: 1.10 and 1e400 are what the author wrote.
AS_WRITTEN: dict[str, Any] = {
    "parse_float": str,
    "parse_int": str,
    "parse_constant": refuse_constant,
}


def _lines(content: Content) -> Iterator[bytes]:
    """The lines without the byte order mark; one that is too long is cut just beyond the limit."""
    file: IO[bytes] = content.file
    most = content.limits.record_bytes + 1
    first = file.readline(most)
    if is_utf16(first):
        raw = first + content.file.read(content.limits.text_bytes)
        file = io.BytesIO(decode(raw).encode("utf-8", "replace"))
        first = file.readline(most)
    line = without_mark(first)
    while line:
        yield line
        while len(line) >= most and not line.endswith(b"\n"):  # the rest of an endless line
            line = file.readline(most)
        line = file.readline(most)
