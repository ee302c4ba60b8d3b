"""Whatever a file holds, it becomes documents or rejections with a code."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.corpus.formats import ENDINGS
from esrag.corpus.reading import Outcome, read
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped
from esrag.types import Document


def read_bytes(tmp_path: Path, raw: bytes, name: str = "file.md") -> list[Outcome]:
    """What a file with these bytes becomes."""
    path = tmp_path / name
    path.write_bytes(raw)
    return list(read(Listed(path, name)))


def one_document(tmp_path: Path, text: str, name: str = "file.md") -> Document:
    """The only document of a file with this text."""
    (outcome,) = read_bytes(tmp_path, text.encode(), name)
    assert isinstance(outcome, Parsed), outcome
    return outcome.document


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"", "empty", "empty"),
        (b" \n\t\n", "empty", "empty"),
        (codecs.BOM_UTF8, "empty", "no text"),
        (b"---\ntitle: X\n---\n", "empty", "no text"),
        (b"* * *\n\n---\n", "empty", "no text"),
        ("\u200b\u200c".encode(), "empty", "no text"),
        (b"good \xff\xfe bad", "undecodable", "at byte 5"),
        (codecs.BOM_UTF8 + b"good \xff", "undecodable", "at byte 8"),
        ("caf\u00e9".encode("latin-1"), "undecodable", "at byte 3"),
        (codecs.BOM_UTF16_LE + b"a\x00\x00\xd8", "undecodable", "UTF-16"),
        (b"abc\x00def", "nul_byte", "at byte 3"),
        ("words".encode("utf-16-le"), "nul_byte", "at byte 1"),
        (b"---\ntitle: [unclosed\n---\nwords", "front_matter", "line"),
        (b"---\na: &x [1]\nb: *x\n---\nwords", "front_matter", "aliases"),
        (b"---\n" + b"[" * 30_000 + b"\n---\nwords", "front_matter", "not valid"),
    ],
)
def test_bad_files_are_rejected_with_a_code(
    tmp_path: Path, raw: bytes, code: str, words: str
) -> None:
    """The code is stable, the reason says where."""
    (outcome,) = read_bytes(tmp_path, raw)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert words in outcome.reason


@pytest.mark.parametrize("bom", [codecs.BOM_UTF8, b""])
def test_utf8_is_read_with_and_without_byte_order_mark(tmp_path: Path, bom: bytes) -> None:
    """The mark is no part of the text."""
    (outcome,) = read_bytes(tmp_path, bom + "caf\u00e9".encode())
    assert isinstance(outcome, Parsed)
    assert outcome.document.text == "caf\u00e9"


def test_utf16_is_read_by_its_byte_order_mark(tmp_path: Path) -> None:
    """Both orders."""
    for bom, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        (outcome,) = read_bytes(tmp_path, bom + "# T\n\ncaf\u00e9".encode(encoding))
        assert isinstance(outcome, Parsed)
        assert outcome.document.text == "# T\n\ncaf\u00e9"


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    """A sparse file of 3 GB costs nothing."""
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(3 * 1024**3)
    (outcome,) = read(Listed(path, "big.txt"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "too_large"
    assert "20 MiB" in outcome.reason


def test_a_file_that_vanished_is_rejected(tmp_path: Path) -> None:
    """Between listing and reading much can happen."""
    (outcome,) = read(Listed(tmp_path / "gone.md", "gone.md"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "unreadable"


def test_the_sha256_is_of_the_bytes(tmp_path: Path) -> None:
    """So that a dead letter can be matched with a file."""
    (outcome,) = read_bytes(tmp_path, b"abc")
    assert outcome.sha256.startswith("ba7816bf")


def test_front_matter_becomes_fields(tmp_path: Path) -> None:
    """Title, url and date are taken, the rest is metadata, as it was written."""
    document = one_document(
        tmp_path,
        "---\ntitle: 'Release: 4.2'\ndate: 2026-03-04\nurl: https://x.example/a\nversion: 1.10\n"
        "draft: no\ntags: [a, b]\nowner: {team: ops}\nempty:\n---\n\n# Other\n\nWords.\n",
    )
    assert document.title == "Release: 4.2"
    assert document.published == "2026-03-04"
    assert document.url == "https://x.example/a"
    assert document.metadata == {
        "version": "1.10",
        "draft": "no",
        "tags": "a, b",
        "owner.team": "ops",
    }
    assert document.text == "\n# Other\n\nWords.\n"


def test_a_date_that_is_none_stays_in_the_metadata(tmp_path: Path) -> None:
    """The index accepts ISO dates only, and nothing is guessed."""
    document = one_document(tmp_path, "---\ndate: spring 2026\n---\nWords.")
    assert document.published == ""
    assert document.metadata == {"date": "spring 2026"}


def test_a_thematic_break_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    """Text between two breaks is text."""
    document = one_document(tmp_path, "---\njust words\n---\nmore")
    assert document.text == "---\njust words\n---\nmore"


def test_a_title_is_found_for_every_document(tmp_path: Path) -> None:
    """The first heading, else the file name."""
    assert one_document(tmp_path, "words\n\n## The *first* `h`\n").title == "The *first* h"
    assert one_document(tmp_path, "words", "disk_full-runbook.md").title == "disk full runbook"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_markdown_blocks_are_exact_with_every_line_end(tmp_path: Path, end: str) -> None:
    """Source lines and characters agree."""
    lines = [
        "# H",
        "",
        "para one",
        "more",
        "",
        "- a",
        "- b",
        "",
        "```",
        "x = 1",
        "```",
        "",
        "> q",
        "",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "",
        "Set",
        "---",
        "",
        "<div>raw</div>",
    ]
    document = one_document(tmp_path, end.join(lines))
    found = [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", 1, "# H"),
        ("paragraph", 0, f"para one{end}more"),
        ("list", 0, f"- a{end}- b"),
        ("code", 0, f"```{end}x = 1{end}```"),
        ("quote", 0, "> q"),
        ("table", 0, end.join(lines[14:17])),
        ("heading", 2, f"Set{end}---"),
        ("paragraph", 0, "<div>raw</div>"),
    ]


def test_plain_text_has_paragraphs_and_headings(tmp_path: Path) -> None:
    """Underlined lines and lone short lines are headings; sentences are not."""
    text = (
        "The Notice\n==========\n\nFirst paragraph\nof two lines.\n\n"
        "Summary\n\nIt ends here.\n\nBye\n"
    )
    document = one_document(tmp_path, text, "n.txt")
    assert document.title == "The Notice"
    found = [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", 1, "The Notice\n=========="),
        ("paragraph", 0, "First paragraph\nof two lines."),
        ("heading", 4, "Summary"),
        ("paragraph", 0, "It ends here."),
        ("paragraph", 0, "Bye"),
    ]


PAGE = """<!doctype html><html lang="en"><head><title>Prices &amp; plans</title>
<link rel="canonical" href="https://x.example/prices"><meta name="author" content="Ann">
<meta property="article:published_time" content="2026-03-04"><style>p {}</style></head><body>
<header>Site</header><nav><a href="/">Home</a></nav><main><h1>Prices</h1>
<p>All   prices<br>in <b>eu</b>ros.</p><ul><li>one<ul><li>deep</li></ul></li><li>two</li></ul>
<pre>  code
    deep</pre><table><caption>Plans</caption><tr><th>Plan</th><th>Price</th></tr>
<tr><td>S|M</td><td>1<b>0</b></td></tr></table><blockquote>Said so.</blockquote>
<script>alert(1)</script><p hidden>no</p><aside>Related</aside></main>
<footer>Imprint</footer></body></html>"""


def test_html_keeps_the_main_content_and_its_structure(tmp_path: Path) -> None:
    """Navigation, footers, scripts and hidden elements are not text."""
    document = one_document(tmp_path, PAGE, "p.html")
    found = [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", 1, "Prices"),
        ("paragraph", 0, "All prices\nin euros."),
        ("list", 0, "- one\n  - deep\n- two"),
        ("code", 0, "  code\n    deep"),
        ("paragraph", 0, "Plans"),
        ("table", 0, "| Plan | Price |\n| --- | --- |\n| S\\|M | 10 |"),
        ("quote", 0, "Said so."),
    ]
    assert "".join(document.text.split()) == "".join("".join(t.split()) for _, _, t in found)


def test_html_fields_come_from_its_head(tmp_path: Path) -> None:
    """Title, canonical address, date, and what else is named."""
    document = one_document(tmp_path, PAGE, "p.html")
    assert document.title == "Prices & plans"
    assert document.url == "https://x.example/prices"
    assert document.published == "2026-03-04"
    assert (document.author, document.language) == ("Ann", "en")
    assert document.metadata == {}


def test_html_without_main_uses_the_body(tmp_path: Path) -> None:
    """A layout table is no table of data."""
    page = "<table><tr><td><h2>Left</h2>words</td></tr></table><div>loose<div>deep</div></div>"
    document = one_document(tmp_path, page, "p.html")
    assert document.text == "Left\n\nwords\n\nloose\n\ndeep"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("<script>var words = 1</script><nav>words</nav>", "empty"),
        ("<div>" * 100_000 + "words", "too_deep"),
        ("<p " + "a=1 " * 60_000 + ">words", "too_many_attributes"),
    ],
)
def test_hostile_or_empty_pages_are_rejected(tmp_path: Path, page: str, code: str) -> None:
    """A page that would take the parser minutes is not parsed."""
    (outcome,) = read_bytes(tmp_path, page.encode(), "p.html")
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_jsonl_records_become_documents(tmp_path: Path) -> None:
    """Known fields are taken whatever their case, the rest is metadata as written."""
    record = {
        "ID": 7,
        "Title": "T",
        "body": "Some words.",
        "url": "https://x.example",
        "date": "2026-03-04T10:00:00Z",
        "price": 1.10,
        "metadata": {"team": "ops", "title": "T2"},
    }
    (outcome,) = read_bytes(tmp_path, json.dumps(record).encode(), "r.jsonl")
    assert isinstance(outcome, Parsed)
    document = outcome.document
    assert (document.id, document.title, document.text) == ("r.jsonl#7", "T", "Some words.")
    assert document.published == "2026-03-04T10:00:00+00:00"
    assert document.metadata == {"team": "ops", "title": "T2", "price": "1.1"}
    assert outcome.place == "line 1"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"text": ', "bad_json"),
        (b'{"text": NaN}', "bad_json"),
        (b"[1, 2]", "not_an_object"),
        (b'{"id": 1}', "no_text_field"),
        (b'{"text": 5.5}', None),
        (b'{"text": ["a", "b"]}', None),
        (b'{"text": [["a"]]}', "text_not_a_string"),
        (b'{"text": ""}', "empty"),
        (b'{"text": "a\\u0000b"}', "nul_byte"),
        (b'{"text": "a", "id": [1]}', "bad_id"),
        (b'{"text": "a", "id": "' + b"x" * 600 + b'"}', "id_too_long"),
        (b'{"text": "a \\ud800"}', "lone_surrogate"),
        (b'{"text": "a", "metadata": 1}', "metadata"),
        (b'{"text": "a", "m": "' + b"x" * 5000 + b'"}', "metadata"),
        (b'{"text": "a", "m": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b'{"text": "caf\xe9"}', "undecodable"),
        (b'{"text": "a", "n": 1e400}', None),
        (b'{"text": "a", "n": ' + b"9" * 3000 + b"}", None),
    ],
)
def test_a_bad_line_rejects_that_record_only(tmp_path: Path, line: bytes, code: str | None) -> None:
    """Its neighbours are read, and the place is named."""
    raw = b'{"id": "a", "text": "first"}\n' + line + b'\n\n{"text": "last"}\n'
    outcomes = read_bytes(tmp_path, raw, "r.jsonl")
    assert len(outcomes) == 3
    assert isinstance(outcomes[0], Parsed)
    assert isinstance(outcomes[2], Parsed)
    assert outcomes[2].document.id == "r.jsonl#L4"
    assert (outcomes[1].code if isinstance(outcomes[1], Rejected) else None) == code
    assert outcomes[1].place == "line 2"


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=200), suffix=st.sampled_from(sorted(ENDINGS)))
def test_any_bytes_have_an_outcome(tmp_path: Path, raw: bytes, suffix: str) -> None:
    """No bytes raise anything, as any type."""
    for outcome in read_bytes(tmp_path, raw, f"f{suffix}"):
        assert isinstance(outcome, Parsed | Rejected | Skipped)


TAGS = (
    "<div> </div> <p> <table> <tr> <td> </table> <li> <ul> </ul> <pre> <h1> </h1> <!-- --> "
    "<blockquote> words &amp; <br> <main> <title> # > - 1. é <![CDATA["
).split()
LINES = ["---\n", "# ", "> ", "- ", "```\n", "|a|b|\n|-|-|\n", "\n", "\r", "    ", "\t"]
MARKS = st.lists(st.sampled_from([*TAGS, *LINES]), max_size=60).map("".join)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=MARKS, suffix=st.sampled_from([".md", ".html", ".txt"]))
def test_blocks_are_ordered_and_within_the_text(tmp_path: Path, text: str, suffix: str) -> None:
    """Whatever the markup."""
    for outcome in read_bytes(tmp_path, text.encode(), f"f{suffix}"):
        if isinstance(outcome, Parsed):
            edges = [edge for b in outcome.document.blocks for edge in (b.start, b.end)]
            assert edges == sorted(edges)
            assert all(0 <= edge <= len(outcome.document.text) for edge in edges)
