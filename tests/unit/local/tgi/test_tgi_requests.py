"""Bodies read as strictly as TGI reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esrag.errors import UnsupportedError
from esrag.local.tgi.body import Fields, parse
from esrag.local.tgi.chat_requests import read_chat, to_generate
from esrag.local.tgi.errors import BodyRejected, TemplateFailed, ToolFailed
from esrag.local.tgi.requests import ABSENT_PARAMETERS, read_compat_generate, read_generate
from esrag.local.tgi.text import ChatTemplate, ChatTurn

ECHO = ChatTemplate.from_source(
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
HI = {"role": "user", "content": "hi"}


def fields(body: Any) -> Fields:
    """A body as it arrives."""
    return parse(json.dumps(body).encode(), content_type="application/json", struct="Test")


def test_no_parameters_and_empty_parameters_differ() -> None:
    """Without the object TGI samples."""
    assert read_generate(fields({"inputs": "a"})).parameters == ABSENT_PARAMETERS
    assert not read_generate(fields({"inputs": "a", "parameters": {}})).parameters.do_sample


def test_optional_parameters_may_be_null() -> None:
    """text_generation's client sends every one of them."""
    names = (
        "best_of temperature repetition_penalty frequency_penalty top_k top_p typical_p "
        "max_new_tokens return_full_text truncate seed top_n_tokens grammar adapter_id"
    ).split()
    parameters: dict[str, Any] = dict.fromkeys(names)
    assert read_generate(fields({"inputs": "a", "parameters": parameters})).parameters == (
        read_generate(fields({"inputs": "a", "parameters": {}})).parameters
    )


def test_unknown_fields_are_ignored() -> None:
    """At every level."""
    body = {"inputs": "a", "parameters": {"nonsense": 1}, "other": []}
    assert read_generate(fields(body)).inputs == "a"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "missing field `inputs` at line 1 column 2"),
        ({"inputs": 5}, "inputs: invalid type: integer `5`, expected a string"),
        ({"inputs": "a", "parameters": None}, "parameters: invalid type: null, expected struct"),
        ({"inputs": "a", "stream": "yes"}, 'stream: invalid type: string "yes", expected a bool'),
        (
            {"inputs": "a", "parameters": {"max_new_tokens": "12"}},
            'parameters.max_new_tokens: invalid type: string "12", expected u32',
        ),
        (
            {"inputs": "a", "parameters": {"max_new_tokens": -1}},
            "parameters.max_new_tokens: invalid value: integer `-1`, expected u32",
        ),
        (
            {"inputs": "a", "parameters": {"temperature": True}},
            "parameters.temperature: invalid type: boolean `true`, expected f32",
        ),
        (
            {"inputs": "a", "parameters": {"stop": ["a", 1]}},
            "parameters.stop[1]: invalid type: integer `1`, expected a string",
        ),
        (
            {"inputs": "a", "parameters": {"grammar": {"type": "yaml", "value": ""}}},
            "parameters.grammar: unknown variant `yaml`",
        ),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_in_plain_words(body: Any, problem: str) -> None:
    """422, with the path of the field."""
    with pytest.raises(BodyRejected) as caught:
        read_compat_generate(fields(body))
    assert caught.value.status == 422
    assert problem in caught.value.message
    assert caught.value.message.startswith("Failed to deserialize the JSON body into the target")


@pytest.mark.parametrize("body", [b"{", b'{"inputs": NaN}', b'{"inputs": "\\ud800"}', b"\xff"])
def test_what_is_not_json_is_refused_with_400(body: bytes) -> None:
    """Half surrogates and NaN are no JSON either."""
    with pytest.raises(BodyRejected) as caught:
        parse(body, content_type="application/json", struct="Test")
    assert caught.value.status == 400
    assert caught.value.message.startswith("Failed to parse the request body as JSON: ")


def test_a_body_must_call_itself_json() -> None:
    """415, as from axum."""
    with pytest.raises(BodyRejected) as caught:
        parse(b"{}", content_type="text/plain", struct="Test")
    assert caught.value.status == 415


def test_temperature_zero_makes_a_chat_greedy_and_its_absence_makes_it_sample() -> None:
    """The one reproducible setting of TGI's chat."""
    greedy = read_chat(fields({"messages": [HI], "temperature": 0})).parameters
    assert (greedy.do_sample, greedy.temperature) == (False, None)
    assert read_chat(fields({"messages": [HI]})).parameters.do_sample


def test_the_two_names_for_the_longest_answer_exclude_each_other() -> None:
    """Either is taken; both are a duplicate field."""
    for name in ("max_tokens", "max_completion_tokens"):
        assert read_chat(fields({"messages": [HI], name: 3})).parameters.max_new_tokens == 3
    with pytest.raises(BodyRejected, match="duplicate field `max_tokens`"):
        read_chat(fields({"messages": [HI], "max_tokens": 3, "max_completion_tokens": 3}))


def test_a_presence_penalty_becomes_a_repetition_penalty_of_two_more() -> None:
    """TGI's own reading."""
    assert read_chat(fields({"messages": [HI], "presence_penalty": 0})).parameters == (
        read_chat(fields({"messages": [HI], "presence_penalty": 0.0})).parameters
    )
    chat = read_chat(fields({"messages": [HI], "presence_penalty": -0.5}))
    assert chat.parameters.repetition_penalty == 1.5


def test_the_parts_of_a_message_are_joined() -> None:
    """Text as it is, images as Markdown, tool calls as JSON."""
    parts = [
        {"type": "text", "text": "see "},
        {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
    ]
    calls = [{"id": "0", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    # the arguments are a string to OpenAI and any JSON to TGI, which writes them as a string again
    written = (
        '[{"id":"0","type":"function","function":'
        '{"description":null,"name":"f","arguments":"\\"{}\\""}}]'
    )
    chat = read_chat(
        fields(
            {
                "messages": [
                    {"role": "user", "content": parts},
                    {"role": "assistant", "content": None, "tool_calls": calls},
                ]
            }
        )
    )
    assert chat.messages == (
        ChatTurn("user", "see ![](http://x/y.png)"),
        ChatTurn("assistant", written, is_call=True),
    )


@pytest.mark.parametrize("message", [{"role": "user"}, {"role": "user", "content": 5}])
def test_a_message_without_content_is_refused(message: dict[str, Any]) -> None:
    """422 in plain text."""
    with pytest.raises(BodyRejected, match="untagged enum MessageBody"):
        read_chat(fields({"messages": [message]}))


@pytest.mark.parametrize(("model", "adapter"), [(None, None), ("tgi", None), ("dummy", "dummy")])
def test_another_model_than_the_base_is_an_adapter(model: str | None, adapter: str | None) -> None:
    """The name that means the base model is TGI's."""
    assert read_chat(fields({"messages": [HI], "model": model})).parameters.adapter_id == adapter


def test_a_chat_is_templated_and_brings_its_own_special_tokens() -> None:
    """So none are added when it is tokenised."""
    wanted, _ = to_generate(read_chat(fields({"messages": [HI]})), ECHO)
    assert wanted.inputs == "[user] hi [assistant] "
    assert not wanted.add_special_tokens


def test_a_last_message_of_the_assistant_is_continued() -> None:
    """The prompt ends where that message does."""
    messages = [HI, {"role": "assistant", "content": "well"}]
    wanted, _ = to_generate(read_chat(fields({"messages": messages})), ECHO)
    assert wanted.inputs == "[user] hi [assistant] well"


def test_tools_become_a_grammar_unless_none_may_be_used() -> None:
    """And the answer will be a call."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    for choice, used in (("auto", True), ("none", False), ("required", True), ("f", True)):
        chat = read_chat(fields({"messages": [HI], "tools": tools, "tool_choice": choice}))
        wanted, uses_tools = to_generate(chat, ECHO)
        assert (wanted.parameters.grammar is not None, uses_tools) == (used, used)
    chat = read_chat(fields({"messages": [HI], "tools": tools, "tool_choice": "g"}))
    with pytest.raises(ToolFailed, match="Tool with name g not found"):
        to_generate(chat, ECHO)


def test_tools_and_a_response_format_exclude_each_other() -> None:
    """422 tool_error."""
    body = {
        "messages": [HI],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "response_format": {"type": "regex", "value": "a"},
    }
    with pytest.raises(ToolFailed, match="Grammar and tools are mutually exclusive") as caught:
        to_generate(read_chat(fields(body)), ECHO)
    assert caught.value.body()["error_type"] == "tool_error"


def test_a_template_may_refuse_messages() -> None:
    """With its own words; one that reaches into Python is not even taken."""
    refusing = ChatTemplate.from_source("{{ raise_exception('no system please') }}")
    with pytest.raises(TemplateFailed, match="Template error: no system please"):
        refusing.render([ChatTurn("user", "hi")])
    with pytest.raises(UnsupportedError, match="private"):
        ChatTemplate.from_source("{{ messages.__class__.__mro__[1].__subclasses__() }}")


def test_a_template_that_does_not_end_is_refused_when_it_renders() -> None:
    """A short template can ask for hours of work."""
    endless = ChatTemplate.from_source(
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"
    )
    with pytest.raises(TemplateFailed, match="come to an end"):
        endless.render([ChatTurn("user", "hi")])
