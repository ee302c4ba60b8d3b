"""The documents: how many chunks, all with a vector, none left among the dead letters, found?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import EsragError, PermissionDeniedError
from esrag.names import DLQ_INDEX
from esrag.state.smoke import QUESTION

_SHOWN = 3


def chunks(case: Case) -> Iterator[Finding]:
    """How many chunks are there, and does each have a vector?"""
    _, observed = case.look
    index = observed.index
    if index is None:
        return
    where = f"index {index}"
    refresh = str(((observed.settings or {}).get("index") or {}).get("refresh_interval", ""))
    if refresh.startswith("-1"):
        body = 'PUT /{}/_settings {{"index.refresh_interval":null}}'
        yield found("refresh-off", where, "refresh_interval is -1", body.format(index))
    total = _count(case, index, {"match_all": {}})
    if total == 0:
        yield found("no-documents", where, "it is empty")
        return
    bare = {"bool": {"must_not": {"exists": {"field": "embedding"}}}}
    without = _count(case, index, bare)
    if without:
        words = (
            f"{without} of {total} chunks have no vector; of documents {_which(case, index, bare)}"
        )
        yield found("chunks-without-vector", where, words)
    else:
        yield well(where, f"{total} chunks, each with a vector")


def dead_letters(case: Case) -> Iterator[Finding]:
    """Do refused documents of this set wait?"""
    alias = case.names.alias
    of_this_set = {
        "bool": {
            "should": [
                {"term": {"error.index": alias}},
                {"prefix": {"error.index": f"{alias}-0"}},
            ]
        }
    }
    try:
        waiting = _count(case, DLQ_INDEX, of_this_set)
    except EsragError as error:
        if isinstance(error.__cause__, NotFoundError):
            return  # ``bodies`` says that the index is missing
        raise
    if waiting:
        of_set = f" --set {case.names.set}"
        remedy = (
            f"Look at them: esrag dlq ls{of_set}; put right the cause, then ingest them again: "
            f"esrag dlq retry --all{of_set}"
        )
        yield found("dead-letters", f"index {DLQ_INDEX}", f"{waiting} letters wait", remedy)
    else:
        yield well(f"index {DLQ_INDEX}", "no refused document waits")


def search(case: Case) -> Iterator[Finding]:
    """Is a real question answered, on the way that esrag ask takes?"""
    with suppress(PermissionDeniedError):  # a key for questions may ask without seeing the index
        if case.look[1].index is None:
            return
    where = f"alias {case.names.alias}"
    try:
        hits = case.retrieve(QUESTION)
    except EsragError as error:
        yield found("search-fails", where, error.message, error.hint)
    else:
        yield well(where, f"a question is answered, {len(hits)} hits")


def _count(case: Case, index: str, query: Mapping[str, Any]) -> int:
    with explained(f"counting documents of {index}"):
        return int(case.client.count(index=index, query=query)["count"])


def _which(case: Case, index: str, query: Mapping[str, Any]) -> str:
    """The first few documents that a query finds, for a message."""
    with explained(f"searching {index}"):
        answer = case.client.search(
            index=index,
            query=query,
            size=_SHOWN,
            source={"includes": ["document_id"]},
            sort=["_doc"],
        )
    ids = [
        str((hit.get("_source") or {}).get("document_id", hit["_id"]))
        for hit in answer["hits"]["hits"]
    ]
    return ", ".join(dict.fromkeys(ids)) + " …"
