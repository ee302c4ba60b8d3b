"""ODT: headings, paragraphs, lists and tables of an OpenDocument text, from its XML.

The format is an ISO standard whose text is one XML file, walked here with lxml; notes stand where
they are referred to, tracked deletions are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esrag.corpus import fields
from esrag.corpus.formats import packages
from esrag.corpus.formats.composing import composed
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Document

_NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _OFFICE = _NS % "text", _NS % "table", _NS % "office"
_LEFT_OUT = frozenset((f"{_TEXT}tracked-changes", f"{_OFFICE}annotation"))
_FRAMES = frozenset(
    (f"{_TEXT}section", f"{_NS % 'drawing'}text-box", f"{_TEXT}index-body", f"{_TEXT}list-item")
)
_FIELDS = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "language": "language",
    "date": "modified",
    "creation-date": "published",
    "subject": "subject",
    "keyword": "keywords",
    "description": "description",
}
_MOST_REPEATED = 100


def parse(content: Content, options: ReadingOptions) -> Document:
    """The document."""
    with packages.opened(packages.checked(content)) as package:
        manifest = (
            packages.part(package, "META-INF/manifest.xml")
            if "META-INF/manifest.xml" in package.namelist()
            else b""
        )
        if b"encryption-data" in manifest:
            raise Unreadable("encrypted", "the document asks for a password")
        root = packages.xml(packages.part(package, "content.xml"))
        names = package.namelist()
        meta = packages.part(package, "meta.xml") if "meta.xml" in names else b""
    writer = Writer(options.limits)
    for body in root.iter(f"{_OFFICE}text"):
        _blocks(body, writer)
    metadata = _metadata(meta)
    known = fields.declared(metadata)
    return composed(
        content, writer, known, metadata, mime_type="application/vnd.oasis.opendocument.text"
    )


def _blocks(parent: Any, writer: Writer) -> None:
    for child in parent:
        if child.tag == f"{_TEXT}h":
            level = child.get(f"{_TEXT}outline-level", "1")
            writer.heading(_words(child), int(level) if level.isdigit() else 1)
        elif child.tag == f"{_TEXT}p":
            writer.add("paragraph", _words(child))
        elif child.tag == f"{_TEXT}list":
            writer.add("list", "\n".join(_items(child, 0)))
        elif child.tag == f"{_TABLE}table":
            writer.table(_row(row) for row in child.iter(f"{_TABLE}table-row"))
        elif child.tag in _FRAMES or str(child.tag).endswith("-index"):
            _blocks(child, writer)


def _items(node: Any, depth: int) -> Iterator[str]:
    for item in node:
        words = " ".join(_words(p) for p in item if p.tag in (f"{_TEXT}p", f"{_TEXT}h")).strip()
        if words:
            yield f"{'  ' * depth}- {words}"
        for inner in item.findall(f"{_TEXT}list"):
            yield from _items(inner, depth + 1)


def _row(row: Any) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            continue
        repeated = cell.get(f"{_TABLE}number-columns-repeated", "1")
        text = " ".join(_words(p) for p in cell.iter(f"{_TEXT}p"))
        cells += [text] * (min(int(repeated), _MOST_REPEATED) if repeated.isdigit() else 1)
    return cells


def _words(node: Any) -> str:
    parts: list[str] = []
    stack: list[Any] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            parts.append(one)
            continue
        if one is not node and one.tail:
            stack.append(one.tail)
        if one.tag in _LEFT_OUT or not isinstance(one.tag, str):
            continue
        if one.tag == f"{_TEXT}tab":
            parts.append("\t")
        elif one.tag == f"{_TEXT}line-break":
            parts.append("\n")
        elif one.tag == f"{_TEXT}s":
            parts.append(" ")
        if one.tag == f"{_TEXT}note":
            parts.append(" [")
            stack.append("]")
        if one.tag != f"{_TEXT}note-citation":
            stack.extend(reversed(one))
            if one.text:
                stack.append(one.text)
    return "".join(parts).strip()


def _metadata(raw: bytes) -> dict[str, str]:
    found: dict[str, object] = {}
    for element in packages.xml(raw).iter() if raw else ():
        local = str(element.tag).rpartition("}")[2]
        if local in _FIELDS and element.text and _FIELDS[local] not in found:
            found[_FIELDS[local]] = fields.one_line(str(element.text), limit=1000)
    return fields.flatten(found)
