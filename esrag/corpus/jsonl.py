"""JSONL: one line, one record, one document.

Known fields (the first that is there, in any case): id ``id _id document_id``; text ``text body
content``; title ``title name headline``; url ``url link permalink canonical_url``; date
``published date published_at publish_date updated created_at``; ``mime_type`` may say
``text/markdown``.  An object ``metadata`` and all other fields become metadata.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from esrag.corpus import fields, markdown, plain
from esrag.corpus.records import Unreadable
from esrag.types import Document

_ID_FIELDS = ("id", "_id", "document_id")
_TEXT_FIELDS = ("text", "body", "content")


def parse(line: str, *, file: str, line_number: int) -> Document:
    """The document of one line; raises Unreadable with what is wrong with it."""
    record = _loaded(line)
    text = _text(record)
    record_id = _record_id(record)
    nested = record.pop("metadata", None)
    if nested is not None and not isinstance(nested, dict):
        raise Unreadable("metadata", "the field metadata is not an object")
    own, extra = fields.flatten(record), fields.flatten(nested or {})

    def take(names: tuple[str, ...]) -> str:
        return fields.take(own, names) or fields.take(extra, names)

    is_markdown = take(("mime_type",)) == "text/markdown"
    title = fields.one_line(take(fields.TITLE_FIELDS))
    return Document(
        id=f"{file}#{record_id or f'L{line_number}'}",
        text=text,
        title=title or record_id or f"{fields.title_from_name(file)}, line {line_number}",
        source=file,
        url=take(fields.URL_FIELDS),
        mime_type="text/markdown" if is_markdown else "text/plain",
        published=fields.take_date(own) or fields.take_date(extra),
        metadata={**extra, **own},
        blocks=markdown.parse_blocks(text) if is_markdown else plain.parse_blocks(text),
    )


def _loaded(line: str) -> dict[str, Any]:
    try:
        # Numbers stay as they are written: 1.10 and 1e400 are what the author wrote.
        record = json.loads(line, parse_float=str, parse_int=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Unreadable("bad_json", f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise Unreadable("not_an_object", "the line is JSON, but not an object")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable("bad_json", f"{name} is not JSON")


def _text(record: dict[str, Any]) -> str:
    by_lower = {name.lower(): name for name in reversed(list(record))}
    for wanted in _TEXT_FIELDS:
        if wanted in by_lower:
            text = record.pop(by_lower[wanted])
            if not isinstance(text, str):
                raise Unreadable(
                    "text_not_a_string", f"the field {by_lower[wanted]!r} is not a string"
                )
            if "\0" in text:
                raise Unreadable("nul_byte", f"the field {by_lower[wanted]!r} holds NUL characters")
            return text
    raise Unreadable("no_text_field", f"none of the fields {', '.join(_TEXT_FIELDS)} is there")


def _record_id(record: dict[str, Any]) -> str:
    by_lower = {name.lower(): name for name in reversed(list(record))}
    for wanted in _ID_FIELDS:
        if wanted in by_lower:
            value = record.pop(by_lower[wanted])
            if value is None:
                continue
            if not isinstance(value, str) or "\0" in value:
                raise Unreadable("bad_id", f"the field {by_lower[wanted]!r} is no string or number")
            return value.strip()
    return ""
