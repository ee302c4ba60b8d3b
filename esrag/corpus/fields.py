"""Titles, dates, authors, languages and metadata: the same rules for every format.

Front matter, HTML's head, a JSON record and an office file's properties all end here as one flat
mapping of strings, from which the fields that a document knows are taken by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

MAX_TITLE = 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPACE = re.compile(r"\s+")
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:[-_][a-zA-Z0-9-_]*)?(?:\.[a-zA-Z0-9-]+)?")

TITLE_FIELDS = ("title", "name", "headline")
URL_FIELDS = ("url", "link", "permalink", "canonical_url")
DATE_FIELDS = ("published", "date", "published_at", "publish_date", "created_at", "created")
MODIFIED_FIELDS = ("modified", "updated", "updated_at", "last_modified", "lastmod")
AUTHOR_FIELDS = ("author", "authors", "creator", "byline")
LANGUAGE_FIELDS = ("language", "lang")
ACL_FIELDS = ("acl",)


@dataclass(frozen=True, slots=True)
class Declared:
    """The fields that a document states of itself."""

    title: str
    url: str
    author: str
    language: str
    published: str
    modified: str


def declared(*sources: dict[str, str]) -> Declared:
    """Take the known fields out of the first source that has each; what is left is metadata.

    A document that only says when it was changed is as old as that.
    """

    def first(names: tuple[str, ...]) -> str:
        return next((found for one in sources if (found := take(one, names))), "")

    def first_date(names: tuple[str, ...]) -> str:
        return next((found for one in sources if (found := take_date(one, names))), "")

    published_at, modified_at = first_date(DATE_FIELDS), first_date(MODIFIED_FIELDS)
    return Declared(
        title=one_line(first(TITLE_FIELDS)),
        url=first(URL_FIELDS),
        author=one_line(first(AUTHOR_FIELDS)),
        language=language(first(LANGUAGE_FIELDS)),
        published=published_at or modified_at,
        modified=modified_at,
    )


def one_line(text: str, *, limit: int = MAX_TITLE) -> str:
    """``text`` without line ends and repeated blanks, cut to ``limit`` characters."""
    flat = _SPACE.sub(" ", text[: limit * 20]).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def title_from_name(name: str) -> str:
    """A readable title for a document that names none: its file name without ending."""
    stem = PurePosixPath(name.rpartition("!/")[2].split("#", 1)[0]).stem
    return one_line(re.sub(r"[-_]+", " ", stem)) or name


def published(value: str) -> str:
    """``value`` as the index wants a date; empty when it is not an ISO date or time."""
    value = value.strip()
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
        return datetime.fromisoformat(value).isoformat() if _DATE.match(value) else ""
    except ValueError:
        return ""


def moment(value: datetime | date | None) -> str:
    """A library's date as the index wants it; empty for none and for the epochs of no date."""
    if value is None or value.year < 1601:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    return value.isoformat()


def language(value: str) -> str:
    """The language of a tag such as ``en-GB`` or ``de_DE.UTF-8``: "en", "de"; else empty."""
    found = _LANGUAGE.fullmatch(value.strip())
    return found.group(1).lower() if found else ""


def readers(value: object) -> tuple[str, ...]:
    """Who may read: the items of a list, or of a string with commas or semicolons."""
    if isinstance(value, str):
        value = re.split(r"[,;]", value)
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        return ()
    return tuple(dict.fromkeys(name for item in value if (name := _scalar(item))))


def flatten(values: Mapping[str, object], *, prefix: str = "") -> dict[str, str]:
    """Nested metadata as one level of strings: lists joined by commas, keys joined by dots."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{one_line(str(key), limit=100)}".replace("\0", "") or "_"
        if isinstance(value, Mapping):
            flat.update(flatten(value, prefix=f"{name}."))
        elif isinstance(value, list):
            flat[name] = ", ".join(_scalar(item) for item in value)
        elif value is not None:
            flat[name] = _scalar(value)
    return {name: value for name, value in flat.items() if value}


def take(values: dict[str, str], names: tuple[str, ...]) -> str:
    """Remove and return the first of ``names`` that is there, whatever its case."""
    name = _first(values, names)
    return values.pop(name) if name is not None else ""


def take_readers(values: dict[str, object]) -> tuple[str, ...]:
    """Remove and return the ACL field of nested values."""
    name = _first(values, ACL_FIELDS)
    return readers(values.pop(name)) if name is not None else ()


def take_date(values: dict[str, str], names: tuple[str, ...] = DATE_FIELDS) -> str:
    """Like ``take`` for a date; what is no ISO date stays in the metadata as it was written."""
    by_lower = {name.lower(): name for name in reversed(list(values))}
    for name in names:
        if name in by_lower and (found := published(values[by_lower[name]])):
            del values[by_lower[name]]
            return found
    return ""


def _first(values: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(list(values))}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\0", "").strip()
