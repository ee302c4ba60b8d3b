"""CSV and TSV: one table with its header, or with ``table_rows`` a document for each row.

The delimiter of a .csv is the one of comma, semicolon, tab and bar under which the first rows
have most columns of equal number; that of a .tsv is the tab.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from esrag.corpus import fields
from esrag.corpus.decoding import decode, encoding_of
from esrag.corpus.formats import ending_of
from esrag.corpus.formats.contents import Content, Found, Part, sha256_of
from esrag.corpus.formats.rows import by_rows_instead, records
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Document

_DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 20


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """One document, or one for each row."""
    is_tsv = ending_of(content.typed_name) in (".tsv", ".tab")
    if options.table_rows:
        encoding = encoding_of(content.head(4), declared=content.charset)
        sample = content.head(_SAMPLE_BYTES).decode(encoding, "replace")
        delimiter = "\t" if is_tsv else _delimiter(sample)
        lines = io.TextIOWrapper(content.file, encoding, newline="")
        try:
            yield from records(_rows(lines, delimiter), file=content.name, options=options)
        except UnicodeDecodeError as error:
            reason = f"not {encoding.upper()}: {error.reason}"
            raise Unreadable("undecodable", reason, stage="read") from error
        finally:
            lines.detach()
        return
    writer = Writer(options.limits)
    with by_rows_instead():
        raw = content.whole(content.limits.text_bytes)
        text = decode(raw, declared=content.charset)
        delimiter = "\t" if is_tsv else _delimiter(text[:_SAMPLE_BYTES])
        writer.table(_rows(io.StringIO(text, newline=""), delimiter))
    yield Part(
        Document(
            id=content.name,
            text=writer.text,
            title=fields.title_from_name(content.name),
            source=content.name,
            mime_type="text/tab-separated-values" if is_tsv else "text/csv",
            blocks=tuple(writer.blocks),
        ),
        sha256=sha256_of(raw),
    )


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The rows; a quote that is left open would swallow the rest of the file, and is refused."""
    taken: list[str] = []  # the lines of the row at hand

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(noted(), delimiter=delimiter)
    first = 1
    try:
        for row in reader:
            first = reader.line_num - len(taken) + 1
            if len(taken) > 1 and _left_open(taken, delimiter):
                raise Unreadable("bad_table", f"a quote that opens on line {first} is not closed")
            taken.clear()
            yield row
    except csv.Error as error:
        reason = f"the row that begins on line {reader.line_num - len(taken) + 1}: {error}"
        raise Unreadable("bad_table", reason) from error


def _left_open(lines: list[str], delimiter: str) -> bool:
    """Whether a row ends with the file and not with its quote."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _delimiter(sample: str) -> str:
    return max(_DELIMITERS, key=lambda delimiter: _fit(sample, delimiter))


def _fit(sample: str, delimiter: str) -> tuple[float, int]:
    """How well a delimiter fits: rows with the commonest number of columns, and that number."""
    widths: list[int] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if row:
                widths.append(len(row))
            if len(widths) >= _SAMPLE_ROWS:
                break
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width = max(set(widths), key=widths.count)
    return (widths.count(width) / len(widths), width) if width > 1 else (0.0, 1)
