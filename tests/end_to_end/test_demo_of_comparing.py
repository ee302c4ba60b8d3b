"""``esrag demo --compare`` as a person runs it, broken off once, and once more when it is done.

With the real model and few steps, so that the figures say nothing; what is shown is looked at.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

_MAIN = """
import esrag.cli.demo_compare as demo
demo.STEPS = 3
demo.RECIPE = demo.RECIPE.replace("--batch 16", "--batch 2")
from esrag.cli import main
main()
"""
_SECONDS = 2400


def begin(stack: Stack) -> subprocess.Popen[str]:
    """The demo with few steps, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, "demo", "--compare"],
        env={**stack.environment, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output, talk."""
    output, talk = process.communicate(timeout=_SECONDS)
    assert "Traceback" not in talk
    return process.returncode, output, talk


def test_the_demo_compares_five_systems_and_goes_on_where_it_was_broken_off(stack: Stack) -> None:
    """Stopped while it asks, it has a report; the next run keeps what was replied."""
    folder = stack.data_dir / "evaluations" / "demo-compare"
    replies = folder / "replies" / "base.jsonl"
    broken = begin(stack)
    deadline = time.monotonic() + _SECONDS
    while not (replies.is_file() and replies.read_text(encoding="utf-8").count("\n") > 3):
        assert broken.poll() is None, broken.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.kill(broken.pid, signal.SIGINT)
    code, _, talk = ended(broken)
    assert code == 130, talk
    kept = replies.read_text(encoding="utf-8").count("\n")
    assert (folder / "report.html").is_file()

    code, output, talk = ended(begin(stack))
    assert code == 0, talk
    assert f"{kept} kept" in talk, talk
    for part in (
        "taught   28 facts by heart in 280 wordings",
        "cost     ",
        "asked    55 questions",
        "55 questions, 5 systems; baseline base",
        f"report: {folder / 'report.html'}",
        "esrag compare --from demo-compare",
    ):
        assert part in output, part
    scored = {
        name: (folder / "scored" / f"{name}.jsonl").read_text(encoding="utf-8").count("\n")
        for name in ("base", "tuned", "rag", "rag-tuned", "extractive")
    }
    assert set(scored.values()) == {55}
    page = (folder / "report.html").read_text(encoding="utf-8")

    code, output, talk = ended(begin(stack))
    assert code == 0, talk
    assert "was complete already" in output
    assert "55 kept" in talk
    assert len((folder / "report.html").read_text(encoding="utf-8")) == len(page)
