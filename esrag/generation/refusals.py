"""What a generator means when it does not answer: statuses, bodies and error events into errors.

The same cause comes in many shapes.  TGI says everything in an event under HTTP 200 once a stream
was asked for, with 422 whatever the cause in the messages API; vLLM, SGLang and llama.cpp word a
prompt that is too long each in its way; Elasticsearch wraps what its upstream said.  Pure.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from typing import Any

from esrag.errors import EsragError, PermissionDeniedError, UsageError
from esrag.generation.pieces import BusyError, FailedError, TooLongError
from esrag.generation.sse import EventStream

_TOO_LONG = re.compile(
    r"must have less than \d+ tokens|must be <= \d+|maximum context length"
    r"|context[_ ](?:size|length)|longer than the (?:maximum )?model|exceed_context"
    r"|context_length_exceeded|input is too long"
    # Elasticsearch, which hides the words of a 422; of what is sent only the length can be wrong
    r"|received an input validation error response",
    re.IGNORECASE,
)
_BUSY = re.compile(r"overloaded|too many requests|rate.?limit|es_rejected_execution", re.IGNORECASE)
_NO_SYSTEM = re.compile(r"system role|role.{0,20}system|roles must alternate", re.IGNORECASE)
_FAILED = re.compile(r"failed during generation|incomplete generation", re.IGNORECASE)


class NoSystemTurnError(EsragError):
    """The model's chat template takes no system message."""


def refusal(where: str, status: int, body: bytes, *, retry_after: str = "") -> EsragError:
    """The error for an answer with an error status; ``where`` is "the generator at …"."""
    words = error_text(body)
    told = f"{where} answered {status}" + (f": {words}" if words else "")
    if status in (401, 403):
        return PermissionDeniedError(
            f"{where} refused the credentials: {words or status}",
            hint="Set generator.api_key; with protocol elasticsearch the key of the cluster needs "
            "the privilege monitor_inference.",
        )
    if status in (429, 503):
        return BusyError(told, wait=seconds_of(retry_after), status=status)
    if status == 404:
        return UsageError(
            f"{where} has no such route or model: {words or status}",
            hint="generator.url is the address without /v1, generator.model names the model; with "
            "protocol elasticsearch, generator.inference_id names an endpoint of the cluster.",
        )
    if 300 <= status < 400:
        return UsageError(
            f"{where} points to another address ({status}), and only the one of the settings is "
            "called",
            hint="Give the address itself as generator.url.",
        )
    return _by_words(where, words, told, status)


def event_refusal(where: str, data: bytes, *, status: int = 0) -> EsragError:
    """The error for an error event that came before any text."""
    words = error_text(data)
    told = f"{where} stopped with an error: {words}"
    status = status or _status_in(data)
    if status in (429, 503) or _BUSY.search(words):
        return BusyError(told)
    return _by_words(where, words, told, status)


def _by_words(where: str, words: str, told: str, status: int) -> EsragError:
    if status == 413 or _TOO_LONG.search(words):
        return TooLongError(
            f"{where} takes no prompt of this length: {words or status}",
            hint="Lower generator.passages or generator.max_new_tokens.",
        )
    if _NO_SYSTEM.search(words):
        return NoSystemTurnError(told)
    if _FAILED.search(words) or status == 424 or status >= 500:
        hint = "Try again in a moment, or look into its log."
        return FailedError(told, hint=hint, status=status or 500)
    return EsragError(f"{where} refused the request: {words or status}")


def error_text(body: bytes) -> str:
    """What an error body says, whichever of the known shapes it has."""
    body = _data_of(body)
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return _plain(body)
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        causes = error.get("root_cause")
        inner = causes[0] if isinstance(causes, list) and causes else {}
        words = error.get("message") or error.get("reason") or inner.get("reason") or error
        kind = error.get("code") or error.get("type")
        error = f"{words} ({kind})" if isinstance(kind, str) and kind else words
    return str(error)[:500]


def seconds_of(retry_after: str) -> float:
    """The seconds that a Retry-After header asks for; 0 when it says nothing useful."""
    text = retry_after.strip()
    if re.fullmatch(r"\d{1,6}(\.\d+)?", text):
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, at.timestamp() - time.time())


def _plain(body: bytes) -> str:
    """The words of a body that is no JSON; a page of a proxy loses its tags."""
    text = body[:5000].decode("utf-8", "replace")
    if text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>([^<]*)</title>", text, re.IGNORECASE)
        text = f"a web page, {title[1].strip()!r}" if title else "a web page"
    return " ".join(text.split())[:500]


def _data_of(body: bytes) -> bytes:
    """The data of a body that is one event, as Elasticsearch refuses a stream."""
    if not body.startswith((b"event:", b"data:")):
        return body
    events = list(EventStream().feed(body.rstrip() + b"\n\n"))
    return events[0].data if events else body


def _status_in(data: bytes) -> int:
    """The status that Elasticsearch and llama.cpp put into an error; TGI's 422 says nothing."""
    try:
        found = json.loads(data)
        status = found.get("status") or found["error"].get("code")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return 0
    return int(status) if re.fullmatch(r"[1-5]\d\d", str(status)) else 0
