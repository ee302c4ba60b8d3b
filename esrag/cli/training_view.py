"""How training is shown while it goes on: a bar for a person, lines for a log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from esrag.cli.progress import Bars
from esrag.errors import UnsupportedError
from esrag.training.run_folder import RunFolder

if TYPE_CHECKING:
    from esrag.training.finetuning import Plan

_EVERY = 10.0  # seconds between lines of a log


class Progress(Bars):
    """Shows each step on standard error, and writes for TensorBoard where that is wanted."""

    def __init__(self, folder: RunFolder, *, tensorboard: bool = False) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._task: Any = None
        self._told = self._begun = 0.0
        self._first = 0
        self._board = _board(folder) if tensorboard else None

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._board is not None:
            self._board.close()

    def tell(self, step: int, total: int, line: Mapping[str, Any]) -> None:
        """Show one line of the metrics."""
        self._to_board(step, line)
        words = _words(line)
        if not self._begun:
            self._begun, self._first = time.monotonic(), step
            if step > 1 and line["kind"] == "train":
                self._console.print(f"going on after step {step - 1}", highlight=False)
        if self._console.is_terminal:
            if self._task is None:
                self._task = self._bars.add_task(words, total=total)
            self._bars.update(self._task, completed=step, total=total, description=words)
            if line["kind"] == "evaluation":
                self._console.print(f"step {step}: {words}", markup=False, highlight=False)
            return
        now = time.monotonic()
        if line["kind"] == "evaluation" or now - self._told >= _EVERY or step == total:
            self._told = now
            left = f", {self._left(step, total)} left" if self._first < step < total else ""
            click.echo(f"step {step}/{total}: {words}{left}", err=True)

    def _left(self, step: int, total: int) -> str:
        """The time that the rest will take, if it goes on as it went."""
        each = (time.monotonic() - self._begun) / (step - self._first)
        return duration(each * (total - step))

    def _to_board(self, step: int, line: Mapping[str, Any]) -> None:
        if self._board is None:
            return
        for name, value in line.items():
            if isinstance(value, int | float) and name != "step":
                self._board.add_scalar(f"{line['kind']}/{name}", value, step)


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def shown_plan(planned: Plan, name: str) -> None:
    """Say on standard error what the run is about to do, and what it needs."""
    rows, recipe = planned.train.rows, planned.recipe
    tokens = sum(len(row.tokens) for row in rows)
    click.echo(f"run {name}: {recipe.method} on {planned.base.model_id}", err=True)
    click.echo(
        f"{len(rows)} examples of {tokens:,} tokens in all, {len(planned.held_out.rows)} held out; "
        f"{recipe.steps(len(rows))} steps of {min(recipe.batch, len(rows))} examples",
        err=True,
    )
    left_out = len(planned.train.too_long) + len(planned.held_out.too_long)
    if left_out:
        click.echo(
            f"Warning: {left_out} examples are longer than {planned.recipe.max_tokens} tokens and "
            "are left out",
            err=True,
        )
    if planned.need is not None:
        least = "" if planned.need.fits else "; that will not do"
        click.echo(
            f"memory: some {planned.need.total / 2**30:.1f} GiB of "
            f"{planned.need.free / 2**30:.1f} GiB free{least}",
            err=True,
        )


def _words(line: Mapping[str, Any]) -> str:
    if line["kind"] == "train":
        speed = line["tokens"] / max(line["seconds"], 1e-4)
        return f"loss {line['loss']:.4f}, {speed:,.0f} tokens/s"
    words = [f"held-out loss {line['loss']:.4f}"] if "loss" in line else []
    if "grounded" in line:
        words.append(f"grounded {line['grounded']:.3f}")
    return ", ".join(words)


def _board(folder: RunFolder) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UnsupportedError(
            "TensorBoard is not installed", hint="Install it: pip install 'esrag[tune]'"
        ) from error
    return SummaryWriter(str(folder.path / "tensorboard"))  # type: ignore[no-untyped-call]
