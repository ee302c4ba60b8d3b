"""Every format gives text, structure and fields; the facts of a mixed corpus are found in it."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed_corpus import FORMS, WRITERS, build, rewrite, zipped
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from reading_corpus import one_document, outcomes_of, shown
from stories import story

from esrag.corpus.formats import ENDINGS, FORMATS, format_of, format_of_media_type
from esrag.corpus.limits import Limits
from esrag.corpus.options import ReadingOptions
from esrag.corpus.reading import read
from esrag.corpus.reasons import REASONS
from esrag.corpus.records import Listed, Parsed, Rejected
from esrag.types import Document


def check_offsets(document: Document) -> None:
    """Blocks and pages are ordered and lie in the text."""
    edges = [edge for block in document.blocks for edge in (block.start, block.end)]
    assert edges == sorted(edges)
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= edge <= len(document.text) for edge in (*edges, *document.pages))


def test_the_facts_of_a_mixed_corpus_are_found_in_every_format(tmp_path: Path) -> None:
    """Each file becomes its documents, and no sentence is torn or lost."""
    for made in build(tmp_path, len(FORMS)):
        outcomes = list(read(Listed(tmp_path / made.name, made.name)))
        documents = [one.document for one in outcomes if isinstance(one, Parsed)]
        assert len(documents) == len(outcomes), outcomes
        assert tuple(document.id for document in documents) == made.documents
        text = " ".join(" ".join(document.text for document in documents).split())
        assert [fact for fact in made.facts if fact not in text] == [], made.name
        for document in documents:
            check_offsets(document)


def test_the_mixed_corpus_is_the_same_for_the_same_seed_and_can_change(tmp_path: Path) -> None:
    """So that a second run has something to compare with."""
    assert story(3) == story(3)
    first, second = rewrite(tmp_path, 0), rewrite(tmp_path, 0, version=1)
    assert first.name == second.name
    assert set(first.facts).isdisjoint(second.facts)


def test_pdf_has_pages_headings_and_fields(tmp_path: Path) -> None:
    """A page begins where its first words begin."""
    tale = story(5)
    document = one_document(tmp_path, WRITERS["pdf"](tale), "a.pdf")
    assert (document.title, document.author) == (tale.title, tale.author)
    assert len(document.pages) == len(tale.sections)
    headings = [text for kind, _, text in shown(document) if kind == "heading"]
    assert headings == [tale.title, *(section.heading for section in tale.sections)]
    for start, section in zip(document.pages[1:], tale.sections[1:], strict=True):
        assert document.text[start:].startswith(section.heading)


@pytest.mark.parametrize(
    ("entry", "headings"),
    [("The second part", ["The second part"]), ("scan_0017.tif", ["Large words"])],
)
def test_headings_of_a_pdf_are_those_of_its_outline(
    tmp_path: Path, entry: str, headings: list[str]
) -> None:
    """Unless its entries stand nowhere on their pages; then larger type counts."""
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.setFont("Helvetica", 20)
    canvas.drawString(50, 750, "Large words")
    canvas.setFont("Helvetica", 10)
    canvas.drawString(50, 700, "A sentence of the usual size stands here, and it is long enough.")
    canvas.drawString(50, 650, "The second part")
    canvas.drawString(50, 600, "Another sentence of the usual size, as long as the one before it.")
    canvas.bookmarkPage("here")
    canvas.addOutlineEntry(entry, "here")
    canvas.save()
    document = one_document(tmp_path, out.getvalue(), "a.pdf")
    assert [text for kind, _, text in shown(document) if kind == "heading"] == headings


def locked_pdf(**passwords: str) -> bytes:
    """A PDF under the passwords."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption(**passwords), invariant=1)
    canvas.drawString(50, 700, "Words behind a lock.")
    canvas.save()
    return out.getvalue()


def picture_pdf(pages: int = 2) -> bytes:
    """A PDF whose pages hold a picture and no text."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for _ in range(pages):
        canvas.drawImage(ImageReader(Image.new("L", (20, 20))), 0, 0)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def test_a_pdf_that_only_its_owner_may_change_is_read(tmp_path: Path) -> None:
    """It opens without a password."""
    raw = locked_pdf(userPassword="", ownerPassword="secret")
    assert one_document(tmp_path, raw, "a.pdf").text == "Words behind a lock."


PDF = WRITERS["pdf"](story(1))


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("a.pdf", locked_pdf(userPassword="secret"), "encrypted"),
        ("a.pdf", picture_pdf(), "no_text_layer"),
        ("a.pdf", PDF[:200], "broken"),
        ("a.pdf", b"%PDF-1.7\nxref\n0 1\ntrailer << /Prev 9 >>\nstartxref\n9\n%%EOF", "broken"),
        ("a.pdf", b"<!doctype html><html>Please log in", "wrong_type"),
        ("a.pdf", b"", "empty"),
        ("a.txt", PDF, "wrong_type"),
        ("a.docx", PDF, "wrong_type"),
        ("a.docx", WRITERS["docx"](story(1))[:2000], "broken"),
        ("a.docx", zipped({"word/document.xml": b"<x/>"}), "broken"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "broken"),
        ("a.xlsx", zipped({"a.txt": b"words"}), "broken"),
        ("a.pptx", zipped({"a.txt": b"words"}), "broken"),
        ("a.epub", zipped({"mimetype": b"application/epub+zip"}), "broken"),
        ("a.odt", zipped({"mimetype": b"x"}), "broken"),
        ("a.csv", b'a,b\n1,"open\n2,3\n4,5\n', "bad_table"),
        ("a.html", b'<meta charset="no-such-code"><p>words', "undecodable"),
        ("a.md.gz", b"\x1f\x8bnot really", "broken"),
    ],
)
def test_what_cannot_be_read_has_its_reason(
    tmp_path: Path, name: str, raw: bytes, code: str
) -> None:
    """One rejection, with a code that is in the list."""
    (outcome,) = outcomes_of(tmp_path, raw, name)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code, outcome
    assert outcome.code in REASONS


def test_pages_without_text_are_named(tmp_path: Path) -> None:
    """A scanned page between others is no silent gap."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for text in ("First page.", "", "Third page."):
        if text:
            canvas.drawString(50, 700, text)
        else:
            canvas.drawImage(ImageReader(Image.new("L", (9, 9))), 0, 0)
        canvas.showPage()
    canvas.save()
    document = one_document(tmp_path, out.getvalue(), "a.pdf")
    assert document.metadata == {"pages_without_text": "2"}
    assert len(document.pages) == 3
    assert document.text[document.pages[2] :] == "Third page."


def test_running_heads_and_page_numbers_of_a_pdf_are_kept_once(tmp_path: Path) -> None:
    """They would stand in the middle of sentences otherwise."""
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for number in range(6):
        canvas.drawString(50, 800, "Company confidential")
        canvas.drawString(50, 700, f"Fact number {number} stands here.")
        canvas.drawString(50, 30, f"Page {number + 1} of 6")
        canvas.showPage()
    canvas.save()
    document = one_document(tmp_path, out.getvalue(), "a.pdf")
    assert document.text.count("Company confidential") == 1
    assert "Page 2 of 6" not in document.text
    assert all(f"Fact number {number} " in document.text for number in range(6))


def test_word_keeps_lists_tables_and_what_is_inserted(tmp_path: Path) -> None:
    """Tracked insertions count, deletions do not; merged cells stay in their column."""
    word = docx.Document()
    word.add_heading("Plan", 1)
    for text, style in (("one", "List Bullet"), ("deep", "List Bullet 2"), ("1st", "List Number")):
        word.add_paragraph(text, style=style)
    paragraph = word.add_paragraph("kept ")
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    from docx.oxml import parse_xml

    for kind, tag, words in (("ins", "t", "added"), ("del", "delText", "removed")):
        run = f'<w:r><w:{tag} xml:space="preserve">{words}</w:{tag}></w:r>'
        paragraph._p.append(parse_xml(f'<w:{kind} xmlns:w="{space}" w:id="1">{run}</w:{kind}>'))
    table = word.add_table(3, 3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"r{row}|c{column}"
    merged = table.cell(1, 0).merge(table.cell(1, 1))
    merged.text = "both"
    out = io.BytesIO()
    word.save(out)
    assert shown(one_document(tmp_path, out.getvalue(), "a.docx")) == [
        ("heading", 1, "Plan"),
        ("list", 0, "- one\n  - deep\n1. 1st"),
        ("paragraph", 0, "kept added"),
        (
            "table",
            0,
            "| r0\\|c0 | r0\\|c1 | r0\\|c2 |\n| --- | --- | --- |\n"
            "| both |  | r1\\|c2 |\n| r2\\|c0 | r2\\|c1 | r2\\|c2 |",
        ),
    ]


def test_slides_are_pages_with_charts_and_notes(tmp_path: Path) -> None:
    """The numbers behind a chart are a table."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Sales"
    data = CategoryChartData()
    data.categories = ["May", "June"]
    data.add_series("Bolts", (1, 2.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 100, 100, data)
    slide.notes_slide.notes_text_frame.text = "Speak slowly."
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "End"
    out = io.BytesIO()
    deck.save(out)
    document = one_document(tmp_path, out.getvalue(), "a.pptx")
    assert shown(document) == [
        ("heading", 1, "Sales"),
        ("table", 0, "|  | Bolts |\n| --- | --- |\n| May | 1.0 |\n| June | 2.5 |"),
        ("paragraph", 0, "Notes: Speak slowly."),
        ("heading", 1, "End"),
    ]
    assert [document.text[start:][:5] for start in document.pages] == ["Sales", "End"]


def book() -> bytes:
    """A workbook with a caption, two tables and dates."""
    import datetime

    work = openpyxl.Workbook()
    sheet = work.active
    assert sheet is not None
    sheet.title = "Prices"
    for row in (
        ["Price list"],
        ["Item", "Price", "Since"],
        ["Bolt", 1.5, datetime.date(2026, 1, 2)],
        ["Nut", 2, None],
        [],
        ["Other", "Flag"],
        ["x", True],
    ):
        sheet.append(row)
    work.create_sheet("Empty")
    out = io.BytesIO()
    work.save(out)
    return out.getvalue()


def test_sheets_are_sections_of_tables(tmp_path: Path) -> None:
    """Blank rows part tables; whole numbers have no point."""
    document = one_document(tmp_path, book(), "a.xlsx")
    assert shown(document) == [
        ("heading", 1, "Prices"),
        ("paragraph", 0, "Price list"),
        (
            "table",
            0,
            "| Item | Price | Since |\n| --- | --- | --- |\n| Bolt | 1.5 | 2026-01-02 |\n"
            "| Nut | 2 |  |",
        ),
        ("table", 0, "| Other | Flag |\n| --- | --- |\n| x | TRUE |"),
    ]
    assert len(document.pages) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_of_any_delimiter_has_its_header(tmp_path: Path, delimiter: str) -> None:
    """The delimiter is the one that fits."""
    raw = f'name{delimiter}price\n"A{delimiter} b"{delimiter}1\nC{delimiter}2\n'.encode()
    document = one_document(tmp_path, raw, "a.csv")
    inside = "A\\| b" if delimiter == "|" else f"A{' ' if delimiter == chr(9) else delimiter} b"
    assert document.text.split("\n")[0] == "| name | price |"
    assert document.text.split("\n")[2] == f"| {' '.join(inside.split())} | 1 |"


def test_each_row_can_be_a_document(tmp_path: Path) -> None:
    """With a mapping, or as "column: value"; also from a spreadsheet."""
    options = ReadingOptions(table_rows=True, fields={"text": ("note",), "id": ("key",)})
    raw = b"key,note,team\nk1,First words,ops\n,,\nk2,,ops\n"
    first, second = outcomes_of(tmp_path, raw, "a.csv", options)
    assert isinstance(first, Parsed)
    assert (first.document.id, first.document.text) == ("a.csv#k1", "First words")
    assert first.document.metadata == {"team": "ops"}
    assert isinstance(second, Rejected)
    assert (second.code, second.place) == ("no_text_field", "row 4")
    rows = outcomes_of(tmp_path, b"part;count\nbolt;3\n", "b.csv", ReadingOptions(table_rows=True))
    assert isinstance(rows[0], Parsed)
    assert rows[0].document.text == "part: bolt\ncount: 3"
    sheet = outcomes_of(tmp_path, book(), "b.xlsx", ReadingOptions(table_rows=True))
    assert all(isinstance(one, Parsed) for one in sheet)
    assert sheet[0].place == "Prices row 2"


def test_a_table_that_is_too_long_for_a_document_can_be_read_by_rows(tmp_path: Path) -> None:
    """The reason says how."""
    options = ReadingOptions(limits=Limits(document_characters=100))
    for raw, name in ((b"a,b\n" + b"1,2\n" * 200, "a.csv"), (book(), "a.xlsx")):
        (outcome,) = outcomes_of(tmp_path, raw, name, options)
        assert isinstance(outcome, Rejected)
        assert outcome.code == "text_too_long"
        assert "--table-rows" in outcome.reason


def test_restructured_text_reads_no_other_file(tmp_path: Path) -> None:
    """Includes and raw text are off; Sphinx's roles and directives keep their words."""
    (tmp_path / "secret.txt").write_text("SECRET")
    text = (
        "=====\nTitle\n=====\n\n:Author: Ann\n:Date: 2026-03-04\n\n"
        "See :ref:`the part <x>` and :func:`~os.walk`.\n\nPart\n====\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 1\n\n.. note:: Careful.\n\n"
        f".. include:: {tmp_path}/secret.txt\n\n.. csv-table::\n   :file: {tmp_path}/secret.txt\n\n"
        ".. strange:: thing\n\n   Inner words.\n\n"
        "=== ===\nA   B\n=== ===\n1   2\n=== ===\n"
    )
    document = one_document(tmp_path, text.encode(), "a.rst")
    assert (document.title, document.author, document.published) == ("Title", "Ann", "2026-03-04")
    assert "SECRET" not in document.text
    assert "Inner words." in document.text
    assert shown(document)[:5] == [
        ("heading", 1, "Title"),
        ("paragraph", 0, "See the part and os.walk."),
        ("heading", 2, "Part"),
        ("code", 0, "x = 1"),
        ("paragraph", 0, "Careful."),
    ]
    assert shown(document)[-1] == ("table", 0, "| A | B |\n| --- | --- |\n| 1 | 2 |")


def test_asciidoc_has_its_structure(tmp_path: Path) -> None:
    """Header fields, listings, tables over several lines, nested blocks."""
    text = (
        "= Guide\nAnn Author <a@x.example>\nv1, 2026-03-04\n:lang: en\n:tool: Widget\n\n"
        "About {tool}.\n\n== Install\n\n. First\n. Second\n\n[source,sh]\n----\n== no heading\n"
        "----\n\n"
        '.Prices\n[cols="1,2"]\n|===\n|Name |Price\n\n|A\n|1\n|===\n\n====\nInside.\n\n* a\n====\n'
        "include::other.adoc[]\n"
    )
    document = one_document(tmp_path, text.encode(), "a.adoc")
    assert (document.title, document.author) == ("Guide", "Ann Author")
    assert (document.language, document.published) == ("en", "2026-03-04")
    assert shown(document) == [
        ("heading", 1, "Guide"),
        ("paragraph", 0, "About Widget."),
        ("heading", 2, "Install"),
        ("list", 0, ". First\n. Second"),
        ("code", 0, "== no heading"),
        ("paragraph", 0, "Prices"),
        ("table", 0, "| Name | Price |\n| --- | --- |\n| A | 1 |"),
        ("paragraph", 0, "Inside."),
        ("list", 0, "* a"),
    ]


def test_a_declared_encoding_is_believed(tmp_path: Path) -> None:
    """HTML's meta element, Python's comment; plain text has nothing to say it with."""
    page = '<html><head><meta charset="windows-1252"></head><p>caf\u00e9 \u20ac</p>'
    assert one_document(tmp_path, page.encode("cp1252"), "a.html").text == "café €"
    module = "# -*- coding: latin-1 -*-\nname = 'caf\u00e9'\n"
    assert "café" in one_document(tmp_path, module.encode("latin-1"), "a.py").text
    for raw, name in (
        ("caf\u00e9".encode("latin-1"), "a.txt"),
        (b'<meta charset="utf-7"><p>+ADw-script+AD4-', "a.html"),
        (b"# coding: unicode_escape\nx = 1", "a.py"),
    ):
        (outcome,) = outcomes_of(tmp_path, raw, name)
        assert isinstance(outcome, Rejected)
        assert outcome.code == "undecodable"


def test_what_surrounds_an_article_is_left_out_of_a_page_without_main(tmp_path: Path) -> None:
    """Teasers before and after; the structure in between stays whole."""
    teaser = "<div class='teaser'><a href='/x'>Ten things that you never knew of cats</a></div>"
    told = "".join(f"<p>{' '.join(s.paragraphs)}</p>" for s in story(8).sections)
    table = "<table><tr><th>Part</th></tr><tr><td>bolt</td></tr></table>"
    body = f"<h1>On pumps</h1>{told}<h2>Parts</h2>{table}<pre>x = 1</pre>{told}"
    page = (
        f"<html><body><div id='menu'>{teaser * 5}</div><div class='post-content'>{body}</div>"
        f"<div class='related'><h3>More</h3>{teaser * 5}</div></body></html>"
    )
    document = one_document(tmp_path, page.encode(), "a.html")
    assert "cats" not in document.text
    kinds = {kind for kind, _, _ in shown(document)}
    assert kinds == {"heading", "paragraph", "table", "code"}
    assert all(fact in document.text for fact in story(8).facts)
    check_offsets(document)


def test_a_text_over_the_limit_is_rejected_and_not_cut(tmp_path: Path) -> None:
    """Whatever the format."""
    options = ReadingOptions(limits=Limits(document_characters=50, pages=1))
    for form in ("md", "pdf", "docx", "csv", "epub", "xlsx", "rst"):
        (outcome,) = outcomes_of(tmp_path, WRITERS[form](story(2)), f"a.{form}", options)
        assert isinstance(outcome, Rejected)
        assert outcome.code in ("text_too_long", "too_many_pages"), outcome


def test_what_the_user_gives_goes_before_what_a_document_says(tmp_path: Path) -> None:
    """Nobody widens the circle of his own readers."""
    raw = b"---\nacl: [everyone]\nteam: sales\n---\nWords."
    assert one_document(tmp_path, raw, "a.md").acl == ("everyone",)
    options = ReadingOptions(acl=("hr",), metadata={"team": "hr"})
    (outcome,) = outcomes_of(tmp_path, raw, "a.md", options)
    assert isinstance(outcome, Parsed)
    assert (outcome.document.acl, outcome.document.metadata) == (("hr",), {"team": "hr"})


def test_a_media_type_says_the_format_of_a_page_without_ending(tmp_path: Path) -> None:
    """An address need not end in .html; its charset and address are taken over."""
    path = tmp_path / "spooled"
    path.write_bytes("<p>caf\u00e9</p>".encode("latin-1"))
    listed = Listed(
        path,
        "https://x.example/a.php",
        uri="https://x.example/a.php",
        media_type="text/html; charset=iso-8859-1",
    )
    (outcome,) = read(listed)
    assert isinstance(outcome, Parsed)
    assert outcome.document.text == "café"
    assert outcome.document.url == "https://x.example/a.php"


def test_the_table_of_formats_is_consistent() -> None:
    """An ending belongs to one format, and each is found by name and media type."""
    assert len(ENDINGS) == sum(len(one.endings) for one in FORMATS)
    for one in FORMATS:
        for ending in one.endings:
            assert format_of(f"Folder/Name{ending.upper()}") is one
    assert format_of("x.tar.gz") is not format_of("x.gz")
    assert format_of_media_type("application/pdf; x=1") is format_of("a.pdf")
    assert format_of_media_type("text/plain") is None


BINARY = [".pdf", ".docx", ".pptx", ".xlsx", ".xls", ".epub", ".odt", ".rtf", ".zip", ".tar", ".gz"]
SAMPLES = {f".{form}": make(story(9)) for form, make in WRITERS.items()}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), suffix=st.sampled_from(sorted(SAMPLES)))
def test_damaged_files_have_an_outcome(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    """A real file with bytes changed, cut or put in: documents or rejections, never an error."""
    raw = bytearray(SAMPLES[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
        raw = raw or bytearray(b"x")
    for outcome in outcomes_of(tmp_path, bytes(raw), f"f{suffix}"):
        if isinstance(outcome, Parsed):
            check_offsets(outcome.document)
        elif isinstance(outcome, Rejected):
            assert outcome.code in REASONS


MARKS = [
    "= T\n",
    "== ",
    "|===\n",
    "|a |b\n",
    "----\n",
    "* x\n",
    "\n",
    "[a]\n",
    ".T\n",
    ":a: b\n",
    "+\n",
    "====\n",
    "T\n===\n",
    ".. note::\n\n   x\n",
    "`a`_ ",
    "=== ===\n",
    "*",
    "{a}",
    "``",
    ".. x:: y\n",
    "   ",
    "term\n  d\n",
    "1. x\n",
    "//",
    "--\n",
    "|",
    "::\n\n  c\n",
]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.lists(st.sampled_from(MARKS), max_size=40).map("".join),
    suffix=st.sampled_from([".rst", ".adoc", ".csv", ".json", ".py", ".rtf", ".eml"]),
)
def test_any_markup_gives_ordered_blocks(tmp_path: Path, text: str, suffix: str) -> None:
    """Whatever stands beside what."""
    for outcome in outcomes_of(tmp_path, text.encode(), f"f{suffix}"):
        if isinstance(outcome, Parsed):
            check_offsets(outcome.document)
