"""What a user may say about how inputs are read; plain data that travels to the parser child."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from esrag.corpus.limits import Limits
from esrag.errors import UsageError

FIELDS = ("id", "text", "title", "url", "published", "modified", "author", "language", "acl")


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How inputs are read.

    ``fields`` maps a field of the document to dotted paths in a record (JSON, JSONL, table rows).
    Mapped ``text`` and ``id`` are taken from there and from nowhere else, the others from there
    first; several paths of ``text`` are joined as paragraphs.  ``records`` is the dotted
    path of the array that holds the records of a JSON file.  ``table_rows``: each row of a table
    (CSV, TSV, XLSX) is a document of its own.  ``metadata`` and ``acl`` are given to every
    document and go before what a document says of itself: nobody may widen his own readers.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    records: str = ""
    table_rows: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    acl: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> dict[str, Any]:
        """As an object of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ReadingOptions:
        """The options that ``as_json`` wrote."""
        return cls(
            fields={name: tuple(paths) for name, paths in values["fields"].items()},
            records=values["records"],
            table_rows=values["table_rows"],
            metadata=dict(values["metadata"]),
            acl=tuple(values["acl"]),
            limits=Limits(**values["limits"]),
        )


def field_map(assignments: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``text=body.plain,summary`` and the like as a mapping; raises UsageError with the names."""
    found: dict[str, tuple[str, ...]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip().lower()
        paths = tuple(path.strip() for path in value.split(",") if path.strip())
        if not equals or not paths or name not in FIELDS:
            raise UsageError(
                f"field mapping {assignment!r} is not understood",
                hint=f"Write name=path with a name out of: {', '.join(FIELDS)}.",
            )
        found[name] = found.get(name, ()) + paths
    return found
