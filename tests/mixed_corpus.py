"""A corpus of files in every format that is read, made with the formats' own libraries.

    python tests/mixed_corpus.py FOLDER [--count 1000] [--seed 7]

Each file is a story (``stories``) written in one format; a hundredth are archives and mailboxes
that hold several.  ``build`` returns what was made with the facts that must be found, ``rewrite``
writes one file again with other facts, so that a run over the folder sees it as changed.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from pathlib import Path

from stories import Section, Story, story

MOMENT = (2026, 1, 2, 3, 4, 6)


@dataclass(frozen=True, slots=True)
class Made:
    """One file: ``documents`` are its document ids, ``facts`` sentences that must be found."""

    name: str
    number: int
    form: str
    documents: tuple[str, ...]
    facts: tuple[str, ...]


def markdown(tale: Story) -> bytes:
    """With front matter."""
    head = f"---\ntitle: {tale.title}\nauthor: {tale.author}\ndate: {tale.date}\n---\n"
    return (head + _markup(tale, "#", "- ")).encode()


def plain(tale: Story) -> bytes:
    """Underlined headings."""
    parts = [f"{tale.title}\n{'=' * len(tale.title)}"]
    for section in tale.sections:
        parts.append(f"{section.heading}\n{'-' * len(section.heading)}")
        parts += [*section.paragraphs, *section.items]
    return "\n\n".join(parts).encode()


def html(tale: Story) -> bytes:
    """A page with navigation and footer around the story."""
    body = "".join(
        f"<h2>{escape(s.heading)}</h2>"
        + "".join(f"<p>{escape(p)}</p>" for p in s.paragraphs)
        + (f"<ul>{''.join(f'<li>{escape(i)}</li>' for i in s.items)}</ul>" if s.items else "")
        + _html_table(s)
        for s in tale.sections
    )
    return (
        f'<!doctype html><html lang="en"><head><title>{escape(tale.title)}</title>'
        f'<meta name="author" content="{tale.author}"><meta name="date" content="{tale.date}">'
        f"</head><body><nav><a href='/'>Home</a></nav><main><h1>{escape(tale.title)}</h1>{body}"
        f"</main><footer>Imprint</footer></body></html>"
    ).encode()


def pdf(tale: Story) -> bytes:
    """Each section begins on a page of its own."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

    styles = getSampleStyleSheet()
    flow = [Paragraph(escape(tale.title), styles["Title"])]
    for number, section in enumerate(tale.sections):
        flow += [PageBreak()] if number else []
        flow.append(Paragraph(escape(section.heading), styles["Heading1"]))
        for text in (*section.paragraphs, *section.items):
            flow += [Paragraph(escape(text), styles["BodyText"]), Spacer(1, 6)]
        flow += [Table([list(row) for row in section.table])] if section.table else []
    out = io.BytesIO()
    SimpleDocTemplate(out, title=tale.title, author=tale.author, invariant=1).build(flow)
    return out.getvalue()


def docx(tale: Story) -> bytes:
    """Styles for headings and lists, real tables."""
    import docx as library

    word = library.Document()
    word.core_properties.title, word.core_properties.author = tale.title, tale.author
    word.add_heading(tale.title, 0)
    for section in tale.sections:
        word.add_heading(section.heading, 1)
        for text in section.paragraphs:
            word.add_paragraph(text)
        for text in section.items:
            word.add_paragraph(text, style="List Bullet")
        if section.table:
            table = word.add_table(len(section.table), 3)
            for row, cells in zip(table.rows, section.table, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


def pptx(tale: Story) -> bytes:
    """A slide for each section, its last paragraph as notes."""
    import pptx as library
    from pptx.util import Inches

    deck = library.Presentation()
    deck.core_properties.title, deck.core_properties.author = tale.title, tale.author
    for section in tale.sections:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section.heading
        slide.placeholders[1].text_frame.text = "\n".join(
            (*section.paragraphs[:-1], *section.items)
        )
        slide.notes_slide.notes_text_frame.text = section.paragraphs[-1]
        if section.table:
            place = (Inches(1), Inches(5), Inches(6), Inches(1))
            table = slide.shapes.add_table(len(section.table), 3, *place).table
            for row, cells in enumerate(section.table):
                for column, text in enumerate(cells):
                    table.cell(row, column).text = text
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def xlsx(tale: Story) -> bytes:
    """A sheet for each section."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, section in enumerate(tale.sections, start=1):
        sheet = book.create_sheet(f"Step {number}")
        for row in _rows(section):
            sheet.append(list(row))
    book.properties.title, book.properties.creator = tale.title, tale.author
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def table(tale: Story, delimiter: str = ",") -> bytes:
    """All sections in one table."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(("step", "text"))
    for section in tale.sections:
        writer.writerows((section.heading, text) for text in (*section.paragraphs, *section.items))
    return out.getvalue().encode()


def records(tale: Story) -> list[dict[str, str]]:
    """A record for each section."""
    return [
        {
            "id": f"s{number}",
            "title": section.heading,
            "text": "\n\n".join((*section.paragraphs, *section.items)),
            "author": tale.author,
            "date": tale.date,
        }
        for number, section in enumerate(tale.sections)
    ]


def mail(tale: Story) -> EmailMessage:
    """A mail whose body is the story."""
    message = EmailMessage()
    message["Subject"], message["From"] = tale.title, f"{tale.author} <a@example.org>"
    message["To"], message["Message-ID"] = "b@example.org", f"<{tale.number}@example.org>"
    message["Date"] = f"{int(tale.date[-2:])} Mar 2026 10:00:00 +0000"
    message.set_content(plain(tale).decode())
    return message


def epub(tale: Story) -> bytes:
    """A chapter for each section."""
    names = [f"c{number}.xhtml" for number in range(len(tale.sections))]
    items = "".join(
        f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in names
    )
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(tale.title)}</dc:title>'
        f"<dc:creator>{tale.author}</dc:creator><dc:language>en</dc:language></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    parts = {"META-INF/container.xml": container, "OEBPS/book.opf": opf}
    for name, section in zip(names, tale.sections, strict=True):
        texts = "".join(f"<p>{escape(t)}</p>" for t in (*section.paragraphs, *section.items))
        parts[f"OEBPS/{name}"] = (
            '<html xmlns="http://www.w3.org/1999/xhtml"><body>'
            f"<h1>{escape(section.heading)}</h1>{texts}{_html_table(section)}</body></html>"
        )
    return zipped({"mimetype": b"application/epub+zip", **_encoded(parts)})


def odt(tale: Story) -> bytes:
    """Headings, paragraphs, lists."""
    parts = [f'<text:h text:outline-level="1">{escape(tale.title)}</text:h>']
    for section in tale.sections:
        parts.append(f'<text:h text:outline-level="2">{escape(section.heading)}</text:h>')
        parts += [f"<text:p>{escape(text)}</text:p>" for text in section.paragraphs]
        items = "".join(
            f"<text:list-item><text:p>{escape(i)}</text:p></text:list-item>" for i in section.items
        )
        parts += [f"<text:list>{items}</text:list>"] if items else []
    content = (
        "<office:document-content "
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
        f"{''.join(parts)}</office:text></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.text"
    return zipped({"mimetype": kind, "content.xml": content.encode()})


def rst(tale: Story) -> bytes:
    """Underlined headings and bullet lists."""
    head = (
        f"{'=' * len(tale.title)}\n{tale.title}\n{'=' * len(tale.title)}\n\n:Author: {tale.author}"
    )
    parts = [head]
    for section in tale.sections:
        parts.append(f"{section.heading}\n{'-' * len(section.heading)}")
        parts += section.paragraphs
        parts += ["\n".join(f"* {item}" for item in section.items)] if section.items else []
    return "\n\n".join(parts).encode()


def asciidoc(tale: Story) -> bytes:
    """Headings with equals signs."""
    parts = [f"= {tale.title}\n{tale.author}"]
    for section in tale.sections:
        parts += [f"== {section.heading}", *section.paragraphs]
        parts += ["\n".join(f"* {item}" for item in section.items)] if section.items else []
        if section.table:
            rows = "\n".join("|" + " |".join(row) for row in section.table)
            parts.append(f"|===\n{rows}\n|===")
    return "\n\n".join(parts).encode()


def code(tale: Story) -> bytes:
    """A module with a function for each section."""
    parts = [f'"""{tale.title}."""']
    for number, section in enumerate(tale.sections):
        text = "\n".join(f"    # {line}" for line in (*section.paragraphs, *section.items))
        parts.append(f"def step_{number}(count: int) -> int:\n{text}\n    return count + {number}")
    return "\n\n\n".join(parts).encode()


def rtf(tale: Story) -> bytes:
    """Paragraphs only."""
    texts = [text for s in tale.sections for text in (s.heading, *s.paragraphs, *s.items)]
    body = "".join(f"{text}\\par\n" for text in texts)
    return f"{{\\rtf1\\ansi{{\\info{{\\title {tale.title}}}}}{body}}}".encode("ascii", "replace")


WRITERS: dict[str, Callable[[Story], bytes]] = {
    "md": markdown,
    "txt": plain,
    "html": html,
    "pdf": pdf,
    "docx": docx,
    "pptx": pptx,
    "xlsx": xlsx,
    "csv": table,
    "tsv": lambda tale: table(tale, "\t"),
    "eml": lambda tale: mail(tale).as_bytes(),
    "epub": epub,
    "odt": odt,
    "rst": rst,
    "adoc": asciidoc,
    "py": code,
    "rtf": rtf,
}
MANY = ("jsonl", "json", "mbox", "zip", "tar.gz")
FORMS = (*WRITERS, *MANY)


def build(folder: Path, count: int = 1000, *, seed: int = 7) -> list[Made]:
    """Write ``count`` files in some folders, the formats by turns."""
    return [rewrite(folder, number, seed=seed) for number in range(count)]


def rewrite(folder: Path, number: int, *, seed: int = 7, version: int = 0) -> Made:
    """Write the file of this number; another version has other facts under the same name."""
    form = FORMS[number % len(FORMS)]
    tale = story(number, seed=seed, version=version)
    name = f"area-{number % 7}/{tale.title.lower().replace(' ', '-')}.{form}"
    raw, documents = _file(form, tale, name)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return Made(name, number, form, documents, tale.facts)


def _file(form: str, tale: Story, name: str) -> tuple[bytes, tuple[str, ...]]:
    if form in WRITERS:
        return WRITERS[form](tale), (name,)
    found = records(tale)
    ids = tuple(f"{name}#{record['id']}" for record in found)
    if form == "jsonl":
        return "".join(json.dumps(record) + "\n" for record in found).encode(), ids
    if form == "json":
        return json.dumps(found).encode(), ids
    if form == "mbox":
        raw = b"From a@example.org Tue Mar  3 10:00:00 2026\n" + mail(tale).as_bytes() + b"\n"
        return raw, (f"{name}#1",)
    members = {"a/notes.md": markdown(tale), "b/page.html": html(tale), "b/talk.docx": docx(tale)}
    inside = tuple(f"{name}!/{member}" for member in members)
    return (zipped(members) if form == "zip" else tarred(members)), inside


def zipped(parts: dict[str, bytes]) -> bytes:
    """A zip archive whose bytes depend on the parts only."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(zipfile.ZipInfo(name, MOMENT), raw, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(parts: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, raw in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return out.getvalue()


def _markup(tale: Story, mark: str, bullet: str) -> str:
    parts = [f"{mark} {tale.title}"]
    for section in tale.sections:
        parts += [f"{mark * 2} {section.heading}", *section.paragraphs]
        parts += ["\n".join(f"{bullet}{item}" for item in section.items)] if section.items else []
        if section.table:
            rows = ["| " + " | ".join(row) + " |" for row in section.table]
            parts.append("\n".join([rows[0], "|---|---|---|", *rows[1:]]))
    return "\n\n".join(parts) + "\n"


def _html_table(section: Section) -> str:
    if not section.table:
        return ""
    head = "".join(f"<th>{cell}</th>" for cell in section.table[0])
    rows = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in section.table[1:]
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _rows(section: Section) -> list[tuple[str, ...]]:
    texts = [("note", section.heading)]
    texts += [(str(n), text) for n, text in enumerate((*section.paragraphs, *section.items), 1)]
    return [*texts, *([(), *section.table] if section.table else [])]


def _encoded(parts: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in parts.items()}


def main() -> None:
    """Write a corpus and the list of what is in it."""
    parser = argparse.ArgumentParser(description="Make a corpus of mixed formats.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    made = build(given.folder, given.count, seed=given.seed)
    print(f"{len(made)} files, {sum(len(one.documents) for one in made)} documents")


if __name__ == "__main__":
    main()
