"""Tools: the grammar that they become, the call that is read back, and its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from esrag.local.tgi.errors import ToolFailed
from esrag.local.tgi.generation.events import Finished, NextToken, Token
from esrag.local.tgi.grammar.tools import NamedFunction, Tool, schema, usable
from esrag.local.tgi.text import ChatTemplate, ChatTurn, ToolsShown
from esrag.local.tgi.tool_calls import Call, CallStream, read_call

WEATHER = Tool(
    "weather",
    None,
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TIME = Tool("time", "What time it is", {})


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", ["weather", "time", "no_tool"]),
        ("required", ["weather", "time"]),
        ("none", []),
        (NamedFunction("time"), ["time"]),
    ],
)
def test_the_choice_decides_which_tools_may_be_called(choice: Any, names: list[str]) -> None:
    """``auto`` leaves a way out."""
    assert [tool.name for tool in usable((WEATHER, TIME), choice)] == names


def test_a_tool_that_is_not_there_cannot_be_chosen() -> None:
    """TGI's words."""
    with pytest.raises(ToolFailed, match="Tool error: Tool with name sun not found"):
        usable((WEATHER,), NamedFunction("sun"))


def test_a_call_names_its_function_beside_the_arguments() -> None:
    """The shape that TGI's own reader expects."""
    made = schema((WEATHER, TIME))
    assert list(made["$functions"]) == ["weather", "time"]
    call = made["$functions"]["weather"]
    assert call["properties"] == {
        "_name": {"type": "string", "const": "weather"},
        "city": {"type": "string"},
    }
    assert call["required"] == ["_name", "city"]
    assert made["properties"]["function"]["anyOf"][1] == {"$ref": "#/$functions/time"}


def test_a_call_is_read_back_without_its_name_among_the_arguments() -> None:
    """Compact, in the order of the text."""
    text = '{"function": {"_name": "weather", "city": "Köln", "days": 3}}'
    assert read_call(text) == Call("weather", '{"city":"Köln","days":3}')
    assert read_call('{"function": {"_name": "no_tool"}}') is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"function": {"_name": "wea', "EOF while parsing a string at line 1 column 27"),
        ('{"function":', "EOF while parsing a value at line 1 column 12"),
        ('{"function": {', "EOF while parsing an object at line 1 column 14"),
        ('{"function": {"_name": "a", "b": [', "EOF while parsing a list at line 1 column 34"),
        ('{"a": "\\"', "EOF while parsing a string at line 1 column 9"),
        ('{"function": {"_name": "a"}', "EOF while parsing an object at line 1 column 27"),
    ],
)
def test_a_call_that_breaks_off_is_a_tool_error(text: str, problem: str) -> None:
    """As serde says it; the usual reason is ``max_tokens``."""
    with pytest.raises(ToolFailed) as caught:
        read_call(text)
    assert caught.value.message.startswith(f"Tool error: Failed to parse generated text: {problem}")


def tokens(texts: Sequence[str]) -> list[NextToken | Finished]:
    """Tokens of these texts and the end mark."""
    made: list[NextToken | Finished] = [
        NextToken(Token(at, text, 0.0, special=False)) for at, text in enumerate(texts)
    ]
    end = Token(99, "<end>", 0.0, special=True)
    return [*made, Finished(end, (), "".join(texts), "eos_token", len(texts) + 1, None, 0.0, 0.0)]


def test_a_streamed_call_gives_its_name_first_and_then_its_arguments() -> None:
    """The braces around it are taken off; the end mark has no piece."""
    stream = CallStream()
    texts = ['{"', "function", '":', ' {"', "_name", '":', ' "', "weather", '",', ' "city', '": "']
    pieces = [stream.push(event) for event in tokens([*texts, "Rome", '"}', "}"])]
    sent = [piece for some in pieces for piece in some]
    assert [piece.name for piece in sent] == ["weather", *[None] * 5]
    assert "".join(piece.event.token.text for piece in sent) == '{ "city": "Rome"}'
    assert pieces[-1] == []
    assert not stream.declined


def test_a_stream_without_a_call_is_noticed_at_the_name() -> None:
    """Nothing of it is sent."""
    stream = CallStream()
    for event in tokens(['{"function": {"_name": "', "no_", "tool", '"']):
        assert stream.push(event) == []
    assert stream.declined


def test_a_template_that_does_not_name_the_tools_gets_them_in_the_last_message() -> None:
    """Their schemas as strings of JSON, then how to use them."""
    template = ChatTemplate.from_source("{% for m in messages %}{{ m.content }}{% endfor %}")
    shown = ToolsShown((WEATHER.as_json(),), "Use them.")
    text = template.render([ChatTurn("user", "Hot?")], tools=shown)
    assert text == (
        'Hot?\n---\n[{"type":"function","function":{"description":null,"name":"weather",'
        '"arguments":"{\\"type\\":\\"object\\",\\"properties\\":{\\"city\\":{\\"type\\":'
        '\\"string\\"}},\\"required\\":[\\"city\\"]}"}}]\nUse them.'
    )


def test_a_template_that_names_the_tools_shows_them_itself() -> None:
    """Only the prompt is added."""
    template = ChatTemplate.from_source(
        "{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}"
        "{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    shown = ToolsShown((WEATHER.as_json(), TIME.as_json()), "Use them.")
    turns = [ChatTurn("user", "Hot?")]
    assert template.render(turns, tools=shown) == "<weather><time>Hot?\n---\nUse them."
    assert template.render(turns) == "Hot?"


def test_a_last_message_that_is_a_call_is_left_alone() -> None:
    """There is no content to add to."""
    template = ChatTemplate.from_source("{% for m in messages %}{{ m.content }}{% endfor %}")
    turns = [ChatTurn("user", "a"), ChatTurn("assistant", "[]", is_call=True)]
    assert template.render(turns, tools=ToolsShown((), "b")) == "a[]"
