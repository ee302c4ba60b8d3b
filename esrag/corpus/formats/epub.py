"""EPUB: the chapters in reading order, each read as a page of HTML; a chapter counts as a page.

Opened with the zip and XML readers at hand: the one Python library for EPUB is under the AGPL, and
what is asked of it here is one list of files.
"""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from lxml import etree

from esrag.corpus import fields
from esrag.corpus.decoding import decode
from esrag.corpus.formats import html, packages
from esrag.corpus.formats.contents import Content
from esrag.corpus.formats.writing import Writer
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Unreadable
from esrag.types import Document

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FIELDS = {
    "title": "title",
    "creator": "author",
    "language": "language",
    "date": "published",
    "publisher": "publisher",
    "subject": "subject",
    "description": "description",
    "identifier": "identifier",
}
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")


def parse(content: Content, options: ReadingOptions) -> Document:
    """The book."""
    with packages.opened(packages.checked(content)) as package:
        names = set(package.namelist())
        place = _package_document(packages.xml(packages.part(package, _CONTAINER)))
        opf = packages.xml(packages.part(package, place))
        locked = _ENCRYPTION in names and b"EncryptedData" in packages.part(package, _ENCRYPTION)
        writer = Writer(options.limits)
        unreadable = 0
        chapters = _chapters(opf, posixpath.dirname(place))
        for name in chapters:
            writer.page()
            if name not in names:
                unreadable += 1
                continue
            try:
                raw = packages.part(package, name)
                chapter = decode(raw, declared=html.declared(raw))
                page = html.parse(chapter, document_id=name, is_page=False)
            except Unreadable:
                unreadable += 1  # one bad chapter; all of them together are an error
                continue
            for block in page.blocks:
                writer.add(block.kind, page.text[block.start : block.end], block.level)
    if unreadable and not writer.blocks:
        code, words = ("encrypted", "protected") if locked else ("broken", "damaged or missing")
        raise Unreadable(code, f"its {len(chapters)} chapters are {words}")
    metadata = _metadata(opf)
    if unreadable:
        metadata["chapters_left_out"] = str(unreadable)
    known = fields.declared(metadata)
    return Document(
        id=content.name,
        text=writer.text,
        title=known.title or fields.title_from_name(content.name),
        source=content.name,
        mime_type="application/epub+zip",
        published=known.published,
        metadata=metadata,
        blocks=tuple(writer.blocks),
        author=known.author,
        language=known.language,
        pages=writer.page_starts,
    )


def _package_document(container: etree._Element) -> str:
    for element in container.iter("{*}rootfile"):
        path = element.get("full-path")
        if path:
            return unquote(str(path))
    raise Unreadable("broken", "the container names no package document")


def _chapters(opf: etree._Element, folder: str) -> list[str]:
    items = {
        str(item.get("id")): str(item.get("href", ""))
        for item in opf.iter("{*}item")
        if item.get("media-type") in _PAGES and "nav" not in str(item.get("properties", "")).split()
    }
    order = [str(one.get("idref")) for one in opf.iter("{*}itemref")]
    paths = (unquote(items[one].partition("#")[0]) for one in order if one in items)
    return [posixpath.normpath(posixpath.join(folder, path)) for path in dict.fromkeys(paths)]


def _metadata(opf: etree._Element) -> dict[str, str]:
    found: dict[str, object] = {}
    names: dict[str, list[str]] = {}
    for element in opf.iter("{http://purl.org/dc/elements/1.1/}*"):
        local = str(element.tag).rpartition("}")[2]
        if local in _FIELDS and element.text:
            names.setdefault(_FIELDS[local], []).append(
                fields.one_line(str(element.text), limit=1000)
            )
    for name, values in names.items():
        found[name] = values if name in ("author", "subject") else values[0]
    return fields.flatten(found)
