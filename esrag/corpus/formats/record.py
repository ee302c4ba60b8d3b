"""A record (of JSON, JSONL or a table) becomes a document, by well-known names or as mapped.

Known fields (the first that is there, in any case): id ``id _id document_id``; text ``text body
content``; the others as ``fields`` has them; ``mime_type`` may say ``text/markdown``.  An object
``metadata`` and all other fields become metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esrag.corpus import fields
from esrag.corpus.formats import markdown, plain
from esrag.corpus.formats.contents import RECORD
from esrag.corpus.records import Unreadable
from esrag.types import Document

Paths = Mapping[str, tuple[str, ...]]
_ID_FIELDS = ("id", "_id", "document_id")
TEXT_FIELDS = ("text", "body", "content")


def document_of(
    record: dict[str, Any], *, file: str, place: str, number: str, paths: Paths
) -> Document:
    """The document; ``record`` is used up.

    ``number`` is its id where it states none (``L7``), ``place`` the same in words ("line 7").
    """
    record_id = _id(record, paths)
    text = _text(record, paths)
    acl = fields.readers(_first(record, paths["acl"])) if "acl" in paths else ()
    acl = acl or fields.take_readers(record)
    mapped = {
        name: _first(record, found)
        for name, found in paths.items()
        if name not in ("id", "text", "acl")
    }
    nested = record.pop("metadata", None)
    if nested is not None and not isinstance(nested, dict):
        raise Unreadable("metadata", "the field metadata is not an object")
    own, extra, stated = (
        fields.flatten(record),
        fields.flatten(nested or {}),
        fields.flatten(mapped),
    )
    known = fields.declared(stated, own, extra)
    mime_type = fields.take(own, ("mime_type",)) or fields.take(extra, ("mime_type",))
    is_markdown = mime_type == "text/markdown"
    return Document(
        id=f"{file}{RECORD}{record_id or number}",
        text=text,
        title=known.title or record_id or f"{fields.title_from_name(file)}, {place}",
        source=file,
        url=known.url,
        mime_type="text/markdown" if is_markdown else "text/plain",
        published=known.published,
        metadata={**extra, **own, **stated},
        blocks=markdown.parse_blocks(text) if is_markdown else plain.parse_blocks(text),
        author=known.author,
        language=known.language,
        modified=known.modified,
        acl=acl,
    )


def at_path(value: object, path: str) -> object:
    """What lies at a dotted path of nested objects and arrays; None when nothing does."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    head, dot, rest = path.partition(".")
    if isinstance(value, Mapping):
        inner = value.get(head)
    elif isinstance(value, list) and head.isdigit() and int(head) < len(value):
        inner = value[int(head)]
    else:
        return None
    return at_path(inner, rest) if dot else inner


def _id(record: dict[str, Any], paths: Paths) -> str:
    if "id" in paths:
        value, name = _first(record, paths["id"]), paths["id"][0]
    else:
        name = next(_named(record, _ID_FIELDS), "")
        value = record.pop(name, None)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise Unreadable("bad_id", f"the field {name!r} is no string or number")
    return value.strip()


def _text(record: dict[str, Any], paths: Paths) -> str:
    wanted = paths.get("text")
    if wanted:
        values = [(path, _removed(record, path)) for path in wanted]
    else:
        values = [(name, record.pop(name)) for name in list(_named(record, TEXT_FIELDS))[:1]]
    texts = [_string(value, name) for name, value in values if value is not None]
    if not texts:
        names = ", ".join(wanted or TEXT_FIELDS)
        if not wanted and values:
            raise Unreadable("text_not_a_string", f"the field {values[0][0]!r} is not a string")
        raise Unreadable("no_text_field", f"none of the fields {names} is there")
    return "\n\n".join(texts)


def _string(value: object, name: str) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = "\n\n".join(value)
    if not isinstance(value, str):
        raise Unreadable("text_not_a_string", f"the field {name!r} is not a string")
    if "\0" in value:
        raise Unreadable("nul_byte", f"the field {name!r} holds NUL characters")
    return value


def _named(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    by_lower = {name.lower(): name for name in reversed(list(record))}
    return (by_lower[name] for name in names if name in by_lower)


def _first(record: dict[str, Any], paths: tuple[str, ...]) -> Any:
    """The first that is there; all are removed, for they are no metadata any more."""
    values = [_removed(record, path) for path in paths]
    return next((value for value in values if value is not None), None)


def _removed(record: dict[str, Any], path: str) -> Any:
    """What lies at the path, taken out where it lies in an object."""
    if path in record:
        return record.pop(path)
    above, _, last = path.rpartition(".")
    holder = at_path(record, above) if above else record
    if isinstance(holder, dict):
        return holder.pop(last, None)
    return at_path(record, path)
