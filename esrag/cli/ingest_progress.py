"""Shows how far an ingest is, on standard error: lines that move for a person, a line for a log.

The run is asked from a thread of its own, so that a wait is seen while it lasts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from esrag.cli.printable import printable

if TYPE_CHECKING:
    from esrag.cluster.pressure import SendState
    from esrag.indexing import Progress

Ask = Callable[[], "Progress"]
AskFlow = Callable[[], "SendState"]

_LINE_EVERY = 5.0  # seconds between two lines in a log
_LOOK_EVERY = 0.5
_WHY = 240  # characters of the reason for a wait
_RATE_OVER = 15.0  # seconds that a rate looks back


class Rates:
    """How fast a run is of late, from what it has said so far."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, Progress]] = deque()

    def see(self, progress: Progress) -> None:
        """Remember how far the run is now."""
        now = self._clock()
        self._seen.append((now, progress))
        while len(self._seen) > 2 and now - self._seen[1][0] > _RATE_OVER:
            self._seen.popleft()

    def of(self, name: str) -> float:
        """How much ``name`` grows a second."""
        if len(self._seen) < 2:
            return 0.0
        (since, first), (until, last) = self._seen[0], self._seen[-1]
        grown: int = getattr(last, name) - getattr(first, name)
        return max(0, grown) / max(until - since, 0.001)

    def seconds_left(self, progress: Progress) -> float | None:
        """Until all documents are settled; None while that cannot be known."""
        rate = self.of("settled")
        if not progress.listing_done or progress.wait or rate <= 0:
            return None
        return (progress.listed - progress.settled) / rate


def as_line(progress: Progress, rates: Rates, flow: SendState | None = None) -> str:
    """How far the run is, in one line for a log."""
    parts = [_documents(progress), _chunks(progress, rates)]
    if progress.rejected:
        parts.append(f"{progress.rejected:,} rejected")
    parts.append(_wait(progress) if progress.wait else _doing(progress, flow))
    left = rates.seconds_left(progress)
    if left is not None:
        parts.append(f"{_duration(left)} left")
    return "; ".join(part for part in parts if part)


def as_lines(progress: Progress, rates: Rates, flow: SendState | None = None) -> RenderableType:
    """How far the run is, for a terminal of any width."""
    left = rates.seconds_left(progress)
    known = progress.listing_done
    bar = Table.grid(padding=(0, 1))
    bar.add_column(no_wrap=True)
    bar.add_column(no_wrap=True)
    bar.add_column(no_wrap=True, overflow="ellipsis")
    total = progress.listed if known and progress.listed else None
    bar.add_row(
        ProgressBar(total=total, completed=progress.settled, width=20, pulse=total is None),
        _documents(progress),
        "" if left is None else f"{_duration(left)} left",
    )
    chunks = _line(_chunks(progress, rates))
    if progress.rejected:
        chunks.append(f"  {progress.rejected:,} rejected", "yellow")
    doing = _doing(progress, flow)
    last = Text(_wait(progress), "yellow") if progress.wait else _line(doing, "dim")
    return Group(bar, chunks, last)


@contextmanager
def showing(ask: Ask, flow: AskFlow | None = None) -> Iterator[None]:
    """Show what ``ask`` and ``flow`` tell for as long as the block runs."""
    console = Console(stderr=True)
    with _on_a_terminal(ask, flow, console) if console.is_terminal else _in_a_log(ask, flow):
        yield


@contextmanager
def _on_a_terminal(ask: Ask, flow: AskFlow | None, console: Console) -> Iterator[None]:
    rates = Rates()

    def look() -> RenderableType:
        progress = ask()
        rates.see(progress)
        return as_lines(progress, rates, flow() if flow else None)

    with Live(
        console=console,
        get_renderable=look,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
        vertical_overflow="crop",
    ):
        yield


@contextmanager
def _in_a_log(ask: Ask, flow: AskFlow | None) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=_write_lines, args=(ask, flow, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=_LINE_EVERY)


def _write_lines(ask: Ask, flow: AskFlow | None, over: threading.Event) -> None:
    rates, last, told = Rates(), time.monotonic(), ""
    while not over.wait(_LOOK_EVERY):
        progress = ask()
        rates.see(progress)
        now = time.monotonic()
        if now - last >= _LINE_EVERY or (progress.wait and progress.wait != told):
            last, told = now, progress.wait
            click.echo(as_line(progress, rates, flow() if flow else None), err=True)


def _documents(progress: Progress) -> str:
    if progress.listing_done:
        return f"{progress.settled:,} of {progress.listed:,} documents"
    return f"{progress.settled:,} documents, {progress.listed:,} listed so far"


def _chunks(progress: Progress, rates: Rates) -> str:
    said = f"{progress.chunks:,} chunks ({rates.of('chunks'):,.0f}/s)"
    if progress.tokens:
        said += f", {_short(progress.tokens)} tokens ({_short(rates.of('tokens'))}/s)"
    return said


def _doing(progress: Progress, flow: SendState | None) -> str:
    """What is going on, when nothing is being waited for."""
    if progress.stage == "stopping":
        return "stopping: answers to what is under way are noted"
    if progress.stage == "ended":
        return "removing what is not there any more"
    if progress.stage == "verifying" and not progress.in_flight:
        return "looking at what was written"
    if not progress.in_flight:
        return ""
    requests = "request" if progress.in_flight == 1 else "requests"
    said = f"{progress.in_flight} {requests} under way, up to {progress.batch} chunks each"
    if flow is not None and flow.reading.queue_capacity:
        reading = flow.reading
        said += f"; in the model's queue {reading.queued:,} of {reading.queue_capacity:,}"
        said += f", {reading.allocations} allocation" + ("s" if reading.allocations != 1 else "")
    return said


def _wait(progress: Progress) -> str:
    left = progress.wait_until - time.monotonic()
    why = " ".join(printable(progress.wait).split()).partition("; for more information")[0]
    why = why if len(why) <= _WHY else f"{why[:_WHY]}…"
    return f"waiting {left:.0f} s: {why}" if left >= 1 else f"trying again after: {why}"


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _short(number: float) -> str:
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if number >= size:
            return f"{number / (1e3 if size == 1e4 else size):,.1f}{letter}"
    return f"{number:,.0f}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
