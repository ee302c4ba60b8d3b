"""What the ML node process refuses, in the words of its wire.

Every refusal is a ``Problem`` with one of the kinds below; ``app`` turns it into a status and
``{"error": {"type": kind, "reason": sentence}}``.  Nothing here knows HTTP beyond the number.
"""

from __future__ import annotations

from typing import Literal

from esrag.errors import EsragError

ProblemKind = Literal[
    "not_found",
    "already_exists",
    "deployed",
    "not_deployed",
    "queue_full",
    "timeout",
    "bad_request",
    "failed",
]

STATUS: dict[ProblemKind, int] = {
    "bad_request": 400,
    "not_found": 404,
    "timeout": 408,
    "already_exists": 409,
    "deployed": 409,
    "not_deployed": 409,
    "queue_full": 429,
    "failed": 503,
}


class Problem(EsragError):
    """A refusal that the caller is told: ``kind`` for programs, the sentence for people."""

    def __init__(self, kind: ProblemKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: ProblemKind = kind

    @property
    def status(self) -> int:
        """The HTTP status that goes with the kind."""
        return STATUS[self.kind]
