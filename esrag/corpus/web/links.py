"""The addresses that a web server's page of a folder links to, for patterns such as ``*.pdf``.

Links are found by a bounded expression: this is not the jail in which documents are parsed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import WebAddress
from esrag.corpus.web.client import WebClient

MAX_BYTES = 4 * 1024 * 1024
_LINK = re.compile(
    r"""<a\s(?:[^<>]{0,500}\s)?href\s{0,9}=\s{0,9}("[^"<>]{1,2048}"|'[^'<>]{1,2048}'|[^\s"'<>]{1,2048})""",
    re.IGNORECASE,
)


def files_in(folder: WebAddress, client: WebClient) -> list[WebAddress]:
    """What the page at ``folder`` links to right below it, sorted; raises Unreadable."""
    fetched = client.fetch(folder, max_bytes=MAX_BYTES, ending=lambda _a, _t: ".listing")
    try:
        text = fetched.path.read_text(encoding="utf-8", errors="replace")
    finally:
        fetched.path.unlink(missing_ok=True)
    page = fetched.address
    base = page.origin + page.path.partition("?")[0].rpartition("/")[0] + "/"
    found: set[str] = set()
    addresses: list[WebAddress] = []
    for reference in _references(text):
        try:
            address = page.joined(reference)
        except Unreadable:
            continue
        at = str(address)
        name = at.removeprefix(base)
        if at.startswith(base) and name and "/" not in name and at not in found:
            found.add(at)
            addresses.append(address)
    return sorted(addresses, key=str)


def _references(text: str) -> Iterator[str]:
    for link in _LINK.finditer(text):
        yield html.unescape(link[1].strip("\"'"))
