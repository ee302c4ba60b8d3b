"""A small library whose every chunk is known: what each filter finds can be said beforehand."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esrag.types import Filters

WORDS = ("queue", "restart", "disk", "index", "worker", "message", "token", "model")
DOCUMENTS, PER_DOCUMENT = 14, 4
MODEL = "model-a"


def made_chunks() -> list[dict[str, Any]]:
    """The same chunks each time; every text holds the word "alpha"."""
    chance = random.Random(7)
    found = []
    for number in range(DOCUMENTS):
        shared = {
            "document_id": f"d{number:02}",
            "source": f"folder/{number % 5}.md",
            "origin": f"origin-{number % 3}",
            "author": ("Ada", "Bo", "")[number % 3],
            "language": ("en", "de")[number % 2],
            "published": f"202{number % 4}-03-0{number % 9 + 1}",
            "modified": f"2026-0{number % 9 + 1}-15",
            "metadata": {"team": ("docs", "search")[number % 2], "level": str(number % 3)},
            "acl": ([], ["staff"], ["staff", "board"], ["board"])[number % 4],
        }
        start = 0
        for position in range(PER_DOCUMENT):
            words = " ".join(chance.choices(WORDS, k=12))
            text = f"alpha {words} 4.{number}.{position}"
            chunk = {
                **{name: value for name, value in shared.items() if value},
                "position": position,
                "start": start,
                "end": start + len(text),
                "text": text,
                "context": f"Title {number}",
                "title": f"Title {number}",
                "heading_path": [f"Title {number}", f"Part {position // 2}"],
                "embedding": vector_of(text),
            }
            start += len(text) + 1
            found.append({"_id": f"c{number:02}-{position}", **chunk})
    return found


def vector_of(text: str) -> list[float]:
    """A vector of three numbers by the words of a text."""
    chance = random.Random(text)
    return [1.0 + chance.random(), chance.random(), chance.random()]


# For each field of Filters, values to choose from.
VALUES: Mapping[str, Sequence[Any]] = {
    "source": [(), ("folder/1.md",), ("folder/0.md", "folder/2.md")],
    "document_id": [(), (), ("d03", "d04", "d05", "d06")],
    "origin": [(), ("origin-1",)],
    "author": [(), (), ("Ada", "Bo")],
    "language": [(), ("en",), ("de",)],
    "published_from": ["", "2021-01-01", "2022-03-04"],
    "published_to": ["", "2022-12-31"],
    "modified_from": ["", "2026-03-15"],
    "modified_to": ["", "2026-08-01"],
    "metadata": [
        (),
        (("team", "docs"),),
        (("team", "docs"), ("team", "search"), ("level", "1")),
    ],
    "acl": [None, None, (), ("staff",), ("board", "nobody")],
}


def fulfils(chunk: Mapping[str, Any], filters: Filters) -> bool:
    """The meaning of the filters, written down anew."""
    named = ("source", "document_id", "origin", "author", "language")
    checks: list[Callable[[], bool]] = [
        lambda: all(
            not getattr(filters, name) or chunk.get(name) in getattr(filters, name)
            for name in named
        ),
        lambda: all(
            chunk["metadata"].get(name) in {v for each, v in filters.metadata if each == name}
            for name, _ in filters.metadata
        ),
        lambda: not filters.published_from or chunk["published"] >= filters.published_from,
        lambda: not filters.published_to or chunk["published"] <= filters.published_to,
        lambda: not filters.modified_from or chunk["modified"] >= filters.modified_from,
        lambda: not filters.modified_to or chunk["modified"] <= filters.modified_to,
        lambda: (
            filters.acl is None
            or not chunk.get("acl")
            or bool(set(chunk["acl"]) & set(filters.acl))
        ),
    ]
    return all(check() for check in checks)
