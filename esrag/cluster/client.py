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
from elasticsearch import ApiError, Elasticsearch

from esrag.errors import (
    ConflictError,
    EsragError,
    LicenceError,
    PermissionDeniedError,
    UnavailableError,
    UsageError,
)

# a deployment that is starting, or whose ML node has just gone; it passes
NOT_ALLOCATED = "is not allocated to any nodes"

_TLS_REASONS = {
    10: "the server's certificate has expired",
    18: "the server's certificate is self-signed and not trusted",
    19: "the server's certificate chain ends in an authority that is not trusted",
    20: "the authority that signed the server's certificate is not trusted",
    62: "the server's certificate is for another host name",
}


def connect(
    url: str,
    *,
    api_key: str | None = None,
    username: str | None = None,
    password: str | None = None,
    ca_certs: Path | None = None,
    request_timeout: float = 30.0,
) -> Elasticsearch:
    """A client for ``url``; nothing is sent yet.  Raises UsageError when the address is no URL."""
    login = (username, password) if username is not None and password is not None else None
    try:
        trust: dict[str, Any] = {"ca_certs": str(ca_certs)} if ca_certs else {}
        return Elasticsearch(
            url,
            **trust,
            api_key=api_key,
            basic_auth=None if api_key else login,
            request_timeout=request_timeout,
            max_retries=0,
            retry_on_timeout=False,
        )
    except (ValueError, OSError) as error:
        raise UsageError(
            f"the Elasticsearch address {url!r} cannot be used: {error}",
            hint="Give it as https://host:9200.",
        ) from error


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn whatever the client raises inside the block into an EsragError.

    ``doing`` completes "while …", e.g. ``"putting pipeline esrag-embed-default"``.
    """
    try:
        yield
    except ApiError as error:
        raise api_error(error, doing) from error
    except elastic_transport.ConnectionTimeout as error:
        raise UnavailableError(
            f"Elasticsearch did not answer in time while {doing}",
            hint="Try again, or raise elasticsearch.request_timeout.",
        ) from error
    except elastic_transport.TlsError as error:
        raise UnavailableError(
            f"no trusted connection to Elasticsearch while {doing}: {_tls_reason(error)}",
            hint="Set elasticsearch.ca_certs to the PEM file of the cluster's authority.",
        ) from error
    except elastic_transport.TransportError as error:
        raise UnavailableError(
            f"Elasticsearch cannot be reached while {doing}: {error.message}",
            hint="Is it running? For the local stack: esrag local status",
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
    while isinstance(cause.get("caused_by"), dict):
        cause = cause["caused_by"]
        words.append(str(cause.get("reason") or cause.get("type", "")))
    return ": ".join(dict.fromkeys(word for word in words if word))


def api_error(error: ApiError, doing: str) -> EsragError:
    """The branch of our tree that an answer with an error status belongs to."""
    status, text = error.meta.status, reason(error)
    if status == 401:
        return PermissionDeniedError(
            f"Elasticsearch refused the credentials while {doing}: {text}",
            hint="The key or password may be mistyped, expired or revoked.",
        )
    if status == 403 and "non-compliant" in text:
        return LicenceError(f"the cluster's licence does not allow {doing}: {text}")
    if status == 403 and "blocked by" in text:
        return UnavailableError(f"Elasticsearch blocks writes while {doing}: {text}")
    if status == 403:
        return PermissionDeniedError(f"not allowed while {doing}: {text}")
    if status == 409:
        return ConflictError(f"conflict while {doing}: {text}")
    if status == 404:
        return ConflictError(
            f"not found while {doing}: {text}", hint="Run `esrag plan` to see what is missing."
        )
    if status in (408, 429) or status >= 500:
        return UnavailableError(f"Elasticsearch answered {status} while {doing}: {text}")
    return EsragError(f"Elasticsearch answered {status} while {doing}: {text}")


def _tls_reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _TLS_REASONS.get(cause.verify_code, cause.verify_message)
        cause = (
            cause.__cause__
            or cause.__context__
            or next((e for e in getattr(cause, "errors", ()) if isinstance(e, BaseException)), None)
        )
    return str(error)
