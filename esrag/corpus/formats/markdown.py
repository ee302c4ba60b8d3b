"""Markdown: front matter becomes fields, the body stays as it is, its structure becomes blocks.

``Document.text`` is the body after the front matter, character for character, so that offsets
point into the author's own words.  Only block structure is parsed; inline markup is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from esrag.chunking import heading_text
from esrag.corpus import fields
from esrag.corpus.records import Unreadable
from esrag.types import Block, BlockKind, Document

_FRONT_MATTER = re.compile(r"---[ \t]*(?:\r\n|\r|\n)")
_FRONT_MATTER_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)", re.MULTILINE)
_MAX_FRONT_MATTER = 64 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "blockquote_open": "quote",
    "html_block": "paragraph",
}


class _FrontMatterLoader(yaml.BaseLoader):
    """Keeps every scalar as it is written (a version 1.10 stays 1.10) and refuses aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed in front matter")
        return super().compose_node(parent, index)


def parse(text: str, *, document_id: str) -> Document:
    """The document; raises Unreadable when the front matter is not valid YAML."""
    values, body = split_front_matter(text)
    acl = fields.take_readers(values)
    metadata = fields.flatten(values)
    known = fields.declared(metadata)
    blocks = parse_blocks(body)
    title = known.title or fields.one_line(_first_heading(body, blocks))
    return Document(
        id=document_id,
        text=body,
        title=title or fields.title_from_name(document_id),
        source=document_id,
        url=known.url,
        mime_type="text/markdown",
        published=known.published,
        metadata=metadata,
        blocks=blocks,
        author=known.author,
        language=known.language,
        modified=known.modified,
        acl=acl,
    )


def split_front_matter(text: str) -> tuple[dict[str, object], str]:
    """The values of a leading YAML block and the text after it; none when there is no block."""
    start = _FRONT_MATTER.match(text)
    end = (
        _FRONT_MATTER_END.search(text, start.end(), start.end() + _MAX_FRONT_MATTER)
        if start
        else None
    )
    if start is None or end is None:
        return {}, text
    try:
        found = yaml.load(text[start.end() : end.start()], Loader=_FrontMatterLoader)  # noqa: S506 - builds nothing but str, list and dict
    except yaml.YAMLError as error:
        raise Unreadable(
            "front_matter", f"front matter is not valid YAML: {_where(error)}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("front_matter", "front matter is not valid YAML") from error
    if not isinstance(found, dict):
        return {}, text  # a thematic break at the top, not front matter
    return found, text[end.end() :]


def parse_blocks(text: str) -> tuple[Block, ...]:
    """The top-level blocks of ``text``, in order."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    blocks: list[Block] = []
    for token in _tokens(text):
        kind = _KINDS.get(token.type)
        if token.level != 0 or kind is None or token.map is None:
            continue
        first, last = token.map
        start, end = _trimmed(text, starts[first], starts[min(last, len(starts) - 1)])
        if start < end:
            level = int(token.tag[1]) if kind == "heading" else 0
            blocks.append(Block(kind, start, end, level))
    return tuple(blocks)


def _tokens(text: str) -> Sequence[Token]:
    return _parser().parse(text)


@cache
def _parser() -> MarkdownIt:
    # Inline parsing and link references are switched off: nothing needs them, and they are the
    # parts whose cost can grow faster than the text.
    return MarkdownIt("commonmark").enable("table").disable(["inline", "reference"])


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    stretch = text[start:end]
    end = start + len(stretch.rstrip())
    lead = len(stretch) - len(stretch.lstrip())
    line = max(stretch.rfind("\n", 0, lead), stretch.rfind("\r", 0, lead))
    return start + line + 1, end  # keeps the first line's indentation


def _first_heading(text: str, blocks: tuple[Block, ...]) -> str:
    for block in blocks:
        if block.kind == "heading":
            return heading_text(text[block.start : block.end])
    return ""


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 2})" if mark is not None else str(problem)
