"""The body of ``/v1/chat/completions`` and what it becomes: a GenerateRequest.

Keeps TGI's own readings of OpenAI's fields: temperature 0 means greedy and its absence means
sampling, ``presence_penalty`` becomes a repetition penalty of x + 2, ``n`` and ``logit_bias``
are taken and not used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from esrag.local.tgi.body import U32, U64, Fields
from esrag.local.tgi.errors import ToolFailed
from esrag.local.tgi.requests import GenerateParameters, GenerateRequest, has_grammar
from esrag.local.tgi.text import ChatTemplate, ChatTurn

BASE_MODEL = "tgi"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat as it came.  ``tools`` are names; ``tool_choice`` is auto, none, required or one."""

    messages: tuple[ChatTurn, ...]
    parameters: GenerateParameters
    model: str | None
    stream: bool
    include_usage: bool
    logprobs: bool
    tools: tuple[str, ...] | None
    tool_choice: str


def read_chat(fields: Fields) -> ChatRequest:
    """Read the body; raises BodyRejected where TGI's deserialiser would."""
    messages = tuple(_read_message(message) for message in fields.sections("messages", "Message"))
    options = fields.section("stream_options", "StreamOptions")
    model = fields.optional_string("model")
    return ChatRequest(
        messages=messages,
        parameters=_read_parameters(fields, model=model),
        model=model,
        stream=fields.boolean("stream"),
        include_usage=options is not None and options.boolean("include_usage"),
        logprobs=bool(fields.optional_boolean("logprobs")),
        tools=_read_tools(fields),
        tool_choice=_read_tool_choice(fields),
    )


def to_generate(chat: ChatRequest, template: ChatTemplate) -> GenerateRequest:
    """Apply the chat template; raises ToolFailed or TemplateFailed."""
    if chat.parameters.has_grammar and chat.tools is not None:
        raise ToolFailed("Grammar and tools are mutually exclusive")
    parameters = chat.parameters
    if chat.tools is not None and _uses_tools(chat.tools, chat.tool_choice):
        # TGI turns tools into a grammar; where grammars are off, validation says so
        parameters = replace(parameters, has_grammar=True)
    return GenerateRequest(template.render(chat.messages), parameters, add_special_tokens=False)


def _read_parameters(fields: Fields, *, model: str | None) -> GenerateParameters:
    if "max_tokens" in fields and "max_completion_tokens" in fields:
        raise fields.rejected("", "duplicate field `max_tokens`")
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    temperature = fields.optional_float("temperature")
    presence = fields.optional_float("presence_penalty")
    fields.optional_integer("n", U32)
    return GenerateParameters(
        temperature=None if temperature == 0 else temperature,
        do_sample=temperature != 0,
        repetition_penalty=None if presence is None else presence + 2.0,
        frequency_penalty=fields.optional_float("frequency_penalty"),
        top_p=fields.optional_float("top_p"),
        max_new_tokens=fields.optional_integer(name, U32),
        stop=fields.optional_strings("stop"),
        details=True,
        seed=fields.optional_integer("seed", U64),
        top_n_tokens=fields.optional_integer("top_logprobs", U32),
        has_grammar=has_grammar(fields, "response_format"),
        adapter_id=None if model == BASE_MODEL else model,
    )


def _read_message(fields: Fields) -> ChatTurn:
    role = fields.string("role")
    fields.optional_string("name")
    content = fields.raw("content")
    if isinstance(content, str):
        return ChatTurn(role, content)
    if isinstance(content, list):
        return ChatTurn(role, "".join(_read_part(fields, part) for part in content))
    calls = fields.raw("tool_calls")
    if isinstance(calls, list):
        return ChatTurn(role, json.dumps(calls, separators=(",", ":"), ensure_ascii=False))
    raise fields.rejected("", "data did not match any variant of untagged enum MessageBody")


def _read_part(fields: Fields, part: Any) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return f"![]({url})"
    raise fields.rejected("", "data did not match any variant of untagged enum MessageBody")


def _read_tools(fields: Fields) -> tuple[str, ...] | None:
    if fields.raw("tools") is None:
        return None
    names = []
    for tool in fields.sections("tools", "Tool"):
        tool.string("type")
        function = tool.section("function", "FunctionDefinition")
        if function is None:
            raise tool.rejected("", "missing field `function`")
        names.append(function.string("name"))
    return tuple(names)


def _read_tool_choice(fields: Fields) -> str:
    match fields.raw("tool_choice"):
        case None:
            return "auto"
        case str(choice):
            return choice
        case {"type": "function", "function": {"name": str(name)}}:
            return name
    raise fields.rejected(
        "tool_choice", "data did not match any variant of untagged enum ToolTypeDeserializer"
    )


def _uses_tools(tools: tuple[str, ...], choice: str) -> bool:
    if choice == "none":
        return False
    if choice == "auto":
        return True
    if choice == "required":
        return bool(tools)
    if choice not in tools:
        raise ToolFailed(f"Tool with name {choice} not found")
    return True
