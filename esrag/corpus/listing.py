"""Finds the inputs that the command's arguments select, without opening any of them.

A folder is walked in sorted order.  What lies in it and is not wanted is returned as Skipped with
the rule that excludes it, so that every file is accounted for.  A path named directly is meant: a
hidden one is taken, and one that cannot be used is rejected rather than skipped.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.errors import UsageError

FORMATS: dict[str, str] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "plain",
    ".text": "plain",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

HIDDEN = "hidden file"
LINK_OUT = "link that leads out of the folder"
LINK_FOLDER = "link to a folder"
LINK_BROKEN = "link that leads nowhere"
LISTED_BEFORE = "listed before"
NOT_A_FILE = "neither a file nor a folder"

Entry = Listed | Skipped | Rejected


def list_inputs(paths: Sequence[Path]) -> list[Entry]:
    """Every input below ``paths``, in order; raises UsageError when one of them does not exist."""
    missing = [str(path) for path in paths if not os.path.lexists(path)]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}", hint="Nothing was sent.")
    entries: list[Entry] = []
    seen: set[Path] = set()
    for path in paths:
        found = _folder(path) if path.is_dir() else iter([_named_file(path)])
        for entry in found:
            target = entry.path.resolve() if isinstance(entry, Listed) else None
            if target is not None and target in seen:
                entries.append(Skipped(entry.path, entry.name, LISTED_BEFORE))
                continue
            if target is not None:
                seen.add(target)
            entries.append(entry)
    return entries


def unknown_type(path: Path) -> str:
    """The rule for a file whose format is not known."""
    return f"unknown type {path.suffix.lower() or '(no ending)'}"


def printable_name(name: str) -> str:
    """``name`` with undecodable bytes written as escapes, so that it can be stored as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _named_file(path: Path) -> Entry:
    name = printable_name(path.name)
    try:
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:
        return Rejected(path, name, "list", "unreadable", f"cannot be looked at: {error}")
    if not stat.S_ISREG(mode):
        return Rejected(path, name, "list", "not_a_file", NOT_A_FILE)
    if path.suffix.lower() not in FORMATS:
        reason = f"{unknown_type(path)}; known are {', '.join(FORMATS)}"
        return Rejected(path, name, "list", "unknown_type", reason)
    return Listed(path, name)


def _folder(root: Path) -> Iterator[Entry]:
    entries = list(_walk(root, root.resolve()))
    # A link to a file that the walk meets anyway would be that document twice.
    plain = {e.path.resolve() for e in entries if isinstance(e, Listed) and not e.path.is_symlink()}
    for entry in sorted(entries, key=lambda e: e.name):
        if isinstance(entry, Listed) and entry.path.is_symlink() and entry.path.resolve() in plain:
            yield Skipped(entry.path, entry.name, LISTED_BEFORE)
        else:
            yield entry


def _walk(root: Path, resolved_root: Path) -> Iterator[Entry]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as scan:
                found = list(scan)
        except OSError as error:
            name = _name(folder, root)
            yield Rejected(folder, name, "list", "unreadable", f"folder: {error.strerror}")
            continue
        for item in found:
            path = folder / item.name
            if item.name.startswith("."):
                yield from _hidden(path, root, is_folder=item.is_dir(follow_symlinks=False))
            elif item.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                yield _file(path, root, resolved_root)


def _hidden(path: Path, root: Path, *, is_folder: bool) -> Iterator[Skipped]:
    # The files of a hidden folder (.git has thousands) are not inputs; the folder counts once.
    name = _name(path, root) + ("/" if is_folder else "")
    yield Skipped(path, name, HIDDEN)


def _file(path: Path, root: Path, resolved_root: Path) -> Entry:
    name = _name(path, root)
    if path.is_symlink():
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return Skipped(path, name, LINK_BROKEN)
        if target.is_dir():
            return Skipped(path, name, LINK_FOLDER)
        if not target.is_relative_to(resolved_root):
            return Skipped(path, name, LINK_OUT)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return Rejected(path, name, "list", "unreadable", f"cannot be looked at: {error.strerror}")
    if not stat.S_ISREG(mode):
        return Skipped(path, name, NOT_A_FILE)
    if path.suffix.lower() not in FORMATS:
        return Skipped(path, name, unknown_type(path))
    return Listed(path, name)


def _name(path: Path, root: Path) -> str:
    return printable_name(path.relative_to(root).as_posix())
