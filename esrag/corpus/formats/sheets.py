"""Spreadsheets: a sheet is a page and a section, its rows are a table, or a document each.

Read with calamine: formulas count with the value that was last computed, dates as ISO.  Blank
rows part tables from each other; the first row of each is its header.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from esrag.corpus import fields
from esrag.corpus.formats import packages
from esrag.corpus.formats.contents import Content, Found, Part
from esrag.corpus.formats.rows import by_rows_instead, records
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Document

_CORE = "docProps/core.xml"
_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "description": "description",
    "language": "language",
    "created": "published",
    "modified": "modified",
}


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """One document, or with ``table_rows`` one for each row."""
    zipped = content.form is not None and content.form.magic == "zip"
    metadata = _properties(content) if zipped else {}
    content.hold()
    sha256 = content.sha256()
    workbook = _opened(content)
    if options.table_rows:
        for name in workbook.sheet_names:
            rows = _rows(workbook, name)
            yield from records(rows, file=content.name, inside=name, options=options)
        return
    writer = Writer(options.limits)
    with by_rows_instead():
        for name in workbook.sheet_names:
            writer.page()
            _sheet(name, _rows(workbook, name), writer)
    known = fields.declared(metadata)
    yield Part(
        Document(
            id=content.name,
            text=writer.text if any(block.kind != "heading" for block in writer.blocks) else "",
            title=known.title or fields.title_from_name(content.name),
            source=content.name,
            mime_type=content.form.mime_type if content.form else "",
            published=known.published,
            metadata=metadata,
            blocks=tuple(writer.blocks),
            author=known.author,
            language=known.language,
            modified=known.modified,
            pages=writer.page_starts,
        ),
        sha256=sha256,
    )


def _opened(content: Content) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(content.file)
    except PasswordError as error:
        raise Unreadable("encrypted", "the workbook asks for a password") from error
    except CalamineError as error:
        raise Unreadable("broken", f"the workbook cannot be opened: {error}") from error


def _rows(workbook: CalamineWorkbook, name: str) -> list[list[str]]:
    try:
        rows = workbook.get_sheet_by_name(name).iter_rows()
    except CalamineError:  # a sheet of charts only
        return []
    return [[_shown(value) for value in row] for row in rows]


def _shown(value: Any) -> str:
    """A cell's value as text; whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
        return str(int(value)) if whole else repr(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _sheet(name: str, rows: list[list[str]], writer: Writer) -> None:
    tables = list(_tables(rows))
    if not tables:
        return
    writer.heading(name, 1)
    for table in tables:
        # A line of one cell above the table is its caption.
        while table and len([cell for cell in table[0] if cell.strip()]) == 1:
            if len(table) > 1 and max(map(_width, table)) == 1:
                break
            writer.add("paragraph", next(cell for cell in table[0] if cell.strip()))
            table = table[1:]
        left = min((_indent(row) for row in table), default=0)
        writer.table(row[left:] for row in table)


def _tables(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    table: list[list[str]] = []
    for row in rows:
        if any(cell.strip() for cell in row):
            table.append(row)
        elif table:
            yield table
            table = []
    if table:
        yield table


def _width(row: list[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _indent(row: list[str]) -> int:
    return next((at for at, cell in enumerate(row) if cell.strip()), len(row))


def _properties(content: Content) -> dict[str, str]:
    file = packages.checked(content)
    with packages.opened(file) as package:
        names = package.namelist()
        raw = packages.part(package, _CORE) if _CORE in names else b""
    file.seek(0)
    content.file = file
    if not raw:
        return {}
    found: dict[str, object] = {}
    for element in packages.xml(raw):
        local = str(element.tag).rpartition("}")[2]
        if local in _PROPERTIES and element.text:
            found[_PROPERTIES[local]] = fields.one_line(element.text, limit=1000)
    return fields.flatten(found)
