"""Under which origin and id an input goes: the origins that the index knows decide.

    ingest docs            -> origin file:///srv/docs, id guides/a.md
    ingest docs/guides     -> the same, because the index holds file:///srv/docs

Otherwise one file would be two documents, one for each folder that was ever named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from esrag.corpus.origins import name_below, name_under
from esrag.corpus.records import Listed, Rejected, Skipped

Entry = TypeVar("Entry", bound=Listed | Skipped | Rejected)


class Naming:
    """Gives inputs their names; ``known`` are the origins that the index holds."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = sorted((each for each in known if each), key=len, reverse=True)

    def named(self, entry: Entry) -> Entry:
        """The entry below the longest known origin that holds it, else as it was listed.

        What does not lie below its own origin (the user named one, or a list led to it) keeps it.
        """
        if entry.uri != entry.origin and name_below(entry.uri, entry.origin) is None:
            return entry
        for origin in self._known:
            name = _name_in_part(entry, origin) or name_under(
                origin, name=entry.name, origin=entry.origin, uri=entry.uri
            )
            if name is not None:
                return replace(entry, name=name, origin=origin)
        return entry

    def scopes(self, origin: str) -> list[tuple[str, str]]:
        """The known origins that listing ``origin`` covers, each with the path that was covered."""
        found: list[tuple[str, str]] = []
        for known in self._known:
            below = name_below(origin, known)
            if known == origin or name_below(known, origin) is not None:
                found.append((known, ""))
            elif below is not None:
                found.append((known, below))
        return found


def _name_in_part(entry: Entry, known: str) -> str | None:
    """The name of an entry below a known origin that is itself a part of what was listed."""
    part = name_below(known, entry.origin)
    if part is None or not entry.name.startswith(part + "/"):
        return None
    return entry.name[len(part) + 1 :] or None
