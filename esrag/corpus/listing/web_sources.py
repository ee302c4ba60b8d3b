"""Arguments and options that are web addresses: pages, lists of pages, sitemaps.

What the user names himself is allowed by that: its origin, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from esrag.corpus.listing.pages import (
    Web,
    listed_pages,
    matching_pages,
    named_page,
    sitemap_pages,
)
from esrag.corpus.listing.source import Context, Source
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import Origin, file_uri
from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import WebAddress, parsed
from esrag.errors import UsageError


def page_source(url: str, context: Context) -> Source:
    """A page that is named, or a pattern of pages; UsageError when the address is none."""
    if "*" in url.partition("?")[0]:
        return _pattern_source(url, context)
    address = _address(url, context.web)
    origin = context.options.origin or str(address)
    return Source(Origin(origin, complete=True), partial(_one, address, origin, context.web))


def _pattern_source(url: str, context: Context) -> Source:
    """The pages that a web server lists in a folder, as far as their names match."""
    folder, _, pattern = url.rpartition("/")
    if "*" in folder:
        raise UsageError(
            f"{url}: a pattern for pages can only stand in the last part of the path",
            hint="Take a sitemap (--sitemap), or a list of URLs (--urls).",
        )
    address = _address(folder + "/", context.web)
    origin = context.options.origin or str(address)
    return Source(
        Origin(origin, complete=False),
        partial(matching_pages, address, pattern, origin, context.web, context.patterns),
    )


def url_list_source(path: Path, context: Context) -> Source:
    """The pages of a file with one URL a line, all that there are."""
    origin = context.options.origin or file_uri(path)
    return Source(
        Origin(origin, complete=True),
        partial(listed_pages, path, origin, context.web, context.patterns),
    )


def sitemap_source(url: str, context: Context) -> Source:
    """The pages of a sitemap; raises UsageError when its address is none."""
    address = _address(url, context.web)
    origin = context.options.origin or str(address)
    return Source(
        Origin(origin, complete=True),
        partial(sitemap_pages, address, origin, context.web, context.patterns),
    )


def _address(url: str, web: Web) -> WebAddress:
    try:
        address = parsed(url)
    except Unreadable as error:
        raise UsageError(error.reason) from error
    web.guard.allow(address)
    return address


def _one(address: WebAddress, origin: str, web: Web) -> Iterator[Entry]:
    yield named_page(address, origin, web)
