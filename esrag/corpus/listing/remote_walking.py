"""Walks a remote folder in sorted order and spools its files, some of them ahead.

The rules are those of a folder on this machine.  A file that cannot be fetched is rejected and
the next one follows; when many in a row cannot, the place is given up, which is a rejection of
the listing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from esrag.corpus.fetching import ahead
from esrag.corpus.listing import rules
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.rules import Patterns, is_known, unknown_type
from esrag.corpus.listing.sorting import in_order
from esrag.corpus.listing.walking import Entry, Selection
from esrag.corpus.origins import printable_name
from esrag.corpus.records import Listed, Rejected, Skipped, Stage, Unreadable
from esrag.corpus.remote import AT_ONCE, FETCH_SECONDS, Found, Place

GIVE_UP_AFTER = 20  # files in a row that could not be fetched
_GONE = ("unreachable", "too_slow", "forbidden")


@dataclass(frozen=True, slots=True)
class RemoteRoot:
    """A remote folder that is walked; ``prefix`` is what the names of its files begin with."""

    place: Place
    origin: str
    patterns: Patterns
    options: ListingOptions
    prefix: str = ""
    selection: Selection | None = None

    def uri(self, name: str) -> str:
        """The address of something below."""
        return f"{self.place.uri}/{name}" if name else self.place.uri


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    found: Found


def walk_remote(root: RemoteRoot) -> Iterator[Entry]:
    """Every entry below ``root``, sorted by name; files are fetched as they are taken."""
    failed = 0
    entries = ahead(
        _met(root),
        lambda met: partial(_fetched, root, met) if isinstance(met, _Wanted) else met,
        at_once=AT_ONCE,
        seconds=FETCH_SECONDS,
        late=lambda met: _late(root, met),
    )
    for entry in entries:
        yield entry
        if isinstance(entry, Listed):
            failed = 0
        elif isinstance(entry, Rejected) and entry.code in _GONE:
            failed += 1
        if failed == GIVE_UP_AFTER:
            reason = f"given up: {failed} files in a row could not be fetched"
            yield _rejected(root, "", "list", "unreachable", reason)
            return


def remote_file(place: Place, *, origin: str, name: str, options: ListingOptions) -> Entry:
    """The entry of a remote file that was named directly."""
    shown = name or printable_name(place.path.rpartition("/")[2])
    code, reason = "", ""
    if not is_known(shown):
        code, reason = "unknown_type", f"{unknown_type(shown)}; known are {_known()}"
        stage: Stage = "list"
    else:
        try:
            spooled = place.fetched(place.path, options.spooling, max_bytes=options.max_bytes)
            return Listed(spooled, shown, origin, place.uri, spooled=True)
        except Unreadable as error:
            stage, code, reason = error.stage, error.code, error.reason
    return Rejected(Path(place.uri), shown, stage, code, reason, origin=origin, uri=place.uri)


def _met(root: RemoteRoot) -> Iterator[Entry | _Wanted]:
    waiting = [_folder(root, root.place.path)]
    while waiting:
        met = next(waiting[-1], None)
        if met is None:
            waiting.pop()
        elif isinstance(met, str):
            waiting.append(_folder(root, met))
        else:
            yield met


def _folder(root: RemoteRoot, path: str) -> Iterator[Entry | _Wanted | str]:
    """What lies in a folder, and the paths of the folders to be walked."""
    base = path.rstrip("/") + "/"
    above = _below(root, path)
    try:
        found = root.place.folder(path)
    except Unreadable as error:
        yield _rejected(root, above, "list", error.code, error.reason)
        return
    by_name: dict[str, Found] = {}
    for one in found:
        own = one.path.rstrip("/")
        name = own[len(base) :] if own.startswith(base) else ""
        if name and "/" not in name and one.path in (own, own + "/"):
            by_name[name + "/" if one.kind == "folder" else name] = one
        elif root.selection is None and (one.kind == "folder" or one.size):
            # without a size it is the marker of an empty folder
            reason = f"{one.path!r} has an empty part in its path and cannot be read"
            yield _rejected(root, above, "list", "bad_name", reason)
    for sort_name, _ in in_order((name, "") for name in by_name):
        yield from _judged(root, f"{above}/{sort_name}".lstrip("/"), by_name[sort_name])


def _judged(root: RemoteRoot, sort_name: str, found: Found) -> Iterator[Entry | _Wanted | str]:
    name = sort_name.rstrip("/")
    if found.kind == "folder":
        if root.selection is not None and not root.selection.enters(name):
            return
        rule = root.patterns.rule_for_folder(name)
        if not rule:
            yield found.path.rstrip("/")
        elif root.selection is None:
            yield _skipped(root, name + "/", rule)
        return
    if root.selection is not None and not root.selection.wants(name):
        return
    rule = root.patterns.rule_for_file(name)
    if found.kind == "other" and rule != rules.HIDDEN:
        rule = rules.NOT_A_FILE
    yield _skipped(root, name, rule) if rule else _Wanted(name, found)


def _fetched(root: RemoteRoot, wanted: _Wanted) -> Entry:
    options, size = root.options, wanted.found.size
    if size > options.max_bytes:
        limit = f"{options.max_bytes / 1_048_576:.0f} MiB"
        reason = f"{size / 1_048_576:.0f} MiB; the limit is {limit} a file"
        return _rejected(root, wanted.name, "read", "too_large", reason)
    try:
        spooled = root.place.fetched(
            wanted.found.path, options.spooling, max_bytes=options.max_bytes, size=size
        )
    except Unreadable as error:
        return _rejected(root, wanted.name, error.stage, error.code, error.reason)
    name = root.prefix + printable_name(wanted.name)
    return Listed(spooled, name, root.origin, root.uri(wanted.name), spooled=True)


def _late(root: RemoteRoot, met: Entry | _Wanted) -> Entry:
    if not isinstance(met, _Wanted):
        return met
    reason = f"not fetched within {FETCH_SECONDS:.0f} s"
    return _rejected(root, met.name, "read", "too_slow", reason)


def _known() -> str:
    return ", ".join(rules.known_endings())


def _below(root: RemoteRoot, path: str) -> str:
    return path[len(root.place.path) :].strip("/")


def _skipped(root: RemoteRoot, name: str, rule: str) -> Skipped:
    uri = root.uri(name)
    shown = root.prefix + printable_name(name)
    return Skipped(Path(uri), shown, rule, origin=root.origin, uri=uri)


def _rejected(root: RemoteRoot, name: str, stage: Stage, code: str, reason: str) -> Rejected:
    uri = root.uri(name)
    shown = root.prefix + (printable_name(name) or ".")
    return Rejected(Path(uri), shown, stage, code, reason, origin=root.origin, uri=uri)
