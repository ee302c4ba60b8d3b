"""Bulk requests: their bodies, and what each answer means for each chunk.

Nothing here waits or sends twice; ``delivery`` does, by the verdicts given here.  Own bodies and
own reading of answers, because losing track of one chunk in a thousand is what we promise against,
and because a body that is put together once, of bytes that are ready, costs next to nothing.
"""

from __future__ import annotations

import enum
import json
import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import elastic_transport
from elasticsearch import ApiError, UnsupportedProductError

from esrag.cluster.client import NOT_ALLOCATED, api_error, explained, reason
from esrag.cluster.profile import FIELD
from esrag.errors import (
    ConflictError,
    EsragError,
    LicenceError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
)
from esrag.types import Chunk

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch
    from numpy.typing import NDArray

BLOCKED = "cluster_block_exception"
_CLOSED = "index_closed_exception"
BULK_TIMEOUT = 120.0  # seconds; a request embeds up to a few hundred chunks
# What the reading of an answer needs, and no more: the server leaves the rest out.
ANSWER_PARTS = "errors,items.*._index,items.*._id,items.*.status,items.*.error"
_LONGEST_ASKED_WAIT = 120.0
_VECTOR = b'"%b":' % FIELD.encode()
_BRACES = len(b"{}")
_OK, _CREATED, _GONE = 200, 201, 404
_FIELDS = (  # of a chunk, by their names in the mapping; empty ones are left out
    "document_id",
    "text",
    "context",
    "title",
    "heading_path",
    "url",
    "source",
    "mime_type",
    "published",
    "content_hash",
    "origin",
    "author",
    "language",
    "modified",
    "acl",
    "page",
    "last_page",
    "chunk_count",
)
_values = attrgetter(*_FIELDS)
_INDEX = b'{"index":{"_id":'
_DELETE = b'{"delete":{"_id":'


@dataclass(frozen=True, slots=True)
class Action:
    """One line pair of a bulk body.  ``key`` is the caller's, to know the answer again.

    ``source`` is a JSON object in bytes.  Where vectors are made on this machine, ``text`` holds
    the words to embed, and ``vector`` the JSON of what became of them (``encoded_vectors``).
    """

    kind: Literal["index", "delete"]
    id: str
    key: int
    source: bytes = b""
    text: str = ""
    vector: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in the body, roughly."""
        return len(self.source) + len(self.vector) + 80


class Verdict(enum.Enum):
    """What to do after an answer."""

    ACKNOWLEDGED = "acknowledged"
    AGAIN = "again"  # outcome unknown or server busy: send the same ids again
    BUSY = "busy"  # like AGAIN, and send less at once
    FEW_TIMES = "few times"  # may be this chunk's own fault: again, but not for long
    HALVE = "halve"  # the request as a whole is refused: find out which part of it
    REJECTED = "rejected"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Item:
    """The answer to one action, and the index that gave it.

    ``error`` is set when the verdict is STOP.
    """

    action: Action
    verdict: Verdict
    status: int = 0
    code: str = ""
    reason: str = ""
    error: EsragError | None = None
    attempts: int = 1
    index: str = ""


class BulkRefused(Exception):
    """A bulk request was refused or lost as a whole; never leaves the cluster package."""

    def __init__(
        self,
        verdict: Verdict,
        status: int,
        text: str,
        error: EsragError,
        *,
        lost: bool = False,
        asked_wait: float = 0.0,
    ) -> None:
        super().__init__(text)
        self.verdict = verdict
        self.status = status
        self.text = text
        self.error = error
        self.lost = lost
        self.asked_wait = asked_wait


def chunk_source(chunk: Chunk, *, document_hash: str, run_id: str) -> bytes:
    """The fields of a chunk as the mapping has them; empty ones are left out."""
    import orjson  # of the extra ingest; what only copies chunks does without it

    fields: dict[str, Any] = {
        "position": chunk.position,
        "start": chunk.start,
        "end": chunk.end,
        "document_hash": document_hash,
        "run_id": run_id,
    }
    for name, value in zip(_FIELDS, _values(chunk), strict=True):
        if value:
            fields[name] = value
    if chunk.metadata:
        fields["metadata"] = dict(chunk.metadata)
    return orjson.dumps(fields)


def encoded_vectors(vectors: NDArray[Any], *, base64: bool) -> list[bytes]:
    """The rows of a matrix as JSON values, for ``Action.vector``; each float32 stays as it is.

    In base64 a vector is a third of its digits and the server need not read numbers; it takes
    that from 9.3 on.
    """
    import numpy
    import orjson

    if not base64:
        rows = numpy.ascontiguousarray(vectors, dtype=numpy.float32)
        return [orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) for row in rows]
    swapped = numpy.ascontiguousarray(vectors, dtype=">f4")
    return [b'"%b"' % b2a_base64(row, newline=False) for row in swapped]


def bulk_body(actions: Sequence[Action]) -> bytes:
    """The newline-delimited body of ``POST <index>/_bulk``."""
    parts: list[bytes] = []
    for action in actions:
        parts.append(_INDEX if action.kind == "index" else _DELETE)
        name = action.id
        if name.isalnum() and name.isascii():
            parts += (b'"', name.encode("ascii"), b'"}}\n')
        else:
            parts += (json.dumps(name).encode("ascii"), b"}}\n")
        if action.vector:
            comma = b"," if len(action.source) > _BRACES else b""
            parts += (action.source[:-1], comma, _VECTOR, action.vector, b"}\n")
        elif action.kind == "index":
            parts += (action.source, b"\n")
    return b"".join(parts)


def send_bulk(
    client: Elasticsearch,
    index: str,
    actions: Sequence[Action],
    *,
    pipeline: str | None = None,
    timeout: float | None = BULK_TIMEOUT,
) -> list[Item]:
    """Send one request, once; one Item for each action, in order.

    With ``timeout`` None the client's own counts; whoever sends many saves making it a new one.
    Without a ``pipeline`` the index's own is passed.  Raises BulkRefused when there is no answer
    that speaks of each action.
    """
    doing = f"writing chunks to {index}"
    params = {"pipeline": pipeline} if pipeline else {}
    params["filter_path"] = ANSWER_PARTS
    try:
        with explained(doing):
            try:
                sender = client if timeout is None else client.options(request_timeout=timeout)
                answer = sender.perform_request(
                    "POST",
                    f"/{index}/_bulk",
                    params=params,
                    headers={
                        "accept": "application/json",
                        "content-type": "application/x-ndjson",
                    },
                    body=bulk_body(actions),
                )
            except UnsupportedProductError as error:
                raise _lost("it does not come from Elasticsearch") from error
            except ApiError as error:
                raise _refused(error, doing) from error
            except elastic_transport.SerializationError as error:
                raise _lost(f"it cannot be read: {error.message}") from error
    except UnavailableError as error:
        raise BulkRefused(Verdict.AGAIN, 0, error.message, error, lost=True) from error
    return read_answer(actions, answer.body, target=index)


def read_answer(actions: Sequence[Action], body: object, *, target: str = "") -> list[Item]:
    """Match the items of an answer to the actions; raises BulkRefused when they do not fit.

    ``target`` is the alias or index that was addressed: what landed elsewhere is rejected.
    """
    items = body.get("items") if isinstance(body, Mapping) else None
    if not isinstance(items, list) or len(items) != len(actions):
        found = len(items) if isinstance(items, list) else "no"
        raise _lost(f"{len(actions)} actions were sent, the answer has {found} items")
    return [_item(action, item, target) for action, item in zip(actions, items, strict=True)]


def _item(action: Action, item: object, target: str) -> Item:
    result = item.get(action.kind) if isinstance(item, dict) else None
    if not isinstance(result, dict):
        raise _lost("the items of the answer are not those that were sent")
    index = result.get("_index")
    if target and index != target and (elsewhere := _other_index(index, target)):
        return _dead_lettered(action, result, elsewhere)
    if result.get("_id") != action.id:
        raise _lost("the items of the answer are not those that were sent")
    status = result.get("status")
    if status in (_OK, _CREATED):
        return Item(action, Verdict.ACKNOWLEDGED, status, index=str(index or ""))
    if not isinstance(status, int):
        raise _lost("an item of the answer has no status")
    return replace(_refusal(action, status, result), index=str(index or ""))


def _other_index(index: object, target: str) -> str:
    """The index in the answer when it is no generation behind ``target`` either."""
    if not isinstance(index, str):
        return ""
    return "" if re.fullmatch(re.escape(target) + r"-\d{6,}", index) else index


def _dead_lettered(action: Action, result: Mapping[str, Any], index: str) -> Item:
    """A pipeline sent the chunk to another index, whatever that index made of it."""
    status = result.get("status")
    cause = result.get("error")
    if isinstance(cause, Mapping):
        there = f", which refused it: {_words(cause)}"
    else:
        there = f" as {result.get('_id')}, where the reason stands under error"
    return Item(
        action,
        Verdict.REJECTED,
        status if isinstance(status, int) else 0,
        "dead_lettered",
        f"an ingest pipeline sent it to {index}{there}",
    )


def _refusal(action: Action, status: int, result: Mapping[str, Any]) -> Item:
    if action.kind == "delete" and status == _GONE and "error" not in result:
        return Item(action, Verdict.ACKNOWLEDGED, status)
    error = result.get("error")
    cause = error if isinstance(error, Mapping) else {"reason": str(error)}
    code, text = str(cause.get("type") or "unknown"), _words(cause)
    if NOT_ALLOCATED in text:
        return Item(action, Verdict.AGAIN, status, code, text)
    if code == _CLOSED:  # the server's own words are "closed"
        text = f"index {cause.get('index') or result.get('_index')} is closed"
    stop = _stops(status, code, text)
    if stop is not None:
        return Item(action, Verdict.STOP, status, code, text, stop)
    return Item(action, _verdict(status), status, code, text)


def _verdict(status: int) -> Verdict:
    if status == 429:
        return Verdict.BUSY
    # 409: two of our own requests met in one chunk; none of them has a condition that could fail
    if status in (408, 409, 502, 503, 504):
        return Verdict.AGAIN
    return Verdict.FEW_TIMES if status >= 500 else Verdict.REJECTED


def _stops(status: int, code: str, text: str) -> EsragError | None:
    """The error that ends the run, when it would meet every other chunk as well."""
    doing = "while writing chunks"
    if status == 401:
        return PermissionDeniedError(f"Elasticsearch refused the credentials {doing}: {text}")
    if code == _CLOSED:
        return UnavailableError(
            f"an index cannot be written to {doing}: {text}",
            hint="Open it (POST <index>/_open) and run this again.",
        )
    if status == 403 and code == BLOCKED:
        return UnavailableError(
            f"the index is blocked {doing}: {text}", hint="Lift the block and run this again."
        )
    if status == 403 and "non-compliant" in text:
        return LicenceError(
            f"the cluster's licence does not allow embedding {doing}: {text}",
            hint="Run esrag setup: it plans embedding on this machine, and what is indexed stays "
            "valid. Then the same command again.",
        )
    if status == 403:
        return PermissionDeniedError(f"not allowed {doing}: {text}")
    if "deployed" in text or "trained model" in text.lower():
        if status in (400, 404, 409):
            return UnsupportedError(
                f"the embedding model is not ready {doing}: {text}",
                hint="Deploy it: esrag setup",
            )
        return None
    if status == 404 or text.startswith("pipeline with id"):
        return ConflictError(f"not found {doing}: {text}", hint="Run: esrag setup")
    return None


def _refused(error: ApiError, doing: str) -> BulkRefused:
    status, text = error.meta.status, reason(error)
    translated = api_error(error, doing)
    if status in (400, 413):
        return BulkRefused(Verdict.HALVE, status, text, translated)
    wait = _asked_wait(error)
    if status == 429:
        return BulkRefused(Verdict.BUSY, status, text, translated, asked_wait=wait)
    if status == 408 or status >= 500:
        return BulkRefused(Verdict.AGAIN, status, text, translated, lost=True, asked_wait=wait)
    if status == 404:
        translated = ConflictError(f"not found while {doing}: {text}", hint="Run: esrag setup")
    return BulkRefused(Verdict.STOP, status, text, translated)


def _asked_wait(error: ApiError) -> float:
    """Seconds that a proxy or the server asks to be left alone; 0 when it does not say."""
    said = str(error.meta.headers.get("retry-after", ""))
    return min(float(said), _LONGEST_ASKED_WAIT) if said.isascii() and said.isdigit() else 0.0


def _lost(text: str) -> BulkRefused:
    error = UnavailableError(
        f"Elasticsearch's answer to a bulk request cannot be trusted: {text}",
        hint="Is a proxy in between? Run the same command again to continue.",
    )
    return BulkRefused(Verdict.AGAIN, 0, text, error, lost=True)


def _words(cause: Mapping[str, Any]) -> str:
    words = [str(cause.get("reason") or cause.get("type") or "no reason given")]
    inner = cause.get("caused_by")
    while isinstance(inner, Mapping):
        words.append(str(inner.get("reason") or inner.get("type") or ""))
        inner = inner.get("caused_by")
    return ": ".join(dict.fromkeys(word for word in words if word))
