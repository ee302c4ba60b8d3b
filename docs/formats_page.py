"""Writes ``docs/formats.md``: what is read and how, from the tables that the reader itself uses."""

from __future__ import annotations

from collections.abc import Iterator

from esrag.corpus import fields
from esrag.corpus.formats import FORMATS, Format
from esrag.corpus.limits import table
from esrag.corpus.options import FIELDS
from esrag.corpus.reasons import STAGES

_INTRODUCTION = """\
# Formats

`esrag ingest` reads these files, in child processes with limits of time and memory.
Every input ends as a document, as a rejection with one of the [reasons](#reasons), or as skipped by a rule; nothing is cut off and nothing is guessed.

A format is known by the ending of the name (for a page of a web server, by its `Content-Type` first) and held against the first bytes of the content.
Where both disagree the file is rejected as `wrong_type`, with what it looks like: a login page called `report.pdf`, or a PDF called `notes.txt`, is something you want to hear of.
"""  # noqa: E501

_DETAILS = """\
## Text

Text is UTF-8, or UTF-16 with a byte order mark, or what the file declares: the `charset` of an HTML page, of a mail's part or of a server's answer, the `encoding` of an XML declaration, the coding comment of source code.
Nothing is guessed: other bytes are rejected as `undecodable`.

The text of Markdown, plain text and source code is kept character for character.
The other formats are written out as text with a blank line between blocks; offsets, headings and pages of a chunk refer to this text.
Tables are written in Markdown's pipe form, one row a line, so that one that is cut keeps its header in every part.
Slides, sheets and chapters count as pages.

**PDF.**
Lines become paragraphs by the gaps between them; headings are what the outline names, or, without one that fits the pages, what is set in larger type.
A line that stands at the top or bottom of most pages in the same words is kept once, page numbers are left out.
A PDF that asks for a password is rejected as `encrypted`; one that only its owner may change opens without one and is read.
Pages without a text layer are named in the metadata (`pages_without_text`); where no page has one, the file is rejected as `no_text_layer`.
Values of forms, annotations and pictures are not read, and tables are lines of text.

**Source code** is one block, cut before definitions; `README`, `LICENSE` and the like are read as text, `Makefile` and `Dockerfile` as code.

## Fields

| field of the document | taken from the first of these that is there |
|---|---|
"""  # noqa: E501

_MAPPING = """
Dates are kept when they are ISO dates; a document that only says when it was changed counts as published then.
A language tag such as `en-GB` is kept as `en`; where nothing is declared the language is empty, it is not guessed from the text.
What else front matter, records, properties or headers say becomes metadata, as strings, nested keys joined by dots.
A file's own time of change is no field: copying a file does not change a document.

**Records.**
A line of JSONL and an element of a JSON array is a document: its text is the field `text`, `body` or `content` (a string, or a list of strings as paragraphs), its id `id`, `_id` or `document_id`; `"mime_type": "text/markdown"` has it read as Markdown.
A JSON file that is one object without such a field, such as `package.json`, is its own text.
With a field mapping the fields are taken from dotted paths instead, `text=body.plain,summary` or `author=by.0.name`; mapped fields are {fields}.
`--records data.items` names the array inside a JSON object.

**Tables.**
The first row that holds anything is the header.
With `--table-rows` each row of a CSV file or a sheet is a document: its text is the mapped column or a column `text`, `body` or `content`, or else the whole row as `column: value`.
The delimiter of a `.csv` is the one of comma, semicolon, tab and bar that fits its first rows.

## Archives, mails and records

| what | document id |
|---|---|
| a record with an id | `notes.jsonl#42` |
| a record without one | `notes.jsonl#L7` (line), `list.json#E3` (element), `stock.csv#R5` (row), `book.xlsx#Prices-R5` |
| a message of a mailbox | `box.mbox#3` |
| a member of an archive, an attachment | `archive.zip!/docs/plan.md`, `mail.eml!/report.pdf` |
| the same, deeper | `archive.zip!/mails/box.mbox#3!/report.pdf` |
| a compressed file | its own name: `notes.md.gz` |

Members are read one after the other, by their own formats; nothing is ever unpacked to the disk.
Hidden members and unknown types are skipped as in a folder.
Links, devices, absolute names, names that lead out of the archive, names of several lines, second members of a name and encrypted ones are rejected, each alone.
A damaged archive gives what comes before the damage, and one rejection for the rest that says how far it came.
"""  # noqa: E501

_WHY = """\
## Why these libraries

The figures are of one run each of `python -m benchmarks.formats`, on 2026-11-23, four shared cores.

PDFium (through pypdfium2) rather than pypdf: the 33 sample files of the pypdf project took 0.54 s rather than 3.5 s, headings and paragraphs included, with about as many words (from 3 % fewer to 4 % more a file).
HTML keeps the structure of our own walk over the page (selectolax), because trafilatura alone lost 5 % of the words and 7 % of the code on 105 pages of manuals.
Where a page does not mark its main content with `main`, trafilatura says where that begins and ends: on the 181 pages of article-extraction-benchmark precision rose from 0.72 to 0.82 at a recall of 0.99.
calamine rather than openpyxl for spreadsheets: 2 ms rather than 555 ms to import, and it reads `.xls` and `.ods` as well.
Word documents are opened by python-docx, but their text is taken from the XML: `paragraph.text` of python-docx leaves out tracked insertions and content controls.
EPUB needs no library but zip and XML readers; the one there is stands under the AGPL.
No library in Python that is kept up parses AsciiDoc; its block structure is read by our own reader, inline markup stays as written.
Zstandard archives are not read: Python reads them from 3.14 on.
"""  # noqa: E501


def formats_page(note: str) -> str:
    """The page."""
    parts = [note, _INTRODUCTION, _formats(), _DETAILS + _fields()]
    parts.append(_MAPPING.replace("{fields}", ", ".join(f"`{name}`" for name in FIELDS)))
    parts += [_limits(), _reasons(), _WHY]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _formats() -> str:
    rows = ["| endings | library | what becomes of it | pages | fields |", "|---|---|---|---|---|"]
    rows += [
        _row(_names(one), one.library or "Python", one.becomes, one.pages, one.fields)
        for one in FORMATS
    ]
    return "\n".join(rows)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _names(one: Format) -> str:
    return " ".join(f"`{name}`" for name in (*one.endings, *one.names))


def _fields() -> str:
    found = {
        "title": (*fields.TITLE_FIELDS, "the first heading", "the file's name"),
        "url": (*fields.URL_FIELDS, "the address that it was fetched from"),
        "author": fields.AUTHOR_FIELDS,
        "language": fields.LANGUAGE_FIELDS,
        "published": (*fields.DATE_FIELDS, "`modified`"),
        "modified": fields.MODIFIED_FIELDS,
        "acl": fields.ACL_FIELDS,
    }
    return "\n".join(_row(name, ", ".join(map(_quoted, names))) for name, names in found.items())


def _quoted(name: str) -> str:
    return name if " " in name or "`" in name else f"`{name}`"


def _limits() -> str:
    rows = ["## Limits\n", "| what | limit | reason code |", "|---|---|---|"]
    rows += [_row(what, most, f"`{code}`") for what, most, code in table()]
    return "\n".join(rows)


def _reasons() -> str:
    return "\n".join(_reason_rows())


def _reason_rows() -> Iterator[str]:
    yield "## Reasons\n"
    yield "The code of a rejection is stable; the reason beside it says what and where."
    yield "What Elasticsearch itself refuses bears the server's own error type as its code.\n"
    yield "| code | when | meaning |"
    yield "|---|---|---|"
    for stage, reasons in STAGES.items():
        for code, meaning in reasons.items():
            yield f"| `{code}` | {stage} | {meaning} |"
