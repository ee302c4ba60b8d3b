"""Bad PDFs."""

from __future__ import annotations

import hashlib
import zlib

from bad_case import CUT, Bad
from valid_files import pdf, pdf_of, pdf_stream

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_ID = b"0123456789abcdef"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_MIB = 1024 * 1024


def pdfs() -> list[Bad]:
    """Locked, cut, endless, without text."""
    whole = pdf(3)
    return [
        Bad("empty.pdf", b"", ("empty",), "no bytes"),
        Bad("head.pdf", b"%PDF-1.7\n", ("broken",), "a head and nothing else"),
        Bad("html.pdf", b"<html>Please log in</html>", ("wrong_type",), "a login page"),
        Bad("text.pdf", b"just words", ("wrong_type",), "text by content"),
        Bad("password.pdf", _encrypted(user=b"secret"), ("encrypted",), "asks for a password"),
        Bad("owner-only.pdf", _encrypted(user=b""), (CUT,), "may be read, not changed"),
        Bad("unknown-lock.pdf", _locked_by(b"/Filter/Acme/V 9"), ("encrypted",), "no known lock"),
        Bad(
            "cut-off.pdf",
            whole[: len(whole) // 2],
            ("broken",),
            "half of it: nothing says what is a page",
        ),
        Bad("cut-early.pdf", whole[:200], ("broken",), "cut before the first page"),
        Bad(
            "no-xref.pdf",
            whole[: whole.index(b"xref")],
            ("broken",),
            "without its table and trailer",
        ),
        Bad("xref-loop.pdf", _xref_loop(), (CUT,), "its table says that it follows itself"),
        Bad(
            "xref-lies.pdf", whole.replace(b"startxref\n", b"startxref\n9"), (CUT,), "a wrong place"
        ),
        Bad(
            "pages-loop.pdf",
            _of(b"<</Type/Pages/Count 1/Kids[2 0 R]>>"),
            ("no_text_layer",),
            "pages that hold themselves",
        ),
        Bad("no-pages.pdf", _of(b"<</Type/Pages/Count 0/Kids[]>>"), ("broken",), "none"),
        Bad(
            "count-lies.pdf",
            whole.replace(b"/Count 3", b"/Count 3000000"),
            (CUT,),
            "says that it has three million",
        ),
        Bad("no-catalog.pdf", whole.replace(b"/Catalog", b"/Cabbage"), (CUT,), "no catalog"),
        Bad("many-pages.pdf", pdf(2000), (CUT,), "2,000 pages"),
        Bad("too-many-pages.pdf", pdf(20_100), ("too_many_pages",), "20,100 pages"),
        Bad("picture.pdf", _picture(), ("no_text_layer",), "a scan without text"),
        Bad("blank.pdf", _page(b""), ("no_text_layer",), "an empty page"),
        Bad(
            "flate-bomb.pdf",
            _page(zlib.compress(b" " * (50 * _MIB), 1), b"/Filter/FlateDecode"),
            ("no_text_layer",),
            "a page of 50 MiB of blanks",
        ),
        Bad(
            "flate-flate.pdf",
            _page(_deflated(4), b"/Filter[" + b"/FlateDecode" * 4 + b"]"),
            ("no_text_layer",),
            "compressed four times, 50 MiB inside",
        ),
        Bad(
            "flate-broken.pdf",
            _page(b"no zlib", b"/Filter/FlateDecode"),
            ("no_text_layer",),
            "a page that cannot be inflated",
        ),
        Bad(
            "operators.pdf", _page(b"q Q " * 300_000 + _show(b"words")), (CUT,), "600,000 operators"
        ),
        Bad("saves.pdf", _page(b"q " * 200_000 + _show(b"words")), (CUT,), "200,000 open states"),
        Bad(
            "arrays.pdf", _page(b"[" * 100_000 + _show(b"words")), ("no_text_layer",), "deep arrays"
        ),
        Bad("deep.pdf", _of(b"[" * 50_000 + b"]" * 50_000), ("broken",), "50,000 arrays deep"),
        Bad("form-loop.pdf", _form_loop(), (CUT,), "a form that draws itself"),
        Bad(
            "long-string.pdf", _page(_show(b"words " * 20_000)), (CUT,), "120,000 letters on a line"
        ),
        Bad("tiny-page.pdf", pdf(1).replace(b"612 792", b"0 0"), (CUT,), "a page of no size"),
        Bad("huge-page.pdf", pdf(1).replace(b"612 792", b"9e9 9e9"), (CUT,), "a page of a planet"),
        Bad("script.pdf", _script(), (CUT,), "JavaScript is not run"),
        Bad("garbage-before.pdf", b"garbage\n" * 40 + whole, (CUT,), "garbage in front"),
        Bad(
            "escapes.pdf", _page(_show(b"red \x1b[31m \\000 words")), (CUT,), "escapes in the text"
        ),
    ]


def _of(second: bytes, catalog: bytes = b"") -> bytes:
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog, second])


def _show(words: bytes) -> bytes:
    return b" BT /F1 12 Tf 72 720 Td (" + words + b") Tj ET"


def _page(content: bytes, extra: bytes = b"", resources: bytes = b"") -> bytes:
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[4 0 R]>>",
            _FONT,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R"
            b"/Resources<</Font<</F1 3 0 R>>%s>>>>" % resources,
            pdf_stream(content, extra),
        ]
    )


def _form_loop() -> bytes:
    page = _page(b"/X0 Do" + _show(b"words"), resources=b"/XObject<</X0 6 0 R>>")
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X0 6 0 R>>>>"
    return page.replace(
        b"xref\n0 6", b"6 0 obj\n%s\nendobj\nxref\n0 6" % pdf_stream(b"/X0 Do", form)
    )


def _picture() -> bytes:
    image = b"/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceGray"
    page = _page(b"100 0 0 100 0 0 cm /X0 Do", resources=b"/XObject<</X0 6 0 R>>")
    added = b"6 0 obj\n%s\nendobj\nxref\n0 6" % pdf_stream(bytes(64), image)
    return page.replace(b"xref\n0 6", added)


def _deflated(times: int) -> bytes:
    content = b" " * (50 * _MIB)
    for _ in range(times):
        content = zlib.compress(content, 1)
    return content


def _xref_loop() -> bytes:
    whole = pdf(2)
    start = whole.rindex(b"xref\n0 ")
    return whole.replace(b"/Root", b"/Prev %d/Root" % start)


def _script() -> bytes:
    action = b"/Catalog/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"
    return _page(_show(b"words")).replace(b"/Catalog", action)


def _locked_by(handler: bytes) -> bytes:
    whole = pdf(1)
    return whole.replace(b"/Root", b"/Encrypt<<%s>>/ID[<00><00>]/Root" % handler)


def _encrypted(*, user: bytes) -> bytes:
    """Locked as PDF 1.1 did it: RC4 of 40 bits under two passwords."""
    owner_key = hashlib.md5((b"owner" + _PAD)[:32]).digest()[:5]
    owner = _rc4(owner_key, (user + _PAD)[:32])
    rights = (-4).to_bytes(4, "little", signed=True)
    key = hashlib.md5((user + _PAD)[:32] + owner + rights + _ID).digest()[:5]
    shown = _rc4(key, _PAD)
    stream_key = hashlib.md5(key + (5).to_bytes(3, "little") + bytes(2)).digest()[:10]
    page = _page(_rc4(stream_key, _show(b"Some words")))
    lock = f"/Filter/Standard/V 1/R 2/O<{owner.hex()}>/U<{shown.hex()}>/P -4".encode()
    lock = b"/Encrypt<<%s>>/ID[<%s><%s>]/Root" % (lock, _ID.hex().encode(), _ID.hex().encode())
    return page.replace(b"/Root", lock)


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
