"""The body of ``/v1/chat/completions`` and what it becomes: a GenerateRequest.

Keeps TGI's own readings of OpenAI's fields: temperature 0 means greedy and its absence means
sampling, ``presence_penalty`` becomes a repetition penalty of x + 2, ``n`` and ``logit_bias``
are taken and not used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import orjson

from esrag.local.tgi.body import U32, U64, Fields
from esrag.local.tgi.errors import ToolFailed
from esrag.local.tgi.grammar.reading import Grammar, read_grammar
from esrag.local.tgi.grammar.tools import DEFAULT_PROMPT, NamedFunction, Tool, schema, usable
from esrag.local.tgi.requests import GenerateParameters, GenerateRequest
from esrag.local.tgi.text import ChatTemplate, ChatTurn, ToolsShown

BASE_MODEL = "tgi"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat as it came.  ``tool_choice`` is auto, none, required, or names one."""

    messages: tuple[ChatTurn, ...]
    parameters: GenerateParameters
    model: str | None
    stream: bool
    include_usage: bool
    logprobs: bool
    tools: tuple[Tool, ...] | None
    tool_choice: str | NamedFunction
    tool_prompt: str
    next_call_id: str


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
        tool_prompt=fields.optional_string("tool_prompt") or DEFAULT_PROMPT,
        next_call_id=_next_call_id(fields.raw("messages")),
    )


def to_generate(chat: ChatRequest, template: ChatTemplate) -> tuple[GenerateRequest, bool]:
    """Apply the chat template; also whether the answer will be a call of a tool.

    Raises ToolFailed or TemplateFailed.
    """
    parameters = chat.parameters
    if parameters.grammar is not None and chat.tools is not None:
        raise ToolFailed("Grammar and tools are mutually exclusive")
    tools = () if chat.tools is None else usable(chat.tools, chat.tool_choice)
    if not tools:
        prompt = template.render(chat.messages)
        return GenerateRequest(prompt, parameters, add_special_tokens=False), False
    shown = ToolsShown(tuple(tool.as_json() for tool in tools), chat.tool_prompt)
    prompt = template.render(chat.messages, tools=shown)
    parameters = replace(parameters, grammar=Grammar("json", schema(tools)))
    return GenerateRequest(prompt, parameters, add_special_tokens=False), True


def without_tools(chat: ChatRequest) -> ChatRequest:
    """The same chat for a model that chose to use none."""
    return replace(chat, tools=None)


def _read_parameters(fields: Fields, *, model: str | None) -> GenerateParameters:
    if "max_tokens" in fields and "max_completion_tokens" in fields:
        raise fields.rejected("", "duplicate field `max_tokens`")
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    temperature = fields.optional_float("temperature")
    presence = fields.optional_float("presence_penalty")
    fields.optional_integer("n", U32)
    fields.optional_floats("logit_bias")
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
        grammar=read_grammar(fields, "response_format"),
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
        return ChatTurn(role, _read_calls(fields, calls), is_call=True)
    raise fields.rejected("", "data did not match any variant of untagged enum MessageBody")


def _read_part(fields: Fields, part: Any) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return f"![]({url})"
    raise fields.rejected("", "data did not match any variant of untagged enum MessageBody")


def _read_tools(fields: Fields) -> tuple[Tool, ...] | None:
    if fields.raw("tools") is None:
        return None
    return tuple(_read_tool(tool) for tool in fields.sections("tools", "Tool"))


def _read_tool(tool: Fields) -> Tool:
    kind = tool.string("type")
    function = tool.section("function", "FunctionDefinition")
    if function is None:
        raise tool.rejected("", "missing field `function`")
    if "arguments" in function and "parameters" in function:
        raise function.rejected("", "duplicate field `arguments`")
    name = function.string("name")
    description = function.optional_string("description")
    if "arguments" not in function and "parameters" not in function:
        raise function.rejected("", "missing field `arguments`")
    arguments = function.raw("arguments" if "arguments" in function else "parameters")
    return Tool(name=name, description=description, arguments=arguments, kind=kind)


def _read_tool_choice(fields: Fields) -> str | NamedFunction:
    match fields.raw("tool_choice"):
        case None:
            return "auto"
        case "auto" | "none" | "required" as choice:
            return str(choice)
        case str(name) | {"type": "function", "function": {"name": str(name)}}:
            return NamedFunction(name)
    raise fields.rejected(
        "tool_choice", "data did not match any variant of untagged enum ToolTypeDeserializer"
    )


def _read_calls(fields: Fields, calls: list[Any]) -> str:
    """Earlier calls as TGI writes them into the prompt: arguments as a string of JSON."""
    written = []
    for call in calls:
        match call:
            case {"id": str(number), "type": str(kind), "function": {"name": str(name)} as called}:
                description = called.get("description")
                arguments = called.get("arguments", called.get("parameters"))
                function = {
                    "description": description,
                    "name": name,
                    "arguments": orjson.dumps(arguments).decode(),
                }
                if isinstance(description, str | None) and {"arguments", "parameters"} & set(
                    called
                ):
                    written.append({"id": number, "type": kind, "function": function})
                    continue
        raise fields.rejected("", "data did not match any variant of untagged enum MessageBody")
    return orjson.dumps(written).decode()


def _next_call_id(messages: Any) -> str:
    """One more than the ids of the calls so far; a random one where those are no numbers."""
    number = 0
    for message in messages:
        if isinstance(message.get("content"), str | list):
            continue
        for call in message.get("tool_calls") or []:
            if not call["id"].isdecimal():
                return str(uuid4())
            number = max(number, int(call["id"]) + 1)
    return str(number)
