"""The page for reviewing: whole without its script, and no text of others becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from making_desk import passage

from esrag.evaluation.question_sets import review_page
from esrag.evaluation.question_sets.quote_places import place_of
from esrag.evaluation.question_sets.records import SetQuestion, from_record
from esrag.evaluation.question_sets.review_page import render_review
from esrag.questions import Evidence

HOSTILE = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><b>", "'--!>",
    "<!-- ", "]]>", "&lt;b&gt;", "\u202egnp.exe", "a\x00b\x1b[31m", "\u2028\u2029", "\ud800",
    "javascript:alert(1)", "{{7*7}}", "</mark></blockquote>", "x" * 100_000,
    "<svg/onload=alert(1)>",
)  # fmt: skip
ALLOWED = frozenset(
    "html head meta title style body header h1 h2 p bdi div details summary dl dt dd kbd "
    "main article span code ul li figure figcaption blockquote mark a script".split()
)


class Reader(HTMLParser):
    """The elements of a page, and the text outside its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.data = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        """Remember text."""
        if self._inside == "script" and not self.data:
            self.data = data
        elif self._inside not in ("script", "style"):
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._inside = ""


def read(page: str) -> Reader:
    """The page as a browser would read it."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def question(text: str = "How many eggs?", quote: str = "4 eggs", **fields: object) -> SetQuestion:
    """A question with a quote of the document ``a``."""
    return SetQuestion(
        "one", text, "own", "test", "4 eggs", (("4 eggs",),), (Evidence("a", quote),), **fields
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    """In whatever field it stands: the same elements as with plain words, and no attribute more."""
    hostile = SetQuestion(
        text, text, text, text, text, ((text,),), (Evidence(text, text, (Evidence(text, text),)),),
        note=text, other={"why": text, "mine": text},
    )  # fmt: skip
    place = passage("a#0", f"{text} 4 eggs {text}", document_id=text, title=text, url=text)
    reader = read(render_review(text, [hostile], [place]))
    assert {name for name, _ in reader.elements} <= ALLOWED
    assert sum(name == "script" for name, _ in reader.elements) == 2
    assert not any(key.startswith("on") for _, keys in reader.elements for key in keys)
    assert all(
        keys.get("href", "").startswith("http") for name, keys in reader.elements if name == "a"
    )


@pytest.mark.parametrize(
    "text",
    [each for each in HOSTILE if each.strip().isprintable() and len(each) < 100 and each.strip()],
)
def test_the_script_gets_the_questions_as_they_are(text: str) -> None:
    """What it saves is what was in the set."""
    (given,) = json.loads(read(render_review("x", [question(text)], ())).data)["questions"]
    assert from_record(given) == question(text)


def test_the_policy_names_what_is_in_the_page() -> None:
    """The hashes are those of the one style and the one script; nothing else may load or run."""
    page = render_review("x", [question()], ())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    policy = html.unescape(policy)
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    style = page.partition("<style>")[2].partition("</style>")[0]
    for kind, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"https?://|url\(|@import", style)


def test_a_quote_is_marked_in_its_chunk() -> None:
    """With what stands around it, the headings above, and the other places that say the same."""
    place = passage(
        "a#0", "A crate may\nhold **up to** 4 eggs. So it is.", document_id="a", title="Crates"
    )
    asked = question(quote="hold up to 4 eggs.")
    page = render_review("x", [asked], [place])
    assert "A crate may\n<mark>hold **up to** 4 eggs.</mark> So it is." in page
    assert "Crates" in page


def test_a_quote_that_is_gone_is_told() -> None:
    """Unless nobody looked."""
    assert "No chunk that you may read" in render_review("x", [question()], ())
    assert "No chunk that you may read" not in render_review("x", [question()], (), looked=False)


def test_the_same_set_gives_the_same_bytes() -> None:
    """So that a page can be compared with one that was written before."""
    assert render_review("x", [question()], ()) == render_review("x", [question()], ())


def test_what_has_no_answer_says_why() -> None:
    """A reviewer sees what the question is next to."""
    asked = SetQuestion("one", "When?", "x", answerable=False, other={"why": "4.2.7 is nowhere."})
    assert "4.2.7 is nowhere." in " ".join(read(render_review("x", [asked], ())).text)


@pytest.mark.parametrize(
    ("quote", "text", "wanted"),
    [
        ("4 eggs", "has 4 eggs.", "4 eggs"),
        ("a b", "A   *b*", "A   *b"),
        ("set x_y", "`set` `x_y` now", "set` `x_y"),
        ("(a.b)", "(a.b) axb", "(a.b)"),
        ("none", "nothing", None),
        ("", "x", None),
        ("* _", "x", None),
    ],
)
def test_places(quote: str, text: str, wanted: str | None) -> None:
    """Case, blanks and Markdown's marks do not count; letters do."""
    found = place_of(quote, text)
    assert (text[found[0] : found[1]] if found else None) == wanted


def test_long_texts_do_not_hold_up_a_page() -> None:
    """A quote of many words beside a text that almost holds it."""
    assert place_of(("a " * 1_500).strip() + " b", "a " * 50_000) is None


def test_the_script_shields_cells_as_the_table_does() -> None:
    """The page's TSV has the same rule for formulas."""
    script = (Path(review_page.__file__).parent / "review.js").read_text(encoding="utf-8")
    assert "/^'*[=+\\-@＝＋－＠]/" in script
