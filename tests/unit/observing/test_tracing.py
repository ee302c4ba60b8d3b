"""Spans of answers."""

from __future__ import annotations

import json

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from esrag.answering import Answerer
from esrag.calibration import Calibration
from esrag.errors import UnavailableError, UsageError
from esrag.observing.observing import Observing
from esrag.observing.prices import Prices
from esrag.observing.tracing import OtlpExporter, Tracing, traces_url
from esrag.testing import ScriptedGenerator, WordEmbedder, make_hit
from esrag.types import Found

QUESTION = "When was Aster 4.2.1 released?"
TEXT = "Aster 4.2.1 was released on March 3, 2026"
HIT = make_hit("a", f"{TEXT}.", title="Aster 4.2.1 release notes")


def spans_of(*, content: bool, fail: bool = False) -> dict[str, ReadableSpan]:
    """The spans of one answer by name."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, content=content)

    def retrieve(query: object) -> Found:
        if fail:
            raise UnavailableError("the cluster is down: about Aster")
        return Found((HIT,), seconds={"search": 0.01, "rerank": 0.02})

    answerer = Answerer(
        retrieve=retrieve,
        embed=WordEmbedder(),
        generator=ScriptedGenerator(f"{TEXT} [1]."),
        calibration=Calibration(threshold=0.5),
        observing=Observing(tracing=tracing, prices=Prices(generated=10.0)),
    )
    try:
        answerer.answer(QUESTION)
    except UnavailableError:
        assert fail
    finally:
        tracing.close()
    return {span.name: span for span in exporter.get_finished_spans()}


def test_an_answer_is_one_trace_with_a_span_for_each_step() -> None:
    """Every step hangs under the answer, also the one that ran in another thread."""
    spans = spans_of(content=False)
    root = spans["esrag.answer"]
    children = {"retrieve", "assess", "prompt", "generate"}
    assert set(spans) == {"esrag.answer", "rerank", "verify", *children}
    assert root.context is not None
    for name in children:
        parent = spans[name].parent
        assert parent is not None
        assert parent.span_id == root.context.span_id
    assert {span.context.trace_id for span in spans.values() if span.context} == {
        root.context.trace_id
    }


def test_spans_hold_tokens_cost_and_ids() -> None:
    """What an operator looks for."""
    spans = spans_of(content=False)
    generated = dict(spans["generate"].attributes or {})
    assert generated["gen_ai.usage.input_tokens"] == 10
    assert generated["gen_ai.usage.output_tokens"] == 3
    assert generated["gen_ai.request.model"] == "scripted"
    assert generated["esrag.cost"] == 3 * 10.0 / 1e6
    whole = dict(spans["esrag.answer"].attributes or {})
    assert len(str(whole["esrag.answer.id"])) == 32
    assert whole["esrag.answer.kind"] == "generated"
    assert dict(spans["verify"].attributes or {})["esrag.sentences.supported"] == 1


def test_spans_hold_no_text_unless_it_is_wanted() -> None:
    """Questions, passages and answers may be secret; names and figures are not."""
    assert "Aster" not in "".join(span.to_json() for span in spans_of(content=False).values())
    failed = spans_of(content=False, fail=True)["retrieve"]
    assert "Aster" not in failed.to_json()
    assert dict(failed.attributes or {})["error.type"] == "UnavailableError"


def test_with_content_the_prompt_is_in_the_span_of_the_generation() -> None:
    """As OpenTelemetry's conventions have it: roles and parts."""
    attributes = dict(spans_of(content=True)["generate"].attributes or {})
    roles = [message["role"] for message in json.loads(str(attributes["gen_ai.input.messages"]))]
    assert roles[0] == "system"
    assert TEXT in str(attributes["gen_ai.output.messages"])


def test_an_answer_belongs_to_the_trace_of_the_request() -> None:
    """``traceparent`` of whoever asked is continued."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"Traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with tracing.continued(headers), tracing.span("esrag.answer", {}):
        pass
    tracing.close()
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == trace


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://apm.example/otlp/", "https://apm.example/otlp/v1/traces"),
        ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
    ],
)
def test_the_path_is_added_where_it_is_missing(given: str, url: str) -> None:
    """Collectors are named either way."""
    assert traces_url(given) == url


@pytest.mark.parametrize("given", ["", "collector:4318", "file:///etc", "http://me:pw@host"])
def test_an_address_that_is_none_is_refused(given: str) -> None:
    """Credentials do not belong into an address, which is shown and logged."""
    with pytest.raises(UsageError):
        traces_url(given)


def test_spans_go_to_the_configured_address_alone() -> None:
    """A redirect is not followed; what was not taken is counted."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"location": "http://elsewhere.example/"})

    exporter = OtlpExporter(
        "http://collector:4318", authorization="ApiKey k", transport=httpx.MockTransport(answer)
    )
    result = exporter.export(list(spans_of(content=False).values()))
    assert result is SpanExportResult.FAILURE
    assert exporter.dropped == 7
    assert [str(request.url) for request in seen] == ["http://collector:4318/v1/traces"]
    assert seen[0].headers["authorization"] == "ApiKey k"
    sent = ExportTraceServiceRequest.FromString(seen[0].content)
    assert len(sent.resource_spans[0].scope_spans[0].spans) == 7
