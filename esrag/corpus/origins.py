"""Where inputs come from, as URIs, and what an input is called below an origin.  Pure.

file:///srv/docs            a folder, and the files below it: file:///srv/docs/guides/a.md
stdin:                      what was piped in
s3://bucket/x  https://…    remote places
elasticsearch://articles    an index
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

STDIN = "stdin:"


@dataclass(frozen=True, slots=True)
class Origin:
    """What was named; ``complete`` when a listing of it finds all that belongs to it."""

    uri: str
    complete: bool


def printable_name(name: str) -> str:
    """``name`` with undecodable bytes written as escapes, so that it can be stored as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_uri(path: Path) -> str:
    """The URI of a file or folder, links resolved; any name has one."""
    return "file://" + quoted(os.path.realpath(path)).rstrip("/")


def quoted(path: str) -> str:
    """``path`` as it stands in a file URI."""
    return quote_from_bytes(os.fsencode(path), safe="/")


def name_below(uri: str, origin: str) -> str | None:
    """The path of ``uri`` below ``origin`` as a listing names it; None when it is not below.

    Pages of the web are below nothing: a page's name is its address, wherever it was found.
    """
    if origin.startswith(("http://", "https://")):
        return None
    base = origin.rstrip("/") + "/"
    if not uri.startswith(base) or len(uri) == len(base):
        return None
    rest = uri[len(base) :]
    if not origin.startswith("file:"):
        return rest
    return printable_name(os.fsdecode(unquote_to_bytes(rest)))


def name_under(known: str, *, name: str, origin: str, uri: str) -> str | None:
    """What an input called ``name`` below ``origin`` is called below the origin ``known``.

    None when ``known`` does not hold it.
    """
    if known == origin:
        return name
    if uri == origin or name_below(uri, origin) is None:
        return name_below(uri, known)  # named by itself, or in a list
    below = name_below(origin, known)
    return None if below is None else f"{below}/{name}"
