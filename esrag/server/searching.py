"""``/v1/search`` and ``/v1/documents``: passages for a question, and those around one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from esrag.answering.record import found_record
from esrag.server.bodies import MOST_VALUES, SearchBody, Value
from esrag.server.context import Here, reply
from esrag.server.problems import problem
from esrag.server.responses import PROBLEMS, DocumentModel, SearchModel
from esrag.types import Hit

MOST_NEIGHBOURS = 20

router = APIRouter(tags=["passages"])


@router.post(
    "/v1/search",
    response_model=SearchModel,
    responses=PROBLEMS,
    summary="The passages that a question retrieves",
)
async def search(body: SearchBody, here: Here) -> Response:
    """Retrieve passages; nothing is generated."""
    service, caller, query = here.server.service, here.caller, body.record()
    found = await here.work(lambda _tell, _cancel: service.search(caller, query))
    return reply(found_record(body.question, found))


@router.get(
    "/v1/documents/{document_id:path}",
    response_model=DocumentModel,
    responses=PROBLEMS,
    summary="Passages of a document around a position",
)
async def document(
    here: Here,
    document_id: Annotated[str, Path(min_length=1, max_length=8_191)],
    position: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    before: Annotated[int, Query(ge=0, le=MOST_NEIGHBOURS)] = 3,
    after: Annotated[int, Query(ge=0, le=MOST_NEIGHBOURS)] = 3,
    acl: Annotated[list[Value] | None, Query(max_length=MOST_VALUES)] = None,
) -> Response:
    """With the caller's rights, so that a link to a passage shows nobody more than a search."""
    service, caller = here.server.service, here.caller
    found = await here.work(
        lambda _tell, _cancel: service.stretch(
            caller,
            document_id,
            position=position,
            before=before,
            after=after,
            acl=tuple(acl) if acl is not None else None,
        )
    )
    if not found.passages:
        raise problem(
            404,
            "not_found",
            "there is no such document at this position",
            "It may have been removed, or you may not see it.",
        )
    first = found.passages[0]
    return reply(
        {
            **{
                name: getattr(first, name)
                for name in ("document_id", "title", "source", "url", "origin", "author")
            },
            **{name: getattr(first, name) for name in ("language", "published", "modified")},
            "passages": [_passage(hit) for hit in without_overlaps(found.passages)],
            "more_before": found.more_before,
            "more_after": found.more_after,
        }
    )


def without_overlaps(hits: tuple[Hit, ...]) -> Iterator[Hit]:
    """Passages of one document in order, each without what the ones before it hold already."""
    shown = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, hit.position)):
        cut = min(max(0, shown - hit.start), len(hit.text))
        shown = max(shown, hit.end)
        if cut < len(hit.text):
            yield replace(hit, text=hit.text[cut:], start=hit.start + cut)


def _passage(hit: Hit) -> dict[str, Any]:
    return {
        "chunk_id": hit.id,
        "position": hit.position,
        "start": hit.start,
        "end": hit.end,
        "text": hit.text,
        "heading_path": list(hit.heading_path),
        "page": hit.page or None,
        "last_page": hit.last_page or None,
    }
