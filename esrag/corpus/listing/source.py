"""What one argument stands for, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.pages import Web
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.walking import Entry
from esrag.corpus.origins import Origin


@dataclass(frozen=True, slots=True)
class Source:
    """One argument: where it is, and how its entries are found.

    ``changed`` gives the entry of one path as ``entries`` would, nothing when it is not among
    them; only what lies on this machine has it.
    """

    origin: Origin
    entries: Callable[[], Iterator[Entry]]
    changed: Callable[[Path], Iterator[Entry]] | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What all sources of a listing share."""

    options: ListingOptions
    patterns: Patterns
    web: Web
