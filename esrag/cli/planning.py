"""What the commands around setup share: choices from settings, showing, asking, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esrag.errors import UsageError
from esrag.sections import EndpointSettings
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.bundle import ModelBundle
    from esrag.cluster.capabilities import Capabilities
    from esrag.state.actions import Plan
    from esrag.state.apply import Progress, Step
    from esrag.state.desired import Choices
    from esrag.state.endpoint_bodies import EndpointChoices
    from esrag.state.lock import Terms
    from esrag.state.owner import Owner

CHANGES_PENDING = 2  # the exit code when a plan would change something

Command = TypeVar("Command", bound=Callable[..., Any])


def lock_flags(command: Command) -> Command:
    """Add ``--wait`` and ``--force-unlock``."""
    for option in (
        click.option(
            "--force-unlock", is_flag=True, help="Take the lock away from whoever has it."
        ),
        click.option(
            "--wait",
            type=click.FloatRange(min=0),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait while somebody else changes the cluster.",
        ),
    ):
        command = option(command)
    return command


def index_flags(command: Command) -> Command:
    """Add ``--language`` and ``--vectors``."""
    for option in (
        click.option(
            "--vectors",
            type=click.Choice(["float", "int8", "bbq"]),
            help="Storage of vectors, instead of the setting index.vectors.",
        ),
        click.option(
            "--language",
            metavar="NAME",
            help="Language analyzer, instead of the setting index.language.",
        ),
    ):
        command = option(command)
    return command


def given(**choices: str | None) -> dict[str, str]:
    """The flags that were given."""
    return {name: value for name, value in choices.items() if value is not None}


def choices_from(settings: Settings) -> Choices:
    """What the settings say about the document set."""
    from esrag.state.desired import Choices

    return Choices(
        set=settings.index.set,
        model_id=settings.model.id,
        allocations=settings.model.allocations,
        threads=settings.model.threads,
        queue_capacity=settings.model.queue_capacity,
        language=settings.index.language,
        vectors=settings.index.vectors,
        project_dir=settings.project_dir,
        adaptive_max=settings.model.adaptive_max,
        search_allocations=settings.model.search_allocations,
        search_threads=settings.model.search_threads,
        sparse_id=settings.model.sparse_id,
        endpoints=_endpoint_choices(settings.endpoints),
        answers=settings.answer.log or settings.serve.feedback,
    )


def _endpoint_choices(settings: EndpointSettings) -> EndpointChoices:
    from esrag.state.endpoint_bodies import EndpointChoices

    return EndpointChoices(
        generator_url=settings.generator_url,
        api_key=settings.api_key.get_secret_value() if settings.api_key else "",
        model=settings.model,
        adapters=settings.adapters,
        tasks=settings.tasks,
        rerank_model=settings.rerank_model,
    )


def bundle_from(settings: Settings) -> ModelBundle | None:
    """The model's bundle, None when none has been built here."""
    from esrag.bundle import MANIFEST, bundle_folder, load_bundle

    folder = bundle_folder(settings.data_dir, settings.model.id)
    return load_bundle(folder) if (folder / MANIFEST).is_file() else None


def lock_terms(command: str, *, wait: float, force: bool, safe_point: Callable[[], None]) -> Terms:
    """How this command gets the lock; it says on standard error for whom it waits."""
    import time

    from esrag.state.lock import Terms

    def tell(owner: Owner) -> None:
        click.echo(f"Waiting up to {wait:.0f} s for {owner.describe()} …", err=True)

    def sleep(seconds: float) -> None:
        safe_point()
        time.sleep(seconds)
        safe_point()

    return Terms(command=command, wait=wait, force=force, waiting=tell, sleep=sleep)


def show_plan(
    plan: Plan,
    *,
    as_json: bool,
    all_objects: bool = False,
    capabilities: Capabilities | None = None,
    kept: str = "as wanted",
) -> None:
    """The plan on standard output, and what a cluster of these capabilities does not do itself.

    ``kept`` says what objects are that nothing is done to.
    """
    from rich.console import Console

    from esrag.state.render import plan_as_json, plan_as_text, tier_as_text

    tier = capabilities.tier if capabilities is not None else None
    if as_json:
        shown = plan_as_json(plan) | ({"tier": tier.as_json()} if tier is not None else {})
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for words in capabilities.warnings if capabilities is not None else ():
        click.secho(words, fg="yellow", err=True)
    console = Console(soft_wrap=True, highlight=False)
    console.print(plan_as_text(plan, all_objects=all_objects, kept=kept))
    if tier is not None and tier.why:
        console.print(tier_as_text(tier))


def confirm(command: str, *, yes: bool) -> None:
    """Ask before anything is changed; raises UsageError when nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{command} asks before it changes anything, and there is nobody to ask here",
            hint=f"Apply without asking: esrag {command} --yes",
        )
    click.confirm("Apply this plan?", abort=True, err=True)


@contextmanager
def applying(safe_point: Callable[[], None]) -> Iterator[Progress]:
    """Relays the steps of a plan to the terminal, and stops between them when it is to."""
    from esrag.cli.progress import Steps

    with Steps() as steps:

        def relay(step: Step) -> None:
            if step.warning:
                steps.warn(step.warning)
            elif step.finished:
                steps.end()
            elif step.begins:
                safe_point()
                steps.begin(f"{step.action.verb} {step.action.kind} {step.action.name}")
            else:
                steps.advance(step.done, step.total)
            safe_point()

        yield relay
