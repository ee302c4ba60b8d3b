"""The connection to Elasticsearch, and the one place where its errors become ours.

The transport's own retries are off: whoever sends a request knows whether it may be sent twice.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import elastic_transport
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError
from elasticsearch.serializer import NdjsonSerializer

from esrag.cluster.connection_faults import connection_fault
from esrag.cluster.search_node import SearchNode
from esrag.errors import (
    ConflictError,
    EsragError,
    LicenceError,
    LoginRefusedError,
    NotAllowedError,
    OverloadedError,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)

# a deployment that is starting, or whose ML node has just gone; it passes
NOT_ALLOCATED = "is not allocated to any nodes"


class _ReadyLines(NdjsonSerializer):
    """Sends lines that are bytes already as they are; the client's own copies them twice."""

    def dumps(self, data: Any) -> bytes:
        """The body."""
        return data if isinstance(data, bytes) else super().dumps(data)


def connect(
    url: str,
    *,
    api_key: str | None = None,
    username: str | None = None,
    password: str | None = None,
    ca_certs: Path | None = None,
    request_timeout: float = 30.0,
    connections: int = 10,
) -> Elasticsearch:
    """A client for ``url``; nothing is sent yet.  ``connections`` are kept for threads to share.

    Raises UsageError when the address is no URL or the file of the authority cannot be used.
    """
    if ca_certs:
        require_certificates(ca_certs)
    login = (username, password) if username is not None and password is not None else None
    try:
        trust: dict[str, Any] = {"ca_certs": str(ca_certs)} if ca_certs else {}
        return Elasticsearch(
            url,
            **trust,
            api_key=api_key,
            basic_auth=None if api_key else login,
            request_timeout=request_timeout,
            connections_per_node=connections,
            max_retries=0,
            retry_on_timeout=False,
            serializers={"application/x-ndjson": _ReadyLines()},
            node_class=SearchNode,
        )
    except (ValueError, OSError) as error:
        raise UsageError(
            f"the Elasticsearch address {url!r} cannot be used: {error}",
            hint="Give it as https://host:9200.",
        ) from error


def authorization_of(client: Elasticsearch) -> str:
    """What a client sends as its Authorization header, for a call that it cannot make: a stream."""
    found: str = client._headers.get("authorization") or ""
    return found


def require_certificates(path: Path) -> None:
    """Raise UsageError when a file holds no certificates in PEM form."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        words = error.strerror or str(error)
        raise UsageError(
            f"elasticsearch.ca_certs {str(path)!r} cannot be used: {words}",
            hint="It is to be a PEM file with the certificate of the cluster's authority.",
        ) from error


_IN_USE = ("cannot be deleted because", "still in use", "still used by", "referenced by")


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn whatever the client raises inside the block into an EsragError.

    ``doing`` completes "while …", e.g. ``"putting pipeline esrag-embed-default"``.
    """
    try:
        yield
    except UnsupportedProductError as error:
        raise not_elasticsearch(error) from error
    except ApiError as error:
        raise api_error(error, doing) from error
    except elastic_transport.ConnectionTimeout as error:
        raise TimedOutError(
            f"Elasticsearch did not answer in time while {doing}",
            hint="Try again, or raise elasticsearch.request_timeout.",
        ) from error
    except elastic_transport.TransportError as error:
        fault = connection_fault(error)
        if isinstance(error, elastic_transport.TlsError):
            message = f"no trusted connection to Elasticsearch while {doing}: {fault.what}"
        else:
            message = f"Elasticsearch cannot be reached while {doing}: {fault.what}"
        raise UnavailableError(message, hint=fault.remedy) from error


@contextmanager
def in_use(doing: str) -> Iterator[None]:
    """Turn the refusal to delete what something else uses into a ConflictError."""
    try:
        yield
    except ApiError as error:
        words = reason(error)
        if error.meta.status not in (400, 409) or not any(w in words for w in _IN_USE):
            raise
        raise ConflictError(
            f"not possible while {doing}: {words}", hint="Change what uses it, then run this again."
        ) from error


def reason(error: ApiError) -> str:
    """The server's own words, innermost cause included."""
    body = error.body
    if not isinstance(body, dict):
        return str(body or error.message)
    cause = body.get("error", body)
    if not isinstance(cause, dict):
        return str(cause)
    words = [str(cause.get("reason") or cause.get("type", ""))]
    while isinstance(deeper := _deeper(cause), dict):
        cause = deeper
        words.append(str(cause.get("reason") or cause.get("type", "")))
    return ": ".join(dict.fromkeys(word for word in words if word))


def _deeper(cause: dict[str, Any]) -> Any:
    """What caused it; of a retriever within another one the first failure, which is put aside."""
    suppressed = cause.get("suppressed")
    return cause.get("caused_by") or (suppressed[0] if suppressed else None)


def not_elasticsearch(error: ApiError) -> UnsupportedError:
    """What answers at the address, by its answer: a web page, or another product."""
    body = error.body
    page = isinstance(body, str) and body.lstrip()[:1] == "<"
    if page or "html" in str(error.meta.headers.get("content-type", "")):
        return UnsupportedError(
            "a web page answers at this address, not Elasticsearch",
            hint="Is a proxy or Kibana there? elasticsearch.url is the address of Elasticsearch.",
        )
    return UnsupportedError(
        "this server is not Elasticsearch: its answer lacks the header X-Elastic-Product",
        hint="esrag needs Elasticsearch 9 or later; OpenSearch has other APIs.",
    )


def api_error(error: ApiError, doing: str) -> EsragError:
    """The branch of our tree that an answer with an error status belongs to."""
    status, text = error.meta.status, reason(error)
    if status == 401:
        return LoginRefusedError(
            f"Elasticsearch refused the credentials while {doing}: {text}",
            hint="The key or password may be mistyped, expired or revoked.",
        )
    if status == 403 and "non-compliant" in text:
        return LicenceError(f"the cluster's licence does not allow {doing}: {text}")
    if status == 403 and "blocked by" in text:
        return UnavailableError(
            f"Elasticsearch blocks writes while {doing}: {text}",
            hint="The disk is full, or somebody made the index read-only. What it is, and how to "
            "lift it: esrag doctor --only cluster",
        )
    if status == 403:
        return NotAllowedError(f"not allowed while {doing}: {text}")
    if status == 409:
        return ConflictError(f"conflict while {doing}: {text}")
    if status == 404:
        return ConflictError(
            f"not found while {doing}: {text}", hint="Run `esrag plan` to see what is missing."
        )
    if "Accept version must be" in text or "media_type_header" in text:
        return UnsupportedError(
            f"the server is too old for this client while {doing}: {text}",
            hint="esrag needs Elasticsearch 9 or later.",
        )
    if status == 429:
        return OverloadedError(f"Elasticsearch answered {status} while {doing}: {text}")
    if status == 408 or status >= 500:
        return UnavailableError(f"Elasticsearch answered {status} while {doing}: {text}")
    return EsragError(f"Elasticsearch answered {status} while {doing}: {text}")
