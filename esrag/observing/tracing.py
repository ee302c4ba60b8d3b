"""Spans of answers, sent by OTLP over HTTP to the one configured address.

    esrag.answer                     ids, kind, confidence, tokens, cost
    ├── retrieve                     hits
    │   └── rerank                   where there was any
    ├── assess                       beside or before the generator
    ├── prompt                       passages, tokens
    ├── generate                     model, tokens, cost, time to the first token
    └── verify                       sentences, and how many of them are supported

Names are those of OpenTelemetry's conventions for generative AI where these have one.  What is
asked, prompted and answered is in the spans only when that is wanted.  Spans are sent by a thread;
a collector that is down costs an answer nothing, and what it does not take is dropped and counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from esrag import __version__
from esrag.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.context import Context

PATH = "/v1/traces"
SEND_SECONDS = 3.0
CLOSE_SECONDS = 3.0
Facts = Mapping[str, Any]


class Tracing:
    """Makes spans; ``exporter`` takes them, and stands for the network in tests."""

    def __init__(self, exporter: SpanExporter, *, content: bool = False) -> None:
        self.content = content
        resource = Resource({"service.name": "esrag", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, export_timeout_millis=SEND_SECONDS * 1000)
        )
        self._tracer = self._provider.get_tracer("esrag", __version__)

    @contextmanager
    def span(self, name: str, facts: Facts, *, client: bool = False) -> Iterator[None]:
        """A span around the block; ``facts`` are read at its end, as the block may add to them."""
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                # what an error says may hold what was asked
                span.set_status(Status(StatusCode.ERROR, str(error) if self.content else None))
                span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                span.set_attributes(dict(facts))

    def passed(self, name: str, seconds: float, facts: Facts) -> None:
        """A span that has just ended and took so many seconds."""
        now = time.time_ns()
        span = self._tracer.start_span(name, start_time=now - int(seconds * 1e9))
        span.set_attributes(dict(facts))
        span.end(now)

    @contextmanager
    def continued(self, headers: Mapping[str, str]) -> Iterator[None]:
        """In the block, answers belong to the trace that ``traceparent`` of a request names."""
        from opentelemetry.context import attach, detach

        carrier = {name.lower(): value for name, value in headers.items()}
        context: Context = TraceContextTextMapPropagator().extract(carrier)
        token = attach(context)
        try:
            yield
        finally:
            detach(token)

    def trace_id(self) -> str:
        """The trace that the current answer belongs to, 32 hex digits; "" without one."""
        context = trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else ""

    def close(self) -> None:
        """Send what is there, for a few seconds at most."""
        self._provider.force_flush(int(CLOSE_SECONDS * 1000))
        self._provider.shutdown()


class OtlpExporter(SpanExporter):
    """Sends spans to one address: no redirects, no proxies of the environment, no retries."""

    def __init__(
        self,
        url: str,
        *,
        authorization: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.dropped = 0
        self._url = traces_url(url)
        headers = {"content-type": "application/x-protobuf", "user-agent": f"esrag/{__version__}"}
        if authorization:
            headers["authorization"] = authorization
        self._http = httpx.Client(
            headers=headers,
            timeout=SEND_SECONDS,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch once; what is not taken is dropped."""
        try:
            answer = self._http.post(self._url, content=encode_spans(spans).SerializeToString())
        except httpx.HTTPError:
            taken = False
        else:
            taken = answer.is_success
        if not taken:
            self.dropped += len(spans)
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """End the connections."""
        self._http.close()

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing waits here."""
        del timeout_millis
        return True


def traces_url(endpoint: str) -> str:
    """Where spans go: the address as it is given, or its path for traces.

    Raises UsageError when it is no address.
    """
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL as error:
        raise UsageError(f"observe.otlp_endpoint {endpoint!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise UsageError(
            f"observe.otlp_endpoint {endpoint!r} is no address",
            hint="Give it as http://collector:4318; a login goes into observe.otlp_authorization.",
        )
    path = url.path.rstrip("/")
    return str(url.copy_with(path=path if path.endswith(PATH) else path + PATH))
