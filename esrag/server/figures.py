"""What the server counts of itself, for ``/metrics``; what answers cost is counted elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

if TYPE_CHECKING:
    from esrag.server.places import Places

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240)
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class Figures:
    """Counts into ``registry``, which may hold the figures of others."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "esrag_http_requests",
            "Requests, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "esrag_http_request_seconds",
            "How long requests took, to the end of the answer.",
            ("route",),
            buckets=_BOUNDS,
            registry=self.registry,
        )
        self._streams = Counter(
            "esrag_http_streams",
            "Streams, by how they ended: answer, error, or left by the caller.",
            ("end",),
            registry=self.registry,
        )

    def watch(self, places: Places) -> None:
        """Show how many places are taken, and how many wait for one."""
        taken = Gauge("esrag_places_taken", "Requests at work in a thread.", registry=self.registry)
        taken.set_function(lambda: places.taken)
        waiting = Gauge(
            "esrag_places_waiting", "Requests that wait for a place.", registry=self.registry
        )
        waiting.set_function(lambda: places.waiting)

    def finished(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request."""
        # the path of the route, not the caller's, of which there are as many as he likes
        route = getattr(scope.get("route"), "path", "other") or "page"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def stream_ended(self, end: str) -> None:
        """Count a stream."""
        self._streams.labels(end).inc()

    def text(self) -> bytes:
        """All figures as Prometheus reads them."""
        return generate_latest(self.registry)
