"""Web pages as inputs: one that was named, those of a list of URLs, those of a sitemap.

The name of a page is its address in one spelling, that of the end of its redirects.  A page that
is named itself is meant; what lists and sitemaps name has to be of an allowed origin, is asked of
robots.txt, and what is of no known type is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from esrag.corpus.formats import ending_of, format_of, format_of_media_type
from esrag.corpus.listing import rules
from esrag.corpus.listing.globs import Glob
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.sorting import Seen
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import printable_name
from esrag.corpus.records import Listed, Rejected, Skipped, Stage, Unreadable
from esrag.corpus.web import robots
from esrag.corpus.web.addresses import WebAddress, parsed
from esrag.corpus.web.client import Pace, WebClient
from esrag.corpus.web.guard import Guard
from esrag.corpus.web.links import files_in
from esrag.corpus.web.robots import Robots
from esrag.corpus.web.sitemaps import pages_of

_TEXT = "text/plain"


class _LeftOut(Exception):
    """A rule leaves the page out."""


@dataclass(slots=True)
class Web:
    """All that is fetched from web servers in a run; opens nothing before the first page."""

    options: ListingOptions
    guard: Guard = field(init=False)
    _client: WebClient | None = None
    _robots: Robots | None = None

    def __post_init__(self) -> None:
        self.guard = Guard(self.options.allowed_origins, self.options.allowed_networks)

    @property
    def client(self) -> WebClient:
        """Made when it is first asked for."""
        if self._client is None:
            pace = Pace(1.0 / self.options.requests_per_second)
            self._client = WebClient(self.guard, self.options.spooling, pace=pace)
        return self._client

    @property
    def robots(self) -> Robots:
        """What sites ask for, remembered for the run."""
        if self._robots is None:
            self._robots = Robots(self.client)
        return self._robots

    def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            self._client.close()


def named_page(address: WebAddress, origin: str, web: Web) -> Entry:
    """The entry of a page that the user named."""
    try:
        fetched = web.client.fetch(
            address, max_bytes=web.options.max_bytes, ending=_ending_of_named
        )
    except Unreadable as error:
        return _rejected(str(address), origin, error)
    at = str(fetched.address)
    return Listed(fetched.path, at, origin, at, fetched.media_type, spooled=True)


def sitemap_pages(start: WebAddress, origin: str, web: Web, patterns: Patterns) -> Iterator[Entry]:
    """The entries of all pages of a sitemap; a sitemap that cannot be read is rejected."""

    def urls() -> Iterator[str | Rejected]:
        for named in pages_of(start, web.client):
            if named.problem is None:
                yield named.url
                continue
            error = named.problem
            yield _rejected(named.url, origin, Unreadable(error.code, error.reason, stage="list"))

    return _pages(urls(), origin, web, patterns)


def matching_pages(
    folder: WebAddress, pattern: str, origin: str, web: Web, patterns: Patterns
) -> Iterator[Entry]:
    """The entries of what a server lists in ``folder``, by name; it may not list anything."""

    def urls() -> Iterator[str | Rejected]:
        try:
            found = files_in(folder, web.client)
        except Unreadable as error:
            yield _rejected(str(folder), origin, Unreadable(error.code, error.reason, stage="list"))
            return
        wanted = Glob(pattern)
        yield from (str(each) for each in found if wanted.wants(each.file_path.rpartition("/")[2]))

    return _pages(urls(), origin, web, patterns)


def listed_pages(path: Path, origin: str, web: Web, patterns: Patterns) -> Iterator[Entry]:
    """The entries of all pages of a file with one URL a line."""
    return _pages(lines_of(path), origin, web, patterns)


def is_page(text: str) -> bool:
    """Whether a text is meant as the address of a page."""
    return text.lower().startswith(("http://", "https://"))


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a list that say something: neither empty nor behind a #."""
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            text = line.strip("\r\n").strip(" \t").removeprefix("\ufeff")
            if text and not text.startswith("#"):
                yield text


def _pages(
    urls: Iterable[str | Rejected], origin: str, web: Web, patterns: Patterns
) -> Iterator[Entry]:
    seen = Seen()
    try:
        for count, url in enumerate(urls):
            if isinstance(url, Rejected):
                yield url
                continue
            if count >= web.options.max_pages:
                reason = f"there are more than {web.options.max_pages} addresses (ingest.max_pages)"
                yield _rejected(origin, origin, Unreadable("too_many", reason, stage="list"))
                return
            yield crawled(url, origin, web, patterns, seen)
    finally:
        seen.close()


def crawled(url: str, origin: str, web: Web, patterns: Patterns, seen: Seen | None = None) -> Entry:
    """The entry of a page that somebody's list names; ``seen`` are the addresses before it."""
    try:
        address = parsed(url)
    except Unreadable as error:
        return _rejected(url, origin, error)
    rule = patterns.rule_of_patterns(address.file_path or "index")
    if rule:
        return _skipped(address, origin, rule)
    if seen is not None and not seen.add(str(address)):
        return _skipped(address, origin, rules.LISTED_BEFORE)
    try:
        fetched = web.client.fetch(
            address,
            max_bytes=web.options.max_bytes,
            ending=_ending_of_crawled,
            allowed=web.robots.require,
        )
    except robots.Disallowed:
        return _skipped(address, origin, robots.RULE)
    except _LeftOut as error:
        return _skipped(address, origin, str(error))
    except Unreadable as error:
        return _rejected(str(address), origin, error)
    at = str(fetched.address)
    if seen is not None and fetched.address != address and not seen.add(at):
        fetched.path.unlink()
        return _skipped(address, origin, rules.LISTED_BEFORE)
    return Listed(fetched.path, at, origin, at, fetched.media_type, spooled=True)


def _ending_of_named(address: WebAddress, media_type: str) -> str:
    ending = ending_for(address, media_type)
    if not ending:
        known = ", ".join(rules.known_endings())
        reason = f"{_unknown(address, media_type)}; known are {known}"
        raise Unreadable("unknown_type", reason, stage="list")
    return ending


def _ending_of_crawled(address: WebAddress, media_type: str) -> str:
    ending = ending_for(address, media_type)
    if not ending:
        raise _LeftOut(_unknown(address, media_type))
    return ending


def ending_for(address: WebAddress, media_type: str) -> str:
    """What a page is called in the spool: by its type, else by its path; "" when unknown."""
    form = format_of_media_type(media_type)
    if form is not None:
        return form.endings[0]
    if format_of(address.file_path) is not None:
        return ending_of(address.file_path.rpartition("/")[2])
    return ".txt" if media_type.partition(";")[0].strip().lower() == _TEXT else ""


def _unknown(address: WebAddress, media_type: str) -> str:
    kind = media_type.partition(";")[0].strip().lower()
    return f"unknown type {kind}" if kind else rules.unknown_type(address.file_path)


def _skipped(address: WebAddress, origin: str, rule: str) -> Skipped:
    at = str(address)
    return Skipped(Path(at), at, rule, origin=origin, uri=at)


def _rejected(url: str, origin: str, error: Unreadable) -> Rejected:
    name = printable_name(url)
    stage: Stage = error.stage
    return Rejected(Path(url), name, stage, error.code, error.reason, origin=origin, uri=name)
