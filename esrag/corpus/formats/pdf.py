"""PDF: the text layer, page by page, as paragraphs and headings; no pictures, no OCR.

PDFium gives the text of a page in reading order, line by line.  Lines become paragraphs by the
gaps between them; headings are what the outline names, or, without one, what is set in larger
type.  What stands at the top or bottom of most pages in the same words is kept once.  Forms'
values and annotations are not part of a page's text.

PDFium (through pypdfium2) rather than a reader in Python: six times as fast as pypdf on that
project's own sample files, headings included, with about as many words.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from esrag.corpus import fields
from esrag.corpus.formats.composing import composed
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import Writer, cleaned
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Document

_HYPHENATED = re.compile(r"[\x02\ufffe]\r?\n?")  # PDFium's mark where a word was divided
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p\.)?\s*\d+\s*(?:(?:of|von|/)\s*\d+)?\W*", re.IGNORECASE
)
_NUMBERING = re.compile(r"^[\dIVXivxA-Z]+(?:[.\d]*)[.)]?\s+")
_MOMENT = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(Z|[+-]\d\d'?\d\d)?")
_NO_VALUES = frozenset(("", "untitled", "anonymous", "unspecified", "unknown"))
_LARGER = 1.12  # how much larger than the body's a heading's type is at least
_WIDER = 1.35  # how much wider than the usual distance of lines a gap between paragraphs is
_HEADING_CHARACTERS = 160
_EDGE_LINES = 2
_REPEATED = 0.6


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    y: float
    size: float


_Outline = dict[int, list[tuple[str, int]]]  # page -> titles with their levels


def parse(content: Content, options: ReadingOptions) -> Document:
    """The document; raises Unreadable for a PDF that is locked, damaged or holds no text."""
    document = _opened(content)
    try:
        count = len(document)
        if count > options.limits.pages:
            reason = f"{count:,} pages; the limit is {options.limits.pages:,}"
            raise Unreadable("too_many_pages", reason)
        pages = _lines_of_pages(document, limit=options.limits.document_characters)
        metadata, known = _fields(document)
        outline = _outline(document)
    finally:
        document.close()
    empty = [number for number, lines in enumerate(pages, start=1) if not lines]
    if len(empty) == count:
        reason = f"none of the {count} pages has a text layer: pictures only, or nothing at all"
        raise Unreadable("no_text_layer", reason)
    if empty:
        shown = ", ".join(str(number) for number in empty[:50])
        metadata["pages_without_text"] = shown + (", …" if len(empty) > 50 else "")
    writer = Writer(options.limits)
    _write(writer, _without_repeated(pages), outline)
    return composed(content, writer, known, metadata, mime_type="application/pdf")


def _opened(content: Content) -> pdfium.PdfDocument:
    file = content.sought()
    try:
        return pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
            raise Unreadable("encrypted", "the PDF asks for a password") from error
        raise Unreadable("broken", f"the PDF cannot be opened: {error}") from error


def _lines_of_pages(document: pdfium.PdfDocument, *, limit: int) -> list[list[_Line]]:
    pages: list[list[_Line]] = []
    characters = 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pdfium.PdfiumError:  # one damaged page of a file that is whole otherwise
            pages.append([])
            continue
        text_page = page.get_textpage()
        lines = list(_lines(text_page))
        text_page.close()
        page.close()
        characters += sum(len(line.text) for line in lines)
        if characters > limit:
            reason = f"more than {limit:,} characters by page {number + 1}"
            raise Unreadable("text_too_long", reason)
        pages.append(lines)
    return pages


def _lines(text_page: Any) -> Iterator[_Line]:
    raw = text_page.raw
    x, y = ctypes.c_double(), ctypes.c_double()
    at = 0  # in the text, as PDFium counts
    text = text_page.get_text_range()
    waiting = ""
    for piece in text.split("\n"):
        words = piece.rstrip("\r")
        if words[-1:] in ("\x02", "\ufffe"):
            waiting += words[:-1]
            at += len(piece) + 1
            continue
        words = cleaned(_HYPHENATED.sub("", waiting + words)).strip()
        if words:
            index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(raw, at)
            pdfium_c.FPDFText_GetCharOrigin(raw, index, x, y)
            yield _Line(words, y.value, round(pdfium_c.FPDFText_GetFontSize(raw, index), 1))
        waiting = ""
        at += len(piece) + 1
    if waiting.strip():
        yield _Line(cleaned(waiting).strip(), y.value, 0.0)


def _without_repeated(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without page numbers, and with running headers and footers only once."""
    seen = Counter(
        text
        for lines in pages
        for text in {line.text for at in _edges(lines) for line in [lines[at]]}
    )
    least = max(4, round(_REPEATED * len(pages)))
    repeated = {text for text, count in seen.items() if count >= least}
    met: set[str] = set()
    kept: list[list[_Line]] = []
    for lines in pages:
        left_out: set[int] = set()
        for at in _edges(lines):
            text = lines[at].text
            is_number = (
                len(lines) > 1 and at in (0, len(lines) - 1) and _PAGE_NUMBER.fullmatch(text)
            )
            if is_number or (text in repeated and text in met):
                left_out.add(at)
            met.add(text)
        kept.append([line for at, line in enumerate(lines) if at not in left_out])
    return kept


def _edges(lines: list[_Line]) -> list[int]:
    last = len(lines)
    return sorted({*range(min(_EDGE_LINES, last)), *range(max(0, last - _EDGE_LINES), last)})


def _write(writer: Writer, pages: list[list[_Line]], outline: _Outline) -> None:
    levels = {} if _fits(outline, pages) else _levels(pages)
    for number, lines in enumerate(pages):
        writer.page()
        titles = outline.get(number, [])
        usual = _usual_distance(lines)
        paragraph: list[str] = []
        at = 0
        while at < len(lines):
            level, taken = _heading(lines, at, titles, levels)
            if level:
                writer.add("paragraph", "\n".join(paragraph))
                paragraph = []
                writer.heading(" ".join(line.text for line in lines[at : at + taken]), level)
                at += taken
                continue
            if paragraph and _begins_paragraph(lines[at - 1], lines[at], usual):
                writer.add("paragraph", "\n".join(paragraph))
                paragraph = []
            paragraph.append(lines[at].text)
            at += 1
        writer.add("paragraph", "\n".join(paragraph))


def _fits(outline: _Outline, pages: list[list[_Line]]) -> bool:
    """Whether most of the outline's titles stand on their pages; some are file names."""
    found = sum(
        any(_same(line.text, title) for line in pages[page] for title, _ in titles)
        for page, titles in outline.items()
        if page < len(pages)
    )
    return 2 * found > len(outline)


def _begins_paragraph(before: _Line, line: _Line, usual: float) -> bool:
    distance = before.y - line.y
    ended = before.text[-1:] in ".!?:"
    if distance < 0:  # a new column
        return ended
    if not ended and line.text[0].islower():  # the middle of a sentence
        return distance > 2 * _WIDER * usual > 0
    return distance > _WIDER * usual > 0


def _usual_distance(lines: list[_Line]) -> float:
    distances = [a.y - b.y for a, b in pairwise(lines) if a.y - b.y > 0.6 * b.size]
    return median(distances) if distances else 0.0


def _heading(
    lines: list[_Line], at: int, titles: list[tuple[str, int]], levels: dict[float, int]
) -> tuple[int, int]:
    """The level of the heading that begins at this line, and how many lines it takes; 0, 0."""
    for title, level in titles:
        for taken in (1, 2):
            if _same(" ".join(line.text for line in lines[at : at + taken]), title):
                return level, taken
    level = levels.get(lines[at].size, 0)
    if not level or not any(map(str.isalpha, lines[at].text)):
        return 0, 0
    taken = 1
    while at + taken < len(lines) and _continues(lines[at + taken - 1], lines[at + taken]):
        taken += 1
    length = sum(len(line.text) for line in lines[at : at + taken])
    return (level, taken) if length <= _HEADING_CHARACTERS else (0, 0)


def _continues(before: _Line, line: _Line) -> bool:
    """Whether a heading goes on: the same type, and no more than a line's distance."""
    return line.size == before.size and 0 < before.y - line.y < 1.45 * line.size


def _levels(pages: list[list[_Line]]) -> dict[float, int]:
    """Sizes of type that are larger than the body's, with the level of heading each stands for."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= _LARGER * body > 0), reverse=True)
    # Where much of the text is large, size does not mean headings.
    if sum(sizes[size] for size in larger) > 0.3 * sum(sizes.values()):
        return {}
    return {size: min(rank, 4) for rank, size in enumerate(larger, start=1)}


def _same(line: str, title: str) -> bool:
    return bool(title) and title in (_bare(line), _bare(_NUMBERING.sub("", line)))


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _outline(document: pdfium.PdfDocument) -> _Outline:
    found: _Outline = {}
    for entry in document.get_toc(max_depth=6):
        target = entry.get_dest()
        page = target.get_index() if target is not None else None
        title = cleaned(entry.get_title() or "")
        if page is not None and title.strip():
            for form in dict.fromkeys((_bare(title), _bare(_NUMBERING.sub("", title)))):
                found.setdefault(page, []).append((form, min(entry.level + 1, 6)))
    return found


def _fields(document: pdfium.PdfDocument) -> tuple[dict[str, str], fields.Declared]:
    names = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords"}
    found = document.get_metadata_dict(skip_empty=True)
    values: dict[str, object] = {
        ours: fields.one_line(cleaned(found[name]), limit=1000)
        for name, ours in names.items()
        if found.get(name, "").lower() not in _NO_VALUES
    }
    values["published"] = moment(found.get("CreationDate", ""))
    values["modified"] = moment(found.get("ModDate", ""))
    metadata = fields.flatten(values)
    return metadata, fields.declared(metadata)


def moment(value: str) -> str:
    """A PDF's date (D:20260304101500+01'00') as an ISO date; empty when it is none."""
    found = _MOMENT.match(value.strip())
    if found is None:
        return ""
    year, month, day, hour, minute, second, zone = found.groups()
    zone = "+00:00" if zone == "Z" else zone or ""
    if zone and ":" not in zone:
        digits = zone.replace("'", "")
        zone = f"{digits[:3]}:{digits[3:5]}"
    text = f"{year}-{month or '01'}-{day or '01'}"
    text += f"T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}"
    try:
        return fields.moment(datetime.fromisoformat(text))
    except ValueError:
        return ""
