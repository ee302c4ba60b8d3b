"""What sites ask of those who fetch many pages: robots.txt, read once an origin.

A page that a user names is his own wish; robots.txt is asked for what sitemaps and lists name.
As RFC 9309 has it, a site without the file allows everything and one whose file cannot be had
for now allows nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import WebAddress
from esrag.corpus.web.client import USER_AGENT, WebClient

if TYPE_CHECKING:
    from protego import Protego

RULE = "robots.txt of the site"
MAX_BYTES = 512 * 1024
LONGEST_DELAY = 10.0
_FOR_NOW = ("unreachable", "too_slow", "too_large", "unreadable")


class Disallowed(Exception):
    """The site asks not to fetch a page."""


class Robots:
    """The wishes of all sites of a run."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._sites: dict[str, Protego | Unreadable] = {}

    def require(self, address: WebAddress) -> None:
        """Raise Disallowed when the site asks not to; Unreadable when it cannot be asked."""
        origin = address.origin
        if origin not in self._sites:
            self._sites[origin] = self._asked(address)
        site = self._sites[origin]
        if isinstance(site, Unreadable):
            raise Unreadable(site.code, site.reason, stage=site.stage)
        if not site.can_fetch(str(address), USER_AGENT):
            raise Disallowed

    def _asked(self, address: WebAddress) -> Protego | Unreadable:
        from protego import Protego

        try:
            fetched = self._client.fetch(
                replace(address, path="/robots.txt"),
                max_bytes=MAX_BYTES,
                ending=lambda _address, _type: ".robots",
            )
        except Unreadable as error:
            if error.code in _FOR_NOW:
                return Unreadable(error.code, f"robots.txt: {error.reason}", stage="read")
            if error.code in ("origin_not_allowed", "address_blocked"):
                return error
            return Protego.parse("")
        try:
            text = fetched.path.read_text(encoding="utf-8", errors="replace")
        finally:
            fetched.path.unlink()
        site = Protego.parse(text)
        delay = site.crawl_delay(USER_AGENT)
        if delay:
            self._client.pace.ask(address.origin, min(float(delay), LONGEST_DELAY))
        return site
