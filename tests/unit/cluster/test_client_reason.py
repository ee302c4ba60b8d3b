"""The server's own words: a cause without a reason adds nothing."""

from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError

from esrag.cluster.client import reason


def failed(body: object) -> ApiError:
    """An answer with status 503 and this body."""
    node = NodeConfig("http", "127.0.0.1", 9200)
    meta = ApiResponseMeta(503, "1.1", HttpHeaders(), 0.0, node)
    return ApiError("failed", meta=meta, body=body)


def test_a_cause_without_a_reason_is_named_by_its_type() -> None:
    """A null reason is not shown as the word None."""
    error = {"reason": "not reachable", "caused_by": {"type": "connect_exception", "reason": None}}
    assert reason(failed({"error": error})) == "not reachable: connect_exception"


def test_the_innermost_cause_is_told() -> None:
    """Each reason is told once, outermost first."""
    error = {"reason": "a", "caused_by": {"reason": "a", "caused_by": {"reason": "b"}}}
    assert reason(failed({"error": error})) == "a: b"
