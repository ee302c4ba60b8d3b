"""Titles, dates and metadata: the same rules for front matter, HTML and JSONL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import PurePosixPath

MAX_TITLE = 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPACE = re.compile(r"\s+")

TITLE_FIELDS = ("title", "name", "headline")
URL_FIELDS = ("url", "link", "permalink", "canonical_url")
DATE_FIELDS = ("published", "date", "published_at", "publish_date", "updated", "created_at")


def one_line(text: str, *, limit: int = MAX_TITLE) -> str:
    """``text`` without line ends and repeated blanks, cut to ``limit`` characters."""
    flat = _SPACE.sub(" ", text[: limit * 20]).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def title_from_name(name: str) -> str:
    """A readable title for a document that names none: its file name without ending."""
    stem = PurePosixPath(name.split("#", 1)[0]).stem
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
    by_lower = {name.lower(): name for name in reversed(list(values))}
    for name in names:
        if name in by_lower:
            return values.pop(by_lower[name])
    return ""


def take_date(values: dict[str, str]) -> str:
    """Like ``take`` for the date; what is no ISO date stays in the metadata as it was written."""
    by_lower = {name.lower(): name for name in reversed(list(values))}
    for name in DATE_FIELDS:
        if name in by_lower and (found := published(values[by_lower[name]])):
            del values[by_lower[name]]
            return found
    return ""


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\0", "").strip()
