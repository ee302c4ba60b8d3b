"""Bad mails, tables, JSON, source and markup in other languages."""

from __future__ import annotations

import json

from bad_archives import zips
from bad_case import CUT, SKIPPED, Bad, sparse
from valid_files import eml

_MIB = 1024 * 1024
_HEAD = b"From: a@example.org\nSubject: words\nMIME-Version: 1.0\n"


def mails() -> list[Bad]:
    """EML and MBOX."""
    part = b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n"
    deep = b"".join(part % (n, n) for n in range(500))
    bomb = next(bad for bad in zips() if bad.name == "bomb-many.zip").content
    assert isinstance(bomb, bytes)
    return [
        Bad("empty.eml", b"", ("empty",), "no bytes"),
        Bad("no-headers.eml", b"just words\nand more", ("broken",), "no headers"),
        Bad("no-body.eml", _HEAD + b"\n", (CUT,), "headers only"),
        Bad(
            "deep.eml",
            _HEAD + deep + b"\n\nwords",
            (CUT,),
            "500 parts deep",
        ),
        Bad(
            "boundary.eml", _HEAD + b"Content-Type: multipart/mixed\n\n--x\n\nwords", (CUT,), "none"
        ),
        Bad("open.eml", eml()[: len(eml()) // 2], (CUT,), "cut off"),
        Bad(
            "charset.eml",
            _HEAD + b"Content-Type: text/plain; charset=klingon\n\nwords \xff",
            ("undecodable",),
            "a charset that is none",
        ),
        Bad(
            "base64.eml",
            _HEAD + b"Content-Transfer-Encoding: base64\n\n!!!! no base64",
            ("undecodable",),
            "none",
        ),
        Bad(
            "header-bytes.eml",
            b"From: \xff\xfe\nSubject: =?klingon?Q?=FF?=\n\nwords",
            (CUT,),
            "odd",
        ),
        Bad(
            "long-header.eml", _HEAD + b"X-Long: " + b"x" * 2_000_000 + b"\n\nwords", (CUT,), "2 MB"
        ),
        Bad("headers.eml", _HEAD + b"X-A: b\n" * 100_000 + b"\nwords", (CUT,), "100,000 headers"),
        Bad(
            "addresses.eml",
            b"To: " + b"(" * 50_000 + b"\nSubject: x\n\nwords",
            ("too_deep",),
            "comments",
        ),
        Bad("date.eml", b"Date: Fri, 99 Foo 99999 99:99\nSubject: x\n\nwords", (CUT,), "no date"),
        Bad(
            "names.eml",
            _attached(b"../../etc/x.txt", b"words"),
            (CUT,),
            "an attachment that climbs",
        ),
        Bad(
            "bomb.eml", _attached(b"a.zip", bomb), (CUT, "inflates_too_much", "nul_byte"), "a bomb"
        ),
        Bad("program.eml", _attached(b"a.exe", b"MZ"), (CUT, SKIPPED), "a program attached"),
        Bad("no-first-line.mbox", eml(), ("broken",), "no line that begins a mail"),
        Bad("blank.mbox", b"\n\n\n", ("broken",), "nothing but line ends"),
        Bad(
            "from-lines.mbox",
            b"From a@b Fri Jan  2 10:00:00 2026\n" * 3000,
            ("broken",),
            "no mails",
        ),
        Bad(
            "long.mbox",
            b"From a@b Fri Jan  2 10:00:00 2026\nSubject: x\n\n" + b"word " * 300_000,
            (CUT,),
            "a mail of 1.5 MB",
        ),
    ]


def _attached(name: bytes, content: bytes) -> bytes:
    import base64

    return (
        _HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSome words.\n--b\n"
        b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        b'Content-Disposition: attachment; filename="'
        + name
        + b'"\n\n'
        + base64.encodebytes(content)
        + b"\n--b--\n"
    )


def tables() -> list[Bad]:
    """CSV and TSV."""
    return [
        Bad("empty.csv", b"", ("empty",), "no bytes"),
        Bad("head-only.csv", b"a,b,c\n", (CUT,), "a header and no rows"),
        Bad("commas.csv", b",,,\n,,,\n", ("empty",), "nothing in the cells"),
        Bad(
            "open-quote.csv", b'a,b\n1,"never closed\n' + b"2,3\n" * 5000, ("bad_table",), "a quote"
        ),
        Bad("formulas.csv", b"a,b\n=cmd|' /C calc'!A0,+1\n@x,-2\n", (CUT,), "text; nobody runs it"),
        Bad("mixed.csv", "a,b\nStraße,1\n".encode() + b"Stra\xdfe,2\n", ("undecodable",), "mixed"),
        Bad("nul.csv", b"a,b\n1,\0\n", ("nul_byte",), "NUL"),
        Bad("ragged.csv", b"a,b\n1\n1,2,3,4,5\n\n,\n", (CUT,), "rows of all lengths"),
        Bad(
            "wide.csv",
            b",".join(b"c%d" % n for n in range(20_000)) + b"\n" + b"1," * 20_000,
            (CUT,),
            "20,000 columns",
        ),
        Bad("long-cell.csv", b"a,b\n1," + b"word " * 60_000 + b"\n", ("bad_table",), "300 kB"),
        Bad("returns.csv", b"a,b\r1,2\r3,4\r", (CUT,), "line ends of old Macs"),
        Bad("quotes.csv", b'"' * 100_001, ("empty",), "nothing but quotes"),
        Bad("too-big.csv", sparse(30 * _MIB, b"a,b\n"), ("too_large",), "30 MiB"),
        Bad("pipe.tsv", b"a\tb\n\x1b[31m\t\xe2\x80\xae\n", (CUT,), "escapes in cells"),
    ]


def sources() -> list[Bad]:
    """JSON, XML, reStructuredText, AsciiDoc and programs."""
    laughs = "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    records = json.dumps([{"text": "words"}] * 3)
    return [
        Bad("empty.json", b"", ("empty",), "no bytes"),
        Bad("cut-off.json", records[:-9], (CUT, "bad_json"), "ends in a record"),
        Bad("deep.json", "[" * 100_000 + "]" * 100_000, ("too_deep",), "deep"),
        Bad(
            "deep-record.json",
            '[{"text": "words", "a": ' + "[" * 99_999 + "]" * 99_999 + "}]",
            ("too_deep",),
            "a deep field",
        ),
        Bad("scalar.json", "7", (CUT,), "a number"),
        Bad("nothing.json", "[]", ("empty",), "an empty array"),
        Bad("comma.json", '[{"text": "words"},]', (CUT, "bad_json"), "a comma too many"),
        Bad("two.json", '{"text": "words"} {"text": "more"}', ("bad_json",), "two values"),
        Bad("nan.json", '[{"text": "words", "n": NaN}]', ("bad_json",), "NaN"),
        Bad("latin1.json", b'[{"text": "Stra\xdfe"}]', ("undecodable",), "Latin-1"),
        Bad(
            "big-record.json",
            json.dumps([{"text": "word " * 900_000}]),
            (CUT,),
            "4.5 MB in a record",
        ),
        Bad(
            "entities.xml",
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>words &e;</x>',
            (CUT,),
            "external entities stay as they are written",
        ),
        Bad(
            "laughs.xml",
            f'<!DOCTYPE x [<!ENTITY a "lol">{laughs}]><x>words &i;</x>',
            (CUT,),
            "a billion laughs stay as they are written",
        ),
        Bad(
            "include.rst",
            "Title\n=====\n\n.. include:: /etc/passwd\n\nwords\n",
            (CUT,),
            "no include",
        ),
        Bad(
            "raw.rst",
            ".. raw:: html\n   :url: http://127.0.0.1:9/\n\nwords\n",
            (CUT,),
            "not fetched",
        ),
        Bad(
            "table-file.rst", ".. csv-table::\n   :file: /etc/passwd\n\nwords\n", (CUT,), "not read"
        ),
        Bad(
            "deep.rst",
            "".join(f"{'  ' * n}* item\n\n" for n in range(300)),
            ("too_deep",),
            "300",
        ),
        Bad(
            "substitutions.rst",
            "|a|\n\n.. |a| replace:: |b|\n.. |b| replace:: |a|\n\nwords\n",
            (CUT,),
            "substitutions in a circle",
        ),
        Bad("marks.rst", "*a **b `c |d " * 800, (CUT,), "marks left open"),
        Bad("include.adoc", "= Title\n\ninclude::/etc/passwd[]\n\nwords\n", (CUT,), "no include"),
        Bad("attributes.adoc", ":a: {b}{b}\n:b: {a}{a}\n\n{a} words\n", (CUT,), "in a circle"),
        Bad("minified.js", "var a=1;" * 300_000, (CUT,), "2 MB on one line"),
        Bad("anchors.yaml", "a: &a [x, x]\nb: [*a, *a]\n", (CUT,), "a program text, not loaded"),
        Bad("binary.py", bytes(range(256)) * 9, ("undecodable",), "no text at all"),
        Bad("long.log", "ERROR " * 700_000, (CUT,), "4 MB on one line"),
    ]
