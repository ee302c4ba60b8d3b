"""Which port a member gets."""

from __future__ import annotations

import pytest

from esrag.errors import ConflictError
from esrag.local import ports


def choose(configured: int, *, free: set[int] | None = None, **options: object) -> int:
    """``ports.choose`` where only ``free`` ports, or all, can be had."""
    wanted = {"remembered": None, "setting": "local.tgi_port", "taken": set(), **options}
    return ports.choose(configured, is_free=lambda port: free is None or port in free, **wanted)  # type: ignore[arg-type]


def test_a_configured_port_is_used() -> None:
    """The user's choice comes first, even before last time's port."""
    assert choose(9200, remembered=20_001) == 9200


def test_a_taken_configured_port_is_named() -> None:
    """The message names the port and the setting that asks for it."""
    with pytest.raises(ConflictError, match=r"9200.*local\.tgi_port"):
        choose(9200, free=set())


def test_a_configured_port_of_a_sibling_is_refused() -> None:
    """Two members cannot be given one port."""
    with pytest.raises(ConflictError):
        choose(9200, taken={9200})


def test_last_times_port_is_kept() -> None:
    """A repaired member keeps its address."""
    assert choose(0, remembered=20_001) == 20_001


def test_another_port_is_drawn_when_last_times_is_taken() -> None:
    """Somebody else's program on the old port does not stop the stack."""
    everything_else = set(range(20_000, 30_000)) - {20_001}
    assert choose(0, remembered=20_001, free=everything_else) in everything_else


def test_no_free_port_is_an_error() -> None:
    """The search ends."""
    with pytest.raises(ConflictError, match="no free port"):
        choose(0, free=set())
