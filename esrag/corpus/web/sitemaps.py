"""The addresses that a sitemap names: XML or text, packed or not, and sitemaps of sitemaps.

Streams: a sitemap lies in the spool while its addresses are taken.  Entities and document types
are refused.  What is wrong with one sitemap does not stop the others.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import IO
from xml.etree.ElementTree import ParseError

from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import WebAddress, parsed
from esrag.corpus.web.client import WebClient

MAX_BYTES = 64 * 1024 * 1024  # the protocol says 50 MB
MAX_SITEMAPS = 1_000
_DEEPEST = 3
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Named:
    """An address in a sitemap; ``problem`` when it is that of a sitemap which cannot be read."""

    url: str
    problem: Unreadable | None = None


def pages_of(start: WebAddress, client: WebClient) -> Iterator[Named]:
    """Every page that the sitemap at ``start`` names, in its order."""
    waiting = [(str(start), 1)]
    met = {str(start)}
    while waiting:
        url, depth = waiting.pop()
        below: list[tuple[str, int]] = []
        try:
            for kind, found in _addresses(url, client):
                if kind == "page":
                    yield Named(found)
                elif found not in met:
                    met.add(found)
                    below.append((found, depth + 1))
                _require_bounds(depth + len(below[:1]), len(met))
        except Unreadable as error:
            yield Named(url, error)
        waiting += reversed(below)


def _require_bounds(depth: int, sitemaps: int) -> None:
    if depth > _DEEPEST:
        reason = f"sitemaps of sitemaps are followed {_DEEPEST} deep"
        raise Unreadable("bad_sitemap", reason, stage="list")
    if sitemaps > MAX_SITEMAPS:
        raise Unreadable("too_many", f"more than {MAX_SITEMAPS} sitemaps", stage="list")


def _addresses(url: str, client: WebClient) -> Iterator[tuple[str, str]]:
    fetched = client.fetch(parsed(url), max_bytes=MAX_BYTES, ending=lambda _a, _t: ".sitemap")
    try:
        with fetched.path.open("rb") as file:
            yield from _read(file)
    except (ParseError, ValueError, OSError, EOFError, zlib.error) as error:
        # defusedxml's refusals are ValueErrors
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable("bad_sitemap", f"{url} is no sitemap: {words}", stage="list") from error
    finally:
        fetched.path.unlink(missing_ok=True)


def _read(file: BufferedReader) -> Iterator[tuple[str, str]]:
    content: IO[bytes] = file
    if file.peek(2)[:2] == _GZIP:
        content = _Bounded(gzip.GzipFile(fileobj=file))  # type: ignore[assignment]
    head = content.read(512)
    content.seek(0)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        yield from _xml(content)
        return
    for line in content:
        address = line.decode("utf-8").removeprefix("\ufeff").strip()
        if address:
            yield "page", address


def _xml(content: IO[bytes]) -> Iterator[tuple[str, str]]:
    from defusedxml.ElementTree import iterparse

    open_elements = []
    for event, element in iterparse(content, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            open_elements.append(element)
            continue
        open_elements.pop()
        name, parent = _name(element), _name(open_elements[-1]) if open_elements else ""
        if name == "loc" and parent in ("url", "sitemap") and (element.text or "").strip():
            yield "page" if parent == "url" else "sitemap", element.text.strip()
        elif parent in ("urlset", "sitemapindex"):
            open_elements[-1].clear()
        elif not open_elements and name not in ("urlset", "sitemapindex"):
            raise ValueError(f"its root is {name!r}, not urlset or sitemapindex")


def _name(element: object) -> str:
    tag = getattr(element, "tag", "")
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


class _Bounded:
    """A packed file that may not become larger than a sitemap may be."""

    def __init__(self, inner: gzip.GzipFile) -> None:
        self._inner = inner

    def _checked(self, data: bytes) -> bytes:
        if self._inner.tell() > MAX_BYTES:
            raise ValueError(f"unpacked it is larger than {MAX_BYTES // 1_048_576} MiB")
        return data

    def read(self, size: int = -1) -> bytes:
        """So many bytes, never all at once."""
        return self._checked(self._inner.read(size if size >= 0 else MAX_BYTES + 1))

    def seek(self, place: int) -> int:
        """Back to the beginning."""
        return self._inner.seek(place)

    def __iter__(self) -> Iterator[bytes]:
        while line := self._checked(self._inner.readline(1_000_000)):
            yield line
