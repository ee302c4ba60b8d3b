"""HTML: the main content becomes text and blocks; navigation, footers and scripts are left out.

Where a page names its main content it is believed, else ``main_content`` finds where that lies.
The page is walked once, without recursion, as a stream of "enter" and "leave" events; ``_Writer``
builds the text and knows at every moment where in it a block began.  Tables are written as
Markdown tables, so that chunking treats both alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from esrag.corpus import fields
from esrag.corpus.formats.main_content import extent
from esrag.corpus.records import Unreadable
from esrag.types import Block, BlockKind, Document

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_DROPPED = frozenset(
    "head script style noscript template svg math iframe object "
    "nav footer aside form button select dialog menu -comment".split()
)
_DROPPED_ROLES = frozenset("navigation banner contentinfo search complementary".split())
_BREAKING = frozenset(
    "p div section article main header address figure figcaption details summary blockquote hr "
    "fieldset center body tr td th".split()
)
_LISTS = frozenset(("ul", "ol", "dl"))
_ITEMS = {"li": "- ", "dt": "- ", "dd": ": "}
_LAYOUT = "h1,h2,h3,h4,h5,h6,table table,ul,ol,pre"
_DECLARED_MAIN = "main, [role=main]"
_SPACE = re.compile(r"\s+")
_HEAD_BYTES = 4096
_CHARSET = re.compile(
    rb"""<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.I
)

# The parser's work grows with the square of the nesting and of a tag's attributes.
_MAX_DEPTH = 5_000
_MAX_ATTRIBUTES = 50_000
_MOST_INDENTED = 20  # levels of lists; all of a deep one would grow with the square of its depth
_TRAILING = re.compile(r"(?<! ) +\n")  # looks at each run of blanks once
_TAG = re.compile(
    r"<(/?)(div|section|article|span|ul|ol|table|blockquote|main|dl|figure)\b", re.IGNORECASE
)
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{100000,}")


def parse(text: str, *, document_id: str, is_page: bool = True) -> Document:
    """The document; raises Unreadable when it is built to make parsing slow.

    Unless ``is_page``, all of it is content: a chapter of a book, the body of a mail.
    """
    _refuse_costly(text)
    tree = LexborHTMLParser(text)
    writer = _Writer()
    for root in _roots(tree):
        writer = _Writer()
        _write(root, writer)
        if writer.blocks:
            break
    body, blocks = writer.text, tuple(writer.blocks)
    if is_page and tree.css_first(_DECLARED_MAIN) is None:
        body, blocks = _stretch(body, blocks, *extent(text, body, blocks))
    metadata = _metadata(tree)
    known = fields.declared(metadata)
    return Document(
        id=document_id,
        text=body,
        title=_title(tree) or fields.title_from_name(document_id),
        source=document_id,
        url=_url(tree),
        mime_type="text/html",
        published=known.published,
        metadata=metadata,
        blocks=blocks,
        author=known.author,
        language=known.language,
        modified=known.modified,
    )


def _stretch(
    text: str, blocks: tuple[Block, ...], first: int, end: int
) -> tuple[str, tuple[Block, ...]]:
    if not blocks or (first, end) == (0, len(blocks)):
        return text, blocks
    start = blocks[first].start
    kept = (replace(b, start=b.start - start, end=b.end - start) for b in blocks[first:end])
    return text[start : blocks[end - 1].end], tuple(kept)


def declared(raw: bytes) -> str:
    """The encoding that the page names in its head, empty when it names none."""
    found = _CHARSET.search(raw[:_HEAD_BYTES])
    name = found.group(1).decode("ascii") if found else ""
    # In a page that could be searched for these letters, UTF-16 cannot be true.
    return "" if name.lower().startswith("utf-16") else name


def _refuse_costly(text: str) -> None:
    depth = 0
    for match in _TAG.finditer(text):
        depth = max(0, depth + (-1 if match.group(1) else 1))
        if depth > _MAX_DEPTH:
            raise Unreadable("too_deep", f"elements are nested more than {_MAX_DEPTH} deep")
    if any(len(tag.group().split()) > _MAX_ATTRIBUTES for tag in _LONG_TAG.finditer(text)):
        raise Unreadable("too_many_attributes", f"a tag has more than {_MAX_ATTRIBUTES} attributes")


def _roots(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """Where the main content may be, best first; the body is always the last."""
    for selector in ("main", "[role=main]"):
        found = tree.css_first(selector)
        if found is not None:
            yield found
    articles = tree.css("article")
    if len(articles) == 1:
        yield articles[0]
    if tree.body is not None:
        yield tree.body


class _Writer:
    """Collects text block by block; ``blocks`` index ``text``."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._done: list[str] = []
        self._length = 0
        self._open: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._done)

    def words(self, text: str) -> None:
        """Add running text; blanks collapse as a browser shows them."""
        text = _SPACE.sub(" ", text)
        if not self._open or self._open[-1].endswith(("\n", " ")):
            text = text.lstrip(" ")
        if text:
            self._open.append(text)

    def raw(self, text: str) -> None:
        """Add text as it is."""
        if text:
            self._open.append(text)

    def new_line(self, prefix: str = "") -> None:
        """Go to a new line, unless there is nothing yet or one has just begun."""
        if self._open and not self._open[-1].endswith("\n"):
            self._open.append("\n")
        if prefix:
            self._open.append(prefix)

    def end_block(self, kind: BlockKind, level: int = 0) -> None:
        """Close what has been added since the last call as one block; empty ones vanish."""
        text = "".join(self._open)
        self._open = []
        code = kind == "code"
        text = text.strip("\r\n").rstrip() if code else _TRAILING.sub("\n", text).strip()
        if not text.strip():
            return
        if self._done:
            self._add("\n\n")
        start = self._length
        self._add(text)
        self.blocks.append(Block(kind, start, self._length, level))

    def _add(self, text: str) -> None:
        self._done.append(text)
        self._length += len(text)


def _write(root: LexborNode, writer: _Writer) -> None:
    quoted = 0  # blockquotes that are open
    inside = ""  # the element whose whole content is one block: a list, a heading
    inside_id = 0
    list_depth = 0
    for event, node in _events(root):
        tag = node.tag or ""
        plain: BlockKind = "quote" if quoted else "paragraph"
        if event == "text":
            (writer.raw if inside == "pre" else writer.words)(node.text_content or "")
        elif event == "table":
            writer.end_block(plain)
            _write_table(node, writer)
        elif event == "enter":
            if tag == "blockquote":
                writer.end_block(plain)
                quoted += 1
            elif tag in _LISTS:
                list_depth += 1
            if not inside and (tag in _LISTS or tag in _HEADINGS or tag == "pre"):
                writer.end_block(plain)
                inside, inside_id = tag, node.mem_id
            elif tag in _ITEMS and inside in _LISTS:
                depth = min(max(0, list_depth - 1), _MOST_INDENTED)
                writer.new_line("  " * depth + _ITEMS[tag])
            elif tag == "br" or (inside == "" and tag == "li"):
                writer.new_line()
            elif tag in _BREAKING:
                writer.words(" ") if inside else writer.end_block(plain)
        else:
            if tag in _LISTS:
                list_depth -= 1
            if inside and node.mem_id == inside_id:
                writer.end_block(_kind_of(inside), _HEADINGS.get(inside, 0))
                inside = ""
            elif tag in _BREAKING:
                writer.words(" ") if inside else writer.end_block(plain)
            if tag == "blockquote":
                quoted -= 1
    writer.end_block("paragraph")


def _kind_of(tag: str) -> BlockKind:
    if tag in _HEADINGS:
        return "heading"
    return "code" if tag == "pre" else "list"


def _events(root: LexborNode) -> Iterator[tuple[str, LexborNode]]:
    """Walk below ``root`` in document order: enter and leave of elements, text, whole tables."""
    keeps_header = root.tag in ("main", "article")
    stack: list[tuple[str, LexborNode]] = [("enter", root)]
    while stack:
        event, node = stack.pop()
        if event == "leave":
            yield "leave", node
            continue
        if node.is_text_node:
            yield "text", node
            continue
        if node is not root and _dropped(node, keeps_header=keeps_header):
            continue
        if node.tag == "table" and node.css_first(_LAYOUT) is None:
            yield "table", node
            continue
        yield "enter", node
        stack.append(("leave", node))
        children: list[tuple[str, LexborNode]] = []
        child = node.child
        while child is not None:
            children.append(("enter", child))
            child = child.next
        stack.extend(reversed(children))


def _dropped(node: LexborNode, *, keeps_header: bool) -> bool:
    tag = node.tag or ""
    if tag in _DROPPED or (tag == "header" and not keeps_header and not _within_article(node)):
        return True
    attributes = node.attributes
    role = attributes.get("role") or ""
    return (
        "hidden" in attributes or attributes.get("aria-hidden") == "true" or role in _DROPPED_ROLES
    )


def _within_article(node: LexborNode) -> bool:
    parent = node.parent
    return parent is not None and parent.tag in ("article", "section", "main")


def _write_table(table: LexborNode, writer: _Writer) -> None:
    caption = table.css_first("caption")
    if caption is not None:
        writer.words(caption.text())
        writer.end_block("paragraph")
    for number, row in enumerate(table.css("tr")):
        cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
        texts = [_cell_text(cell) for cell in cells]
        if not any(texts):
            continue
        writer.new_line()
        writer.raw(f"| {' | '.join(texts)} |")
        if number == 0 and any(cell.tag == "th" for cell in cells):
            writer.new_line()
            writer.raw(f"|{' --- |' * len(cells)}")
    writer.end_block("table")


def _cell_text(cell: LexborNode) -> str:
    """A cell on one line; only where an element breaks the line there is a blank."""
    parts: list[str] = []
    for node in cell.traverse(include_text=True):
        if node.is_text_node and (node.parent is None or node.parent.tag not in _DROPPED):
            parts.append(node.text_content or "")
        elif node.tag == "br" or node.tag in _BREAKING:
            parts.append(" ")
    return _SPACE.sub(" ", "".join(parts)).strip().replace("|", "\\|")


def _title(tree: LexborHTMLParser) -> str:
    for selector in ("head > title", "h1"):
        found = tree.css_first(selector)
        if found is not None and (title := fields.one_line(found.text())):
            return title
    return ""


def _url(tree: LexborHTMLParser) -> str:
    """The page's own address, when it states one; relative ones lead nowhere and are left out."""
    for selector, attribute in (
        ('link[rel="canonical"]', "href"),
        ('meta[property="og:url"]', "content"),
    ):
        found = tree.css_first(selector)
        address = (found.attributes.get(attribute) or "").strip() if found is not None else ""
        if address.startswith(("http://", "https://")):
            return address
    return ""


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    names = {
        "article:published_time": "published",
        "article:modified_time": "modified",
        "date": "date",
        "author": "author",
        "keywords": "keywords",
        "description": "description",
    }
    found: dict[str, object] = {}
    for meta in tree.css("meta"):
        name = (meta.attributes.get("property") or meta.attributes.get("name") or "").lower()
        content = meta.attributes.get("content")
        if name in names and content:
            found.setdefault(names[name], fields.one_line(content, limit=1000))
    language = tree.css_first("html")
    if language is not None and language.attributes.get("lang"):
        found["language"] = language.attributes["lang"]
    return fields.flatten(found)
