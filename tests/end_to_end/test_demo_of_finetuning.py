"""``esrag demo --finetune`` as a person runs it: to its end, again, broken off, and twice at once.

With the real model and few steps, so that the figures say nothing; what is shown is looked at.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from begun_demos import begin, ended, until

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

_SHORTER = """
import esrag.cli.demo_finetune as demo
demo.RECIPE = demo.RECIPE.replace("--max-steps 24", "--max-steps 10") + " --checkpoint-every 1"
demo.RECIPE = demo.RECIPE.replace("--batch 10", "--batch 2")
"""


def begun(stack: Stack) -> subprocess.Popen[str]:
    """The demo with few steps."""
    return begin(stack, "--finetune", shorter=_SHORTER)


def steps(stack: Stack) -> list[int]:
    """The steps that were trained, in the order of the run's own log."""
    files = list(stack.data_dir.glob("runs/demo-*/metrics.jsonl"))
    lines = files[0].read_text(encoding="utf-8").splitlines() if files else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return [entry["step"] for entry in entries if entry["kind"] == "train"]


def until_trained(stack: Stack, process: subprocess.Popen[str], step: int) -> None:
    """Until so many steps are done, and training goes on."""
    until(process, lambda: max(steps(stack), default=0) >= step)


def test_the_demo_shows_all_of_it_however_often_it_was_broken_off(stack: Stack) -> None:
    """Killed, begun twice at once, called off; then to its end, and once more."""
    killed = begun(stack)
    until_trained(stack, killed, 2)
    code, _, talk = ended(begun(stack))
    assert code == 7, talk
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)

    called_off = begun(stack)
    until_trained(stack, called_off, 4)
    called_off.send_signal(signal.SIGINT)
    code, _, talk = ended(called_off)
    assert code == 130, talk

    code, output, talk = ended(begun(stack))
    assert code == 0, talk
    assert steps(stack) == list(range(1, 11))  # none was lost, and none was trained twice
    for part in (
        "taught   ",
        "cost     ",
        "demo is applied",
        "Before and after: 12 questions",
        "right, with the right citation",
        "The same 12 questions without passages",
        "8 questions in the words of people",
        "The same, with the adapter",
        "esrag ask --set demo --adapter demo",
    ):
        assert part in output, part

    code, output, talk = ended(begun(stack))
    assert code == 0, talk
    assert "was complete already" in output
    assert "was there already" in output
