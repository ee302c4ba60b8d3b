"""Under which origin and id an input goes: the origins that the index knows decide.

    ingest docs            -> origin file:///srv/docs, id guides/a.md
    ingest docs/guides     -> the same, because the index holds file:///srv/docs

Otherwise one file would be two documents, one for each folder that was ever named.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from esrag.corpus.origins import name_below, name_under
from esrag.corpus.records import Listed, Rejected, Skipped

Entry = TypeVar("Entry", bound=Listed | Skipped | Rejected)


class Naming:
    """Gives inputs their names; ``known`` are the origins that the index holds."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {each.rstrip("/"): each for each in known if each}
        self._sorted = sorted(self._known)
        self._last: tuple[str, list[str]] = ("", [])

    def named(self, entry: Entry) -> Entry:
        """The entry below the longest known origin that holds it, else as it was listed.

        What a list of files names goes where it lies; what has an origin of the user's keeps it.
        """
        if entry.uri != entry.origin and name_below(entry.uri, entry.origin) is None:
            return self._where_it_lies(entry) if entry.origin.startswith("file:") else entry
        for origin in self._related(entry.origin):
            name = _name_in_part(entry, origin) or name_under(
                origin, name=entry.name, origin=entry.origin, uri=entry.uri
            )
            if name is not None:
                return replace(entry, name=name, origin=origin)
        return entry

    def _where_it_lies(self, entry: Entry) -> Entry:
        """The entry below the longest known origin that its address is below."""
        ends = (at for at, sign in enumerate(entry.uri) if sign == "/")
        for bare in sorted((entry.uri[:at] for at in ends), key=len, reverse=True):
            name = name_below(entry.uri, bare) if bare in self._known else None
            if name is not None:
                return replace(entry, name=name, origin=self._known[bare])
        return entry

    def scopes(self, origin: str) -> list[tuple[str, str]]:
        """The known origins that listing ``origin`` covers, each with the path that was covered."""
        found: list[tuple[str, str]] = []
        for known in self._related(origin):
            below = name_below(origin, known)
            if known == origin or name_below(known, origin) is not None:
                found.append((known, ""))
            elif below is not None:
                found.append((known, below))
        return found

    def _related(self, origin: str) -> list[str]:
        """The known origins above and below this one, and itself; the longest first.

        A name that the user gave lies above and below nothing, whatever slashes it has.
        """
        if "://" not in origin:
            return [origin] if origin in self._known else []
        if self._last[0] != origin:
            bare = origin.rstrip("/")
            above = [bare[:at] for at, each in enumerate(bare) if each == "/"]
            found = [self._known[each] for each in (*above, bare) if each in self._known]
            at = bisect_left(self._sorted, bare + "/")
            while at < len(self._sorted) and self._sorted[at].startswith(bare + "/"):
                found.append(self._known[self._sorted[at]])
                at += 1
            self._last = (origin, sorted(found, key=len, reverse=True))
        return self._last[1]


def _name_in_part(entry: Entry, known: str) -> str | None:
    """The name of an entry below a known origin that is itself a part of what was listed."""
    part = name_below(known, entry.origin)
    if part is None or not entry.name.startswith(part + "/"):
        return None
    return entry.name[len(part) + 1 :] or None
