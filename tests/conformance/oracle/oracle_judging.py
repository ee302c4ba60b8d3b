"""What every test of the oracle does with a verdict."""

from __future__ import annotations

import pytest
from conformance_record import Tally
from oracle_comparing import Verdict


def judge(verdict: Verdict, tally: Tally) -> None:
    """Nothing may be unexplained; the table is told what was compared."""
    tally.compared(verdict.compared, "generated requests")
    for name, number in verdict.differences.items():
        tally.difference(name, number)
    if verdict.unexplained:
        pytest.fail(str(verdict), pytrace=False)
