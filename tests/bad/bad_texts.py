"""Bad plain text and Markdown."""

from __future__ import annotations

from bad_case import CUT, SKIPPED, Bad, sparse

MIB = 1024 * 1024
WORDS = "The quick brown fox jumps over the lazy dog. "


def plain() -> list[Bad]:
    """Bytes that are no text, and texts that are hard to take."""
    return [
        Bad("empty.txt", b"", ("empty",), "no bytes"),
        Bad("blank.txt", b" \t\r\n\x0b\x0c \n" * 50, ("empty",), "nothing but blanks"),
        Bad("bom-only.txt", b"\xef\xbb\xbf", ("empty",), "nothing but a byte order mark"),
        Bad("bom16-only.txt", b"\xff\xfe", ("empty",), "the same in UTF-16"),
        Bad("marks-only.txt", "… — ?! ··· §§ 🎈", ("empty",), "no letter, no digit"),
        Bad("zero-width-only.txt", "\u200b\u200c\u200d\ufeff\u2060" * 90, ("empty",), "invisible"),
        Bad("one-letter.txt", b"a", (CUT,), "short, but a text"),
        Bad("nul.txt", b"some text\0more text", ("nul_byte",), "NUL in the middle"),
        Bad("nuls.txt", b"\0" * 5000, ("nul_byte",), "nothing but NUL"),
        Bad("latin1.txt", "Stra\xdfe nach Malm\xf6".encode("latin-1"), ("undecodable",), "Latin-1"),
        Bad("cut-in-character.txt", "Straße".encode()[:5], ("undecodable",), "ends in an ß"),
        Bad("overlong.txt", b"slash \xc0\xaf", ("undecodable",), "overlong form of a slash"),
        Bad("surrogates.txt", b"half \xed\xa0\x80 pair", ("undecodable",), "surrogates as UTF-8"),
        Bad("beyond-unicode.txt", b"far \xf4\x90\x80\x80", ("undecodable",), "above U+10FFFF"),
        Bad(
            "random.txt",
            bytes((n * 167 + 13) % 256 for n in range(4000)),
            ("undecodable",),
            "random bytes",
        ),
        Bad("utf16-no-mark.txt", WORDS.encode("utf-16-le"), ("nul_byte",), "UTF-16 unannounced"),
        Bad("utf16.txt", WORDS.encode("utf-16"), (CUT,), "UTF-16 that says so"),
        Bad("utf16-half-pair.txt", b"\xff\xfea\0\0\xd8b\0", ("undecodable",), "half a pair"),
        Bad("utf16-odd.txt", b"\xff\xfea\0b", ("undecodable",), "an odd number of bytes"),
        Bad("utf32.txt", WORDS.encode("utf-32"), ("undecodable",), "UTF-32"),
        Bad("long-line.txt", WORDS * (4 * MIB // len(WORDS)), (CUT,), "4 MiB on one line"),
        Bad("long-word.txt", "x" * 60_000, (CUT,), "one word of 60,000 letters: cut by length"),
        Bad("longer-word.txt", "ab1" * 700_000, (CUT,), "2 MB without a blank"),
        Bad("long-cjk.txt", "漢字仮名交" * 40_000, (CUT,), "no blanks, each sign a token"),
        Bad("text-too-big.txt", sparse(30 * MIB, b"text "), ("too_large",), "30 MiB of one text"),
        Bad("sparse-2gb.txt", sparse(2048 * MIB, b"text "), ("too_large",), "2 GiB, by its size"),
        Bad(
            "right-to-left.txt",
            "invoice\u202efdp.exe\u202c is \u2067safe\u2069",
            (CUT,),
            "direction overrides stay in the text; whoever shows it takes care",
        ),
        Bad("zero-width.txt", "pass\u200bword\u2060 \u00ad" * 500, (CUT,), "invisible characters"),
        Bad(
            "escapes.txt",
            "\x1b[31mred\x1b]0;title\x07 \x9b2J \x07\x08",
            (CUT,),
            "terminal escapes are text here; the terminal never sees them raw",
        ),
        Bad("combining.txt", "Z" + "\u0335\u0316\u0323" * 30_000, (CUT,), "marks upon one letter"),
        Bad("emoji.txt", "👩‍👩‍👧‍👦" * 20_000 + " family", (CUT,), "joined emoji"),
        Bad("line-ends.txt", "a\rb\nc\r\nd\x0be\x0cf\x85g\u2028h\u2029i", (CUT,), "all line ends"),
        Bad("many-lines.txt", "a\n" * 300_000, (CUT,), "300,000 lines"),
        Bad("many-paragraphs.txt", "Word\n\n" * 60_000, (CUT,), "60,000 paragraphs of a word"),
        Bad("abbreviations.txt", "e.g. i.e. " * 60_000, (CUT,), "dots that end no sentence"),
        Bad("is-a-pdf.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", ("wrong_type",), "a PDF by content"),
        Bad("is-a-zip.txt", b"PK\x03\x04" + bytes(60), ("wrong_type",), "a zip by content"),
        Bad("no-such-type.qqq", b"text", (SKIPPED,), "an ending that nobody reads"),
    ]


def markdown() -> list[Bad]:
    """Markdown that makes parsers slow, deep or wrong."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    fields = "".join(f"field{n}: value\n" for n in range(1001))
    return [
        Bad("is-a-picture.md", b"\x89PNG\r\n\x1a\n" + bytes(50), ("wrong_type",), "a picture"),
        Bad("deep-quotes.md", ">" * 20_000 + " deep", (CUT,), "20,000 quotes inside one another"),
        Bad(
            "deep-list.md",
            "".join(f"{'  ' * n}- item\n" for n in range(1500)),
            (CUT,),
            "a list 1,500 deep",
        ),
        Bad("brackets.md", "[" * 100_000 + " words", (CUT,), "open brackets"),
        Bad("links.md", "[a](" * 50_000 + " words", (CUT,), "open links"),
        Bad("emphasis.md", "*a **a " * 50_000, (CUT,), "open emphasis"),
        Bad(
            "backticks.md",
            "".join("`" * n + " a " for n in range(1, 700)),
            (CUT,),
            "code spans of all lengths",
        ),
        Bad("fence.md", "# T\n\n```\n" + "code\n" * 100_000, (CUT,), "a fence that never closes"),
        Bad("headings.md", "# Heading\n\n" * 40_000, (CUT,), "40,000 headings without text"),
        Bad(
            "long-heading.md", "# " + "word " * 100_000 + "\n\ntext", (CUT,), "a heading of 0.5 MB"
        ),
        Bad(
            "wide-table.md",
            "|a" * 20_000 + "|\n" + "|-" * 20_000 + "|\n" + "|b" * 20_000 + "|\n",
            (CUT,),
            "20,000 columns",
        ),
        Bad("long-table.md", "|a|b|\n|-|-|\n" + "|cell|cell|\n" * 30_000, (CUT,), "30,000 rows"),
        Bad(
            "definitions.md",
            "".join(f"[r{n}]: http://x/{n}\n" for n in range(20_000)) + "\nword",
            (CUT,),
            "20,000 link definitions",
        ),
        Bad(
            "html-inside.md",
            "<script>alert(1)</script>\n\n<img src=x onerror=y>\n\nwords",
            (CUT,),
            "markup is text here; whoever renders it takes care",
        ),
        Bad("yaml-bomb.md", f"---\n{bomb}---\nwords", ("front_matter",), "9**9 values by aliases"),
        Bad(
            "yaml-object.md",
            "---\nx: !!python/object/apply:os.system [id]\n---\nwords",
            (CUT,),
            "runs nothing: values are strings and lists",
        ),
        Bad("yaml-broken.md", "---\na: [\n---\nwords", ("front_matter",), "no YAML"),
        Bad("yaml-open.md", "---\ntitle: never closed\n\nwords", (CUT,), "then it is text"),
        Bad(
            "yaml-deep.md",
            f"---\na: {'[' * 5000}{']' * 5000}\n---\nwords",
            ("front_matter",),
            "5,000 lists inside one another",
        ),
        Bad("yaml-fields.md", f"---\n{fields}---\nwords", ("metadata",), "1,001 fields"),
        Bad("yaml-long.md", f"---\nnote: {'x' * 5000}\n---\nwords", ("metadata",), "a long field"),
        Bad("yaml-scalar.md", "---\njust words\n---\nwords", (CUT,), "front matter without fields"),
        Bad("yaml-nul.md", '---\ntitle: "a\\0b"\n---\nwords', (CUT,), "NUL by escape: taken out"),
        Bad("only-front-matter.md", "---\ntitle: T\n---\n", ("empty",), "no text behind it"),
    ]
