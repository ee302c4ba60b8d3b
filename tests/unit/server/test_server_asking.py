"""``/v1/ask``, ``/v1/search`` and ``/v1/documents`` as a caller sees them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from served import ScriptedService, client_of, events_in, hit, sentence

from esrag.answering import GeneratorFailedError
from esrag.errors import (
    ConflictError,
    EsragError,
    LoginRefusedError,
    OverloadedError,
    TimedOutError,
    UnavailableError,
    UsageError,
)
from esrag.server.application import Limits
from esrag.server.searching import without_overlaps
from esrag.server.service import Wishes
from esrag.types import Answer, Filters, Turn


def test_an_answer_is_its_record() -> None:
    """One JSON body, with the citation at its place in the document."""
    found = client_of().post("/v1/ask", json={"question": "When was it released?"})
    assert found.status_code == 200
    record = found.json()
    assert record["answer"] == sentence().text
    citation = record["sentences"][0]["citations"][0]
    assert (citation["start"], citation["end"]) == (100, 100 + len(sentence().text))
    assert record["hits"] is None


def test_a_stream_tells_what_happens_and_ends_with_the_answer() -> None:
    """Sources come before the first sentence, the whole record last."""
    body = {"question": "When was it released?", "stream": True}
    found = client_of().post("/v1/ask", json=body)
    assert found.headers["content-type"].startswith("text/event-stream")
    events = list(events_in(found.text))
    assert [name for name, _ in events] == ["sources", "sentence", "answer"]
    assert json.loads(events[0][1])["hits"][0]["chunk_id"] == "c1"
    assert json.loads(events[1][1])["supported"] is True
    assert json.loads(events[2][1])["complete"] is True


def test_a_question_comes_with_its_history_and_filters() -> None:
    """They reach the answerer as the library's records."""
    service = ScriptedService()
    client_of(service).post(
        "/v1/ask",
        json={
            "question": "And before?",
            "history": [{"question": "When was 5.0.1 released?", "answer": "In March."}],
            "filters": {"source": ["a.md"], "metadata": {"team": "docs"}, "acl": []},
            "generate": False,
        },
        headers={"traceparent": "00-ab-cd-01", "baggage": "x"},
    )
    _, asked, wishes = service.asked[0]
    assert asked.history == (Turn("When was 5.0.1 released?", "In March."),)
    assert asked.filters == Filters(source=("a.md",), metadata=(("team", "docs"),), acl=())
    assert wishes == Wishes(generate=False, trace={"traceparent": "00-ab-cd-01"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": " \n"},
        {"question": "x" * 8_001},
        {"question": 7},
        {"question": "x", "siez": 5},
        {"question": "x", "filters": {"field": "y"}},
        {"question": "x", "filters": {"published_from": '2026"}}'}},
        {"question": "x", "history": [{"question": "y", "answer": "z"}] * 21},
        ["question"],
    ],
)
def test_a_wrong_body_is_refused_with_the_field(body: object) -> None:
    """Nothing is asked, and the value itself is not told back."""
    service = ScriptedService()
    found = client_of(service).post("/v1/ask", json=body)
    assert found.status_code == 422
    assert found.json()["error"]["code"] == "invalid_request"
    assert service.asked == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"question"', "application/json", 400),
        (b'{"question": "x"}', "text/plain", 415),
        (b"[" * 100_000, "application/json", 400),
        (b'{"question": "\\ud800"}', "application/json", 422),
        (b'{"question": "x", "size": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
    ],
)
def test_what_is_no_body_is_refused(content: bytes, kind: str, status: int) -> None:
    """Broken, deep or huge JSON, and other types, are the caller's mistake and no mistake of
    ours.
    """
    found = client_of().post("/v1/ask", content=content, headers={"content-type": kind})
    assert found.status_code == status
    assert set(found.json()) == {"error"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (
            UnavailableError("Elasticsearch cannot be reached while asking: refused"),
            503,
            "unavailable",
        ),
        (TimedOutError("Elasticsearch did not answer in time while asking"), 504, "too_slow"),
        (OverloadedError("Elasticsearch answered 429 while asking: full"), 429, "busy"),
        (ConflictError("there is no such index"), 503, "not_ready"),
        (LoginRefusedError("Elasticsearch refused the credentials"), 503, "not_ready"),
        (UsageError("a date cannot be read"), 400, "usage"),
        (EsragError("something unknown"), 500, "internal"),
        (ZeroDivisionError("a bug"), 500, "internal"),
    ],
)
def test_an_error_before_the_first_event_has_a_status(
    error: Exception, status: int, code: str
) -> None:
    """With a stream as without one; what is a mistake of ours says nothing of its inside."""
    for stream in (False, True):
        found = client_of(ScriptedService(error=error)).post(
            "/v1/ask", json={"question": "x", "stream": stream}
        )
        assert (found.status_code, found.json()["error"]["code"]) == (status, code)
        assert "a bug" not in found.text
        assert ("retry-after" in found.headers) == (code in ("unavailable", "busy"))


def test_a_stream_that_fails_ends_with_an_error() -> None:
    """What was told stays; the error is the last event."""
    service = ScriptedService(error=UnavailableError("the cluster is gone"), raise_after=1)
    found = client_of(service).post("/v1/ask", json={"question": "x", "stream": True})
    events = list(events_in(found.text))
    assert [name for name, _ in events] == ["sources", "sentence", "error"]
    assert json.loads(events[2][1])["error"]["code"] == "unavailable"


def test_without_the_generator_the_passages_speak() -> None:
    """The error carries the quoted answer, marked as incomplete."""
    fallback = Answer("x", "quoted", (sentence(),), (hit(),), complete=False)
    failed = GeneratorFailedError(UnavailableError("the generator is down"), fallback)
    service = ScriptedService(error=failed, sentences=(), raise_after=0)
    found = client_of(service).post("/v1/ask", json={"question": "x"})
    assert found.status_code == 502
    assert found.json()["answer"]["kind"] == "quoted"
    assert found.json()["answer"]["complete"] is False
    service = ScriptedService(error=failed, raise_after=1)
    stream = client_of(service).post("/v1/ask", json={"question": "x", "stream": True})
    last = list(events_in(stream.text))[-1]
    assert last[0] == "error"
    assert json.loads(last[1])["answer"]["answer"] == sentence().text


def test_a_deadline_ends_an_answer_and_calls_it_off() -> None:
    """The caller is told, and the thread stops."""
    service = ScriptedService(hold=threading.Event())
    client = client_of(service, limits=Limits(deadline=0.3))
    found = client.post("/v1/ask", json={"question": "x"})
    assert (found.status_code, found.json()["error"]["code"]) == (504, "too_slow")
    assert service.called_off.wait(2)


def test_a_search_gives_passages() -> None:
    """With the query as it was asked for."""
    service = ScriptedService()
    found = client_of(service).post(
        "/v1/search", json={"question": "release", "size": 7, "facets": True}
    )
    assert found.json()["hits"][0]["text"] == hit().text
    assert (service.queries[0].size, service.queries[0].facets) == (7, True)


def test_a_document_is_shown_around_a_position() -> None:
    """With the caller's rights, and any id."""
    service = ScriptedService(hits=(hit(document_id="a/b c"),))
    found = client_of(service).get("/v1/documents/a%2Fb%20c?position=4&before=2&acl=x&acl=y")
    assert found.json()["passages"][0]["start"] == 100
    asked = service.stretches[0]
    assert asked["document_id"] == "a/b c"
    assert (asked["position"], asked["before"], asked["after"]) == (4, 2, 3)
    assert asked["acl"] == ("x", "y")


def test_a_document_that_nobody_may_see_is_not_there() -> None:
    """The same words as for one that does not exist."""
    found = client_of().get("/v1/documents/other")
    assert (found.status_code, found.json()["error"]["code"]) == (404, "not_found")


def test_passages_of_a_document_do_not_repeat_their_overlap() -> None:
    """Each begins where the one before it ended, and its text stands at its offsets."""
    text = "The quick brown fox jumps over the lazy dog."
    cuts = [(0, 20), (15, 30), (16, 25), (30, 44)]
    hits = [
        replace(hit(number), text=text[start:end], start=start, end=end)
        for number, (start, end) in enumerate(cuts, start=1)
    ]
    shown = list(without_overlaps(tuple(hits)))
    assert "".join(one.text for one in shown) == text
    assert all(text[one.start : one.end] == one.text for one in shown)


def test_feedback_is_kept_where_it_is_wanted() -> None:
    """And refused with words where it is not."""
    body = {"answer_id": "0123456789abcdef", "rating": "down", "comment": "wrong date"}
    service = ScriptedService()
    assert client_of(service).post("/v1/feedback", json=body).status_code == 201
    assert service.feedback[0].comment == "wrong date"
    off = client_of(ScriptedService(takes_feedback=False)).post("/v1/feedback", json=body)
    assert (off.status_code, off.json()["error"]["code"]) == (404, "feedback_off")
