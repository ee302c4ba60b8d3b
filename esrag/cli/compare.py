"""``esrag compare``: the same questions to several systems, judged alike, with statistics."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from esrag.cli.compare_update import update
from esrag.cli.connection import connection_flags
from esrag.cli.printable import printable
from esrag.errors import ConflictError, EsragError, RejectedError, UsageError

if TYPE_CHECKING:
    from esrag.cli.compare_view import AskingView
    from esrag.evaluation.comparison import Gathered, Wanted
    from esrag.evaluation.concluding import Gate, Means
    from esrag.evaluation.records import EvaluationRun, System
    from esrag.evaluation.run_folder import RunFolder
    from esrag.evaluation.storage import RunRecord
    from esrag.questions import KnownQuestion
    from esrag.settings import Settings

SAMPLE = "sample"
_TABLES = (".tsv", ".csv", ".tab", ".txt", ".text", ".md")


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND …]")
@connection_flags
@click.option("--questions", metavar="SET", help="Question set or file of questions, or: sample.")
@click.option("--split", help="Use only the questions of this split.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N questions.")
@click.option(
    "--systems",
    "systems_file",
    type=click.Path(path_type=Path),
    help="TOML file of the systems to compare; without it the built-in ones.",
)
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="NAME",
    help="Compare this registered adapter too, without passages and with them.",
)
@click.option("--baseline", metavar="SYSTEM", help="What the others are compared with.")
@click.option("--generator-url", metavar="URL", help="Address of the generator.")
@click.option("--name", help="Name of the run; the same name again goes on with it.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run, in its place.")
@click.option(
    "--from", "from_run", metavar="RUN", help="Judge and report a run again; nothing is asked."
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Questions asked at a time, at most.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    default=240.0,
    show_default=True,
    help="Seconds that one question may take.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds that a server may be gone, as while it is started again.",
)
@click.option(
    "--judge-url",
    metavar="URL",
    help="A messages API whose model gives a second opinion on what the rules cannot support.",
)
@click.option("--judge-model", metavar="NAME", help="Model to ask for there.")
@click.option("--gate", metavar="RUN", help="An earlier run that this one is held against.")
@click.option(
    "--no-worse-than",
    "allowed",
    multiple=True,
    metavar="MEASURE=DELTA",
    help="With --gate: exit 3 when the measure may be worse by more than that.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_context
def compare(ctx: click.Context, /, *, as_json: bool, **given: Any) -> None:
    """Ask several systems the same questions, judge the answers, and write a report.

    The systems are what --systems names; without it: quoting, the model from memory, the model with
    passages, and the same as users see it. All answers are judged by the same evidence.
    """
    if ctx.invoked_subcommand is not None:
        _require_no_options(ctx)
        return
    if given["judge_model"] and not given["judge_url"]:
        raise UsageError("--judge-model wants --judge-url", hint="Name the judge's address.")
    folder, run, trouble = _reported(given) if given["from_run"] else _compared(given)
    if as_json:
        _print_json(run, folder)
    else:
        from esrag.cli.compare_view import show_run

        show_run(run)
        click.echo(f"report: {folder.path / 'report.html'}")
    if trouble is not None:
        raise trouble
    _raise_findings(run)


compare.add_command(update)


def _require_no_options(ctx: click.Context) -> None:
    """Raise UsageError for options that stand before the name of a command: they are not its."""
    for each in ctx.command.params:
        if ctx.get_parameter_source(str(each.name)) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{each.opts[0]} before {ctx.invoked_subcommand} has no meaning",
                hint=f"Options come after it: esrag compare {ctx.invoked_subcommand} …",
            )


def _reported(given: dict[str, Any]) -> tuple[RunFolder, EvaluationRun, EsragError | None]:
    """A run that was asked before, judged and reported again."""
    from esrag.cli.compare_view import AskingView
    from esrag.evaluation.comparison import chosen_baseline
    from esrag.evaluation.concluding import conclude, read_answered
    from esrag.evaluation.run_folder import RunFolder

    asking = ("questions", "split", "limit", "systems_file", "adapters", "name", "out")
    for name in asking:
        if given[name]:
            flag = {"systems_file": "systems", "adapters": "adapter"}.get(name, name)
            raise UsageError(f"--from asks nothing, so --{flag} has no meaning with it")
    settings = _settings(given)
    folder = RunFolder.found(given["from_run"], data_dir=settings.data_dir)
    read_answered(folder)  # before anything is made in a folder of another sort
    gate = _gate(given, settings, folder)
    with folder.held(), AskingView() as view, _means(given, settings, view) as means:
        record = read_answered(folder)
        baseline = chosen_baseline(record.systems, given["baseline"] or record.baseline)
        return folder, conclude(folder, baseline=baseline, gate=gate, means=means), None


def _compared(given: dict[str, Any]) -> tuple[RunFolder, EvaluationRun, EsragError | None]:
    """A run, asked as far as it is not yet; what ended it early comes back beside it."""
    from esrag.cli.compare_view import AskingView
    from esrag.cli.connection import connect_with
    from esrag.cli.preflight import explaining_refusals
    from esrag.evaluation.concluding import conclude
    from esrag.evaluation.index_costs import note_index_seconds
    from esrag.statistics import require_numpy

    require_numpy()  # without it a run would end without figures
    settings = _settings(given)
    wanted = _wanted(given, settings)
    folder = _folder(given, wanted.name, settings)
    gate = _gate(given, settings, folder)
    _require_adapters(wanted.systems, settings)
    with folder.held(), AskingView() as view, _means(given, settings, view) as means:
        with (
            connect_with(settings, connections=wanted.limits.parallel + 6) as client,
            explaining_refusals(client, "ask", settings.index.set),
            _concluding_when_stopped(folder, gate, replace(means, judge=None)) as stopping,
        ):
            gathered = _gathered(wanted, folder, settings, client, view, stopping)
            note_index_seconds(folder, wanted.systems, settings, client)
        run = conclude(folder, gate=gate, means=means)
    return folder, run, next(iter(gathered.stopped.values()), None)


@dataclass
class _Stopping:
    """Whether there is anything to conclude when the asking is ended."""

    comparing: Any = None


@contextmanager
def _concluding_when_stopped(
    folder: RunFolder, gate: Gate | None, means: Means
) -> Iterator[_Stopping]:
    """However the asking is ended, a report is made of what was replied; then it ends so."""
    from esrag.evaluation.concluding import conclude
    from esrag.evaluation.storage import read_run

    stopping = _Stopping()
    try:
        yield stopping
    except BaseException as error:
        if stopping.comparing is not None and not _is_own_fault(error):
            try:
                replied = stopping.comparing.stop(_ended_by(error))
                if replied:
                    _tell_new(conclude(folder, gate=gate, means=means), read_run(folder))
            except EsragError as second:  # such as the full disk that ended the asking, too
                click.echo(f"There is no report of what was replied: {second.message}", err=True)
            else:
                words = (
                    f"A report of what was replied so far: {folder.path / 'report.html'}; "
                    "the same command goes on."
                )
                click.echo(
                    words if replied else "Nothing was replied, so nothing is reported.", err=True
                )
        raise


def _tell_new(run: EvaluationRun, record: RunRecord) -> None:
    """What the judging has to say of a run that was ended; the asking told its own as it came."""
    for note in run.notes:
        if note not in record.notes:
            click.echo(f"note: {printable(note)}", err=True)


def _is_own_fault(error: BaseException) -> bool:
    """A mistake in esrag itself: then nothing more is built on it."""
    return isinstance(error, Exception) and not isinstance(error, EsragError)


def _ended_by(error: BaseException) -> str:
    return error.message if isinstance(error, EsragError) else "somebody stopped it"


def _gathered(
    wanted: Wanted,
    folder: RunFolder,
    settings: Settings,
    client: Any,
    view: AskingView,
    stopping: _Stopping,
) -> Gathered:
    from esrag.cli.assembly import assembly_from
    from esrag.cli.calling_off import called_off_by_signals
    from esrag.evaluation.comparison import Comparing

    comparing = Comparing(
        wanted,
        folder,
        settings,
        client=client,
        open_assembly=lambda own: assembly_from(own, tell=view.warn),
        progress=view,
    )
    stopping.comparing = comparing
    with called_off_by_signals() as cancel:
        return comparing.gather(cancel)


@contextmanager
def _means(given: dict[str, Any], settings: Settings, view: AskingView) -> Iterator[Means]:
    """The prices of the settings, and the judge where one is named; ``view`` hears of progress."""
    from esrag.evaluation.answer_metrics import Prices
    from esrag.evaluation.concluding import Means
    from esrag.evaluation.judge import Judge
    from esrag.generation.generator import Generator
    from esrag.generation.places import BASE_MODEL, Place

    wanted = settings.observe
    prices = None
    if wanted.prompt_token_cost or wanted.generated_token_cost:
        prices = Prices(wanted.prompt_token_cost, wanted.generated_token_cost)
    if not given["judge_url"]:
        yield Means(settings.data_dir, prices, tell=view.judging)
        return
    place = Place(url=given["judge_url"], model=given["judge_model"] or BASE_MODEL)
    with Generator(place) as generator:
        judge = Judge(generator, waiting=view.waiting)
        yield Means(settings.data_dir, prices, judge, tell=view.judging)


def _settings(given: dict[str, Any]) -> Settings:
    from esrag.cli.connection import settings_from

    generator = {"url": given["generator_url"]} if given["generator_url"] else {}
    return settings_from(
        elasticsearch_url=given["elasticsearch_url"],
        set_name=given["set_name"],
        generator=generator,
    )


def _wanted(given: dict[str, Any], settings: Settings) -> Wanted:
    from esrag.evaluation.asking import Limits
    from esrag.evaluation.comparison import Wanted, chosen_baseline
    from esrag.evaluation.systems import (
        built_in_systems,
        read_systems,
        settings_of,
        with_adapters,
    )

    if given["systems_file"]:
        systems = with_adapters(read_systems(given["systems_file"]), given["adapters"])
    else:
        systems = built_in_systems(given["adapters"])
    for system in systems:
        settings_of(system, settings)  # what cannot be used is told before anything is asked
    name, questions = _questions(given, settings.data_dir)
    return Wanted(
        name=given["name"] or f"{name}-{settings.index.set}",
        systems=systems,
        baseline=chosen_baseline(systems, given["baseline"]),
        questions=questions,
        limits=Limits(given["parallel"], given["deadline"], given["patience"]),
        asked_for={
            "questions": given["questions"],
            **({"split": given["split"]} if given["split"] else {}),
            **({"limit": str(given["limit"])} if given["limit"] else {}),
            "document set": settings.index.set,
            "questions at a time, at most": str(given["parallel"]),
        },
    )


def _questions(given: dict[str, Any], data_dir: Path) -> tuple[str, tuple[KnownQuestion, ...]]:
    """The questions, and a word for the name of the run."""
    from esrag.evaluation.comparison import checked_questions
    from esrag.evaluation.question_sets.folder import QUESTIONS, question_file
    from esrag.questions import load_questions
    from esrag.sample import questions_file

    wanted = given["questions"]
    if not wanted:
        raise UsageError(
            "which questions? Give --questions FILE, or --questions sample",
            hint="docs/questions.md says how a file of questions is made.",
        )
    if wanted != SAMPLE:
        _require_set(Path(wanted))
    file = questions_file() if wanted == SAMPLE else question_file(data_dir, wanted)
    questions = checked_questions(load_questions(file, split=given["split"]))
    # the file of a set is called questions.jsonl, whatever the set is called
    name = file.parent.name if file.name == QUESTIONS else file.stem
    return _word(SAMPLE if wanted == SAMPLE else name), questions[: given["limit"]]


def _require_set(path: Path) -> None:
    """Raise UsageError for tables, lists and BEIR's folders: they become a set first."""
    is_folder = path.is_dir() and (path / "queries.jsonl").is_file()
    if is_folder or (path.is_file() and path.suffix.lower() in _TABLES):
        raise UsageError(
            f"{path} has to become a question set first: accepted forms and evidence are looked up",
            hint=f"esrag questions import {path} --into NAME, then --questions NAME",
        )


def _word(name: str) -> str:
    """A file's name as a part of a run's."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in name.casefold())
    return kept.encode("ascii", "ignore").decode().strip("-")[:40] or "questions"


def _folder(given: dict[str, Any], name: str, settings: Settings) -> RunFolder:
    from esrag.evaluation.run_folder import RunFolder
    from esrag.evaluation.storage import ranks_only, read_run

    if given["name"] and given["out"]:
        raise UsageError("--name and --out both say where the run is kept", hint="Give one.")
    if given["out"]:
        folder = RunFolder(given["out"])
    else:
        folder = RunFolder.named(name, data_dir=settings.data_dir)
    if folder.is_begun and ranks_only(read_run(folder)):
        raise ConflictError(
            f"{folder.path} holds a run of esrag evaluate",
            hint="Give this one another --name or --out.",
        )
    return folder


def _gate(given: dict[str, Any], settings: Settings, folder: RunFolder) -> Gate | None:
    from esrag.evaluation.concluding import gate_from
    from esrag.evaluation.run_folder import RunFolder

    if not given["gate"]:
        if given["allowed"]:
            raise UsageError("--no-worse-than wants --gate RUN", hint="Name the earlier run.")
        return None
    before = RunFolder.found(given["gate"], data_dir=settings.data_dir)
    if before.path.resolve() == folder.path.resolve():
        raise UsageError(
            f"the gate would hold the run {folder.name} against itself",
            hint="Give this one another --name.",
        )
    return gate_from(before, given["allowed"])


def _require_adapters(systems: Sequence[System], settings: Settings) -> None:
    """Raise UsageError for an adapter that is not registered, or not loaded."""
    from esrag.cli.adapter_choice import require_adapter
    from esrag.evaluation.systems import settings_of

    for name in dict.fromkeys(system.adapter for system in systems if system.adapter):
        system = next(each for each in systems if each.adapter == name)
        require_adapter(settings_of(system, settings), name)


def _raise_findings(run: EvaluationRun) -> None:
    """Exit 3 for a gate that is not met, and for questions that failed."""
    unmet = [gate for gate in run.gates if not gate.met]
    if unmet:
        raise RejectedError(
            f"{len(unmet)} of {len(run.gates)} gates are not met",
            hint="The report and junit.xml name them.",
        )
    failed = {
        name: count
        for name, scored in run.scored.items()
        if (count := sum(each.reply.status == "failed" for each in scored))
    }
    if failed:
        raise RejectedError(
            "questions failed and count as wrong: "
            + ", ".join(f"{name} {count}" for name, count in failed.items()),
            hint="The report says why; the same command asks them again.",
        )


def _print_json(run: EvaluationRun, folder: RunFolder) -> None:
    from esrag.evaluation.plain import as_plain

    record = {
        "name": run.name,
        "folder": str(folder.path),
        "status": run.status,
        "questions": len(run.questions),
        "systems": [system.name for system in run.systems],
        "comparisons": as_plain(run.comparisons),
        "gates": as_plain(run.gates),
        "costs": as_plain(run.costs),
        "notes": list(run.notes),
    }
    json.dump(record, sys.stdout, indent=2)
    click.echo()
