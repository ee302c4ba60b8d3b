"""``/v1/chat/completions`` and ``/v1/models`` in OpenAI's shapes, so that existing chat front ends
can be pointed here.

    messages ─► the last one is the question, the turns before are the history ─► answer ─► message

The documents answer, not the model: system messages, temperature and the like are taken and have
no effect.  A message ends with its sources.  Front ends draw it as Markdown, so what comes from
documents and models is made harmless in that: no image, link or element can come of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from esrag.answering.events import Told
from esrag.answering.record import as_record, cited
from esrag.server.asking import answering, streamed, trace_of
from esrag.server.bodies import LONGEST_ANSWER, LONGEST_QUESTION, MOST_TURNS
from esrag.server.context import Context, Here, reply
from esrag.server.problems import Problem, Words
from esrag.server.responses import CHAT, PROBLEMS
from esrag.server.service import Wishes
from esrag.server.telling import problem_for
from esrag.server.wire import DONE, data
from esrag.types import Answer, Asked, Hit, Sentence, Turn

WHOLE = "esrag"
QUOTES = "esrag-quotes"
MODELS = {WHOLE: "answers as this server is set up", QUOTES: "quotes passages only"}
_MADE = 1_700_000_000  # the API wants a time; there is none that means anything
_MOST_MESSAGES = 400
_LONGEST_URL = 2_000
# beginnings of images, links and their definitions, of elements and autolinks, and of fenced code,
# which some front ends run or draw
_ACTIVE = re.compile(r"[\\\[\]<]|`{3,}|~{3,}")

router = APIRouter(tags=["OpenAI"])


class _Taken(BaseModel):
    """What OpenAI's clients send beyond this has no effect."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PartBody(_Taken):
    """A part of a message."""

    type: Literal["text"]
    text: str = Field(max_length=LONGEST_ANSWER)


class MessageBody(_Taken):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[PartBody] | None = Field(None, max_length=LONGEST_ANSWER)

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(_Taken):
    """What a stream holds beside the message."""

    include_usage: bool = False


class ChatBody(_Taken):
    """A request to answer the last message."""

    model: str = Field(WHOLE, max_length=200, examples=[WHOLE])
    messages: list[MessageBody] = Field(min_length=1, max_length=_MOST_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] = 1
    tools: list[dict[str, Any]] | None = Field(
        None, max_length=0, description="There are no tools."
    )

    def asked(self) -> Asked:
        """The question and the turns before it; raises Problem when the last message is none."""
        turns: list[Turn] = []
        question = ""
        for message in self.messages:
            if message.role == "user":
                question = message.text
            elif message.role == "assistant" and question:
                turns.append(Turn(question, _without_sources(message.text)))
                question = ""
        if self.messages[-1].role != "user" or not question.strip():
            raise _wrong("messages", "the last message is to be the user's question")
        if len(question) > LONGEST_QUESTION:
            raise _wrong("messages", f"a question has {LONGEST_QUESTION:,} characters at most")
        return Asked(question, history=tuple(turns[-MOST_TURNS:]))


class _Chat:
    """The answer to one request, in chunks or as one message."""

    def __init__(self, here: Context, body: ChatBody) -> None:
        self._here = here
        self._body = body
        self._id = f"chatcmpl-{here.request_id}"
        self._made = int(time.time())
        self._begun = False

    def happened(self, told: object) -> Iterator[bytes]:
        """A sentence; other events have no place in this API."""
        if isinstance(told, Told):
            between = " " if self._begun else ""
            yield self._chunk({"content": between + shown(told.sentence)})

    def finished(self, answer: Answer) -> Iterator[bytes]:
        """The sources, and that it is whole."""
        listed = sources(answer)
        if listed:
            yield self._chunk({"content": listed})
        yield self._chunk({}, finish="stop", esrag=as_record(answer))
        if self._body.stream_options and self._body.stream_options.include_usage:
            yield data(
                {**self._frame("chat.completion.chunk"), "choices": [], "usage": usage(answer)}
            )
        yield DONE

    def failed(self, error: BaseException) -> Iterator[bytes]:
        """An error, and no ``[DONE]``: clients then know that the message is not whole."""
        told = problem_for(error, self._here.caller, self._here.request_id)
        yield data({"error": told.error(self._here.request_id)})

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The answer as one body."""
        text = " ".join(shown(sentence) for sentence in answer.sentences) + sources(answer)
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            **self._frame("chat.completion"),
            "choices": [
                {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
            ],
            "usage": usage(answer),
            "esrag": as_record(answer),
        }

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        if not self._begun:
            delta = {"role": "assistant", **delta}
            self._begun = True
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return data({**self._frame("chat.completion.chunk"), "choices": [choice], **more})

    def _frame(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._made,
            "model": self._body.model,
        }


@router.post(
    "/v1/chat/completions",
    responses={200: CHAT, **PROBLEMS},
    summary="Answer the last message, in OpenAI's shapes",
)
async def chat_completions(body: ChatBody, here: Here) -> Response:
    """The record of the answer is there too, as ``esrag``."""
    if body.model not in MODELS:
        raise Problem(
            Words(
                404,
                "model_not_found",
                f"there is no model {body.model!r} here",
                f"There are: {', '.join(MODELS)}",
                param="model",
            )
        )
    wishes = Wishes(generate=body.model != QUOTES, trace=trace_of(here))
    work = answering(here, body.asked(), wishes)
    chat = _Chat(here, body)
    if body.stream:
        return await streamed(here, work, chat)
    return reply(chat.whole(await here.work(work)))


@router.get("/v1/models", responses=PROBLEMS, summary="The models of this API")
async def models(here: Here) -> Response:
    """What ``model`` may be."""
    del here
    listed = [
        {"id": name, "object": "model", "created": _MADE, "owned_by": "esrag", "description": words}
        for name, words in MODELS.items()
    ]
    return reply({"object": "list", "data": listed})


def shown(sentence: Sentence) -> str:
    """A sentence with the numbers of its sources, harmless as Markdown."""
    numbers = sorted({citation.number for citation in sentence.citations})
    marks = "".join(f" [{number}]" for number in numbers)
    doubt = "" if sentence.supported else " (no passage supports this)"
    return f"{harmless(sentence.text)}{marks}{doubt}"


_SOURCES = "\n\nSources:\n"


def sources(answer: Answer) -> str:
    """The cited passages by number, as the end of a message; "" when there are none."""
    lines = [f"[{number}] {_place(hit)}" for number, hit in cited(answer.sentences)]
    return _SOURCES + "\n".join(lines) if lines else ""


def _place(hit: Hit) -> str:
    """Where a passage stands, as text: a link's address is shown and not hidden in a word."""
    page = f"page {hit.page}" if hit.page else ""
    url = hit.url if re.match(r"https?://[\x21-\x7e]+$", hit.url) else ""
    where = url[:_LONGEST_URL] or hit.source
    return ", ".join(harmless(part) for part in (hit.context, page, where) if part)


def harmless(text: str) -> str:
    """``text`` with a backslash before what would be more than text in Markdown; in one line."""
    escaped = _ACTIVE.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), text)
    return " ".join(escaped.split())


def _without_sources(text: str) -> str:
    """What was said, without the list of sources that this module put below it."""
    return text.partition(_SOURCES)[0][:LONGEST_ANSWER]


def usage(answer: Answer) -> dict[str, int]:
    """What the generator took and wrote."""
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.generated_tokens,
        "total_tokens": answer.prompt_tokens + answer.generated_tokens,
    }


def _wrong(param: str, message: str) -> Problem:
    return Problem(Words(422, "invalid_request", message, param=param))
