"""Shows how long work comes along, on standard error: a bar for a person, lines for a log."""

from __future__ import annotations

import time
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class Bars:
    """Bars that are drawn for the time of a block, on a person's terminal only.

    What a log is told in their place is up to whoever builds on this.
    """

    def __init__(self, *columns: ProgressColumn) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(*columns, console=self._console)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()


class Steps(Bars):
    """A list of steps that are taken one after the other.

    ``begin`` starts a step, ``advance`` moves its bar, ``end`` finishes it.
    """

    def __init__(self) -> None:
        super().__init__(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
        )
        self._task: TaskID | None = None
        self._title = ""
        self._started = 0.0

    def begin(self, title: str) -> None:
        """Start a step."""
        self._title, self._started = title, time.monotonic()
        if self._console.is_terminal:
            self._task = self._bars.add_task(title, total=None)

    def advance(self, done: int, total: int) -> None:
        """Say how far the step is."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def warn(self, text: str) -> None:
        """Say what the step could not do."""
        self._console.print(f"Warning: {text}", style="yellow", markup=False, soft_wrap=True)

    def end(self) -> None:
        """Finish the step."""
        if self._task is not None:
            self._bars.update(self._task, completed=1, total=1)
            self._task = None
        elif not self._console.is_terminal:
            click.echo(f"{self._title} ({time.monotonic() - self._started:.1f} s)", err=True)
