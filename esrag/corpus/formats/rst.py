"""reStructuredText: parsed by docutils, written out block by block with tables in pipe form.

Directives that read files or pass raw text through are switched off, and no configuration file is
read.  What docutils complains of (Sphinx's own roles and directives are unknown to it) is left
standing as text: a page of a manual is not lost for a ``:ref:``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import docutils.core
from docutils import nodes
from docutils.parsers.rst import Directive, directives, roles

from esrag.corpus import fields
from esrag.corpus.formats import plain
from esrag.corpus.formats.writing import Writer
from esrag.types import Document

_SETTINGS: dict[str, Any] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "line_length_limit": 1_000_000,
    "input_encoding": "unicode",
    "syntax_highlight": "none",
    "smart_quotes": False,
    "warning_stream": False,
    "pep_references": False,
}
_LONGEST_LINE = 10_000
_ROLE_TEXT = re.compile(r"^[!~]?(.*?)\s*(?:<[^<>]*>)?$", re.DOTALL)
_SPHINX_ROLES = (
    "ref doc term class func meth mod attr data exc obj const py:class py:func py:meth py:mod "
    "py:attr py:data py:exc py:obj py:const any option envvar file program command keyword "
    "guilabel menuselection kbd samp numref download eq token dfn abbr c:func cpp:class js:func "
    "issue pr user pep rfc regexp makevar mailheader manpage mimetype newsgroup"
).split()
_ADMONITIONS = "versionadded versionchanged deprecated seealso".split()
_FRAMES = "glossary only tabs tab tab-set tab-item details dropdown card grid grid-item".split()
_OBJECTS = (
    "function method classmethod staticmethod attribute data exception decorator decoratormethod "
    "describe object option envvar confval autoclass autofunction automethod automodule autodata "
    "autoexception autoattribute cmdoption"
).split()
_WITHOUT_TEXT = (
    "toctree index currentmodule highlight module program literalinclude testsetup testcleanup "
    "sectionauthor moduleauthor codeauthor tabularcolumns"
).split()
_LITERAL = "code-block sourcecode highlight-code".split()


def parse(text: str, *, document_id: str) -> Document:
    """The document."""
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
        # Inline marks cost docutils the square of a line's length.
        return replace(plain.parse(text, document_id=document_id), mime_type="text/x-rst")
    _register()
    tree = docutils.core.publish_doctree(text, settings_overrides=_SETTINGS)
    values: dict[str, object] = {}
    for info in tree.findall(nodes.docinfo):
        for field in info.children:
            _take_field(field, values)
    for info in list(tree.findall(nodes.docinfo)):
        info.parent.remove(info)
    metadata = fields.flatten(values)
    known = fields.declared(metadata)
    writer = Writer()
    _Walk(writer).children(tree, 2 if tree.get("title") else 1)
    title = (
        known.title
        or str(tree.get("title", ""))
        or next((writer.text[b.start : b.end] for b in writer.blocks if b.kind == "heading"), "")
    )
    return Document(
        id=document_id,
        text=writer.text,
        title=fields.one_line(title) or fields.title_from_name(document_id),
        source=document_id,
        url=known.url,
        mime_type="text/x-rst",
        published=known.published,
        metadata=metadata,
        blocks=tuple(writer.blocks),
        author=known.author,
        language=known.language,
        modified=known.modified,
    )


def _take_field(field: Any, values: dict[str, object]) -> None:
    if isinstance(field, nodes.field):
        values[field[0].astext()] = field[1].astext()
    else:
        values[field.tagname] = field.astext()


class _Literal(Directive):
    """A block of code, its options ignored: Sphinx has more of them than docutils."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = None

    def run(self) -> list[nodes.Node]:
        """The code as it stands."""
        text = "\n".join(self.content)
        return [nodes.literal_block(text, text)]


class _Nested(Directive):
    """A directive that frames text: its content counts, its frame does not."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = None

    def run(self) -> list[nodes.Node]:
        """The content, parsed."""
        frame = nodes.container()
        if self.arguments:
            frame += nodes.paragraph(self.arguments[0], self.arguments[0])
        self.state.nested_parse(self.content, self.content_offset, frame)
        return list(frame.children)


class _Dropped(Directive):
    """A directive without text of its own, such as ``toctree``."""

    has_content = True
    optional_arguments = 10
    option_spec = None

    def run(self) -> list[nodes.Node]:
        """Nothing."""
        return []


def _role(name: str, rawtext: str, text: str, *rest: Any, **more: Any) -> Any:
    del name, rest, more
    found = _ROLE_TEXT.match(text)
    words = found.group(1) if found else text
    return [nodes.inline(rawtext, words)], []


_registered: list[bool] = []


def _register() -> None:
    if _registered:
        return
    _registered.append(True)
    for name in _SPHINX_ROLES:
        roles.register_local_role(name, _role)
    for name in _LITERAL:
        directives.register_directive(name, _Literal)
    for name in (*_ADMONITIONS, *_FRAMES, *(f"py:{one}" for one in _OBJECTS), *_OBJECTS):
        directives.register_directive(name, _Nested)
    for name in _WITHOUT_TEXT:
        directives.register_directive(name, _Dropped)


class _Walk:
    """Writes a tree of docutils."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def children(self, node: Any, level: int) -> None:
        """Write what is below ``node``; its sections' headings are of ``level``."""
        for child in node.children:
            self._node(child, level)

    def _node(self, node: Any, level: int) -> None:
        writer = self._writer
        if isinstance(node, nodes.section):
            self.children(node, level + 1)
        elif isinstance(node, nodes.title):
            on_top = isinstance(node.parent, nodes.document)
            writer.heading(node.astext(), 1 if on_top else level - 1)
        elif isinstance(node, nodes.subtitle):
            writer.heading(node.astext(), 2)
        elif isinstance(node, nodes.literal_block | nodes.doctest_block):
            writer.add("code", node.astext())
        elif isinstance(node, nodes.bullet_list | nodes.enumerated_list | nodes.definition_list):
            writer.add("list", "\n".join(_items(node, 0)))
        elif isinstance(node, nodes.field_list | nodes.option_list):
            lines = (" ".join(child.astext().split()) for child in node.children)
            writer.add("list", "\n".join(f"- {line}" for line in lines))
        elif isinstance(node, nodes.table):
            self._table(node)
        elif isinstance(node, nodes.block_quote):
            writer.add("quote", node.astext())
        elif isinstance(node, nodes.system_message):
            self._rescued(node)
        elif isinstance(node, nodes.line_block):
            writer.add("paragraph", node.astext())
        elif isinstance(node, nodes.Admonition | nodes.container | nodes.topic | nodes.sidebar):
            self.children(node, level)
        elif isinstance(node, nodes.footnote | nodes.citation):
            writer.add("paragraph", " ".join(node.astext().split()))
        elif isinstance(node, nodes.Invisible | nodes.image):
            return
        elif isinstance(node, nodes.TextElement):
            writer.add("paragraph", node.astext())
        elif node.children:
            self.children(node, level)

    def _rescued(self, node: Any) -> None:
        """What a directive held that docutils does not know: its source stands in the message."""
        for block in node.findall(nodes.literal_block):
            self._writer.add("paragraph", block.astext())

    def _table(self, table: Any) -> None:
        for title in table.findall(nodes.title):
            self._writer.add("paragraph", title.astext())
        rows = [
            [cell.astext() for cell in row.children if isinstance(cell, nodes.entry)]
            for row in table.findall(nodes.row)
        ]
        self._writer.table(rows)


def _items(node: Any, depth: int) -> list[str]:
    lines: list[str] = []
    indent = "  " * depth
    for number, item in enumerate(node.children, start=1):
        inner: list[str] = []
        words: list[str] = []
        for child in item.children:
            if isinstance(child, nodes.bullet_list | nodes.enumerated_list | nodes.definition_list):
                inner += _items(child, depth + 1)
            elif not isinstance(child, nodes.system_message):
                words.append(" ".join(child.astext().split()))
        mark = f"{number}." if isinstance(node, nodes.enumerated_list) else "-"
        lines.append(f"{indent}{mark} {': '.join(words) if len(words) > 1 else ''.join(words)}")
        lines += inner
    return lines
