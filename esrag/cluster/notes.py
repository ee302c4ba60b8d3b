"""Reads and writes esrag's own notes, one document each, in the index of that purpose.

A note carries its sequence number, so that a change is made only to what was read: of two that
change the same note at once, one is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import ConflictError as VersionConflict
from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.names import META_INDEX

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """A note and the state of it that was read."""

    id: str
    body: Mapping[str, Any]
    seq_no: int
    primary_term: int


def read_note(client: Elasticsearch, note_id: str) -> Note | None:
    """One note as it is now; None when there is none, or no index for notes."""
    with explained(f"reading {note_id} in {META_INDEX}"):
        try:
            found = client.get(index=META_INDEX, id=note_id).body
        except NotFoundError:
            return None
    return Note(note_id, found["_source"], found["_seq_no"], found["_primary_term"])


def list_notes(client: Elasticsearch, kind: str) -> tuple[Note, ...]:
    """All notes of one kind, by id."""
    with explained(f"listing notes in {META_INDEX}"):
        try:
            answer = client.search(
                index=META_INDEX,
                query={"term": {"kind": kind}},
                size=_MOST,
                seq_no_primary_term=True,
                allow_partial_search_results=False,
            )
        except NotFoundError:
            return ()
    found = [
        Note(hit["_id"], hit["_source"], hit["_seq_no"], hit["_primary_term"])
        for hit in answer["hits"]["hits"]
    ]
    return tuple(sorted(found, key=lambda note: note.id))


def create_note(client: Elasticsearch, note_id: str, body: Mapping[str, Any]) -> bool:
    """Write a note where there is none; False when there is one."""
    with explained(f"writing {note_id} in {META_INDEX}"):
        try:
            client.create(index=META_INDEX, id=note_id, document=body, refresh=True)
        except VersionConflict:
            return False
    return True


def change_note(client: Elasticsearch, note: Note, body: Mapping[str, Any]) -> Note | None:
    """Write another body over the note that was read; None when it is no longer that one."""
    with explained(f"changing {note.id} in {META_INDEX}"):
        try:
            answer = client.index(
                index=META_INDEX,
                id=note.id,
                document=body,
                if_seq_no=note.seq_no,
                if_primary_term=note.primary_term,
                refresh=True,
            )
        except (VersionConflict, NotFoundError):
            return None
    return Note(note.id, body, answer["_seq_no"], answer["_primary_term"])


def put_note(client: Elasticsearch, note_id: str, body: Mapping[str, Any]) -> None:
    """Write a note, whatever was there."""
    with explained(f"writing {note_id} in {META_INDEX}"):
        client.index(index=META_INDEX, id=note_id, document=body, refresh=True)


def delete_note(client: Elasticsearch, note: Note) -> bool:
    """Delete the note that was read; False when it is no longer that one, or gone."""
    with explained(f"deleting {note.id} in {META_INDEX}"):
        try:
            client.delete(
                index=META_INDEX,
                id=note.id,
                if_seq_no=note.seq_no,
                if_primary_term=note.primary_term,
                refresh=True,
            )
        except (VersionConflict, NotFoundError):
            return False
    return True


def drop_note(client: Elasticsearch, note_id: str) -> None:
    """Delete a note, whatever it says; one that is gone is no error."""
    with explained(f"deleting {note_id} in {META_INDEX}"):
        try:
            client.delete(index=META_INDEX, id=note_id, refresh=True)
        except NotFoundError:
            return
