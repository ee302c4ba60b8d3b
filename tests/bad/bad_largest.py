"""Bad files that take long: made and read only when the long tests are asked for."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

from bad_case import CUT, Bad, sparse
from valid_files import pdf, tarred

_MIB = 1024 * 1024


def largest() -> list[Bad]:
    """Sizes and numbers far beyond the limits, and what is slow within them."""
    return [
        Bad("crowd.zip", _crowd, ("too_many_members",), "1,000,000 members"),
        Bad("crowd.tar.gz", _tar_crowd, ("broken", "duplicate_name", "empty"), "1,000,000 members"),
        Bad("bomb.txt.gz", _bomb, ("too_large",), "10 GiB of NUL in 10 MB"),
        Bad("sparse.pdf", sparse(4096 * _MIB, b"%PDF-1.7\n"), ("too_large",), "4 GiB of nothing"),
        Bad("sparse.jsonl", sparse(90 * _MIB), ("record_too_large",), "90 MiB without a line end"),
        Bad("lines.jsonl", b"x\n" * (45 * _MIB), ("bad_json", "broken"), "45 million bad lines"),
        Bad("records.jsonl", b'{"text": "some words"}\n' * 300_000, (CUT,), "300,000 records"),
        Bad("pages.pdf", pdf(19_900), (CUT,), "19,900 pages"),
        Bad("text.txt", b"Some words on a line.\n" * (9 * _MIB // 22), (CUT,), "9 MiB of text"),
        Bad("marks.rst", "*a **b `c |d " * 30_000, (CUT,), "one line, read as text"),
    ]


def _crowd(path: Path) -> None:
    """By hand: zipfile would take a minute and a gigabyte."""
    entry = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0
    )
    size = 1_000_000 * (len(entry) + 5)
    with path.open("wb") as file:
        file.write(b"PK\x03\x04" + bytes(26))
        start = file.tell()
        for first in range(0, 1_000_000, 10_000):
            file.write(b"".join(entry + b"%05x" % n for n in range(first, first + 10_000)))
        end = file.tell()
        counts = (45, 45, 0, 0, 1_000_000, 1_000_000, size, start)
        file.write(struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, *counts))
        file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1))
        file.write(
            struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
        )
    assert zipfile.is_zipfile(path)


def _tar_crowd(path: Path) -> None:
    one = tarred({"a.txt": b""})[:512]
    with gzip.open(path, "wb", 1) as file:
        for _ in range(1000):
            file.write(one * 1000)
        file.write(bytes(1024))


def _bomb(path: Path) -> None:
    with gzip.open(path, "wb", 6) as file:
        for _ in range(640):
            file.write(bytes(16 * _MIB))
