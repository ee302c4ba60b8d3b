"""Bytes to text: by byte order mark, by declaration, else as UTF-8; nothing is ever guessed."""

from __future__ import annotations

import codecs

from esrag.corpus.records import Unreadable

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# What the web means by these labels (WHATWG Encoding Standard).
# Python's own escapes, and what browsers refuse because it can hide markup.
_NO_DOCUMENTS = frozenset(
    "utf-7 punycode idna undefined unicode_escape unicode-escape raw_unicode_escape "
    "raw-unicode-escape hz".split()
)
_WEB_LABELS = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030"}


def decode(raw: bytes, *, declared: str = "") -> str:
    """The text; ``declared`` is the encoding that the document or its place names, if any.

    A byte order mark goes before a declaration, as on the web.
    """
    encoding, skip = _marked(raw)
    if not encoding:
        encoding = _codec(declared) if declared else "utf-8"
    try:
        text = raw[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        at = error.start + skip
        raise Unreadable(
            "undecodable", f"not {encoding.upper()}: {error.reason} at byte {at}", stage="read"
        ) from error
    nul = text.find("\0")
    if nul >= 0:
        at = skip + len(text[:nul].encode(encoding, "surrogatepass"))
        raise Unreadable("nul_byte", f"NUL at byte {at}: not a text file", stage="read")
    return text


def encoding_of(head: bytes, *, declared: str = "") -> str:
    """The codec for a stream that begins like this; it removes the byte order mark itself."""
    marked = _marked(head)[0]
    if marked:
        return "utf-8-sig" if marked == "utf-8" else "utf-16"
    return _codec(declared) if declared else "utf-8"


def is_utf16(raw: bytes) -> bool:
    """Whether a byte order mark says UTF-16."""
    return _marked(raw)[0].startswith("utf-16")


def without_mark(raw: bytes) -> bytes:
    """The bytes without a UTF-8 byte order mark."""
    return raw.removeprefix(codecs.BOM_UTF8)


def _marked(raw: bytes) -> tuple[str, int]:
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8", len(codecs.BOM_UTF8)
    if raw[:2] in _UTF16 and not raw.startswith(codecs.BOM_UTF32_LE):
        return _UTF16[raw[:2]], 2
    return "", 0


def _codec(declared: str) -> str:
    name = known_codec(declared)
    if not name:
        reason = f"declares the encoding {declared[:40]!r}, which is none"
        raise Unreadable("undecodable", reason, stage="read")
    return name


def known_codec(declared: str) -> str:
    """The codec of a declared encoding; empty when there is none that a document may have."""
    try:
        name = codecs.lookup(declared.strip().strip("\"'")).name
        "".encode(name)  # not every codec makes text: rot13, zip and the like do not
    except (LookupError, ValueError, TypeError):
        return ""
    return "" if name in _NO_DOCUMENTS else _WEB_LABELS.get(name, name)
