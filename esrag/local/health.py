"""Asks each member whether it is well, and makes sure that it is the member we mean.

Elasticsearch must name our cluster, the ML node process its own process number; a stranger that
listens on the same port is never taken for a member.  No proxy is ever asked.
"""

from __future__ import annotations

import http.client
import json
import ssl
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from esrag.local.elasticsearch import USERNAME

Condition = Literal["running", "starting", "silent"]
_TIMEOUT = 3.0
_LONGEST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class Health:
    """``silent`` means that nothing answers, or somebody else does; ``detail`` says more."""

    condition: Condition
    detail: str = ""


def elasticsearch(
    url: str, *, cluster_name: str, password: str, ca_certs: Path | None = None
) -> Health:
    """Running when our cluster, and no other, reports yellow or green."""
    answer = get(f"{url}/_cluster/health", login=(USERNAME, password), ca_certs=ca_certs)
    if isinstance(answer, str):
        return Health("silent", answer)
    status, body = answer
    if status == 401:  # also while the security index is being recovered
        return Health("starting", "refuses our password")
    name = body.get("cluster_name")
    if status != 200 or name != cluster_name:
        return Health("starting" if status == 503 else "silent", f"answers {status} as {name}")
    if body.get("status") == "red":
        return Health("starting", "the cluster is red")
    return Health("running", str(body.get("status")))


def mlnode(url: str, *, pid: int) -> Health:
    """Running when the process with this number answers."""
    answer = get(f"{url}/health")
    if isinstance(answer, str):
        return Health("silent", answer)
    status, body = answer
    if status != 200 or body.get("status") != "ok":
        return Health("starting", f"answers {status}")
    if body.get("pid") != pid:
        return Health("silent", f"process {body.get('pid')} answers on its port")
    return Health("running")


def deployments_starting(url: str) -> int:
    """How many deployments of the ML node process are on their way up; 0 when it does not say."""
    answer = get(f"{url}/health")
    starting = None if isinstance(answer, str) else answer[1].get("starting")
    return starting if isinstance(starting, int) else 0


def tgi(url: str) -> Health:
    """Running when ``/health`` says 200; 503 means that the model is being loaded."""
    answer = get(f"{url}/health")
    if isinstance(answer, str):
        return Health("silent", answer)
    status, _ = answer
    if status == 200:
        return Health("running")
    return Health("starting", f"answers {status}")


def licence_days_left(
    url: str, *, password: str, ca_certs: Path | None, now: float
) -> float | None:
    """Days until the trial licence ends; None when it does not end or cannot be read."""
    answer = get(f"{url}/_license", login=(USERNAME, password), ca_certs=ca_certs)
    if isinstance(answer, str) or answer[0] != 200:
        return None
    expiry = answer[1].get("license", {}).get("expiry_date_in_millis")
    return (expiry / 1000 - now) / 86_400 if isinstance(expiry, int) else None


def get(
    url: str, *, login: tuple[str, str] | None = None, ca_certs: Path | None = None
) -> tuple[int, dict[str, Any]] | str:
    """Status and JSON object of an answer; a string says why there is none."""
    return _exchange("GET", url, login=login, ca_certs=ca_certs)


def post(
    url: str,
    *,
    login: tuple[str, str] | None = None,
    ca_certs: Path | None = None,
    body: dict[str, Any] | None = None,
    timeout: float = _TIMEOUT,
) -> tuple[int, dict[str, Any]] | str:
    """As ``get``, for a request that changes something; ``body`` is sent as JSON."""
    return _exchange("POST", url, login=login, ca_certs=ca_certs, body=body, timeout=timeout)


def _exchange(
    method: str,
    url: str,
    *,
    login: tuple[str, str] | None,
    ca_certs: Path | None,
    body: dict[str, Any] | None = None,
    timeout: float = _TIMEOUT,
) -> tuple[int, dict[str, Any]] | str:
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if ca_certs:
        connection = http.client.HTTPSConnection(
            parts.netloc, timeout=timeout, context=_tls(ca_certs)
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    headers = {"Accept": "application/json"}
    if login:
        headers["Authorization"] = "Basic " + b64encode(":".join(login).encode()).decode()
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        status, read = answer.status, answer.read(_LONGEST_ANSWER)
    except (http.client.HTTPException, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        connection.close()
    try:
        found = json.loads(read)
    except ValueError:
        found = {}
    return status, found if isinstance(found, dict) else {}


@cache
def _tls(ca_certs: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_certs))
