"""Bad office documents and books: packages of XML that are built to hurt."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from bad_case import CUT, Bad
from valid_files import docx, epub_members, ods_members, odt_members, pptx, xlsx, zipped

_BLANKS = b" " * (140 * 1024 * 1024)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000)
_DOCTYPE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
_LAUGHS = (
    b"<!DOCTYPE x [<!ENTITY a 'lol'>"
    + b"".join(
        b"<!ENTITY %c '%s'>" % (b, b"&%c;" % a * 10)
        for a, b in zip(b"abcdefgh", b"bcdefghi", strict=True)
    )
    + b"]>"
)


def office() -> list[Bad]:
    """DOCX, PPTX, XLSX, ODT, ODS, EPUB and RTF."""
    return [*_word(), *_slides(), *_sheets(), *_open_document(), *_books(), *_rich()]


def _word() -> list[Bad]:
    part = "word/document.xml"
    return [
        Bad("empty.docx", b"", ("empty",), "no bytes"),
        Bad("password.docx", _OLE, ("encrypted",), "encrypted, or an old .doc"),
        Bad("no-parts.docx", zipped({"a.txt": b"x"}), ("broken",), "a zip, but no document"),
        Bad("no-text.docx", _without(docx(), part), ("broken",), "without its text"),
        Bad("cut-off.docx", docx()[:-900], ("broken",), "cut off"),
        Bad("not-xml.docx", _with(docx(), part, lambda _: b"words"), ("broken",), "no XML"),
        Bad("entities.docx", _with(docx(), part, _entity), (CUT,), "external entities"),
        Bad("laughs.docx", _with(docx(), part, _laughs), ("broken",), "a billion laughs"),
        Bad("deep.docx", _with(docx(), part, _deep_tables), ("broken",), "2,000 tables nested"),
        Bad("bomb.docx", _with(docx(), part, _blanks), ("inflates_too_much",), "140 MiB of blanks"),
        Bad("long.docx", _with(docx(), part, _many_paragraphs), (CUT,), "20,000 paragraphs"),
        Bad(
            "climbs.docx", _with(docx(), "../../x.xml", lambda _: b"<x/>"), (CUT,), "../ in a name"
        ),
        Bad("crowd.docx", _crowd(), ("too_many_members",), "20,100 parts"),
        Bad(
            "remote.docx",
            _with(docx(), "word/_rels/document.xml.rels", _remote),
            (CUT,),
            "a template from the network is not fetched",
        ),
        Bad("is-a-deck.docx", pptx(), ("broken",), "a presentation by content"),
    ]


def _slides() -> list[Bad]:
    part = "ppt/slides/slide1.xml"
    return [
        Bad("password.pptx", _OLE, ("encrypted",), "encrypted, or an old .ppt"),
        Bad("no-slide.pptx", _without(pptx(), part), ("broken",), "a slide is missing"),
        Bad("entities.pptx", _with(pptx(), part, _entity), (CUT,), "external entities"),
        Bad("laughs.pptx", _with(pptx(), part, _laughs), ("broken",), "a billion laughs"),
        Bad("cut-off.pptx", pptx()[:9000], ("broken",), "cut off"),
        Bad("is-a-paper.pptx", docx(), ("broken",), "a text by content"),
    ]


def _sheets() -> list[Bad]:
    part = "xl/worksheets/sheet1.xml"
    return [
        Bad("password.xlsx", _OLE, ("encrypted",), "encrypted"),
        Bad("garbage.xls", _OLE, ("broken",), "an old one with nothing in it"),
        Bad("cut-off.xlsx", xlsx()[:2000], ("broken",), "cut off"),
        Bad(
            "no-sheet.xlsx", _without(xlsx(), part), (CUT,), "a sheet is missing: the other is read"
        ),
        Bad("laughs.xlsx", _with(xlsx(), part, _laughs), (CUT,), "a billion laughs"),
        Bad(
            "far-cell.xlsx",
            _with(xlsx(), part, _far_cell),
            ("parser_limit",),
            "a cell in the last corner",
        ),
        Bad("dimension.xlsx", _with(xlsx(), part, _dimension), (CUT,), "a size that is not true"),
        Bad("formulas.xlsx", _formulas(), (CUT,), "formulas that would call out: text at most"),
    ]


def _open_document() -> list[Bad]:
    def odt(change: Callable[[bytes], bytes]) -> bytes:
        members = odt_members()
        return zipped(
            {**members, "content.xml": change(members["content.xml"])}, stored=("mimetype",)
        )

    repeated = b'table:table-row table:number-rows-repeated="100000"'
    ods = ods_members()
    wide = ods["content.xml"].replace(b"table:table-row>", repeated + b">", 1)
    wide = wide.replace(b"words", b"words " * 40)
    return [
        Bad(
            "no-content.odt", zipped({"mimetype": odt_members()["mimetype"]}), ("broken",), "empty"
        ),
        Bad("entities.odt", odt(_entity), (CUT,), "external entities"),
        Bad("laughs.odt", odt(_laughs), ("broken",), "a billion laughs"),
        Bad(
            "deep.odt",
            odt(lambda x: x.replace(b"<text:p>", b"<text:list>" * 400 + b"<text:p>")),
            ("broken",),
            "lists that never close",
        ),
        Bad(
            "spaces.odt",
            odt(lambda x: x.replace(b"Some", b'<text:s text:c="2000000000"/>Some')),
            (CUT,),
            "two billion blanks in an attribute",
        ),
        Bad(
            "repeated.ods",
            zipped({**ods, "content.xml": wide}, stored=("mimetype",)),
            ("text_too_long",),
            "a row that is there 100,000 times",
        ),
        Bad(
            "password.odt",
            zipped(
                {
                    **odt_members(),
                    "META-INF/manifest.xml": odt_members()["META-INF/manifest.xml"].replace(
                        b'xml"/>', b'xml"><manifest:encryption-data/></manifest:file-entry>'
                    ),
                }
            ),
            ("encrypted",),
            "encrypted",
        ),
    ]


def _books() -> list[Bad]:
    book = epub_members()
    spine = b'<itemref idref="c1"/>' * 30_000
    climbing = book["OPS/book.opf"].replace(b"one.xhtml", b"../../../../etc/passwd")
    locked = {**book, "META-INF/encryption.xml": b"<e><EncryptedData/></e>"}
    locked |= {"OPS/one.xhtml": bytes(range(200)), "OPS/two.xhtml": bytes(range(200))}
    long = book["OPS/one.xhtml"].replace(b"Some", _BLANKS)
    return [
        Bad("no-container.epub", zipped({"mimetype": book["mimetype"]}), ("broken",), "empty"),
        Bad(
            "no-package.epub", _of_book(book, "OPS/book.opf", None), ("broken",), "no list of parts"
        ),
        Bad(
            "no-chapters.epub",
            zipped({k: v for k, v in book.items() if "xhtml" not in k}),
            ("broken",),
            "its chapters are missing",
        ),
        Bad("one-chapter.epub", _of_book(book, "OPS/two.xhtml", None), (CUT,), "one is missing"),
        Bad("locked.epub", zipped(locked), ("encrypted",), "protected by rights management"),
        Bad("climbs.epub", _of_book(book, "OPS/book.opf", climbing), (CUT,), "a chapter outside"),
        Bad(
            "laughs.epub",
            _of_book(book, "OPS/one.xhtml", _laughs(book["OPS/one.xhtml"])),
            (CUT,),
            "a billion laughs",
        ),
        Bad(
            "spine.epub",
            _of_book(
                book, "OPS/book.opf", book["OPS/book.opf"].replace(b'<itemref idref="c1"/>', spine)
            ),
            (CUT,),
            "a chapter 30,000 times over is read once",
        ),
        Bad("bomb.epub", _of_book(book, "OPS/one.xhtml", long), ("inflates_too_much",), "140 MiB"),
    ]


def _rich() -> list[Bad]:
    return [
        Bad(
            "deep.rtf",
            b"{\\rtf1 " + b"{" * 50_000 + b"words" + b"}" * 50_000 + b"}",
            (CUT,),
            "deep",
        ),
        Bad("open.rtf", b"{\\rtf1 words {\\b never closed", (CUT,), "groups left open"),
        Bad("binary.rtf", b"{\\rtf1 words {\\bin99999999999 x}}", (CUT,), "a length that lies"),
        Bad(
            "unicode.rtf",
            b"{\\rtf1 words \\u-10179? \\u55357? \\u99999999?}",
            ("broken",),
            "half pairs",
        ),
        Bad(
            "object.rtf",
            b"{\\rtf1 words{\\object\\objdata " + b"4d5a" * 100_000 + b"}}",
            (CUT,),
            "an embedded program is left out",
        ),
        Bad("not.rtf", b"words", ("wrong_type",), "no RTF"),
    ]


def _with(package: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    members = _members(package)
    return zipped({**members, name: change(members.get(name, b""))})


def _without(package: bytes, name: str) -> bytes:
    members = _members(package)
    del members[name]
    return zipped(members)


def _members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def _of_book(book: dict[str, bytes], name: str, content: bytes | None) -> bytes:
    kept = {key: value for key, value in book.items() if key != name}
    return zipped(kept if content is None else {**kept, name: content}, stored=("mimetype",))


def _declared(xml: bytes, doctype: bytes) -> bytes:
    end = xml.index(b"?>") + 2
    return xml[:end] + doctype + xml[end:]


def _entity(xml: bytes) -> bytes:
    return _declared(xml.replace(b"ome words", b"ome words &e;"), _DOCTYPE)


def _laughs(xml: bytes) -> bytes:
    for word in (b"ome words", b"alpha", b"<v>"):
        xml = xml.replace(word, word + b"&i;", 1)
    return _declared(xml if b"?>" in xml[:99] else b'<?xml version="1.0"?>' + xml, _LAUGHS)


def _blanks(xml: bytes) -> bytes:
    end = xml.rindex(b"</")
    return xml[:end] + _BLANKS + xml[end:]


def _deep_tables(xml: bytes) -> bytes:
    start, end = b"<w:tbl><w:tr><w:tc>", b"<w:p/></w:tc></w:tr></w:tbl>"
    at = xml.index(b"<w:body>") + len(b"<w:body>")
    return xml[:at] + start * 2000 + end * 2000 + xml[at:]


def _many_paragraphs(xml: bytes) -> bytes:
    at = xml.index(b"<w:body>") + len(b"<w:body>")
    return xml[:at] + b"<w:p><w:r><w:t>Some words.</w:t></w:r></w:p>" * 20_000 + xml[at:]


def _crowd() -> bytes:
    return zipped({**_members(docx()), **{f"x/{n}.xml": b"" for n in range(20_100)}})


def _remote(xml: bytes) -> bytes:
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
    link = b'<Relationship Id="rX" Type="%s" Target="http://127.0.0.1:9/" TargetMode="External"/>'
    return xml.replace(b"</Relationships>", link % kind + b"</Relationships>")


def _far_cell(xml: bytes) -> bytes:
    row = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
    return xml.replace(b"</sheetData>", row + b"</sheetData>")


def _dimension(xml: bytes) -> bytes:
    start = xml.index(b"<dimension")
    end = xml.index(b"/>", start) + 2
    return xml[:start] + b'<dimension ref="A1:XFD1048576"/>' + xml[end:]


def _formulas() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for words in (
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://127.0.0.1:9/","x")',
        "=1/0",
        "+1",
        "@x",
    ):
        book.active.append([words, "words"])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
