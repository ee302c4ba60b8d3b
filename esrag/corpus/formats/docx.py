"""DOCX: headings, paragraphs, lists, tables and notes, in the order of the document.

python-docx opens the package and knows styles and properties; the text is taken from the XML
itself, because python-docx's own ``paragraph.text`` leaves out tracked insertions and content
controls.  What was deleted under tracked changes is left out, comments, headers and footers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document as WordDocument

from esrag.corpus import fields
from esrag.corpus.formats import packages
from esrag.corpus.formats.composing import composed
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.types import BlockKind, Document

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_LEFT_OUT = frozenset(
    [f"{_W}{name}" for name in "del moveFrom pPr rPr instrText txbxContent".split()]
).union([f"{_MC}Fallback"])
_NOTES = {f"{_W}footnoteReference": "", f"{_W}endnoteReference": "e"}
_CODE_STYLES = ("code", "preformatted", "verbatim", "listing")


def parse(content: Content, options: ReadingOptions) -> Document:
    """The document."""
    word = docx.Document(packages.checked(content))
    writer = Writer(options.limits)
    _Body(word, writer).write()
    known, metadata = _fields(word)
    return composed(
        content,
        writer,
        known,
        metadata,
        mime_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    )


def _fields(word: WordDocument) -> tuple[fields.Declared, dict[str, str]]:
    metadata = core_properties(word.core_properties)
    return fields.declared(metadata), metadata


def core_properties(core: Any) -> dict[str, str]:
    """The properties that Word and PowerPoint documents share, as flat metadata."""
    values: dict[str, object] = {
        "title": core.title,
        "author": core.author,
        "language": core.language,
        "subject": core.subject,
        "keywords": core.keywords,
        "category": core.category,
        "description": core.comments,
        "published": fields.moment(core.created),
        "modified": fields.moment(core.modified),
    }
    return fields.flatten({name: value for name, value in values.items() if value})


class _Body:
    """Walks the body once; gathers list items and lines of code that follow one another."""

    def __init__(self, word: WordDocument, writer: Writer) -> None:
        self._word = word
        self._writer = writer
        self._styles = {style.style_id: style for style in word.styles}
        self._formats = dict(_numbering(word))
        self._counts: dict[tuple[str, int], int] = {}
        self._gathered: list[str] = []
        self._gathering: BlockKind = "paragraph"

    def write(self) -> None:
        """Write the body, then the notes."""
        self._blocks(self._word.element.body)
        self._close()
        for kind, mark in (("footnotes", ""), ("endnotes", "e")):
            for number, text in _notes(self._word, kind):
                self._writer.add("paragraph", f"[^{mark}{number}]: {text}")

    def _blocks(self, parent: Any) -> None:
        for child in parent:
            if child.tag == f"{_W}p":
                self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                self._close()
                self._table(child)
            elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"):
                self._blocks(child)

    def _paragraph(self, paragraph: Any) -> None:
        text = _text(paragraph)
        if text.strip():
            kind, level = self._kind(paragraph)
            if kind == "heading":
                self._close()
                self._writer.heading(text, level)
            elif kind == "list":
                self._gather("list", self._item(paragraph, text))
            elif kind == "code":
                self._gather("code", text)
            else:
                self._close()
                self._writer.add(kind, text)
        for box in paragraph.iter(f"{_W}txbxContent"):
            if not any(above.tag == f"{_MC}Fallback" for above in box.iterancestors()):
                self._close()
                self._blocks(box)

    def _gather(self, kind: BlockKind, text: str) -> None:
        if kind != self._gathering:
            self._close()
        self._gathering = kind
        self._gathered.append(text)

    def _close(self) -> None:
        if self._gathered:
            self._writer.add(self._gathering, "\n".join(self._gathered))
        self._gathered = []

    def _kind(self, paragraph: Any) -> tuple[BlockKind, int]:
        own = paragraph.find(f"{_W}pPr")
        level = _outline_level(own)
        style: Any = self._styles.get(_value(own, "pStyle"))
        numbered = own is not None and own.find(f"{_W}numPr") is not None
        steps = 0
        while style is not None and steps < 20:
            name = (style.name or "").lower()
            if name.startswith("heading ") and name[8:].isdigit():
                return "heading", int(name[8:])
            if name in ("title", "subtitle"):
                return "heading", 1 if name == "title" else 2
            if "quote" in name:
                return "quote", 0
            if any(word in name for word in _CODE_STYLES):
                return "code", 0
            level = level or _outline_level(style.element.find(f"{_W}pPr"))
            numbered = numbered or style.element.find(f"{_W}pPr/{_W}numPr") is not None
            numbered = numbered or name.startswith("list")
            style, steps = getattr(style, "base_style", None), steps + 1
        if level:
            return "heading", level
        return ("list" if numbered else "paragraph"), 0

    def _item(self, paragraph: Any, text: str) -> str:
        number, depth = self._list_of(paragraph)
        indent = "  " * depth
        text = " ".join(text.split("\n"))
        form = self._formats.get((number, depth)) or self._formats.get((number, 0), "bullet")
        if form in ("bullet", "none"):
            return f"{indent}- {text}"
        count = self._counts.get((number, depth), 0) + 1
        self._counts[number, depth] = count
        for key in [key for key in self._counts if key[0] == number and key[1] > depth]:
            del self._counts[key]
        return f"{indent}{count}. {text}"

    def _list_of(self, paragraph: Any) -> tuple[str, int]:
        own = paragraph.find(f"{_W}pPr")
        style: Any = self._styles.get(_value(own, "pStyle"))
        name = (style.name or "") if style is not None else ""
        by_name = int(name[-1]) - 1 if name[-1:].isdigit() and name[-1] != "0" else 0
        places = [own] + ([style.element.find(f"{_W}pPr")] if style is not None else [])
        for place in places:
            found = place.find(f"{_W}numPr") if place is not None else None
            if found is not None:
                depth = _value(found, "ilvl")
                level = min(int(depth), 8) if depth.isdigit() else 0
                return _value(found, "numId"), level or by_name
        return "", by_name

    def _table(self, table: Any) -> None:
        rows = [row for row in table.iter(f"{_W}tr") if _nearest_table(row) is table]
        if len(rows) == 1 and len(rows[0].findall(f"{_W}tc")) == 1:  # a frame around text
            self._blocks(rows[0].find(f"{_W}tc"))
            self._close()
            return
        self._writer.table(_cells(row) for row in rows)


def _cells(row: Any) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_W}tc"):
        if cell.getparent() is not row and _nearest_row(cell) is not row:
            continue
        own = cell.find(f"{_W}tcPr")
        merge = own.find(f"{_W}vMerge") if own is not None else None
        continued = merge is not None and merge.get(f"{_W}val", "continue") == "continue"
        text = "" if continued else " ".join(_text(p) for p in cell.iter(f"{_W}p"))
        span = _value(own, "gridSpan")
        cells += [text] + [""] * (min(int(span), 100) - 1 if span.isdigit() else 0)
    return cells


def _nearest_row(cell: Any) -> Any:
    return next(cell.iterancestors(f"{_W}tr"), None)


def _nearest_table(row: Any) -> Any:
    return next(row.iterancestors(f"{_W}tbl"), None)


def _text(element: Any) -> str:
    """The words of a paragraph, with line breaks and the marks of notes."""
    parts: list[str] = []
    stack = [element]
    while stack:
        node = stack.pop()
        tag = node.tag
        if tag in _LEFT_OUT:
            continue
        if tag == f"{_W}t":
            parts.append(node.text or "")
        elif tag == f"{_W}tab":
            parts.append("\t")
        elif tag in (f"{_W}br", f"{_W}cr"):
            parts.append("\n")
        elif tag == f"{_W}noBreakHyphen":
            parts.append("-")
        elif tag in _NOTES:
            parts.append(f"[^{_NOTES[tag]}{node.get(f'{_W}id')}]")
        else:
            stack.extend(reversed(node))
    return "".join(parts)


def _value(parent: Any, name: str) -> str:
    found = parent.find(f"{_W}{name}") if parent is not None else None
    return found.get(f"{_W}val", "") if found is not None else ""


def _outline_level(properties: Any) -> int:
    value = _value(properties, "outlineLvl")
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _numbering(word: WordDocument) -> Iterator[tuple[tuple[str, int], str]]:
    """How each level of each list is numbered: "bullet", "decimal", …"""
    part = next((p for p in word.part.package.parts if p.partname == "/word/numbering.xml"), None)
    if part is None:
        return
    root = packages.xml(part.blob)
    abstract = {one.get(f"{_W}abstractNumId"): one for one in root.iter(f"{_W}abstractNum")}
    for number in root.iter(f"{_W}num"):
        lists = abstract.get(_value(number, "abstractNumId"))
        for level in lists.iter(f"{_W}lvl") if lists is not None else ():
            depth = level.get(f"{_W}ilvl", "")
            if depth.isdigit():
                yield (number.get(f"{_W}numId", ""), int(depth)), _value(level, "numFmt")


def _notes(word: WordDocument, kind: str) -> Iterator[tuple[str, str]]:
    """The footnotes or endnotes with their numbers; separators are none."""
    part = next((p for p in word.part.package.parts if p.partname == f"/word/{kind}.xml"), None)
    if part is None:
        return
    for note in packages.xml(part.blob):
        if note.get(f"{_W}type") in (None, "normal"):
            text = " ".join(_text(p).strip() for p in note.iter(f"{_W}p")).strip()
            if text:
                yield note.get(f"{_W}id", ""), text
