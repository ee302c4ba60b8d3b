"""A trace executed with packed weights, against the trace itself; in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("packed_trace.py")


def test_packed_weights_give_nearly_the_same_vectors() -> None:
    """Layers on one input become one; what has branches is refused by name."""
    command = [sys.executable, "-W", "ignore", str(SCRIPT)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first == "1 True"
    assert second == "the trace holds prim::If, which is no tensor's operator"
