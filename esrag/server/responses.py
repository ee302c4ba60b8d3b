"""What the OpenAPI document says of answers that no route returns as a model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from esrag.answering.record import AnswerRecord, FacetRecord, HitRecord


class ErrorModel(BaseModel):
    """What went wrong."""

    code: str = Field(description="One word for programs.")
    message: str = Field(description="What, and where.")
    hint: str = Field(description="What to do next.")
    type: str = Field(description="The kind of error, in OpenAI's words.")
    param: str | None = Field(description="The field that is wrong.")
    request_id: str = Field(description="Under which the server's log knows the request.")


class ProblemModel(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: ErrorModel
    answer: AnswerRecord | None = Field(None, description="What can be said all the same.")


class SearchModel(BaseModel):
    """Passages that a question retrieves."""

    question: str
    hits: list[HitRecord]
    facets: list[FacetRecord]
    degraded: str = Field(description="What retrieval had to do without; empty: nothing.")
    notes: list[str] = Field(description="What was done otherwise than asked, in words.")
    seconds: dict[str, float] = Field(description="Time of each step.")


class PassageModel(BaseModel):
    """A stretch of a document: ``text`` is what stands from ``start`` to ``end``."""

    chunk_id: str
    position: int
    start: int
    end: int
    text: str
    heading_path: list[str]
    page: int | None
    last_page: int | None


class DocumentModel(BaseModel):
    """Passages of a document around a position, in order, without their overlaps."""

    document_id: str
    title: str
    source: str
    url: str
    origin: str
    author: str
    language: str
    published: str
    modified: str
    passages: list[PassageModel]
    more_before: bool
    more_after: bool


class CheckModel(BaseModel):
    """Something that must hold for answers."""

    name: str
    ok: bool
    message: str
    hint: str
    needed: bool = Field(description="Whether nothing works without it.")


class ReadyModel(BaseModel):
    """Whether answers are possible; checks are shown to whoever runs the server."""

    ready: bool
    checks: list[CheckModel] = []


class LimitsModel(BaseModel):
    """How large requests may be."""

    question_characters: int
    history_turns: int
    size: int


class AboutModel(BaseModel):
    """What this server is; all but the first five fields after a login, where one is needed."""

    name: str
    version: str
    auth: str = Field(description="shared-key or pass-through.")
    login: str = Field(description="none, token or elasticsearch.")
    authenticated: bool
    set: str | None = None
    caller: str | None = None
    feedback: bool | None = None
    generates: bool | None = None
    limits: LimitsModel | None = None
    filters: list[str] | None = None


class KeptModel(BaseModel):
    """Feedback was kept."""

    kept: bool


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemModel, "description": words}
    for status, words in {
        400: "The request cannot be used as it is",
        401: "A login is needed, or was refused",
        403: "Not allowed",
        404: "Not there",
        408: "The body came too slowly",
        413: "The body is too large",
        415: "The body is not JSON",
        422: "The body is not of the form that is wanted",
        429: "Too much at once; Retry-After says when to come back",
        500: "A mistake of esrag",
        502: "The generator failed; answer holds the passages' own words",
        503: "Elasticsearch or the model cannot be used now, or the server stops",
        504: "It took too long",
    }.items()
}


def _stream_of(*names: str) -> dict[str, Any]:
    """The schema of each event of a stream; ``data`` is JSON."""
    fields: dict[str, Any] = {"data": {"type": "string", "contentMediaType": "application/json"}}
    if names:
        fields["event"] = {"type": "string", "enum": list(names)}
    return {"schema": {"type": "object", "properties": fields, "required": list(fields)}}


STREAM: dict[str, Any] = {
    "description": "The record of the answer, or a stream of events",
    "content": {
        "text/event-stream": _stream_of("rewritten", "sources", "sentence", "answer", "error")
    },
}
CHAT: dict[str, Any] = {
    "description": "A chat completion, or with stream a stream of its chunks",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": _stream_of(),
    },
}
FIGURES: dict[str, Any] = {
    "description": "Figures in Prometheus' text format",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
