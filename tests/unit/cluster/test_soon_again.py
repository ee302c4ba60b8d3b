"""Reads that a person waits for are tried again, briefly, where that can help."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esrag.cluster.retry import soon_again
from esrag.errors import ModelDownError, PermissionDeniedError, TimedOutError, UnavailableError


def failing(*errors: Exception) -> tuple[Callable[[], str], list[str]]:
    """A call that raises these in turn, then succeeds; and what was called."""
    waiting = list(errors)
    calls: list[str] = []

    def call() -> str:
        calls.append("called")
        if waiting:
            raise waiting.pop(0)
        return "found"

    return call, calls


def test_a_lost_answer_is_asked_for_again() -> None:
    """Twice, with a wait that grows."""
    call, calls = failing(UnavailableError("lost"), UnavailableError("429"))
    waits: list[float] = []
    assert soon_again(call, sleep=waits.append, chance=lambda: 1.0) == "found"
    assert len(calls) == 3
    assert waits == [0.5, 1.0]


def test_the_last_refusal_is_told() -> None:
    """After three tries nobody wants to wait any longer."""
    call, calls = failing(*(UnavailableError(str(number)) for number in range(5)))
    with pytest.raises(UnavailableError, match="2"):
        soon_again(call, sleep=lambda _: None)
    assert len(calls) == 3


@pytest.mark.parametrize(
    "error", [TimedOutError("slow"), ModelDownError("stopped"), PermissionDeniedError("no")]
)
def test_what_would_fail_again_is_told_at_once(error: Exception) -> None:
    """A deadline that passed would pass once more."""
    call, calls = failing(error)
    with pytest.raises(type(error)):
        soon_again(call, sleep=lambda _: None)
    assert len(calls) == 1
