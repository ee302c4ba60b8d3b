"""How a comparison looks on a terminal: progress while it asks, a table at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

from esrag.cli.figure_table import echo_table
from esrag.cli.printable import one_line, printable
from esrag.cli.progress import Bars

if TYPE_CHECKING:
    from esrag.evaluation.records import Comparison, EvaluationRun, Measure, Reply

_EVERY = 30.0  # seconds between lines in a log


class AskingView(Bars):
    """A bar for each system on a terminal, a line now and then in a log; on standard error."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[states]}"),
        )
        self._task: TaskID | None = None
        self._system, self._questions, self._kept = "", 0, 0
        self._states: Counter[str] = Counter()
        self._told = 0.0
        self._awaited = ""

    def begin(self, system: str, questions: int, kept: int) -> None:
        """A system is asked; so many of its questions were replied to before."""
        self._system, self._questions, self._kept = system, questions, kept
        self._states = Counter()
        self._told = time.monotonic()
        if self._console.is_terminal:
            self._task = self._bars.add_task(system, total=questions, completed=kept, states="")

    def replied(self, reply: Reply) -> None:
        """A reply is there."""
        self._states[reply.status] += 1
        if self._task is not None:
            self._bars.update(self._task, advance=1, states=self._words())
        elif time.monotonic() - self._told > _EVERY:
            self._told = time.monotonic()
            click.echo(f"{self._line()} …", err=True)

    def end(self, seconds: float) -> None:
        """The system is done, or ended."""
        self._task = None
        if not self._console.is_terminal:
            click.echo(f"{self._line()} ({seconds:.1f} s)", err=True)

    def warn(self, words: str) -> None:
        """Something a person should know at once."""
        self._console.print(
            f"Warning: {printable(words)}", style="yellow", markup=False, soft_wrap=True
        )

    def judging(self, run: str, done: int, questions: int) -> None:
        """So many questions of a run are judged; a line in a log says that it begins."""
        if not self._console.is_terminal:
            if not done:
                click.echo(f"Judging the replies of {run} …", err=True)
            return
        if not done or self._task is None:
            self._task = self._bars.add_task(f"judging {run}", total=questions, states="")
        self._bars.update(self._task, completed=done)

    def waiting(self, words: str) -> None:
        """What holds up the judging, "" for nothing more; a log is told when it has changed."""
        if self._task is not None:
            self._bars.update(self._task, states=printable(words))
            return
        told_of_late = self._awaited and time.monotonic() - self._told <= _EVERY
        if words and words != self._awaited and not told_of_late:
            self._awaited, self._told = words, time.monotonic()
            click.echo(f"{printable(words)} …", err=True)

    def _line(self) -> str:
        done = self._kept + self._states.total()
        return f"{self._system}: {done} of {self._questions} questions, {self._words()}"

    def _words(self) -> str:
        parts = [f"{self._states[state]} {state}" for state in ("answered", "refused")]
        if self._states["failed"]:
            parts.append(f"{self._states['failed']} failed")
        if self._kept:
            parts.append(f"{self._kept} kept")
        return ", ".join(parts)


def show_run(run: EvaluationRun) -> None:
    """Systems by primary measures with intervals, and what differs from the baseline."""
    from esrag.evaluation.judged_folder import counted
    from esrag.evaluation.report.findings import primary_measures, unsaid

    primary = primary_measures(run)
    baseline = run.comparisons.baseline if run.comparisons else ""
    asked, ways = counted(len(run.questions), "question"), counted(len(run.systems), "system")
    click.echo(f"{asked}, {ways}; baseline {baseline}")
    rows = [["system", *(_title(run, measure) for measure in primary), *_trouble(run, None)]]
    for system in run.systems:
        figures = [_figure(run, system.name, measure) for measure in primary]
        rows.append([system.name, *figures, *_trouble(run, system.name)])
    echo_table(rows)
    if silent := unsaid(run, primary=True):
        click.echo(silent)
    if run.comparisons:
        against = [each for each in run.comparisons.pairs if each.baseline == baseline]
        _differences(against, primary)
    from esrag.evaluation.gates import in_words

    for gate in run.gates:
        click.echo(one_line(in_words(gate), 1000))
    for note in run.notes:
        click.echo(f"note: {printable(note)}")


def _title(run: EvaluationRun, measure: Measure) -> str:
    """A measure's name, with the number of questions where it is one for all systems."""
    counts = _counts(run, measure)
    return f"{measure.title} (n={counts.pop()})" if len(counts) == 1 else measure.title


def _counts(run: EvaluationRun, measure: Measure) -> set[int]:
    """How many questions the estimates of a measure rest on."""
    estimates = run.comparisons.estimates if run.comparisons else ()
    return {each.questions for each in estimates if each.measure == measure.name}


def _trouble(run: EvaluationRun, system: str | None) -> list[str]:
    """Columns for failed and missing questions, where there are any; titles without a system."""
    asked = len(run.questions)
    failed = {
        name: sum(each.reply.status == "failed" for each in scored)
        for name, scored in run.scored.items()
    }
    missing = {each.name: asked - len(run.scored.get(each.name, ())) for each in run.systems}
    columns = {"failed": failed, "not asked": missing}
    shown = {title: counts for title, counts in columns.items() if any(counts.values())}
    if system is None:
        return list(shown)
    return [str(counts.get(system, 0)) for counts in shown.values()]


def _figure(run: EvaluationRun, system: str, measure: Measure) -> str:
    for each in run.comparisons.estimates if run.comparisons else ():
        if (each.system, each.measure) == (system, measure.name):
            count = "" if len(_counts(run, measure)) == 1 else f" n={each.questions}"
            if each.value is None:
                return f"-{count}"
            return f"{each.value:.2f} [{each.low:.2f}, {each.high:.2f}]{count}"
    return "-"


def _differences(pairs: Sequence[Comparison], primary: Sequence[Measure]) -> None:
    names = {measure.name: measure.title for measure in primary}
    # without a question that both were asked there is no difference to show
    shown = [each for each in pairs if each.measure in names and each.test != "none"]
    if not shown:
        return
    rows = [["against the baseline", "measure", "difference", "won/tied/lost", "p (corrected)"]]
    for each in shown:
        p = each.p_value if each.corrected is None else each.corrected
        rows.append(
            [
                f"{each.contender} − {each.baseline}",
                names[each.measure],
                f"{each.difference:+.2f} [{each.low:+.2f}, {each.high:+.2f}] n={each.questions}",
                f"{each.wins}/{each.ties}/{each.losses}",
                f"{p:.3g}",
            ]
        )
    click.echo()
    echo_table(rows)
