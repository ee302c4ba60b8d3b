"""The answers of TGI 3.3.6, field by field, as its published OpenAPI and its router have them.

Nothing may be missing and nothing added, except what the router leaves out when it is empty.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FinishReason = Literal["length", "eos_token", "stop_sequence"]
OpenAiReason = Literal["length", "stop", "stop_sequence"]
Natural = Field(ge=0)


class Shape(BaseModel):
    """Strict: a number is no string, and an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorResponse(Shape):
    """What TGI's own handlers refuse with."""

    error: str
    error_type: str


class PrefillToken(Shape):
    """A token of the prompt; the first has no log-probability."""

    id: int = Natural
    text: str
    logprob: float | None


class Token(Shape):
    """A token of the answer."""

    id: int = Natural
    text: str
    logprob: float | None
    special: bool


class BestOfSequence(Shape):
    """An answer that was not the best."""

    generated_text: str
    finish_reason: FinishReason
    generated_tokens: int = Natural
    seed: int | None
    prefill: list[PrefillToken]
    tokens: list[Token]
    top_tokens: list[list[Token]] = []


class Details(Shape):
    """How an answer came about."""

    finish_reason: FinishReason
    generated_tokens: int = Natural
    seed: int | None
    prefill: list[PrefillToken]
    tokens: list[Token]
    best_of_sequences: list[BestOfSequence] = []
    top_tokens: list[list[Token]] = []


class GenerateResponse(Shape):
    """Of ``/generate``, and of ``/`` in a list."""

    generated_text: str
    details: Details | None = None


class StreamDetails(Shape):
    """With the last token, where it was asked for."""

    finish_reason: FinishReason
    generated_tokens: int = Natural
    seed: int | None
    input_length: int = Natural


class StreamResponse(Shape):
    """One event of a native stream."""

    index: int = Field(ge=1)
    token: Token
    top_tokens: list[Token] = []
    generated_text: str | None
    details: StreamDetails | None


class Usage(Shape):
    """Tokens."""

    prompt_tokens: int = Natural
    completion_tokens: int = Natural
    total_tokens: int = Natural


class TopLogprob(Shape):
    """One of the likeliest."""

    token: str
    logprob: float | None


class Logprob(TopLogprob):
    """The chosen one and the likeliest."""

    top_logprobs: list[TopLogprob]


class Logprobs(Shape):
    """Of an answer or a chunk."""

    content: list[Logprob]


class TextMessage(Shape):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str


class FunctionDefinition(Shape):
    """A call; the arguments are a string of JSON."""

    description: str | None
    name: str
    arguments: str


class ToolCall(Shape):
    """One call."""

    id: str
    type: Literal["function"]
    function: FunctionDefinition


class ToolCallMessage(Shape):
    """A message that calls instead of saying something."""

    role: Literal["assistant"]
    tool_calls: list[ToolCall]


class ChatChoice(Shape):
    """There is one."""

    index: Literal[0]
    message: TextMessage | ToolCallMessage
    logprobs: Logprobs | None
    finish_reason: OpenAiReason


class OpenAi(Shape):
    """What all of OpenAI's answers share."""

    id: str
    created: int = Natural
    model: str
    system_fingerprint: str


class ChatCompletion(OpenAi):
    """A whole chat."""

    object: Literal["chat.completion"]
    choices: list[ChatChoice] = Field(min_length=1, max_length=1)
    usage: Usage


class DeltaFunction(Shape):
    """A piece of a call."""

    name: str | None
    arguments: str


class DeltaToolCall(Shape):
    """Of the one call."""

    index: Literal[0]
    id: str
    type: Literal["function"]
    function: DeltaFunction


class ToolCallDelta(Shape):
    """With the role every time."""

    role: Literal["assistant"]
    tool_calls: list[DeltaToolCall]


class ChunkChoice(Shape):
    """A piece of a chat."""

    index: Literal[0]
    delta: TextMessage | ToolCallDelta
    logprobs: Logprobs | None
    finish_reason: OpenAiReason | None


class ChatCompletionChunk(OpenAi):
    """No choices where it carries the usage."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChunkChoice] = Field(max_length=1)
    usage: Usage | None


class CompletionChoice(Shape):
    """One prompt's answer."""

    index: int = Natural
    text: str
    logprobs: list[float] | None
    finish_reason: Literal["", "length", "stop", "eos_token", "stop_sequence"]


class Completion(OpenAi):
    """Several prompts' answers, or the last piece of one."""

    object: Literal["text_completion"]
    choices: list[CompletionChoice]
    usage: Usage


class CompletionChunk(OpenAi):
    """A piece of an answer."""

    object: Literal["text_completion"]
    choices: list[CompletionChoice] = Field(min_length=1, max_length=1)


class ApiError(Shape):
    """Inside an OpenAI stream."""

    message: str
    http_status_code: Literal[422]


class OpenAiError(Shape):
    """An error in an OpenAI stream."""

    error: ApiError


class SimpleToken(Shape):
    """A token with its place in the text."""

    id: int = Natural
    text: str
    start: int = Natural
    stop: int = Natural


class ChatTokenizeResponse(Shape):
    """A chat as the model sees it."""

    tokenize_response: list[SimpleToken]
    templated_text: str


class Info(Shape):
    """The server about itself."""

    model_id: str
    model_sha: str | None
    model_pipeline_tag: str | None
    max_concurrent_requests: int = Natural
    max_best_of: int = Natural
    max_stop_sequences: int = Natural
    max_input_tokens: int = Natural
    max_total_tokens: int = Natural
    validation_workers: int = Natural
    max_client_batch_size: int = Natural
    router: Literal["text-generation-router"]
    version: str
    sha: str | None
    docker_label: str | None


class ModelInfo(Shape):
    """The one model."""

    id: str
    object: Literal["model"]
    created: int = Natural
    owned_by: str


class ModelsInfo(Shape):
    """The list of one."""

    object: Literal["list"]
    data: list[ModelInfo] = Field(min_length=1, max_length=1)


class VertexResponse(Shape):
    """Only texts."""

    predictions: list[str]


WHOLE: dict[str, Any] = {
    "/": list[GenerateResponse],
    "/generate": GenerateResponse,
    "/v1/chat/completions": ChatCompletion,
    "/v1/completions": Completion,
    "/tokenize": list[SimpleToken],
    "/chat_tokenize": ChatTokenizeResponse,
    "/info": Info,
    "/v1/models": ModelsInfo,
    "/vertex": VertexResponse,
    "/invocations": list[GenerateResponse] | ChatCompletion | Completion,
}
EVENTS: dict[str, Any] = {
    "/": StreamResponse | ErrorResponse,
    "/generate_stream": StreamResponse | ErrorResponse,
    "/v1/chat/completions": ChatCompletionChunk | OpenAiError,
    "/v1/completions": Completion | CompletionChunk | OpenAiError,
    "/invocations": StreamResponse | ErrorResponse | ChatCompletionChunk | CompletionChunk,
}


def check_whole(path: str, status: int, body: Any) -> None:
    """Raise where an answer has not the fields of its route."""
    TypeAdapter(WHOLE[path] if status == 200 else ErrorResponse).validate_python(body)


def check_event(path: str, body: Any) -> None:
    """Raise where an event has not the fields of its route."""
    TypeAdapter(EVENTS[path]).validate_python(body)
