"""How inputs are listed: everything but the arguments themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from esrag.corpus.spool import Spool

MAX_BYTES = 100 * 1024 * 1024
MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class ListingOptions:
    """Patterns are as in .gitignore and are asked of what lies in folders.

    ``name`` is what standard input is called; ``origin`` replaces the origin of everything.
    ``lists`` are files that name paths and addresses, one a line.  ``spool`` is needed as soon as
    something does not lie on this machine, and ``max_bytes`` is the most that is fetched of it.
    ``url_lists`` and ``sitemaps`` name web pages: of ``allowed_origins`` and of what is named
    here and in the arguments.  Addresses of private networks have to be in ``allowed_networks``.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    origin: str = ""
    name: str = ""
    lists: tuple[Path, ...] = ()
    max_bytes: int = MAX_BYTES
    url_lists: tuple[Path, ...] = ()
    sitemaps: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    max_pages: int = MAX_PAGES
    requests_per_second: float = 5.0
    spool: Spool | None = None
    stdin: BinaryIO | None = None

    @property
    def spooling(self) -> Spool:
        """The spool; ValueError when the caller gave none."""
        if self.spool is None:
            raise ValueError("inputs from elsewhere need a spool")
        return self.spool
