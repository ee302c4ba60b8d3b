"""JSON: an array holds a record an element, read one after the other; an object is one record.

``records`` of the options names the array inside an object.  An object that is no record (no text
field, nothing mapped) is data and becomes its own text, as code; so does an array of plain values.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from esrag.corpus import fields
from esrag.corpus.decoding import decode, encoding_of
from esrag.corpus.formats.contents import RECORD, Content, Failure, Found, Part, sha256_of
from esrag.corpus.formats.jsonl import AS_WRITTEN
from esrag.corpus.formats.record import TEXT_FIELDS, at_path, document_of
from esrag.corpus.limits import size
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Block, Document

_PIECE = 1 << 16
_BLANKS = " \t\r\n"


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """A document or a failure for each record."""
    head = content.head(_PIECE)
    start = head.decode(encoding_of(head, declared=content.charset), "replace").lstrip(_BLANKS)
    if start[:1] == "[" and start[1:].lstrip(_BLANKS)[:1] == "{" and not options.records:
        for number, element in enumerate(_elements(content), start=1):
            yield _record(element, content, number, options)
        return
    raw = content.whole(content.limits.text_bytes)
    text = decode(raw, declared=content.charset)
    value = _loaded(text)
    if options.records:
        found = at_path(value, options.records)
        if not isinstance(found, list):
            raise Unreadable("bad_json", f"there is no array at {options.records!r}")
        for number, element in enumerate(found, start=1):
            yield _record(element, content, number, options)
        return
    if isinstance(value, dict) and _is_record(value, options):
        document = document_of(value, file=content.name, place="", number="", paths=options.fields)
        yield Part(_named_as_file(document, content.name), sha256=sha256_of(raw))
        return
    yield Part(_data(text, content.name), sha256=sha256_of(raw))


def _record(element: object, content: Content, number: int, options: ReadingOptions) -> Found:
    place, mark = f"element {number}", f"E{number}"
    sha256 = sha256_of(json.dumps(element, sort_keys=True).encode())
    try:
        if not isinstance(element, dict):
            error = Unreadable("not_an_object", "the element is JSON, but not an object")
            return Failure(f"{content.name}{RECORD}{mark}", error, place, sha256)
        document = document_of(
            element, file=content.name, place=place, number=mark, paths=options.fields
        )
        return Part(document, place, sha256)
    except Unreadable as error:
        return Failure(f"{content.name}{RECORD}{mark}", error, place, sha256)


def _is_record(value: dict[str, Any], options: ReadingOptions) -> bool:
    return bool(options.fields.get("text")) or any(
        name.lower() in TEXT_FIELDS and isinstance(value[name], str) for name in value
    )


def _named_as_file(document: Document, name: str) -> Document:
    """The only record of a file bears its name."""
    title = document.title if document.title.strip(", ") else fields.title_from_name(name)
    return replace(document, id=name, title=title.rstrip(", "))


def _data(text: str, name: str) -> Document:
    stripped = text.strip()
    start = text.index(stripped)
    return Document(
        id=name,
        text=text,
        title=fields.title_from_name(name),
        source=name,
        mime_type="application/json",
        blocks=(Block("code", start, start + len(stripped)),),
    )


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, **AS_WRITTEN)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable("bad_json", f"not JSON: {error.msg} at {where}") from error


def _elements(content: Content) -> Iterator[object]:
    """The elements of the array that the file is, decoded one by one from a sliding window."""
    decoder = json.JSONDecoder(**AS_WRITTEN)
    encoding = encoding_of(content.head(4), declared=content.charset)
    window = _Window(content, encoding)
    window.expect("[")
    if window.next() == "]":
        return
    while True:
        yield window.element(decoder)
        mark = window.next()
        window.at += 1
        if mark == "]":
            return
        if mark != ",":
            raise Unreadable("bad_json", f"not JSON: ',' or ']' is missing after {window.count}")


class _Window:
    """The part of a JSON text that is held; grows only while an element does not fit."""

    def __init__(self, content: Content, encoding: str) -> None:
        self.at = 0
        self.count = 0
        self._text = ""
        self._file = content.file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._limit = content.limits.record_bytes
        self._ended = False

    def expect(self, mark: str) -> None:
        """Go past ``mark``, which must be next."""
        if self.next() != mark:
            raise Unreadable("bad_json", f"not JSON: {mark!r} is missing")
        self.at += 1

    def next(self) -> str:
        """The next character that is not blank; raises Unreadable at the end."""
        while True:
            while self.at < len(self._text) and self._text[self.at] in _BLANKS:
                self.at += 1
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more(_PIECE):
                raise Unreadable("bad_json", f"the file ends after {self.count} elements")

    def element(self, decoder: json.JSONDecoder) -> object:
        """The next element."""
        self.next()
        want = _PIECE
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self.at)
            except json.JSONDecodeError as error:
                if self._more(want):
                    want *= 2
                    continue
                reason = f"not JSON: {error.msg} in element {self.count + 1}"
                raise Unreadable("bad_json", reason) from error
            if end == len(self._text) and self._more(want):
                continue  # a number may go on
            self.at = end
            self.count += 1
            return value

    def _more(self, count: int) -> bool:
        """Hold more of the text, and drop what is done; False at the end."""
        if self._ended:
            return False
        held = self._text[self.at :]
        if len(held) > self._limit:
            reason = f"element {self.count + 1} is longer than {size(self._limit)}"
            raise Unreadable("record_too_large", reason)
        raw = self._file.read(count)
        self._ended = not raw
        try:
            self._text = held + self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            reason = f"not UTF-8: {error.reason} after element {self.count}"
            raise Unreadable("undecodable", reason, stage="read") from error
        self.at = 0
        return True
