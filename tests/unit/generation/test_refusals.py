"""What servers say when they do not answer, and the error that each of it becomes."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from esrag.errors import EsragError, PermissionDeniedError, UsageError
from esrag.generation.pieces import BusyError, FailedError, TooLongError
from esrag.generation.refusals import (
    NoSystemTurnError,
    error_text,
    event_refusal,
    refusal,
    seconds_of,
)

TOO_LONG = [
    (422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2000 `inputs` tokens"),
    (400, "This model's maximum context length is 4096 tokens. However, you requested 5000"),
    (400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
    (400, "the request exceeds the available context size. try increasing the context size"),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
]


@pytest.mark.parametrize(("status", "words"), TOO_LONG)
def test_every_server_may_say_that_a_prompt_is_too_long(status: int, words: str) -> None:
    """TGI, vLLM, llama.cpp and SGLang in a body; TGI and Elasticsearch in an event."""
    flat = json.dumps({"error": words, "error_type": "validation"}).encode()
    nested = json.dumps({"error": {"message": words, "http_status_code": 422}}).encode()
    for body in (flat, nested, words.encode()):
        assert type(refusal("x", status, body)) is TooLongError
        assert type(event_refusal("x", body)) is TooLongError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UsageError),
        (308, UsageError),
        (400, EsragError),
        (401, PermissionDeniedError),
        (403, PermissionDeniedError),
        (404, UsageError),
        (413, TooLongError),
        (418, EsragError),
        (422, EsragError),
        (424, FailedError),
        (429, BusyError),
        (500, FailedError),
        (502, FailedError),
        (503, BusyError),
        (504, FailedError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[EsragError]) -> None:
    """The branch decides the exit code and whether it is tried again."""
    error = refusal("the generator at x", status, b"words")
    assert type(error) is kind
    assert "words" in error.message or status in (301, 308)


def test_an_event_under_200_is_read_by_its_words() -> None:
    """TGI says 422 in the messages API whatever the cause."""

    def told(words: str) -> type[EsragError]:
        body = {"error": {"message": words, "http_status_code": 422}}
        return type(event_refusal("x", json.dumps(body).encode()))

    assert told("Model is overloaded") is BusyError
    assert told("Request failed during generation: boom") is FailedError
    assert told("Template error: System role not supported") is NoSystemTurnError
    assert told("`temperature` must be strictly positive") is EsragError
    assert type(event_refusal("x", b'{"error":{"reason":"r"},"status":500}')) is FailedError
    assert type(event_refusal("x", b'{"error":{"message":"m","code":"429"}}')) is BusyError
    assert type(event_refusal("x", b'{"error":{"message":"m","code":503}}')) is BusyError


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"flat","error_type":"validation"}', "flat"),
        (b'{"error":{"message":"nested"}}', "nested"),
        (
            b'{"error":{"message":"m","code":"context_length_exceeded"}}',
            "m (context_length_exceeded)",
        ),
        (b'{"error":{"type":"t","reason":"why","root_cause":[]},"status":403}', "why (t)"),
        (b'{"error":{"root_cause":[{"reason":"deep"}]}}', "deep"),
        (b'{"detail":"fastapi"}', "{'detail': 'fastapi'}"),
        (b'event: error\ndata: {"error":{"message":"framed"}}\n\n', "framed"),
        (b"plain \n text", "plain text"),
        (
            b"<html><title>502 Bad Gateway</title><script>x</script>",
            "a web page, '502 Bad Gateway'",
        ),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[]", "[]"),
    ],
)
def test_every_known_error_body_is_read(body: bytes, text: str) -> None:
    """TGI's two shapes, OpenAI's, Elasticsearch's, axum's plain text, and a proxy's page."""
    assert error_text(body) == text


def test_retry_after_is_seconds_or_a_date() -> None:
    """Anything else asks for nothing."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert seconds_of("7") == 7
    assert 55 < seconds_of(soon) <= 60
    past = format_datetime(datetime.fromtimestamp(time.time() - 60, UTC), usegmt=True)
    assert [seconds_of(text) for text in ("", "soon", "-3", "1e9", past)] == [0.0] * 5
