"""One input again, by its address: what it takes to try a dead letter once more."""

from __future__ import annotations

from contextlib import suppress

from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.pages import Web, crawled, is_page, named_page
from esrag.corpus.listing.remote_sources import is_remote, local_path
from esrag.corpus.listing.remote_walking import remote_file
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.walking import Entry, named_file
from esrag.corpus.records import Unreadable
from esrag.corpus.remote import Place
from esrag.corpus.web.addresses import parsed

_NOT_FILES = ("stdin:", "elasticsearch://")


def can_be_had_again(uri: str) -> bool:
    """Whether the address is that of a file or page, on this machine or elsewhere."""
    return bool(uri) and not uri.startswith(_NOT_FILES)


def had_again(uri: str, *, name: str, origin: str, options: ListingOptions) -> Entry:
    """The entry of one file or page, under the name and origin that it had.

    A page that was named itself is allowed, and so is the origin of its sitemap; others have to
    be allowed by ``options`` as they had to be the first time.
    """
    if is_page(uri):
        return _page(uri, origin, options)
    if is_remote(uri):
        return remote_file(Place.of(uri), origin=origin, name=name, options=options)
    return named_file(local_path(uri), origin=origin, name=name)


def _page(uri: str, origin: str, options: ListingOptions) -> Entry:
    web = Web(options)
    with suppress(Unreadable):
        web.guard.allow(parsed(origin))
    try:
        if uri == origin:
            return named_page(parsed(uri), origin, web)
        return crawled(uri, origin, web, Patterns.of((), ()))
    finally:
        web.close()
