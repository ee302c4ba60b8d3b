"""Whose an object is: by its seal, or by our note where it cannot carry one.

Inference endpoints have no place for a mark, and a model that was taken over is somebody else's
body; for such objects a note in the cluster says that they are managed.  The note is written
before the object and removed after it, so that an interrupted run finds its own work again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esrag.cluster import notes
from esrag.cluster.retry import retrying

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OBJECT = "object"
_PREFIX = "object:"


@dataclass(frozen=True, slots=True)
class Record:
    """What we wrote down about one object.  ``set`` is "*" for what all sets share.

    ``adopted`` objects were somebody else's before; ``hash`` is of what we last wanted.
    """

    kind: str
    name: str
    set: str
    hash: str = ""
    fingerprint: str = ""
    version: str = ""
    adopted: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The note's id."""
        return f"{_PREFIX}{self.kind}:{self.name}"

    def as_body(self) -> dict[str, Any]:
        """The note."""
        return {
            "kind": OBJECT,
            "set": self.set,
            "name": self.name,
            "hash": self.hash,
            "fingerprint": self.fingerprint,
            "version": self.version,
            "adopted": self.adopted,
            "details": {**self.details, "kind": self.kind},
        }


Records = Mapping[tuple[str, str], Record]


def read_records(client: Elasticsearch) -> Records:
    """All records, by kind and name."""
    found = (_record(note.body) for note in notes.list_notes(client, OBJECT))
    return {(record.kind, record.name): record for record in found}


def write_record(client: Elasticsearch, record: Record) -> None:
    """Write down that an object is managed; before it is made."""
    retrying(lambda: notes.put_note(client, record.id, record.as_body()))


def drop_record(client: Elasticsearch, kind: str, name: str) -> None:
    """Forget an object; after it is gone."""
    retrying(lambda: notes.drop_note(client, f"{_PREFIX}{kind}:{name}"))


def _record(body: Mapping[str, Any]) -> Record:
    details = dict(body.get("details") or {})
    return Record(
        kind=str(details.pop("kind", "")),
        name=str(body.get("name", "")),
        set=str(body.get("set", "")),
        hash=str(body.get("hash", "")),
        fingerprint=str(body.get("fingerprint", "")),
        version=str(body.get("version", "")),
        adopted=bool(body.get("adopted")),
        details=details,
    )
