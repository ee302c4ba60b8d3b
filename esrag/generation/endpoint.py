"""The generator's HTTP connection: one configured origin, deadlines, errors in our words.

Speaks to TGI and to what shares its messages API.  Redirects are off, so nothing but the
configured address is ever contacted, and the environment's proxies are not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from esrag import __version__
from esrag.errors import EsragError, PermissionDeniedError, UnavailableError, UsageError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the generator is and how long to wait for it, in seconds.

    ``transport`` replaces the network, for tests.
    """

    url: str
    api_key: str | None = None
    model: str = "tgi"
    connect_timeout: float = 5.0
    token_timeout: float = 60.0
    transport: httpx.BaseTransport | None = None

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """An HTTP client for this origin; raises UsageError when the address is no URL."""
        headers = {"user-agent": f"esrag/{__version__}"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        try:
            base = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise UsageError(f"generator.url {self.url!r} is no address: {error}") from error
        if base.scheme not in ("http", "https") or not base.host:
            raise UsageError(
                f"generator.url {self.url!r} is no address", hint="Give it as http://host:8080."
            )
        timeout = httpx.Timeout(self.token_timeout, connect=self.connect_timeout)
        with httpx.Client(
            base_url=base,
            headers=headers,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            transport=self.transport,
        ) as client:
            yield client


@contextmanager
def explained(endpoint: Endpoint, doing: str) -> Iterator[None]:
    """Turn transport errors inside the block into UnavailableError; ``doing`` completes "while"."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise UnavailableError(
            f"the generator at {endpoint.url} did not answer in time while {doing}",
            hint="It may be overloaded; try again, or raise generator.token_timeout.",
        ) from error
    except httpx.TransportError as error:
        raise UnavailableError(
            f"the generator at {endpoint.url} cannot be reached while {doing}: {error}",
            hint="Is it running? For the local stack: esrag local status",
        ) from error


def refused(endpoint: Endpoint, status: int, body: bytes) -> EsragError:
    """The error for an answer with an error status; understands TGI's and OpenAI's bodies."""
    text = error_text(body) or f"HTTP {status}"
    where = f"the generator at {endpoint.url}"
    if status in (401, 403):
        return PermissionDeniedError(
            f"{where} refused the credentials: {text}", hint="Set generator.api_key."
        )
    if status == 404:
        return UsageError(
            f"{where} has no such route or model: {text}",
            hint="generator.url is the address without /v1; generator.model names the model.",
        )
    if status in (400, 413, 422):
        return EsragError(f"{where} refused the request: {text}")
    return UnavailableError(f"{where} answered {status}: {text}", hint="Try again in a moment.")


def error_text(body: bytes) -> str:
    """What an error body says, whichever of the known shapes it has."""
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()[:500]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        error = error.get("message", error)
    return str(error)[:500]
