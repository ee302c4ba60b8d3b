"""Requests and events of each protocol, as pure data."""

import pytest

from esrag.generation.pieces import Piece
from esrag.generation.places import Place
from esrag.generation.protocols import (
    ErrorEvent,
    Messages,
    Native,
    ThroughCluster,
    folded,
    plain_text,
    speech_of,
    without_beginning,
)
from esrag.generation.sse import Event, EventError
from esrag.types import Message

CHAT = (Message("system", "s"), Message("user", "u"))


def event(data: str, name: str = "message") -> Event:
    """An event with this data."""
    return Event(name, data.encode())


def test_the_messages_api_is_asked_greedily_and_streamed() -> None:
    """Temperature is said, as TGI samples without it; usage is asked for."""
    sending = Messages(Place("http://x", model="m")).request(CHAT, max_tokens=9)
    assert sending.path == "/v1/chat/completions"
    assert sending.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 9,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_cluster_is_asked_by_the_name_of_its_endpoint() -> None:
    """The endpoint knows model and service."""
    sending = ThroughCluster(Place("http://x", inference_id="esrag-chat-hr")).request(
        CHAT, max_tokens=9
    )
    assert sending.path == "/_inference/chat_completion/esrag-chat-hr/_stream"
    assert set(sending.body) == {"messages", "max_completion_tokens", "temperature"}


def test_tgi_is_asked_by_text_and_by_adapter() -> None:
    """No parameter of sampling is sent; the base model is no adapter."""
    sending = Native(Place("http://x")).request(CHAT, max_tokens=9, text="T")
    assert sending.path == "/generate_stream"
    assert sending.body["inputs"] == "T"
    assert "adapter_id" not in sending.body["parameters"]
    tuned = Native(Place("http://x", model="hr")).request(CHAT, max_tokens=9, text="T")
    assert tuned.body["parameters"]["adapter_id"] == "hr"


@pytest.mark.parametrize(
    ("data", "piece"),
    [
        ('{"choices":[{"delta":{"role":"assistant","content":"a"}}]}', Piece("a")),
        ('{"choices":[{"delta":{"role":"assistant"}}]}', Piece("")),
        ('{"choices":[{"delta":{"content":null},"finish_reason":"stop"}]}', Piece("", "stop")),
        ('{"choices":[{"delta":null,"finish_reason":""}]}', Piece("")),
        ('{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}', Piece("", None, 7, 2)),
        ('{"choices":[],"usage":{"prompt_tokens":"x"}}', Piece("")),
        ('{"choices":null,"usage":null}', Piece("")),
        ('{"error":null,"choices":[]}', Piece("")),
        ("[DONE]", None),
        (" [DONE] ", None),
    ],
)
def test_chunks_of_all_servers_are_read(data: str, piece: Piece | None) -> None:
    """What is missing, null or empty is nothing."""
    assert Messages(Place("http://x")).piece(event(data)) == piece


@pytest.mark.parametrize("data", ["{not json", "[]", "7", '{"choices":["x"]}', "[" * 100_000])
def test_what_is_no_chunk_is_an_error(data: str) -> None:
    """A stream of something else is not an empty answer."""
    with pytest.raises(EventError):
        Messages(Place("http://x")).piece(event(data))


def test_errors_in_a_stream_are_told_apart() -> None:
    """By a field, or by the name of the event."""
    with pytest.raises(ErrorEvent):
        Messages(Place("http://x")).piece(event('{"error":{"message":"m"}}'))
    with pytest.raises(ErrorEvent):
        ThroughCluster(Place("http://x")).piece(event('{"anything":1}', "error"))
    with pytest.raises(ErrorEvent):
        Native(Place("http://x")).piece(event('{"error":"m","error_type":"generation"}'))


def test_tokens_of_tgi_are_read_to_the_last() -> None:
    """Special tokens are no text; the last one says why and how many."""
    speech = speech_of(Place("http://x", protocol="tgi"))
    assert speech.piece(event('{"token":{"text":"a","special":false}}')) == Piece("a")
    last = (
        '{"token":{"text":"</s>","special":true},"generated_text":"a",'
        '"details":{"finish_reason":"eos_token","generated_tokens":2,"input_length":5}}'
    )
    assert speech.piece(event(last)) == Piece("", "eos_token", 5, 2)


def test_prompts_for_models_without_a_template_or_a_system_turn() -> None:
    """The rules come first in either; a text does not bring what the tokenizer adds."""
    assert plain_text(CHAT) == "s\n\nu\n\nAnswer:"
    assert folded(CHAT) == (Message("user", "s\n\nu"),)
    assert folded(CHAT[1:]) == CHAT[1:]
    assert without_beginning("<s>[INST] u") == "[INST] u"
    assert without_beginning("<|im_start|>u") == "<|im_start|>u"
