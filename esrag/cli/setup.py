"""``esrag setup``, ``plan`` and ``status``: show what the cluster needs, has, and apply it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.errors import UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.bundle import ModelBundle
    from esrag.state.apply import Progress, Step
    from esrag.state.desired import Choices
    from esrag.state.smoke import SmokeResult
    from esrag.state.survey import Survey

CHANGES_PENDING = 2  # the exit code of `plan` when setup would change something
_STATE_COLOURS = {"present": "green", "missing": "yellow", "foreign": "red", "incomplete": "red"}


@click.command()
@connection_flags
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--all", "all_objects", is_flag=True, help="List what stays as it is, too.")
@click.pass_context
def plan(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    as_json: bool,
    all_objects: bool,
) -> None:
    """Show what setup would change, and change nothing.

    Ends with 0 when there is nothing to do and with 2 when there is.
    """
    from esrag.state.survey import take_survey

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    survey = take_survey(connect_with(settings), choices_of(settings), _bundle(settings))
    _show_plan(survey, as_json=as_json, all_objects=all_objects)
    if survey.plan.changes:
        ctx.exit(CHANGES_PENDING)


@click.command()
@connection_flags
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--allow-destructive", is_flag=True, help="Also take steps marked destructive.")
@click.option("--json", "as_json", is_flag=True, help="Print plan and outcome as JSON.")
@click.option("--print-roles", is_flag=True, help="Print the roles of least privilege, and end.")
@click.option(
    "--documented", is_flag=True, help="With --print-roles: named privileges instead of actions."
)
def setup(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    yes: bool,
    allow_destructive: bool,
    as_json: bool,
    print_roles: bool,
    documented: bool,
) -> None:
    """Show what the cluster needs, ask, and apply it.

    Builds the model bundle first when there is none. A second run changes nothing.
    """
    if print_roles:
        from esrag.cli import roles

        roles.print_roles(set_name, documented=documented, as_json=as_json)
        return
    from esrag.cluster.security import require_privileges
    from esrag.privileges import needed
    from esrag.state.apply import apply_plan, require_allowed
    from esrag.state.smoke import smoke_test

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client = connect_with(settings)
    survey = _survey_with_bundle(client, settings)
    desired, steps = survey.desired, survey.plan
    if not as_json:
        _show_plan(survey, as_json=False, all_objects=False)
    if steps.changes:
        require_privileges(client, "setup", needed("setup", desired.names.set))
        require_allowed(steps, allow_destructive=allow_destructive)
        _confirm(yes=yes)
        with _applying() as progress:
            apply_plan(
                client,
                desired,
                survey.observed,
                steps,
                allow_destructive=allow_destructive,
                progress=progress,
            )
    tried = smoke_test(
        client,
        desired.names,
        generation=desired.generation,
        dims=_dims(survey),
        fields=desired.mapping["properties"],
    )
    if as_json:
        _print_outcome(survey, tried)
    else:
        _say_what_next(survey, tried)


@click.command()
@connection_flags
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(*, set_name: str | None, elasticsearch_url: str | None, as_json: bool) -> None:
    """Show what the cluster has."""
    from esrag.state.survey import take_status

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    found = take_status(connect_with(settings), choices_of(settings))
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        return
    cluster = found.capabilities
    click.echo(
        f"{cluster.cluster_name}: Elasticsearch {cluster.version}, licence {cluster.licence or '-'}"
    )
    if not cluster.machine_learning:
        click.echo(f"Trained models cannot run here: {cluster.machine_learning_reason}.")
        return
    widths = [
        max(len(line.kind) for line in found.objects),
        max(len(line.name) for line in found.objects),
    ]
    for line in found.objects:
        state = click.style(f"{line.state:<10}", fg=_STATE_COLOURS[line.state])
        row = f"{line.kind:<{widths[0]}}  {line.name:<{widths[1]}}  {state}  {line.detail}"
        click.echo(row.rstrip())
    documents = "no index yet" if found.documents is None else f"{found.documents} chunks"
    click.echo(f"Indexed: {documents}")


def choices_of(settings: Settings) -> Choices:
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
    )


def _bundle(settings: Settings) -> ModelBundle | None:
    from esrag.bundle import MANIFEST, bundle_folder, load_bundle

    folder = bundle_folder(settings.data_dir, settings.model.id)
    return load_bundle(folder) if (folder / MANIFEST).is_file() else None


def _survey_with_bundle(client: Elasticsearch, settings: Settings) -> Survey:
    """Survey; when the model must be uploaded and no bundle is here, build it and look again."""
    from esrag.state.survey import take_survey

    choices, bundle = choices_of(settings), _bundle(settings)
    survey = take_survey(client, choices, bundle)
    needs_upload = any(action.kind == "trained model" for action in survey.plan.changes)
    if bundle is not None or not needs_upload:
        return survey
    from esrag.cli.model import build_with_progress

    built = build_with_progress(settings, source=settings.model.source, model_id=choices.model_id)
    return take_survey(client, choices, built.bundle)


def _show_plan(survey: Survey, *, as_json: bool, all_objects: bool) -> None:
    from rich.console import Console

    from esrag.state.render import plan_as_json, plan_as_text

    if as_json:
        click.echo(json.dumps(plan_as_json(survey.plan), indent=2, ensure_ascii=False))
        return
    Console(soft_wrap=True, highlight=False).print(
        plan_as_text(survey.plan, all_objects=all_objects)
    )


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "setup asks before it changes anything, and there is nobody to ask here",
            hint="Apply without asking: esrag setup --yes",
        )
    click.confirm("Apply this plan?", abort=True, err=True)


@contextmanager
def _applying() -> Iterator[Progress]:
    """Relays the steps of ``apply_plan`` to the terminal."""
    from esrag.cli.progress import Steps

    with Steps() as steps:

        def relay(step: Step) -> None:
            if step.finished:
                steps.end()
            elif step.begins:
                steps.begin(f"{step.action.verb} {step.action.kind} {step.action.name}")
            else:
                steps.advance(step.done, step.total)

        yield relay


def _dims(survey: Survey) -> int | None:
    if survey.desired.bundle is not None:
        return survey.desired.bundle.dims
    return survey.observed.model.dims if survey.observed.model is not None else None


def _print_outcome(survey: Survey, tried: SmokeResult) -> None:
    from esrag.state.render import plan_as_json

    outcome = {
        "plan": plan_as_json(survey.plan),
        "applied": len(survey.plan.changes),
        "smoke": {"dims": tried.dims, "hits": dict(tried.hits)},
    }
    click.echo(json.dumps(outcome, indent=2, ensure_ascii=False))


def _say_what_next(survey: Survey, tried: SmokeResult) -> None:
    desired = survey.desired
    pipeline = desired.names.embed_pipeline(desired.generation)
    click.echo(
        f"Tried: {pipeline} embeds ({tried.dims} dimensions), "
        f"{len(tried.hits)} search templates answer.",
        err=True,
    )
    click.echo("Next: esrag ingest FOLDER, then esrag ask QUESTION", err=True)
