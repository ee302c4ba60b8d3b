"""Reads the sample documents as a reader sees them, with the standard library alone.

It shares no code with the importers of ``esrag.corpus`` on purpose: a mistake there must not
hide a mistake in the sample.  Front matter and HTML head become fields, the rest is text.
"""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"\b(?P<y1>\d{{4}})-(?P<m1>\d\d)-(?P<d1>\d\d)(?!\d)"
    rf"|\b(?P<d2>\d{{1,2}})\s+(?P<m2>{_MONTH})\s+(?P<y2>\d{{4}})\b"
    rf"|\b(?P<m3>{_MONTH})\s+(?P<d3>\d{{1,2}}),\s+(?P<y3>\d{{4}})\b"
)
_MARKDOWN_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_RULE_ROW = re.compile(r"^\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*$", re.MULTILINE)
_BARE_URL = re.compile(r"https?://[^\s\"'<>)\]`]+")
_VOID = frozenset("meta link input br hr img".split())
_BLOCKS = frozenset("p h1 h2 h3 li tr caption table title div section".split())


@dataclass(frozen=True, slots=True)
class SampleDocument:
    """One document: its id, its fields, the visible text, and where its links lead."""

    id: str
    text: str
    links: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)


def normalise(text: str) -> str:
    """One space between words; Markdown marks, link targets and column bars removed."""
    text = _MARKDOWN_LINK.sub(lambda match: match["text"], text)
    text = _RULE_ROW.sub(" ", text)
    return " ".join(re.sub(r"[*`|]|^\s{0,3}#{1,6}\s", " ", text, flags=re.MULTILINE).split())


def contains(text: str, form: str) -> bool:
    """Whether normalised ``text`` has ``form`` as whole words and numbers, whatever the case."""
    escaped = re.escape(normalise(form).casefold())
    pattern = rf"(?<![\w±−-])(?<!\d[.,]){escaped}(?!\w)(?![.,]\d)"
    if not form[:1].isalnum():
        pattern = rf"{escaped}(?!\w)(?![.,]\d)"
    return re.search(pattern, normalise(text).casefold()) is not None


def dates_in(text: str) -> list[date]:
    """Every full date written in ``text``; raises ValueError for one that does not exist."""
    found = []
    for match in _DATE.finditer(text):
        if match["y1"]:
            year, month, day = int(match["y1"]), int(match["m1"]), int(match["d1"])
        elif match["y2"]:
            year, month, day = int(match["y2"]), MONTHS.index(match["m2"]) + 1, int(match["d2"])
        else:
            year, month, day = int(match["y3"]), MONTHS.index(match["m3"]) + 1, int(match["d3"])
        found.append(date(year, month, day))
    return found


def load_documents(folder: Path) -> list[SampleDocument]:
    """All documents below ``folder``, JSONL records one by one, ordered by id."""
    return sorted(
        (
            document
            for path in folder.rglob("*")
            if path.is_file()
            for document in _read(path, path.relative_to(folder).as_posix())
        ),
        key=lambda document: document.id,
    )


def _read(path: Path, name: str) -> Iterator[SampleDocument]:
    raw = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".md":
            yield _markdown(raw, name)
        case ".html":
            yield _html(raw, name)
        case ".txt":
            yield _plain(raw, name)
        case ".jsonl":
            for line in raw.splitlines():
                record: dict[str, str] = json.loads(line)
                text = record.pop("text")
                yield SampleDocument(
                    f"{name}#{record['id']}", text, tuple(_BARE_URL.findall(text)), record
                )
        case _:
            raise ValueError(f"{name}: the sample has no such files")


def _markdown(raw: str, name: str) -> SampleDocument:
    _, head, body = raw.split("---\n", 2)
    fields = {}
    for line in head.splitlines():
        key, _, value = line.partition(":")
        fields[key] = value.strip().strip('"')
    links = [match["target"] for match in _MARKDOWN_LINK.finditer(body)]
    links += _BARE_URL.findall(_MARKDOWN_LINK.sub("", body))
    return SampleDocument(name, body, tuple(links), fields)


def _plain(raw: str, name: str) -> SampleDocument:
    fields = {"title": raw.split("\n", 1)[0].strip()}
    for key in ("URL", "Date"):
        if match := re.search(rf"^{key}:[ \t]*(.+)$", raw, re.MULTILINE):
            fields[key.lower()] = match[1].strip()
    return SampleDocument(name, raw, tuple(_BARE_URL.findall(raw)), fields)


def _html(raw: str, name: str) -> SampleDocument:
    page = _Page()
    page.feed(raw)
    page.close()
    return SampleDocument(name, "".join(page.words), tuple(page.links), page.fields)


class _Page(html.parser.HTMLParser):
    """Collects the words of ``main``, the links of the whole page, and the fields of its head."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep count of open elements; note links and fields."""
        values = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(values.get("href", ""))
        elif tag == "meta" and "name" in values:
            self.fields[values["name"]] = values.get("content", "")
        elif tag == "link" and values.get("rel") == "canonical":
            self.fields["url"] = values.get("href", "")

    def handle_endtag(self, tag: str) -> None:
        """Close an element; raises ValueError when the page is not well nested."""
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing at {self.getpos()}")
        if tag in _BLOCKS:
            self.words.append("\n")
        elif tag in ("td", "th"):
            self.words.append(" | ")

    def handle_data(self, data: str) -> None:
        """Keep the words of the title and of the main part."""
        if self.open and self.open[-1] == "title":
            self.fields["title"] = data.strip()
        elif "main" in self.open:
            self.words.append(data)
