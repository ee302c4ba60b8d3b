"""What an ingest shows while it runs."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from rich.console import Console

from esrag.cli.ingest_progress import Rates, as_line, as_lines, showing
from esrag.indexing import Progress

RUNNING = Progress(
    listed=200, settled=50, chunks=900, tokens=120_000, batch=128, in_flight=2, listing_done=True
)


def rates_after(seconds: float, *seen: Progress) -> Rates:
    """The rates of a run that was seen at even distances."""
    now = 0.0
    rates = Rates(clock=lambda: now)
    for each in seen:
        rates.see(each)
        now += seconds
    return rates


def test_what_is_left_follows_from_the_latest_rate() -> None:
    """150 documents at 10 a second."""
    rates = rates_after(5.0, replace(RUNNING, settled=0), RUNNING)
    assert rates.seconds_left(RUNNING) == pytest.approx(15.0)
    assert "15 s left" in as_line(RUNNING, rates)


def test_a_rate_forgets_what_is_long_ago() -> None:
    """A slow beginning does not weigh on the estimate for ever."""
    seen = [replace(RUNNING, settled=n) for n in (0, 0, 0, 0, 50, 100)]
    assert rates_after(10.0, *seen).of("settled") == pytest.approx(5.0)


@pytest.mark.parametrize(
    "progress",
    [
        replace(RUNNING, listing_done=False),
        replace(RUNNING, wait="busy", wait_until=1.0),
    ],
)
def test_nothing_is_promised_while_it_cannot_be_known(progress: Progress) -> None:
    """The listing goes on, or the cluster takes nothing."""
    rates = rates_after(5.0, replace(progress, settled=0), progress)
    assert rates.seconds_left(progress) is None
    assert "left" not in as_line(progress, rates)


def test_a_line_has_all_figures() -> None:
    """Documents, chunks, tokens, rates and the queue."""
    rates = rates_after(1.0, replace(RUNNING, chunks=800, tokens=100_000), RUNNING)
    assert as_line(RUNNING, rates) == (
        "50 of 200 documents; 900 chunks (100/s), 120.0 k tokens (20.0 k/s); "
        "2 requests under way, up to 128 chunks each"
    )


def test_a_wait_is_said_with_its_reason() -> None:
    """In one line, and without what steers a terminal."""
    waiting = replace(
        RUNNING, wait="429:\nthe queue\x1b[31m is full", wait_until=time.monotonic() + 7.4
    )
    assert as_line(waiting, Rates()).endswith("waiting 7 s: 429: the queue is full")


@pytest.mark.parametrize("width", [30, 80, 200])
def test_no_terminal_is_too_narrow(width: int) -> None:
    """A line that moves, one of figures, and the reason of a wait as far as it goes."""
    console = Console(width=width, force_terminal=True, record=True, color_system=None)
    waiting = replace(RUNNING, rejected=3, wait="a reason that is long " * 20, wait_until=1e12)
    with console.capture() as captured:
        console.print(as_lines(waiting, Rates()))
    lines = captured.get().rstrip("\n").split("\n")
    assert 3 <= len(lines) <= 2 + 260 // width + 2
    assert all(len(line) <= width for line in lines)


def test_a_log_gets_a_wait_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a line is written as soon as the sender begins to wait, and once."""
    waiting = replace(RUNNING, wait="the queue is full", wait_until=time.monotonic() + 3)
    with showing(lambda: waiting):
        time.sleep(1.7)
    talk = capsys.readouterr().err
    assert talk.count("the queue is full") == 1
