"""AsciiDoc: headings, lists, delimited blocks and tables; inline markup stays as written.

No library in Python that is kept up parses AsciiDoc (Asciidoctor is Ruby and JavaScript).  So this
reads the block structure only, line by line, which is what chunks need: section titles, listings,
tables (rewritten in pipe form), lists, paragraphs.  Includes are not followed; conditionals and
attributes are not evaluated, but for the header's own ``{name}`` values.
"""

from __future__ import annotations

import csv
import re

from esrag.corpus import fields
from esrag.corpus.formats.writing import Writer
from esrag.types import BlockKind, Document

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):[ \t]*(.*)$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|`{3,}\w*)[ \t]*$")
_TABLE = re.compile(r"[|,:!]={3,}[ \t]*$")
_META = re.compile(r"\[[^\]\n]*\][ \t]*$")
_TITLE = re.compile(r"\.(?![ .])(\S.*)$")
_ITEM = re.compile(r"[ \t]*(?:\*{1,5}|-|\.{1,5}|\d+\.|[^\s:].*::)(?:[ \t]+\S.*)?$")
_BULLET = re.compile(r"[ \t]*(?:\*{1,5}|-|\.{1,5}|\d+\.)[ \t]+\S")
_DROPPED = re.compile(
    r"(?:include|ifdef|ifndef|ifeval|endif|image|toc|video|audio)::\S*\[.*\][ \t]*$|<<<$|'''$"
)
_CELL = re.compile(r"(?:(?:\d+(?:\.\d+)?\+|\d+\*)?[<^>]?(?:\.[<^>])?[aehlmdsv]?)(?<!\\)\|")
_NAME = re.compile(r"\{([\w-]+)\}")
_KINDS: dict[str, BlockKind] = {"-": "code", ".": "code", "`": "code", "_": "quote"}


def parse(text: str, *, document_id: str) -> Document:
    """The document."""
    reader = _Reader(text)
    reader.read()
    if "revdate" in reader.metadata:
        reader.metadata.setdefault("date", reader.metadata.pop("revdate"))
    metadata = fields.flatten(reader.metadata)
    known = fields.declared(metadata)
    return Document(
        id=document_id,
        text=reader.writer.text,
        title=fields.one_line(reader.title) or known.title or fields.title_from_name(document_id),
        source=document_id,
        url=known.url,
        mime_type="text/asciidoc",
        published=known.published,
        metadata=metadata,
        blocks=tuple(reader.writer.blocks),
        author=known.author,
        language=known.language,
        modified=known.modified,
    )


class _Reader:
    """Goes through the lines once."""

    def __init__(self, text: str) -> None:
        self.writer = Writer()
        self.title = ""
        self.metadata: dict[str, object] = {}
        self._lines = text.splitlines()
        self._at = 0
        self._paragraph: list[str] = []
        self._options = ""  # the attributes in brackets above a block

    def read(self) -> None:
        """Read header and body."""
        self._header()
        while self._at < len(self._lines):
            self._line(self._lines[self._at].rstrip())
        self._close()

    def _header(self) -> None:
        """Document title, author line, and attributes, up to the first blank line."""
        while self._at < len(self._lines) and self._skippable(self._lines[self._at]):
            self._at += 1
        found = _HEADING.match(self._lines[self._at]) if self._at < len(self._lines) else None
        if found is None or len(found.group(1)) != 1:
            return
        self.title = found.group(2)
        self.writer.heading(self.title, 1)
        self._at += 1
        first = True
        while self._at < len(self._lines) and self._lines[self._at].strip():
            line = self._lines[self._at]
            attribute = _ATTRIBUTE.match(line)
            if attribute:
                self.metadata[attribute.group(1)] = attribute.group(2)
            elif first and not line.startswith("//"):
                self.metadata.setdefault("author", re.sub(r"\s*<[^>]*>", "", line).strip())
                first = False
            elif re.match(r"v?\d", line):
                day = re.search(r"\d{4}-\d\d-\d\d", line)
                self.metadata["revision"] = line
                self.metadata.setdefault("revdate", day.group() if day else "")
            self._at += 1

    def _skippable(self, line: str) -> bool:
        attribute = _ATTRIBUTE.match(line)
        if attribute:
            self.metadata[attribute.group(1)] = attribute.group(2)
        return not line.strip() or attribute is not None or line.startswith("//")

    def _line(self, line: str) -> None:
        heading = _HEADING.match(line)
        title = _TITLE.match(line)
        if not line.strip() or line == "+":
            self._close()
        elif _TABLE.match(line):
            self._close()
            self._table(line.strip())
            return
        elif _FENCE.match(line):
            self._close()
            self._delimited(line.strip())
            return
        elif heading and not self._paragraph:
            self.writer.heading(self._resolved(heading.group(2)), len(heading.group(1)))
        elif _DROPPED.match(line) or (line.startswith("//") and not line.startswith("///")):
            pass
        elif _META.match(line) and not self._paragraph:
            self._options = line
        elif title and not self._paragraph and not _BULLET.match(line):
            self.writer.add("paragraph", self._resolved(title.group(1)))
        elif _ATTRIBUTE.match(line) and not self._paragraph:
            self._skippable(line)
        else:
            self._paragraph.append(line)
        self._at += 1

    def _close(self) -> None:
        if self._paragraph:
            kind: BlockKind = "list" if _ITEM.match(self._paragraph[0]) else "paragraph"
            if self._paragraph[0][0] in " \t" and kind == "paragraph":
                kind = "code"
            self.writer.add(kind, self._resolved("\n".join(self._paragraph)))
            self._options = ""
        self._paragraph = []

    def _delimited(self, fence: str) -> None:
        self._at += 1
        start = self._at
        closing = "```" if fence.startswith("`") else fence
        while self._at < len(self._lines) and self._lines[self._at].strip() != closing:
            self._at += 1
        inside = self._lines[start : self._at]
        self._at += 1
        kind = _KINDS.get(fence[0])
        options, self._options = self._options, ""
        if fence[0] == "/":  # a comment
            return
        if fence == "--":
            kind = "code" if re.match(r"\[(?:source|listing)", options) else None
        if kind is None or (kind == "quote" and inside):
            # An example, a sidebar, a quote: what stands in it is text with structure.
            self._lines[self._at : self._at] = []
            inner = _Reader("\n".join(inside))
            while inner._at < len(inner._lines):
                inner._line(inner._lines[inner._at].rstrip())
            inner._close()
            for block in inner.writer.blocks:
                own = "quote" if kind == "quote" and block.kind == "paragraph" else block.kind
                self.writer.add(own, inner.writer.text[block.start : block.end], block.level)
        else:
            self.writer.add(kind, "\n".join(inside))

    def _table(self, fence: str) -> None:
        self._at += 1
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at].strip() != fence:
            self._at += 1
        lines = self._lines[start : self._at]
        self._at += 1
        options, self._options = self._options, ""
        if fence[0] in ",:":
            delimiter = fence[0]
            self.writer.table(csv.reader([line for line in lines if line], delimiter=delimiter))
            return
        rows = _rows(lines, options)
        self.writer.table([self._resolved(cell) for cell in row] for row in rows)

    def _resolved(self, text: str) -> str:
        """The text with the header's own attributes filled in."""
        return _NAME.sub(lambda m: str(self.metadata.get(m.group(1), m.group(0))), text)


def _rows(lines: list[str], options: str) -> list[list[str]]:
    """The cells in rows: of as many as the options or the first line say."""
    cells: list[str] = []
    first_line = 0
    for line in lines:
        marks = list(_CELL.finditer(line))
        if not marks:
            if cells:
                cells[-1] += f" {line.strip()}"
            continue
        if cells:
            cells[-1] += f" {line[: marks[0].start()].strip()}"
        for mark, following in zip(marks, [*marks[1:], None], strict=True):
            end = following.start() if following else len(line)
            cells.append(line[mark.end() : end].strip().replace("\\|", "|"))
        first_line = first_line or len(cells)
    width = _columns(options) or first_line or 1
    return [cells[at : at + width] for at in range(0, len(cells), width)]


def _columns(options: str) -> int:
    found = re.search(r"cols=\"?([^\"\]]*)", options)
    if not found:
        return 0
    count = 0
    for part in re.split(r"[,;]", found.group(1)):
        times = re.match(r"\s*(\d+)\*", part)
        count += min(int(times.group(1)), 1000) if times else 1
    return count
