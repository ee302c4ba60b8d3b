"""Writes and reads the index ``esrag-answers-<set>``: answers as given, and what readers thought.

Documents are only ever created: whoever may answer need not be allowed to read or change what is
kept.  A write never makes the index, as it would have no mapping of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.errors import ConflictError, PermissionDeniedError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

WRITE_SECONDS = 10.0
MOST_FEEDBACK = 100
_WHOLE_ID = re.compile(r"[0-9a-f]{32}")
_PART_OF_ID = re.compile(r"[0-9a-f]{4,32}")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader thought of an answer."""

    rating: str
    comment: str
    at: str


@dataclass(frozen=True, slots=True)
class Logged:
    """An answer of the log.  ``record`` is its JSON form, with passages and prompt."""

    answer_id: str
    at: str
    record: Mapping[str, Any]
    trace_id: str = ""
    version: str = ""
    feedback: tuple[Feedback, ...] = ()


def require_index(client: Elasticsearch, index: str) -> None:
    """Raise ConflictError when there is no such index; who may not look is not held up."""
    patient = client.options(request_timeout=WRITE_SECONDS)
    try:
        with explained(f"looking for {index}"):
            there = bool(patient.indices.exists(index=index))
    except PermissionDeniedError:
        return
    if not there:
        raise ConflictError(
            f"there is no index {index}", hint="Create it, with answer.log on: esrag setup"
        )


def write_entry(
    client: Elasticsearch, index: str, entry: Mapping[str, Any], *, entry_id: str | None = None
) -> None:
    """Create one document; an answer that is there already is left as it is."""
    patient = client.options(request_timeout=WRITE_SECONDS)
    operation: dict[str, Any] = {"create": {"_id": entry_id} if entry_id else {}}
    # by bulk: the privilege create_doc allows it as it is, and a single create wants more
    with explained(f"writing to {index}"):
        answer = patient.bulk(index=index, operations=[operation, entry])
        (item,) = answer["items"]
    status = item["create"]["status"]
    if status not in (201, 409):
        raise ConflictError(f"{index} refused an entry: {item['create'].get('error')}")


def read_logged(client: Elasticsearch, index: str, answer_id: str) -> Logged:
    """One answer by its id, or by how its id begins; with what readers thought of it.

    Raises UsageError when there is none or more than one such answer, ConflictError when there is
    no log.
    """
    wanted = answer_id.strip().lower().replace("-", "")
    if not _PART_OF_ID.fullmatch(wanted):
        raise UsageError(
            f"{answer_id!r} is no id of an answer",
            hint="It has 32 hex digits, of which the first four or more are enough.",
        )
    try:
        found = _by_id(client, index, wanted) or _by_beginning(client, index, wanted)
        entries = _entries(client, index, {"answer_id": found["answer_id"], "kind": "feedback"})
    except ConflictError as error:
        if not isinstance(error.__cause__, NotFoundError):
            raise
        raise ConflictError(
            f"there is no answer log {index}",
            hint="Switch it on with answer.log = true, then: esrag setup",
        ) from error
    return Logged(
        answer_id=str(found["answer_id"]),
        at=str(found.get("at", "")),
        record=found.get("record") or {},
        trace_id=str(found.get("trace_id", "")),
        version=str(found.get("version", "")),
        feedback=tuple(
            Feedback(str(e.get("rating", "")), str(e.get("comment", "")), str(e.get("at", "")))
            for e in entries
        ),
    )


def _by_id(client: Elasticsearch, index: str, answer_id: str) -> Mapping[str, Any] | None:
    """Found as soon as it is written, without waiting for a refresh."""
    if not _WHOLE_ID.fullmatch(answer_id):
        return None
    with explained(f"reading {answer_id} in {index}"):
        answer = client.options(ignore_status=404).get(index=index, id=answer_id).body
    found: Mapping[str, Any] | None = answer.get("_source")
    return found


def _by_beginning(client: Elasticsearch, index: str, beginning: str) -> Mapping[str, Any]:
    query = {
        "bool": {"filter": [{"term": {"kind": "answer"}}, {"prefix": {"answer_id": beginning}}]}
    }
    with explained(f"looking for {beginning} in {index}"):
        hits = client.search(index=index, query=query, size=2).body["hits"]["hits"]
    if len(hits) == 1:
        found: Mapping[str, Any] = hits[0]["_source"]
        return found
    if hits:
        raise UsageError(f"several answers of {index} begin with {beginning}", hint="Give more.")
    raise UsageError(
        f"{index} has no answer {beginning}",
        hint="It may have been given without the log, or to another document set (--set).",
    )


def _entries(
    client: Elasticsearch, index: str, terms: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    query = {"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}}
    with explained(f"reading feedback in {index}"):
        answer = client.search(
            index=index, query=query, size=MOST_FEEDBACK, sort=[{"at": {"order": "asc"}}]
        )
    return [hit["_source"] for hit in answer.body["hits"]["hits"]]
