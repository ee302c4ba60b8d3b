"""Holds the type that a name says against the first bytes of the content.

What a name claims and the content denies is rejected: whoever reads a login page called
``report.pdf``, or a PDF called ``notes.txt``, should learn of it rather than find it indexed.
"""

from __future__ import annotations

from esrag.corpus.formats import Format
from esrag.corpus.records import Unreadable

HEAD_BYTES = 1024
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"{\\rtf", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
    (b"\x89PNG\r\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"\x7fELF", "elf"),
)
_WORDS = {
    "pdf": "a PDF",
    "zip": "a zip archive (or an office document, which is one)",
    "gzip": "compressed with gzip",
    "bzip2": "compressed with bzip2",
    "xz": "compressed with xz",
    "zstd": "compressed with Zstandard",
    "tar": "a tar archive",
    "rtf": "an RTF document",
    "ole2": "an old binary office document, or an encrypted one",
    "png": "a PNG picture",
    "jpeg": "a JPEG picture",
    "gif": "a GIF picture",
    "elf": "a program",
}


def kind_of(head: bytes) -> str:
    """What the first bytes say for certain; empty when they say nothing."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "bzip2"
    return "tar" if head[257:262] == b"ustar" else ""


def check(form: Format, head: bytes) -> None:
    """Raise Unreadable when the content cannot be of this format."""
    kind = kind_of(head)
    if kind == form.magic or (form.magic == "pdf" and b"%PDF-" in head):
        return
    if not head.strip():
        raise Unreadable("empty", "the file is empty", stage="read")
    if form.magic == "tar" and not kind:
        return  # the oldest tar has no mark
    if kind == "ole2" and form.magic == "zip":
        reason = "protected with a password, or an old binary document under a new name"
        raise Unreadable("encrypted", reason, stage="read")
    if kind:
        found = f"the content is {_WORDS[kind]}"
    elif head.lstrip()[:1] == b"<":
        found = "the content is HTML or XML"
    else:
        found = "the content does not begin like one"
    raise Unreadable("wrong_type", f"named as {form.name}, but {found}", stage="read")
