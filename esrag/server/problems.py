"""What a caller is told when something is not as he wants it: a status, a code, words, a next step.

    EsragError, wrong bodies, limits, bugs ─► Problem ─► {"error": {…}}

One form for all routes; it holds the fields that OpenAI's clients look for as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from esrag.answering import GeneratorFailedError
from esrag.calling.wire import TooSlowError
from esrag.errors import (
    ConflictError,
    EsragError,
    LoginRefusedError,
    NotAllowedError,
    OverloadedError,
    PermissionDeniedError,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from esrag.server.wire import to_json

# what OpenAI calls the kind of an error, by the first digit of the status and for some by all
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_RETRY_SOON = 5


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of a problem that are told."""

    status: int
    code: str
    message: str
    hint: str = ""
    retry_after: int | None = None
    param: str | None = None


class Problem(Exception):
    """Ends a request with words for the caller; ``answer`` is the record of a fallback."""

    def __init__(self, words: Words, *, answer: dict[str, Any] | None = None) -> None:
        super().__init__(words.message)
        self.words = words
        self.answer = answer

    def error(self, request_id: str) -> dict[str, Any]:
        """The value of ``error`` in a body or an event."""
        words = self.words
        return {
            "code": words.code,
            "message": words.message,
            "hint": words.hint,
            "type": _TYPES.get(
                words.status, "server_error" if words.status >= 500 else "invalid_request_error"
            ),
            "param": words.param,
            "request_id": request_id,
        }

    def response(self, request_id: str) -> Response:
        """The whole answer to the request."""
        body: dict[str, Any] = {"error": self.error(request_id)}
        if self.answer is not None:
            body["answer"] = self.answer
        headers = {}
        if self.words.retry_after is not None:
            headers["retry-after"] = str(self.words.retry_after)
        if self.words.status == 401:
            # not Basic: the browser would open a window of its own in front of the page
            headers["www-authenticate"] = 'Bearer realm="esrag"'
        return Response(
            to_json(body), self.words.status, headers=headers, media_type="application/json"
        )


def problem(
    status: int, code: str, message: str, hint: str = "", *, retry_after: int | None = None
) -> Problem:
    """A problem in words."""
    return Problem(Words(status, code, message, hint, retry_after))


def internal() -> Problem:
    """A bug: nothing of its inside is told, the log has it under the request's id."""
    return problem(
        500,
        "internal",
        "esrag made a mistake while answering this request",
        "The log of esrag serve has the details under this request_id.",
    )


def problem_of(error: EsragError, *, own_credentials: bool) -> Problem:
    """The problem that an error of the library is for a caller.

    ``own_credentials`` says that the caller's own were used, so that he can mend them; else it is
    whoever runs the server who has to.
    """
    match error:
        case GeneratorFailedError() if _was_slow(error):
            status, code, retry = 504, "too_slow", None
        case GeneratorFailedError():
            status, code, retry = 502, "generator_failed", _RETRY_SOON
        case UsageError():
            status, code, retry = 400, "usage", None
        case LoginRefusedError() if own_credentials:
            status, code, retry = 401, "login_refused", None
        case NotAllowedError() if own_credentials:
            status, code, retry = 403, "not_allowed", None
        case TimedOutError():
            status, code, retry = 504, "too_slow", None
        case OverloadedError():
            status, code, retry = 429, "busy", _RETRY_SOON
        case UnavailableError():
            status, code, retry = 503, "unavailable", _RETRY_SOON
        case PermissionDeniedError() | UnsupportedError() | ConflictError():
            status, code, retry = 503, "not_ready", None
        case _:
            status, code, retry = 500, "internal", None
    return Problem(Words(status, code, error.message, error.hint, retry))


def _was_slow(error: BaseException | None) -> bool:
    """Whether a deadline stands at the beginning of what went wrong."""
    while error is not None:
        if isinstance(error, TooSlowError | TimedOutError):
            return True
        error = error.__cause__
    return False
