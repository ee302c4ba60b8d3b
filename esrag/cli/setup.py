"""``esrag setup``, ``plan`` and ``status``: show what the cluster needs, has, and apply it."""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.assembly import embedder_from
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.planning import (
    CHANGES_PENDING,
    applying,
    bundle_from,
    choices_from,
    confirm,
    given,
    index_flags,
    lock_flags,
    lock_terms,
    show_plan,
)
from esrag.cli.preflight import explaining_refusals, require_permission
from esrag.errors import UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.state.setting_up import Outcome
    from esrag.state.smoke import SmokeResult
    from esrag.state.survey import StatusLine, Survey

_STATE_COLOURS = {"present": "green", "missing": "yellow", "foreign": "red", "incomplete": "red"}

adopt_flag = click.option(
    "--adopt", is_flag=True, help="Take over objects of our names that somebody else made."
)


@click.command()
@connection_flags
@index_flags
@adopt_flag
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan for setup --plan."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--all", "all_objects", is_flag=True, help="List what stays as it is, too.")
@click.pass_context
def plan(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    language: str | None,
    vectors: str | None,
    adopt: bool,
    out: Path | None,
    as_json: bool,
    all_objects: bool,
) -> None:
    """Show what setup would change, and change nothing.

    Ends with 0 when there is nothing to do and with 2 when there is.
    """
    from esrag.state.saved import save_plan
    from esrag.state.survey import take_survey

    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        index=given(language=language, vectors=vectors),
    )
    client = connect_with(settings)
    choices = choices_from(settings)
    with explaining_refusals(client, "plan", choices.set, answers=choices.answers):
        survey = take_survey(client, choices, bundle_from(settings), adopt=adopt)
    if out is not None:
        _require_bundle_for(survey)
    show_plan(
        survey.plan, as_json=as_json, capabilities=survey.capabilities, all_objects=all_objects
    )
    if out is not None:
        save_plan(survey, out, adopt=adopt)
        click.echo(f"Saved. Apply it: esrag setup --plan {out}", err=True)
    if survey.plan.changes:
        ctx.exit(CHANGES_PENDING)


@click.command()
@connection_flags
@index_flags
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--allow-destructive", is_flag=True, help="Also take steps marked destructive.")
@adopt_flag
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Apply a saved plan without asking; refused when it no longer holds.",
)
@lock_flags
@click.option("--json", "as_json", is_flag=True, help="Print plan and outcome as JSON.")
@click.option("--print-roles", is_flag=True, help="Print the roles of least privilege, and end.")
@click.option(
    "--documented", is_flag=True, help="With --print-roles: named privileges instead of actions."
)
def setup(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    language: str | None,
    vectors: str | None,
    yes: bool,
    allow_destructive: bool,
    adopt: bool,
    plan_file: Path | None,
    wait: float,
    force_unlock: bool,
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
    from esrag.state.saved import load_plan, require_unmoved

    saved = load_plan(plan_file) if plan_file is not None else None
    if saved is not None:
        set_name, adopt, yes = set_name or saved.set, saved.adopt, True
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        index=given(language=language, vectors=vectors),
    )
    client = connect_with(settings)
    answers = choices_from(settings).answers
    with explaining_refusals(client, "setup", settings.index.set, answers=answers):
        survey = _survey_with_bundle(client, settings, adopt=adopt)
    if saved is not None:
        require_unmoved(saved, survey)
    if not as_json:
        show_plan(survey.plan, as_json=False, capabilities=survey.capabilities)
    outcome = _carry_out(
        client,
        settings,
        survey,
        _Options(yes, allow_destructive, adopt, wait, force_unlock, as_json),
    )
    tried = _try_out(client, settings, outcome.survey)
    if as_json:
        _print_outcome(survey, outcome, tried)
    else:
        _say_what_next(outcome.survey, tried)


@click.command()
@connection_flags
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(*, set_name: str | None, elasticsearch_url: str | None, as_json: bool) -> None:
    """Show what the cluster has."""
    from esrag.state.survey import take_status

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client = connect_with(settings)
    choices = choices_from(settings)
    with explaining_refusals(client, "status", choices.set, answers=choices.answers):
        found = take_status(client, choices)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        return
    cluster = found.capabilities
    click.echo(
        f"{cluster.cluster_name}: Elasticsearch {cluster.version}, licence {cluster.licence or '-'}"
    )
    for why in cluster.tier.why.values():
        click.echo(textwrap.fill(why, _width(), initial_indent="  ", subsequent_indent="  "))
    width = max(len(line.kind) for line in found.objects)
    for line in found.objects:
        _show_line(line, width)
    documents = "no index yet" if found.documents is None else f"{found.documents} chunks"
    click.echo(f"Indexed: {documents}")
    lacking = [line for line in found.objects if line.state != "present"]
    if lacking:
        click.echo(f"{len(lacking)} of {len(found.objects)} are not as they should be: ", nl=False)
        click.echo("esrag doctor says why and what to do.")


def _show_line(line: StatusLine, width: int) -> None:
    """One object; its detail goes below when it does not fit beside."""
    state = click.style(f"{line.state:<10}", fg=_STATE_COLOURS[line.state])
    row = f"{line.kind:<{width}}  {line.name}"
    if len(line.state) + len(row) + len(line.detail) + 14 <= _width() or not line.detail:
        click.echo(f"{state}  {row}  {line.detail}".rstrip())
        return
    click.echo(f"{state}  {row}")
    margin = " " * (width + 14)
    click.secho(
        textwrap.fill(line.detail, _width(), initial_indent=margin, subsequent_indent=margin),
        dim=True,
    )


def _width() -> int:
    return max(60, min(shutil.get_terminal_size().columns, 120))


def _require_bundle_for(survey: Survey) -> None:
    """A saved plan that uploads a model names its bundle, so there has to be one."""
    uploads = any(action.kind == "trained model" for action in survey.plan.changes)
    if uploads and survey.desired.bundle is None:
        raise UsageError(
            "a plan that uploads the model cannot be saved before the model's bundle is built",
            hint="Build it first: esrag model build",
        )


@dataclass(frozen=True, slots=True)
class _Options:
    """How setup was called."""

    yes: bool
    allow_destructive: bool
    adopt: bool
    wait: float
    force_unlock: bool
    as_json: bool


def _carry_out(
    client: Elasticsearch, settings: Settings, survey: Survey, options: _Options
) -> Outcome:
    """Ask and apply; a person is asked again when the cluster has changed in between."""
    from esrag.cli.stopping import stopping_at_safe_points
    from esrag.state.apply import require_allowed
    from esrag.state.setting_up import Outcome, PlanMovedError, set_up
    from esrag.state.survey import take_survey

    choices, bundle = choices_from(settings), bundle_from(settings)
    while survey.plan.changes:
        require_permission(
            client,
            "setup",
            choices.set,
            tier=survey.desired.tier,
            endpoints=any(action.kind == "inference endpoint" for action in survey.plan.changes),
            answers=choices.answers,
        )
        require_allowed(survey.plan, allow_destructive=options.allow_destructive)
        confirm("setup", yes=options.yes)
        try:
            with stopping_at_safe_points() as safe_point, applying(safe_point) as progress:
                return set_up(
                    client,
                    survey,
                    lambda: take_survey(client, choices, bundle, adopt=options.adopt),
                    lock_terms(
                        f"setup --set {choices.set}",
                        wait=options.wait,
                        force=options.force_unlock,
                        safe_point=safe_point,
                    ),
                    allow_destructive=options.allow_destructive,
                    progress=progress,
                )
        except PlanMovedError as moved:
            if options.yes:
                raise
            survey = moved.now
            click.echo("The cluster was changed meanwhile. The plan is now:", err=True)
            show_plan(survey.plan, as_json=False, capabilities=survey.capabilities)
    return Outcome(survey, 0)


def _survey_with_bundle(client: Elasticsearch, settings: Settings, *, adopt: bool) -> Survey:
    """Survey; when the model is needed and no bundle is here, build it and look again.

    It is needed to be uploaded, or because this machine embeds and the index is to say with what.
    """
    from esrag.state.survey import take_survey

    choices, bundle = choices_from(settings), bundle_from(settings)
    survey = take_survey(client, choices, bundle, adopt=adopt)
    needs_upload = any(action.kind == "trained model" for action in survey.plan.changes)
    embeds_here = survey.desired.tier.embedding == "client" and not survey.observed.alias.indices
    if bundle is not None or not (needs_upload or embeds_here):
        return survey
    from esrag.cli.model import build_with_progress

    built = build_with_progress(settings, source=settings.model.source, model_id=choices.model_id)
    return take_survey(client, choices, built.bundle, adopt=adopt)


def _try_out(client: Elasticsearch, settings: Settings, survey: Survey) -> SmokeResult:
    from esrag.state.smoke import smoke_test

    desired = survey.desired
    return smoke_test(
        client,
        desired.names,
        generation=desired.generation,
        dims=_dims(survey),
        fields=desired.mapping["properties"],
        tier=desired.tier,
        local=lambda profile: embedder_from(settings, profile),
    )


def _dims(survey: Survey) -> int | None:
    if survey.desired.bundle is not None:
        return survey.desired.bundle.dims
    return survey.observed.model.dims if survey.observed.model is not None else None


def _print_outcome(survey: Survey, outcome: Outcome, tried: SmokeResult) -> None:
    from esrag.state.render import plan_as_json

    facts = {
        "plan": plan_as_json(survey.plan),
        "tier": survey.desired.tier.as_json(),
        "applied": outcome.steps,
        "smoke": {"dims": tried.dims, "hits": dict(tried.hits)},
    }
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def _say_what_next(survey: Survey, tried: SmokeResult) -> None:
    desired = survey.desired
    pipeline = desired.names.embed_pipeline(desired.generation)
    who = pipeline if desired.tier.embedding == "cluster" else "this machine"
    embeds = f"{who} embeds ({tried.dims} dimensions)"
    if tried.untried:
        embeds = f"nothing was embedded ({tried.untried})"
    click.echo(f"Tried: {embeds}, {len(tried.hits)} search templates answer.", err=True)
    click.echo("Next: esrag ingest FOLDER, then esrag ask QUESTION", err=True)
