"""Reads the passages of an index with the caller's own rights, and leaves out what it must not use.

Place in the flow: index ──► **passages** ──► makers.  A document that names who may read it is
used only when the caller says that he trains for one of these: what a model has learnt it tells
everybody.  This is looked at in the stored fields and not by a query, because an index leaves out
of its terms what is too long for them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.chunk_scan import VECTOR, StoredChunk, scan
from esrag.cluster.client import explained
from esrag.errors import ConflictError
from esrag.examples.passages import TEXT_HASH, Passage

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PAGE = 500
_HALF = re.compile("[\ud800-\udfff]")
NOT_ALLOWED = "documents of others (acl)"
NO_DOCUMENT = "no document id"
NO_TEXT = "no text"


def read_passages(
    client: Elasticsearch, index: str, *, acl: Sequence[str] = (), left_out: Counter[str]
) -> Iterator[Passage]:
    """Every chunk that may be used; ``left_out`` counts the others by reason.

    Raises what ``explained`` makes of an answer, when trying again does not help.
    """
    for chunk, reason in read_chunks(client, index, acl=acl):
        if reason:
            left_out[reason] += 1
        else:
            yield passage_of(chunk)


def passages_beside(
    client: Elasticsearch,
    index: str,
    *,
    acl: Sequence[str] = (),
    forbidden: Callable[[StoredChunk], None],
) -> Iterator[Passage]:
    """Every chunk that may be used, for who checks what was made of them earlier.

    ``forbidden`` hears of each chunk that is there and is for others.  Raises as
    ``require_readable`` does, before the first is asked for.
    """
    require_readable(client, index)

    def passages() -> Iterator[Passage]:
        for chunk, reason in read_chunks(client, index, acl=acl):
            if not reason:
                yield passage_of(chunk)
            elif reason == NOT_ALLOWED:
                forbidden(chunk)

    return passages()


def read_documents(
    client: Elasticsearch, index: str, documents: Sequence[str], *, acl: Sequence[str] = ()
) -> Iterator[Passage]:
    """The chunks of these documents that may be used, in order.

    Raises what ``explained`` makes of an answer.
    """
    for document in documents:
        after: list[Any] | None = None
        while True:
            with explained(f"reading a document of {index}"):
                answer = client.search(
                    index=index,
                    query={"term": {"document_id": document}},
                    sort=[{"position": "asc"}, {"_seq_no": "asc"}],
                    size=PAGE,
                    search_after=after,
                    source_excludes=[VECTOR],
                    track_total_hits=False,
                )
            hits = answer["hits"]["hits"]
            for hit in hits:
                if not reason_against(hit["_source"], acl):
                    yield passage_of(StoredChunk(str(hit["_id"]), hit["_source"], document))
            if len(hits) < PAGE:
                break
            after = hits[-1]["sort"]


def require_readable(client: Elasticsearch, index: str) -> None:
    """Raise at once when the index cannot be read: nobody should wait for a scan to find out.

    Raises ConflictError when there is none, and what ``explained`` makes of other answers.
    """
    with explained(f"reading {index}"):
        try:
            client.search(index=index, size=0, track_total_hits=False)
        except NotFoundError as error:
            raise ConflictError(
                f"there is no index {index}",
                hint="Name the document set with --set; to make one: esrag setup",
            ) from error


def read_chunks(
    client: Elasticsearch, index: str, *, acl: Sequence[str] = ()
) -> Iterator[tuple[StoredChunk, str]]:
    """Every chunk, and why it is not used; "" when it is."""
    for page in scan(client, index, page=PAGE):
        for chunk in page:
            yield chunk, reason_against(chunk.source, acl)


def reason_against(source: Mapping[str, Any], acl: Sequence[str]) -> str:
    """Why a stored chunk is not used; "" when it is."""
    named = _texts(source.get("acl"))
    if named and not set(named) & set(acl):
        return NOT_ALLOWED
    if not source.get("document_id"):
        return NO_DOCUMENT
    text = source.get("text")
    return "" if isinstance(text, str) and text.strip() else NO_TEXT


def passage_of(chunk: StoredChunk) -> Passage:
    """The passage of a stored chunk, whoever wrote it: what other producers left out is empty."""
    source = chunk.source
    text = _clean(str(source["text"]))
    metadata = source.get("metadata")
    return Passage(
        id=chunk.id,
        document_id=_text(source, "document_id"),
        position=_number(source, "position"),
        text=text,
        title=_text(source, "title"),
        heading_path=_texts(source.get("heading_path")),
        source=_text(source, "source"),
        url=_text(source, "url"),
        mime_type=_text(source, "mime_type"),
        published=_text(source, "published"),
        language=_text(source, "language"),
        origin=_text(source, "origin"),
        document_hash=_text(source, "document_hash") or _hash_of(text),
        run_id=_text(source, "run_id"),
        acl=_texts(source.get("acl")),
        start=_number(source, "start"),
        end=_number(source, "end", otherwise=len(text)),
        metadata={_clean(str(name)): _clean(str(value)) for name, value in sorted(metadata.items())}
        if isinstance(metadata, Mapping)
        else {},
    )


def _hash_of(text: str) -> str:
    """What stands in for the hash of a document whose producer gave none."""
    return TEXT_HASH + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _clean(value: str) -> str:
    """Without halves of surrogate pairs, which no file and no tokenizer takes."""
    return value if value.isascii() else _HALF.sub("\ufffd", value)


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return "" if value is None else _clean(str(value))


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_clean(str(each)) for each in (value if isinstance(value, list) else [value]))


def _number(source: Mapping[str, Any], name: str, *, otherwise: int = 0) -> int:
    value = source.get(name)
    return value if isinstance(value, int) else otherwise
