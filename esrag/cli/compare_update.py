"""``esrag compare update``: one fact of a document changes; who says the new one, and when?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connection_flags
from esrag.cli.printable import one_line, printable

if TYPE_CHECKING:
    from esrag.cli.update_run import Wanted
    from esrag.evaluation.records import UpdateStep
    from esrag.evaluation.run_folder import RunFolder
    from esrag.evaluation.updating import Found
    from esrag.settings import Settings


@click.command(short_help="Change one fact of a document: who says the new one, and when?")
@click.argument("run", metavar="RUN")
@connection_flags
@click.option("--document", required=True, metavar="ID", help="Document that changes.")
@click.option("--replace", "old", required=True, metavar="OLD", help="Text that is replaced.")
@click.option("--with", "new", required=True, metavar="NEW", help="Text that takes its place.")
@click.option("--question", required=True, metavar="TEXT", help="What is asked for the fact.")
@click.option(
    "--old-answer",
    "old_answers",
    multiple=True,
    metavar="TEXT",
    help="A form of the old answer, where it is not OLD.",
)
@click.option(
    "--new-answer",
    "new_answers",
    multiple=True,
    metavar="TEXT",
    help="A form of the new answer, where it is not NEW.",
)
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Ask only this system.")
@click.option("--retrain", is_flag=True, help="Train again, too: as long as the first time.")
@click.option("--generator-url", metavar="URL", help="Address of the generator.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds that each system has to say the new answer.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    default=240.0,
    show_default=True,
    help="Seconds that one answer may take.",
)
@click.option("--keep", is_flag=True, help="Keep the copy of the set, and the new adapter.")
@click.option("--json", "as_json", is_flag=True, help="Print story and costs as JSON.")
def update(
    run: str,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    generator_url: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Change one fact of a document, and measure when each system of RUN says the new one.

    It is changed in a copy of the document set, which is removed afterwards; the set itself stays
    as it is. The story becomes a part of the run's report.
    """
    from esrag.cli.connection import settings_from
    from esrag.cli.update_run import Experiment
    from esrag.evaluation.run_folder import RunFolder
    from esrag.statistics import require_numpy

    require_numpy()  # without it the report would be without figures
    wanted = _wanted({**given, "elasticsearch_url": elasticsearch_url})
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        generator={"url": generator_url} if generator_url else {},
    )
    folder = RunFolder.found(run, data_dir=settings.data_dir)
    if not set_name:
        settings = _of_the_run(folder, settings)
    with folder.held():
        found = Experiment(wanted, folder, settings, told=_tell).carry_out()
        _keep(found, folder, settings)
    if as_json:
        _print_json(found, folder)
    else:
        _show(found)
        click.echo(f"report: {folder.path / 'report.html'}")


def _wanted(given: dict[str, Any]) -> Wanted:
    from esrag.cli.update_run import Wanted
    from esrag.evaluation.updating import Change, checked_change

    names = ("question", "document", "old", "new", "old_answers", "new_answers")
    change = Change(*(given.pop(name) for name in names))
    return Wanted(checked_change(change), **given)


def _of_the_run(folder: RunFolder, settings: Settings) -> Settings:
    """The settings with the document set that the run was asked of."""
    from esrag.evaluation.storage import read_run

    asked_of = read_run(folder).facts.get("document set") or settings.index.set
    index = settings.index.model_copy(update={"set": asked_of})
    return settings.model_copy(update={"index": index})


def _keep(found: Found, folder: RunFolder, settings: Settings) -> None:
    """Write story and costs into the run, and its report anew."""
    from esrag.evaluation.answer_metrics import Prices
    from esrag.evaluation.concluding import Means, conclude
    from esrag.evaluation.storage import read_outcome, write_outcome
    from esrag.evaluation.updating import with_story

    write_outcome(folder, with_story(read_outcome(folder), found))
    given = settings.observe
    prices = None
    if given.prompt_token_cost or given.generated_token_cost:
        prices = Prices(given.prompt_token_cost, given.generated_token_cost)
    conclude(folder, means=Means(settings.data_dir, prices))


def _tell(step: UpdateStep) -> None:
    """A step on standard error, as it comes."""
    seconds = "" if step.seconds is None else f" after {step.seconds:.1f} s"
    words = f"{step.system}, {step.moment}{seconds}: {_said(step)}"
    click.echo(f"{words}  {one_line(printable(step.says))[:100]}", err=True)


def _said(step: UpdateStep) -> str:
    if step.says_new:
        return "the new, and the old as well" if step.says_old else "the new"
    return "the old" if step.says_old else "neither"


def _show(found: Found) -> None:
    """What each system said when, and what an update costs."""
    story = found.story
    click.echo(f"{printable(story.question)}  {printable(story.old)} → {printable(story.new)}")
    width = max(len(step.system) for step in story.steps)
    moments = max(len(step.moment) for step in story.steps)
    for step in story.steps:
        seconds = "" if step.seconds is None else f"{step.seconds:.1f} s"
        line = f"{step.system:{width}}  {step.moment:{moments}}  {seconds:>9}  says {_said(step)}"
        click.echo(line)
    for cost in found.costs.values():
        if cost.update_how:
            seconds = "" if cost.update_seconds is None else f" ({cost.update_seconds:.1f} s)"
            click.echo(f"{cost.system}: {cost.update_how}{seconds}")
    click.echo(story.note)


def _print_json(found: Found, folder: RunFolder) -> None:
    from esrag.evaluation.plain import as_plain

    record = {
        "name": folder.name,
        "folder": str(folder.path),
        "story": as_plain(found.story),
        "costs": [as_plain(cost) for cost in found.costs.values()],
    }
    click.echo(json.dumps(record, indent=2))
