"""A small valid file of each kind: what the generated cases are made from by breaking it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import cache

_MARKDOWN = """---
title: A guide
tags: [one, two]
---
# Guide

Some words with *emphasis*, `code` and a [link](https://example.org/a).

## A table

| name | value |
|---|---|
| alpha | 1 |
| beta | 2 |

- one
  - two

> quoted

```python
def f(x):
    return x
```
"""
_HTML = """<!DOCTYPE html><html lang="en"><head><title>A page</title><meta charset="utf-8">
<link rel="canonical" href="https://example.org/page"></head><body><nav>menu</nav><main>
<h1>Page</h1><p>Some <b>words</b> &amp; more.</p><ul><li>one<li>two</ul>
<table><tr><th>a<th>b<tr><td>1<td>2</table><pre>code  here</pre></main></body></html>"""
_RECORDS = [
    {"id": "a", "text": "Some words of the first.", "title": "First", "date": "2026-01-02"},
    {"id": 2, "body": "Some words of the second.", "metadata": {"team": {"name": "red"}}},
    {"_id": "c", "content": "# Third\n\nwords", "mime_type": "text/markdown", "n": [1, 2.5, None]},
]


def jsonl() -> bytes:
    """Three records."""
    return "".join(json.dumps(record) + "\n" for record in _RECORDS).encode()


def zipped(members: Mapping[str, bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """A zip archive; the names in ``stored`` are not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind, 1)
    return buffer.getvalue()


def tarred(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@cache
def pdf(pages: int = 3, text: str = "Some words on page") -> bytes:
    """A PDF with a line of text on each page."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects.append(f"<</Type/Pages/Count {pages}/Kids[{kids}]>>".encode())
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for n in range(pages):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>"
            + f"/Contents {5 + 2 * n} 0 R>>".encode()
        )
        objects.append(pdf_stream(f"BT /F1 12 Tf 72 720 Td ({text} {n + 1}.) Tj ET".encode()))
    return pdf_of(objects)


def pdf_stream(content: bytes, extra: bytes = b"") -> bytes:
    """A stream object."""
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (extra, len(content), content)


def pdf_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


@cache
def docx() -> bytes:
    """Headings, a paragraph, a list and a table."""
    import docx as library

    document = library.Document()
    document.core_properties.title = "A paper"
    document.add_heading("Paper", 1)
    document.add_paragraph("Some words in a paragraph.")
    document.add_paragraph("An item", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, cells in enumerate([("name", "value"), ("alpha", "1")]):
        for column, words in enumerate(cells):
            table.cell(row, column).text = words
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@cache
def pptx() -> bytes:
    """Two slides, one with notes."""
    import pptx as library

    deck = library.Presentation()
    for n in range(2):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {n}"
        slide.placeholders[1].text = "Some words on a slide"
    deck.slides[0].notes_slide.notes_text_frame.text = "Some notes"
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


@cache
def xlsx() -> bytes:
    """Two sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in [("name", "value"), ("alpha", 1), ("beta", 2.5), ("gamma", None)]:
        sheet.append(row)
    book.create_sheet("Second").append(("words", "=1+1", True))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


CONTAINER_XML = b"""<?xml version="1.0"?><container version="1.0"
xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
BOOK_OPF = b"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"
unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>A book</dc:title><dc:creator>An author</dc:creator><dc:language>en</dc:language>
<dc:identifier id="id">x</dc:identifier></metadata><manifest>
<item id="c1" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="c2" href="two.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="c1"/><itemref idref="c2"/></spine></package>"""
CHAPTER = b"""<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>C</title>
</head><body><h1>Chapter</h1><p>Some words in a chapter.</p></body></html>"""


def epub_members() -> dict[str, bytes]:
    """What an EPUB of two chapters holds."""
    return {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": CONTAINER_XML,
        "OPS/book.opf": BOOK_OPF,
        "OPS/one.xhtml": CHAPTER,
        "OPS/two.xhtml": CHAPTER.replace(b"Chapter", b"Second"),
    }


ODT_CONTENT = b"""<?xml version="1.0"?><office:document-content
xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" office:version="1.3"><office:body>
<office:text><text:h text:outline-level="1">Letter</text:h><text:p>Some words in a letter.</text:p>
</office:text></office:body></office:document-content>"""


def ods_members() -> dict[str, bytes]:
    """What a spreadsheet of LibreOffice holds at least."""
    cell = b'<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>'
    row = b"<table:table-row>" + cell % b"words" + cell % b"value" + b"</table:table-row>"
    sheet = b'<office:spreadsheet><table:table table:name="S">%s</table:table></office:spreadsheet>'
    start = ODT_CONTENT[: ODT_CONTENT.index(b"<office:text>")]
    content = start + sheet % (row * 3) + b"</office:body></office:document-content>"
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    members = odt_members()
    manifest = members["META-INF/manifest.xml"].replace(members["mimetype"], kind)
    return {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}


def odt_members() -> dict[str, bytes]:
    """What a text document of LibreOffice holds at least."""
    kind = b"application/vnd.oasis.opendocument.text"
    manifest = (
        b'<?xml version="1.0"?><manifest:manifest '
        b'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        b'<manifest:file-entry manifest:full-path="/" manifest:media-type="' + kind + b'"/>'
        b'<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        b"</manifest:manifest>"
    )
    return {"mimetype": kind, "content.xml": ODT_CONTENT, "META-INF/manifest.xml": manifest}


def eml() -> bytes:
    """A mail with a plain and an HTML body, and two attachments."""
    mail = EmailMessage()
    mail["From"] = "Ann <ann@example.org>"
    mail["To"] = "bob@example.org"
    mail["Subject"] = "Grüße and words"
    mail["Date"] = "Fri, 02 Jan 2026 10:00:00 +0000"
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content("Some words in a mail.\n\n> quoted\n")
    mail.add_alternative("<p>Some <b>words</b> in a mail.</p>", subtype="html")
    mail.add_attachment(b"some attached words", maintype="text", subtype="plain", filename="a.txt")
    mail.add_attachment(pdf(1), maintype="application", subtype="pdf", filename="b.pdf")
    return mail.as_bytes()


def mbox() -> bytes:
    """Two mails."""
    return b"".join(
        b"From ann@example.org Fri Jan  2 10:00:00 2026\n" + eml() + b"\n" for _ in "ab"
    )


def archive_members() -> dict[str, bytes]:
    """What lies in the archives: texts, records, an office file and an archive."""
    return {
        "notes.txt": b"Some words in a note.",
        "folder/guide.md": _MARKDOWN.encode(),
        "folder/records.jsonl": jsonl(),
        "folder/page.html": _HTML.encode(),
        "inner.zip": zipped({"deep.txt": b"Some deep words."}),
        ".hidden": b"hidden",
    }


_RTF = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\info{\title A letter}}\f0\fs24 Some words.\par More.}"
_RST = (
    "Guide\n=====\n\nSome words::\n\n   code\n\n* one\n* two\n\n+---+---+\n| a | b |\n+---+---+\n"
)
_ADOC = (
    "= Guide\nAnn Author\n:toc:\n\nSome words.\n\n== Part\n\n* one\n\n|===\n|a |b\n|1 |2\n|===\n"
)
_CSV = 'name,value,"a ""b"""\nalpha,1,"two\nlines"\nbeta,2,\n'
_PYTHON = '"""A module."""\n\nimport os\n\n\nclass A:\n    def f(self):\n        return "words"\n'
_XML = '<?xml version="1.0"?><guide><title>Guide</title><p lang="en">Some words.</p></guide>'

_MAKERS: dict[str, Callable[[], bytes]] = {
    ".md": _MARKDOWN.encode,
    ".markdown": _MARKDOWN.encode,
    ".html": _HTML.encode,
    ".htm": _HTML.encode,
    ".xhtml": _HTML.encode,
    ".jsonl": jsonl,
    ".ndjson": jsonl,
    ".json": lambda: json.dumps(_RECORDS, indent=1).encode(),
    ".xml": _XML.encode,
    ".csv": _CSV.encode,
    ".tsv": lambda: _CSV.replace(",", "\t").encode(),
    ".rst": _RST.encode,
    ".adoc": _ADOC.encode,
    ".asciidoc": _ADOC.encode,
    ".rtf": lambda: _RTF,
    ".pdf": pdf,
    ".docx": docx,
    ".pptx": pptx,
    ".xlsx": xlsx,
    ".xlsm": xlsx,
    ".xls": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
    ".xlsb": lambda: xlsx().replace(b"workbook.xml", b"workbook.bin"),
    ".ods": lambda: zipped(ods_members(), stored=("mimetype",)),
    ".epub": lambda: zipped(epub_members(), stored=("mimetype",)),
    ".odt": lambda: zipped(odt_members(), stored=("mimetype",)),
    ".eml": eml,
    ".mbox": mbox,
    ".zip": lambda: zipped(archive_members()),
    ".tar": lambda: tarred(archive_members()),
    ".tar.gz": lambda: tarred(archive_members(), "w:gz"),
    ".tgz": lambda: tarred(archive_members(), "w:gz"),
    ".tar.bz2": lambda: tarred(archive_members(), "w:bz2"),
    ".tbz2": lambda: tarred(archive_members(), "w:bz2"),
    ".tar.xz": lambda: tarred(archive_members(), "w:xz"),
    ".txz": lambda: tarred(archive_members(), "w:xz"),
    ".gz": lambda: gzip.compress(_MARKDOWN.encode(), mtime=0),
    ".bz2": lambda: bz2.compress(_MARKDOWN.encode()),
    ".xz": lambda: lzma.compress(_MARKDOWN.encode()),
}


NOT_MADE = frozenset((".xls", ".xlsb"))  # no library here writes them: their files are broken


def valid_file(ending: str) -> bytes:
    """A valid file of this ending; what is not known here is a text in some language."""
    return _MAKERS.get(ending, _PYTHON.encode)()
