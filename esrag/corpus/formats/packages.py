"""Office and EPUB files are zip packages of XML: looked at before a library unpacks them.

The sizes in a zip's directory bind: whoever unpacks a member gets that many bytes at most.  So a
bomb is seen without unpacking anything.
"""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath
from typing import IO

from lxml import etree

from esrag.corpus.formats.contents import Content
from esrag.corpus.limits import size
from esrag.corpus.records import Unreadable

_XML = frozenset((".xml", ".rels", ".html", ".xhtml", ".htm", ".opf", ".ncx", ".bin", ".vml"))
_PARTS = 20_000


def checked(content: Content) -> IO[bytes]:
    """The package's bytes, at their start; raises Unreadable for what should not be unpacked."""
    file = content.sought()
    with opened(file) as package:
        parts = package.infolist()
    if len(parts) > _PARTS:
        raise Unreadable("too_many_members", f"a package of {len(parts):,} parts")
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable("encrypted", "parts of the file are encrypted")
    unpacked = sum(
        part.file_size for part in parts if PurePosixPath(part.filename).suffix.lower() in _XML
    )
    limit = content.limits.package_bytes
    if unpacked > limit:
        reason = f"its XML unpacks to {size(unpacked)}; the limit is {size(limit)}"
        raise Unreadable("inflates_too_much", reason)
    file.seek(0)
    return file


def opened(file: IO[bytes]) -> zipfile.ZipFile:
    """The package as a zip file."""
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise Unreadable("broken", f"damaged package: {error}") from error


def part(package: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one part; raises Unreadable when it is missing or damaged."""
    try:
        return package.read(name)
    except KeyError as error:
        raise Unreadable("broken", f"the package lacks its part {name[:100]!r}") from error
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise Unreadable("broken", f"part {name[:100]!r}: {error}") from error


def xml(raw: bytes) -> etree._Element:
    """The root of an XML part; external and internal entities are left alone."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("broken", f"XML of the package: {error}") from error
    if root is None:
        raise Unreadable("broken", "XML of the package: nothing in it")
    return root
