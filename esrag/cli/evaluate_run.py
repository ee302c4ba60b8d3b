"""What ``esrag evaluate`` does, once its options are read: asks, measures, keeps."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from esrag import __version__
from esrag.errors import ConflictError, EsragError, UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.evaluation.judged_folder import Judged
    from esrag.evaluation.records import RunStatus
    from esrag.evaluation.retrieval_run import Entrant, Gate, Result
    from esrag.evaluation.run_folder import RunFolder

_NAMES = re.compile(r"[^a-z0-9]+")
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command; ``runs`` are names and files."""

    source: Path | None
    retrievers: tuple[str, ...]
    runs: tuple[tuple[str, Path], ...]
    split: str | None = None
    measures: tuple[str, ...] = ()
    baseline: str | None = None
    ingest: bool = False
    hits: int = 100
    parallel: int = 4
    name: str | None = None
    out: Path | None = None
    seed: int | None = None
    quiet: bool = False
    gate: str | None = None
    allowed: tuple[str, ...] = ()
    set_name: str | None = None
    elasticsearch_url: str | None = None


def carry_out(settings: Settings, wanted: Wanted) -> tuple[Result, Path]:
    """Evaluate as wanted; returns the figures and the folder that keeps them."""
    from esrag import statistics
    from esrag.evaluation.judged_folder import load_judged
    from esrag.evaluation.retrieval_measures import DEFAULT, parse_measures
    from esrag.evaluation.run_folder import RUN

    if wanted.source is None:
        raise UsageError(
            "which judged questions? Give SOURCE, or --from RUN for a run that is there",
            hint="docs/evaluation.md says what SOURCE may be.",
        )
    if (wanted.source / RUN).is_file():
        raise UsageError(
            f"{wanted.source} is a run, not judged questions",
            hint=f"Measure and report it again: esrag evaluate --from {quote(str(wanted.source))}",
        )
    measures = parse_measures(wanted.measures or DEFAULT)
    judged = load_judged(wanted.source, split=wanted.split)
    _require_askable(judged, wanted)
    require_names([*wanted.retrievers, *(name for name, _ in wanted.runs)], wanted.baseline)
    if wanted.retrievers:
        from esrag.cli.evaluate_asking import plain_retrieval

        for kind in wanted.retrievers:
            plain_retrieval(settings, kind)  # what cannot be asked is told before anything is
    folder = _folder(settings, judged, wanted)
    gate = gate_in(settings, wanted, folder, measures, judged)
    settings, told = _in_its_own_set(settings, judged, wanted)
    seed = statistics.SEED if wanted.seed is None else wanted.seed
    run = _Run(settings, wanted, judged, folder, measures, gate, seed)
    run.asked.notes += told
    with folder.held():
        run.begin()
        with run.concluded_when_stopped():
            run.ask()
            return run.conclude("whole"), folder.path


class _Run:
    """One call of the command: what it asks and reads, and what run.json says of it."""

    def __init__(
        self,
        settings: Settings,
        wanted: Wanted,
        judged: Judged,
        folder: RunFolder,
        measures: Mapping[str, Any],
        gate: Gate | None,
        seed: int,
    ) -> None:
        from esrag.cli.evaluate_asking import Asked
        from esrag.evaluation.remeasuring import facts_of

        self.settings, self.wanted, self.judged = settings, wanted, judged
        self.folder, self.measures, self.gate, self.seed = folder, measures, gate, seed
        facts = {"esrag": __version__, "judgements": str(wanted.source)}
        self.asked = Asked(facts=facts | facts_of(judged, tuple(measures)))
        self.others: list[Entrant] = []
        self.fingerprints: dict[str, str] = {}
        self.started = _now()
        self.concluding = False

    def begin(self) -> None:
        """Make sure that the folder is one of these, and say that it is at work."""
        from esrag.evaluation import storage
        from esrag.evaluation.retrieval_run import fingerprint

        if self.folder.is_begun and not storage.ranks_only(storage.read_run(self.folder)):
            raise ConflictError(
                f"{self.folder.path} holds a comparison of answers",
                hint="Give this run another --name or --out.",
            )
        self.fingerprints[storage.JUDGEMENTS] = fingerprint(self.judged.qrels)
        self.fingerprints["questions"] = fingerprint(dict(self.judged.questions))
        self.others = list(self.read())
        storage.write_run(self.folder, self.record("asking", (), ()))

    def ask(self) -> None:
        """Ask the retrievers, one after the other."""
        if self.wanted.retrievers:
            from esrag.cli.evaluate_asking import ask_retrievers

            path = self.folder.path
            ask_retrievers(self.asked, self.settings, self.wanted, self.judged, path)

    @contextmanager
    def concluded_when_stopped(self) -> Iterator[None]:
        """However the asking is ended, keep the figures of those that were asked everything."""
        from esrag.evaluation import storage

        try:
            yield
        except BaseException as error:
            with suppress(EsragError):  # a full disk, maybe: what ended the asking is told
                if self.asked.entrants and not self.concluding and not _is_own_fault(error):
                    self.conclude("stopped")
                    names = ", ".join(each.system.name for each in self.asked.entrants)
                    words = f"Figures of {names}, which were asked everything: {self.folder.path}"
                    click.echo(words, err=True)
                else:
                    storage.write_run(self.folder, self.record("stopped", (), self.asked.notes))
            raise

    def conclude(self, status: RunStatus) -> Result:
        """Measure, compare and keep what there is."""
        from esrag.evaluation.retrieval_run import evaluate, keep

        self.concluding = True
        entrants = [*self.asked.entrants, *self.others]
        names = [each.system.name for each in entrants]
        result = evaluate(
            self.judged,
            entrants,
            self.measures,
            baseline=self.wanted.baseline if self.wanted.baseline in names else "",
            gate=self.gate,
            seed=self.seed,
        )
        missing = [name for name in self.wanted.retrievers if name not in names]
        stopped = [f"{name} was not asked everything: no figures" for name in missing]
        notes = (*result.notes, *self.asked.notes, *stopped)
        left_out = keep(self.folder, result, entrants, self.record(status, entrants, notes))
        return replace(result, notes=(*notes, *left_out))

    def record(self, status: RunStatus, entrants: Sequence[Entrant], notes: Sequence[str]) -> Any:
        """run.json."""
        from esrag.evaluation.storage import RunRecord

        systems = tuple(entrant.system for entrant in entrants)
        names = [system.name for system in systems]
        baseline = self.wanted.baseline if self.wanted.baseline in names else ""
        return RunRecord(
            name=self.folder.name,
            status=status,
            systems=systems,
            baseline=baseline or (names[0] if names else ""),
            started=self.started,
            finished=_now() if status == "whole" else "",
            facts=self.asked.facts,
            fingerprints=self.fingerprints,
            notes=tuple(notes),
            seed=self.seed,
        )

    def read(self) -> Iterator[Entrant]:
        """The runs of others."""
        from esrag.evaluation.records import System
        from esrag.evaluation.retrieval_run import Entrant, fingerprint
        from esrag.evaluation.trec import read_run

        for name, file in self.wanted.runs:
            run = read_run(file)
            self.fingerprints[f"run {name}"] = fingerprint(run.scores)
            system = System(name, "retrieval", note=f"the run {run.tag} of {file}")
            yield Entrant(system, run)


def require_names(names: Sequence[str], baseline: str | None) -> None:
    """Raise UsageError for names that are no names, stand twice, or lack the baseline."""
    for name in names:
        if not _SYSTEM.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot name a system",
                hint="Small letters, digits, dots, - and _: --run NAME=FILE",
            )
        if names.count(name) > 1:
            raise UsageError(
                f"two systems are called {name!r}", hint="Name a run yourself: --run NAME=FILE"
            )
    if baseline is not None and baseline not in names:
        raise UsageError(
            f"the baseline {baseline!r} is none of the systems: {', '.join(names)}",
            hint="--baseline takes one of them.",
        )


def _require_askable(judged: Judged, wanted: Wanted) -> None:
    if wanted.retrievers and not judged.questions:
        raise UsageError(
            f"{wanted.source} has no questions that could be asked",
            hint="A folder has them in queries.jsonl; judgements alone need --run FILE.",
        )
    if wanted.ingest and judged.corpus is None:
        raise UsageError(
            f"{wanted.source} has no corpus.jsonl to index",
            hint="Leave out --ingest, and name the set that holds the documents with --set.",
        )
    if wanted.ingest and not wanted.retrievers:
        raise UsageError("--ingest is for --retriever; runs of others need no index")


def _in_its_own_set(
    settings: Settings, judged: Judged, wanted: Wanted
) -> tuple[Settings, tuple[str, ...]]:
    """With --ingest: the settings of a set that holds the folder's documents by now.

    And what is to be told of those that it could not take.
    """
    if not wanted.ingest or judged.corpus is None:
        return settings, ()
    from esrag.cli.evaluate_ingest import index_corpus

    if wanted.set_name is None:
        settings = settings.model_copy(
            update={"index": settings.index.model_copy(update={"set": own_set(judged.name)})}
        )
    with _talking(wanted.quiet):
        told = index_corpus(
            settings.index.set, judged.corpus, elasticsearch_url=wanted.elasticsearch_url
        )
    return settings, told


def own_set(name: str) -> str:
    """What the document set of a folder is called: judged-NAME, in letters that a set may have."""
    parts = _NAMES.sub(" ", f"judged {name}".lower()).split()
    return "-".join(part.lstrip("0") or "x" for part in parts)[:41].strip("-")


@contextmanager
def _talking(quiet: bool) -> Iterator[None]:
    """What other commands print is talk here, and goes to standard error under --json."""
    with contextlib.redirect_stdout(sys.stderr) if quiet else contextlib.nullcontext():
        yield


def _folder(settings: Settings, judged: Judged, wanted: Wanted) -> RunFolder:
    from esrag.evaluation.run_folder import RunFolder

    if wanted.out is not None:
        return RunFolder(wanted.out)
    plain = _NAMES.sub("-", f"retrieval {judged.name} {judged.split}".lower()).strip("-")
    return RunFolder.named(wanted.name or plain[:80], data_dir=settings.data_dir)


def gate_in(
    settings: Settings,
    wanted: Wanted,
    folder: RunFolder,
    measures: Mapping[str, Any],
    judged: Judged,
) -> Gate | None:
    """What the run is held against, checked before anything is asked."""
    from esrag.evaluation.gates import allowances
    from esrag.evaluation.remeasuring import gate_of
    from esrag.evaluation.retrieval_measures import describe
    from esrag.evaluation.run_folder import RunFolder

    if bool(wanted.gate) != bool(wanted.allowed):
        raise UsageError(
            "--gate RUN and --no-worse-than MEASURE=DELTA belong together",
            hint="For example: --gate last-week --no-worse-than nDCG@10=0.02",
        )
    if not wanted.gate:
        return None
    before = RunFolder.found(wanted.gate, data_dir=settings.data_dir)
    if before.path.resolve() == folder.path.resolve():
        raise UsageError(
            f"the gate would hold the run {folder.name} against itself",
            hint="Give this one another --name.",
        )
    allowed = allowances(wanted.allowed, describe(measures))
    return gate_of(before, allowed, judged, measures)


def _is_own_fault(error: BaseException) -> bool:
    """A mistake in esrag itself: then nothing more is built on it."""
    return isinstance(error, Exception) and not isinstance(error, EsragError)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
