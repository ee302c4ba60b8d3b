"""``esrag demo --compare`` as a person runs it, broken off once, and once more when it is done.

With the real model and few steps, so that the figures say nothing; what is shown is looked at.
"""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from begun_demos import begin, ended, until

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

_SHORTER = """
import esrag.cli.demo_compare as demo
demo.STEPS = 3
demo.RECIPE = demo.RECIPE.replace("--batch 16", "--batch 2")
"""


def begun(stack: Stack) -> subprocess.Popen[str]:
    """The demo with few steps."""
    return begin(stack, "--compare", shorter=_SHORTER)


def test_the_demo_compares_five_systems_and_goes_on_where_it_was_broken_off(stack: Stack) -> None:
    """Stopped while it asks, it has a report; the next run keeps what was replied."""
    folder = stack.data_dir / "evaluations" / "demo-compare"
    replies = folder / "replies" / "base.jsonl"
    broken = begun(stack)
    until(
        broken,
        lambda: replies.is_file() and replies.read_text(encoding="utf-8").count("\n") > 3,
    )
    broken.send_signal(signal.SIGINT)
    code, _, talk = ended(broken)
    assert code == 130, talk
    kept = replies.read_text(encoding="utf-8").count("\n")
    assert (folder / "report.html").is_file()

    code, output, talk = ended(begun(stack))
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

    code, output, talk = ended(begun(stack))
    assert code == 0, talk
    assert "was complete already" in output
    assert "55 kept" in talk
    assert len((folder / "report.html").read_text(encoding="utf-8")) == len(page)
