"""What every test of the oracle does with a verdict."""

from __future__ import annotations

import pytest
from conformance_record import Tally
from oracle_comparing import Condition, Verdict


def judge(verdict: Verdict, tally: Tally, known: dict[str, Condition] | None = None) -> None:
    """Nothing unexplained, and every exception still needed."""
    tally.compared(verdict.compared, "generated requests")
    for name, number in verdict.differences.items():
        tally.difference(name, number)
    if verdict.unexplained:
        pytest.fail(str(verdict), pytrace=False)
    unneeded = set(known or {}) - set(verdict.differences)
    assert not unneeded, f"no longer met: {', '.join(unneeded)}"
