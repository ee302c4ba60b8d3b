"""What a caller is told when something is not as he wants it: a status, a code, words, a next step.

    EsragError, wrong bodies, limits, bugs ─► Problem ─► {"error": {…}}

One form for all routes; it holds the fields that OpenAI's clients look for as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from esrag.answering import GeneratorFailedError
from esrag.errors import (
    ConflictError,
    EsragError,
    PermissionDeniedError,
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
    words = Words(500, "internal", error.message, error.hint)
    match error:
        case GeneratorFailedError():
            words = Words(502, "generator_failed", error.message, error.hint, _RETRY_SOON)
        case UsageError():
            words = Words(400, "usage", error.message, error.hint)
        case PermissionDeniedError() if own_credentials:
            refused = "refused the credentials" in error.message
            status, code = (401, "login_refused") if refused else (403, "not_allowed")
            words = Words(status, code, error.message, error.hint)
        case UnavailableError() if "did not answer in time" in error.message:
            words = Words(504, "too_slow", error.message, error.hint)
        case UnavailableError() if " 429 " in error.message:
            words = Words(429, "busy", error.message, error.hint, _RETRY_SOON)
        case UnavailableError():
            words = Words(503, "unavailable", error.message, error.hint, _RETRY_SOON)
        case PermissionDeniedError() | UnsupportedError() | ConflictError():
            words = Words(503, "not_ready", error.message, error.hint)
        case _:
            pass
    return Problem(words)
