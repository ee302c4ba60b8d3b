"""Walks a folder of this machine in sorted order, and judges single files.

Streams: of each folder on the way down only its own names are held.  What lies in the folder and
is not wanted is Skipped with its rule; a path that was named directly is meant, so a hidden one
is taken, and one that cannot be used is rejected.  No file is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from esrag.corpus.listing import rules
from esrag.corpus.listing.rules import Patterns, is_hidden, is_known, unknown_type
from esrag.corpus.listing.sorting import in_order
from esrag.corpus.origins import file_uri, printable_name, quoted
from esrag.corpus.records import Listed, Rejected, Skipped

Entry = Listed | Skipped | Rejected


class Selection(Protocol):
    """Which paths below a folder are looked at; what it leaves out is not even skipped."""

    def enters(self, folder: str) -> bool:
        """Whether anything below this folder may be wanted."""

    def wants(self, file: str) -> bool:
        """Whether this file, hidden ones included, is wanted."""


@dataclass(frozen=True, slots=True)
class Root:
    """The folder that is walked: ``path`` as it was given, ``uri`` with links resolved."""

    path: Path
    resolved: Path
    uri: str
    origin: str
    patterns: Patterns
    prefix: str = ""  # what the names of its files begin with
    selection: Selection | None = None

    @classmethod
    def of(cls, path: Path, patterns: Patterns, *, origin: str = "") -> Root:
        """The root for a folder that was named."""
        uri = file_uri(path)
        return cls(path, path.resolve(), uri, origin or uri, patterns)


def walk(root: Root) -> Iterator[Entry]:
    """Every entry below ``root``, sorted by name."""
    waiting = [_folder(root, "")]
    targets: set[Path] = set()  # of links to what the walk does not meet itself: few
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
        elif isinstance(found, str):
            waiting.append(_folder(root, found))
        else:
            yield from _once(root, found, targets)


def named_file(path: Path, *, origin: str = "", name: str = "") -> Entry:
    """The entry of a file that was named directly."""
    name = name or printable_name(path.name)
    uri = file_uri(path)
    origin = origin or uri
    try:
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:
        reason = f"cannot be looked at: {error}"
        return Rejected(path, name, "list", "unreadable", reason, origin=origin, uri=uri)
    code, reason = "", ""
    if not stat.S_ISREG(mode):
        code, reason = "not_a_file", rules.NOT_A_FILE
    elif not is_known(path.name):
        known = ", ".join(rules.known_endings())
        code, reason = "unknown_type", f"{unknown_type(path.name)}; known are {known}"
    if code:
        return Rejected(path, name, "list", code, reason, origin=origin, uri=uri)
    return Listed(path, name, origin, uri)


def file_in(root: Root, name: str) -> Iterator[Entry]:
    """The entry that a walk gives for one path below ``root``; nothing when it is not there."""
    path = root.path / name
    if not os.path.lexists(path):
        return
    parts = name.split("/")
    for count in range(1, len(parts)):
        folder = "/".join(parts[:count])
        if (root.path / folder).is_symlink() or not _enters(root, folder):
            return
        if root.patterns.rule_for_folder(folder):
            return  # the walk tells of the folder, not of what is in it
    if path.is_dir() and not path.is_symlink():
        return
    for found in _judged(root, name, "link" if path.is_symlink() else "file"):
        if not isinstance(found, str):
            yield from _once(root, found, set())


def _folder(root: Root, folder: str) -> Iterator[Entry | str]:
    """What lies in a folder: entries, and the names of the folders to be walked."""
    path = root.path / folder
    try:
        with os.scandir(path) as scan:
            items = in_order((_sort_name(item), _kind(item)) for item in scan)
            first = next(items, None)  # everything has been read now
    except OSError as error:
        reason = f"folder: {error.strerror}"
        yield _rejected(root, folder, reason)
        return
    while first is not None:
        sort_name, kind = first
        name = sort_name.rstrip("/")
        yield from _judged(root, f"{folder}/{name}" if folder else name, kind)
        first = next(items, None)


def _judged(root: Root, name: str, kind: str) -> Iterator[Entry | str]:
    if kind == "folder":
        if not _enters(root, name):
            return
        rule = root.patterns.rule_for_folder(name)
        if rule and root.selection is None:
            yield _skipped(root, name + "/", rule)
        elif not rule:
            yield name
        return
    if root.selection is not None and not root.selection.wants(name):
        return
    rule = root.patterns.rule_for_file(name)
    if kind == "link" and not is_hidden(name.rpartition("/")[2]):
        yield _link(root, name)
    elif kind == "other" and rule != rules.HIDDEN:
        yield _skipped(root, name, rules.NOT_A_FILE)
    elif rule:
        yield _skipped(root, name, rule)
    else:
        yield _listed(root, name, root.uri + "/" + quoted(name))


def _link(root: Root, name: str) -> Entry:
    try:
        target = (root.path / name).resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        return _skipped(root, name, rules.LINK_BROKEN)
    if stat.S_ISDIR(mode):
        return _skipped(root, name, rules.LINK_FOLDER)
    if not target.is_relative_to(root.resolved):
        return _skipped(root, name, rules.LINK_OUT)
    if not stat.S_ISREG(mode):
        return _skipped(root, name, rules.NOT_A_FILE)
    rule = root.patterns.rule_for_file(name)
    return _skipped(root, name, rule) if rule else _listed(root, name, file_uri(target))


def _once(root: Root, entry: Entry, targets: set[Path]) -> Iterator[Entry]:
    """A link to a file that the walk meets anyway, or to one that was taken, is skipped."""
    if isinstance(entry, Listed) and entry.path.is_symlink():
        target = entry.path.resolve()
        name = target.relative_to(root.resolved).as_posix()
        met = not root.patterns.rule_for_path(name) and _selects(root, name)
        if met or target in targets:
            entry = Skipped(
                entry.path, entry.name, rules.LISTED_BEFORE, origin=entry.origin, uri=entry.uri
            )
        targets.add(target)
    yield entry


def _selects(root: Root, name: str) -> bool:
    return root.selection is None or root.selection.wants(name)


def _enters(root: Root, folder: str) -> bool:
    return root.selection is None or root.selection.enters(folder)


def _sort_name(item: os.DirEntry[str]) -> str:
    # with its slash a folder stands where the paths of its files stand
    return item.name + "/" if item.is_dir(follow_symlinks=False) else item.name


def _kind(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "link"
    if item.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if item.is_file(follow_symlinks=False) else "other"


def _listed(root: Root, name: str, uri: str) -> Listed:
    return Listed(root.path / name, root.prefix + printable_name(name), root.origin, uri)


def _skipped(root: Root, name: str, rule: str) -> Skipped:
    uri = f"{root.uri}/{quoted(name)}"
    shown = root.prefix + printable_name(name)
    return Skipped(root.path / name, shown, rule, origin=root.origin, uri=uri)


def _rejected(root: Root, name: str, reason: str) -> Rejected:
    return Rejected(
        root.path / name,
        root.prefix + (printable_name(name) or "."),
        "list",
        "unreadable",
        reason,
        origin=root.origin,
        uri=f"{root.uri}/{quoted(name)}".rstrip("/"),
    )
