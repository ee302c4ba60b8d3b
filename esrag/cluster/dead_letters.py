"""The index ``esrag-dlq``: rejected inputs of ours, and documents that an intake pipeline kept.

    a rejected input of esrag          -> error.code, error.stage, error.path …, its text if asked
    a document of another producer     -> the document whole, error.processor, error.tag …

Both have ``error.index`` (the alias they were meant for), ``error.message`` and ``error.time``.
Knows neither the files of a data folder nor what is to become of a letter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.cluster.indices import write_index
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, UnavailableError
from esrag.names import DLQ_INDEX

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_PAGE = 200
_KEEP_ALIVE = "5m"
_AT_ONCE = 100
_PATIENCE = 10.0  # seconds for a copy of a letter that is safe in its file
_OWN_ERROR = "error_of_document"  # where the intake pipeline moved a document's own field ``error``

Fate = Literal["taken", "superseded", "kept again", "refused"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One letter of the index.  ``run_id`` is "" when another producer sent the document.

    ``document`` is that producer's, as it came; of ours it has the text when it was to be kept.
    """

    id: str
    index: str
    code: str
    reason: str
    at: str = ""
    stage: str = ""
    path: str = ""
    place: str = ""
    document_id: str = ""
    run_id: str = ""
    status: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether a run of ``esrag ingest`` wrote it."""
        return bool(self.run_id)


@dataclass(frozen=True, slots=True)
class Resent:
    """What became of a document that was sent through its intake pipeline again.

    ``kept again``: the pipeline failed again, and a new letter took the place of this one.
    ``superseded``: the index has a version that came later than the letter; nothing was sent.
    """

    letter: Kept
    fate: Fate
    reason: str = ""


class LetterIndex:
    """The letters of one document set, by its alias."""

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._is_there = False

    def add(self, letters: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        """Create letters by id; how many are in the index now, written now or before.

        Sent once, and not waited for long: who calls decides whether a failure matters.
        """
        client = self._client.options(request_timeout=_PATIENCE)
        self._require(client)
        there = 0
        for first in range(0, len(letters), _AT_ONCE):
            part = letters[first : first + _AT_ONCE]
            operations: list[Mapping[str, Any]] = []
            for letter_id, body in part:
                operations += [{"create": {"_id": letter_id}}, body]
            with explained(f"writing to {DLQ_INDEX}"):
                answer = client.bulk(index=DLQ_INDEX, operations=operations)
            there += sum(item["create"]["status"] in (201, 409) for item in answer["items"])
        return there

    def _require(self, client: Elasticsearch) -> None:
        """A write must not make the index: it would have no mapping of ours."""
        if self._is_there:
            return
        with explained(f"looking for {DLQ_INDEX}"):
            self._is_there = bool(client.indices.exists(index=DLQ_INDEX))
        if not self._is_there:
            raise ConflictError(f"there is no index {DLQ_INDEX}", hint="Create it: esrag setup")

    def read(self, *, with_documents: bool = False) -> Iterator[Kept]:
        """All letters of the set, as they are now; nothing when there is no such index."""
        pit = self._open()
        after: Sequence[Any] | None = None
        try:
            while pit:
                body = page_body(pit, self._alias, after=after, with_documents=with_documents)
                answer = self._search(body)
                pit = str(answer.get("pit_id", pit))
                hits = answer["hits"]["hits"]
                for hit in hits:
                    yield letter_of(hit)
                if len(hits) < _PAGE:
                    return
                after = hits[-1]["sort"]
        finally:
            if pit:
                self._close(pit)

    def remove(self, ids: Sequence[str]) -> int:
        """Delete letters by id; how many there were."""
        gone = 0
        for first in range(0, len(ids), _AT_ONCE):
            operations = [{"delete": {"_id": one}} for one in ids[first : first + _AT_ONCE]]
            with explained(f"removing letters from {DLQ_INDEX}"):
                answer = self._client.bulk(index=DLQ_INDEX, operations=operations)
            failed = [item["delete"] for item in answer["items"] if "error" in item["delete"]]
            if failed:
                raise UnavailableError(f"{DLQ_INDEX} keeps a letter: {failed[0]['error']}")
            gone += sum(item["delete"]["status"] == 200 for item in answer["items"])
        return gone

    def resend(self, letters: Sequence[Kept]) -> list[Resent]:
        """Send documents of other producers through the intake pipeline again, and say how it went.

        Under the id that the producer gave, else the letter's own, so that sending twice is
        harmless.  A letter whose document is in its index, or has a newer letter, is removed;
        a version that came later is not overwritten.
        Raises ConflictError when there is no such index: a write must not make one.
        """
        if write_index(self._client, self._alias) is None:
            raise ConflictError(f"there is no index behind {self._alias}", hint="Run: esrag setup")
        fates: list[Resent] = []
        for first in range(0, len(letters), _AT_ONCE):
            fates += self._resend(letters[first : first + _AT_ONCE])
        done = [one.letter.id for one in fates if one.fate != "refused"]
        retrying(lambda: self.remove(done))
        return fates

    def _resend(self, letters: Sequence[Kept]) -> list[Resent]:
        later = self._later(letters)
        fates = [Resent(letter, "superseded") for letter in letters if letter.id in later]
        waiting = [letter for letter in letters if letter.id not in later]
        return fates + (self._send(waiting) if waiting else [])

    def _later(self, letters: Sequence[Kept]) -> set[str]:
        """Letters whose document was indexed after they were written, both by the server's time."""
        ids = sorted({letter.document_id for letter in letters if letter.document_id})

        def call() -> Mapping[str, Any]:
            with explained(f"looking for newer documents of {self._alias}"):
                answer = self._client.search(
                    index=self._alias,
                    query={"ids": {"values": ids}},
                    size=len(ids),
                    source=False,
                    docvalue_fields=[{"field": "indexed_at", "format": "epoch_millis"}],
                )
            found: Mapping[str, Any] = answer.body
            return found

        hits = retrying(call)["hits"]["hits"] if ids else []
        indexed = {
            hit["_id"]: int(hit["fields"]["indexed_at"][0])
            for hit in hits
            if "indexed_at" in hit.get("fields", {})
        }
        return {
            letter.id
            for letter in letters
            if letter.at and indexed.get(letter.document_id, 0) > _milliseconds(letter.at)
        }

    def _send(self, letters: Sequence[Kept]) -> list[Resent]:
        operations: list[Mapping[str, Any]] = []
        for letter in letters:
            operations += [{"index": {"_id": letter.document_id or letter.id}}, letter.document]

        def call() -> Mapping[str, Any]:
            with explained(f"sending documents to {self._alias} again"):
                # the index's own default pipeline is the intake pipeline
                answer = self._client.options(request_timeout=120).bulk(
                    index=self._alias, operations=operations
                )
            found: Mapping[str, Any] = answer.body
            return found

        items = [item["index"] for item in retrying(call)["items"]]
        return [_fate(letter, item) for letter, item in zip(letters, items, strict=True)]

    def _open(self) -> str:
        """Asked once: somebody waits to hear that the cluster is down."""
        with explained(f"opening a point in time of {DLQ_INDEX}"):
            try:
                answer = self._client.open_point_in_time(index=DLQ_INDEX, keep_alive=_KEEP_ALIVE)
            except NotFoundError:
                return ""
        return str(answer["id"])

    def _search(self, body: dict[str, Any]) -> Mapping[str, Any]:
        def call() -> Mapping[str, Any]:
            with explained(f"reading {DLQ_INDEX}"):
                answer = self._client.search(body=body, allow_partial_search_results=False)
            found: Mapping[str, Any] = answer.body
            return found

        return retrying(call)

    def _close(self, pit: str) -> None:
        try:
            self._client.close_point_in_time(id=pit)
        except Exception:  # noqa: BLE001 - the server forgets it by itself; why reading ended matters
            return


def letter_id(alias: str, run_id: str, path: str, place: str, document_id: str) -> str:
    """The same for the same input of the same run."""
    parts = "\0".join((alias, run_id, path, place, document_id))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def page_body(
    pit: str, alias: str, *, after: Sequence[Any] | None = None, with_documents: bool = False
) -> dict[str, Any]:
    """The search for one page of letters, oldest first."""
    meant_for = [{"term": {"error.index": alias}}, {"prefix": {"error.index": f"{alias}-0"}}]
    body: dict[str, Any] = {
        "pit": {"id": pit, "keep_alive": _KEEP_ALIVE},
        "size": _PAGE,
        "sort": [{"error.time": {"order": "asc", "missing": "_first"}}],
        "track_total_hits": False,
        "query": {"bool": {"filter": [{"bool": {"should": meant_for}}]}},
    }
    if not with_documents:
        body["_source"] = ["error"]
    if after is not None:
        body["search_after"] = list(after)
    return body


def letter_of(hit: Mapping[str, Any]) -> Kept:
    """The letter in a hit of the index."""
    document = dict(hit["_source"])
    error = document.pop("error", {})
    if _OWN_ERROR in document:
        document["error"] = document.pop(_OWN_ERROR)
    pipeline = error.get("tag") or error.get("processor") or error.get("pipeline") or "unknown"
    return Kept(
        id=str(hit["_id"]),
        index=str(error.get("index", "")),
        code=str(error.get("code") or f"pipeline:{pipeline}"),
        reason=str(error.get("message", "")),
        at=str(error.get("time", "")),
        stage=str(error.get("stage", "pipeline")),
        path=str(error.get("path", "")),
        place=str(error.get("place", "")),
        document_id=str(error.get("id", "")),
        run_id=str(error.get("run_id", "")),
        status=int(error.get("status", 0)),
        document=document,
    )


def _milliseconds(time: str) -> int:
    """Of an ISO time as the server writes it, with up to nine digits of a second."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + int((fraction + "000")[:3])


def _fate(letter: Kept, item: Mapping[str, Any]) -> Resent:
    error = item.get("error")
    if isinstance(error, Mapping):
        return Resent(letter, "refused", f"{error.get('type')}: {error.get('reason')}")
    if item.get("_index") == DLQ_INDEX:
        return Resent(letter, "kept again", f"a new letter: {item.get('_id')}")
    return Resent(letter, "taken")
