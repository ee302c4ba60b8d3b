"""``esrag model list``, ``deploy``, ``undeploy`` and ``heal``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.bundle import Reference
    from esrag.cluster.deployments import Deployment, DeploymentSpec
    from esrag.cluster.inventory import ModelRow
    from esrag.state.healing import Finding

SOMETHING_AILS = 2  # the exit code of `heal --check` when heal would do something

model_id_flag = click.option("--model-id", metavar="ID", help="Trained model id in the cluster.")
json_flag = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.command("list")
@connection_flags
@json_flag
def list_models(*, set_name: str | None, elasticsearch_url: str | None, as_json: bool) -> None:
    """List the trained models of the cluster, their deployments and who uses them."""
    from esrag.cluster.inventory import take_inventory

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    rows = take_inventory(connect_with(settings))
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    if not rows:
        click.echo("no trained models", err=True)
    for row in rows:
        click.echo("\n".join(_lines(row)))


@click.command()
@connection_flags
@model_id_flag
@click.option("--allocations", type=click.IntRange(min=1), help="Copies to run.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of each; a power of two.")
@click.option("--queue-capacity", type=click.IntRange(1, 99_999), help="Requests that may wait.")
@click.option(
    "--bundle", "folder", type=click.Path(path_type=Path), help="Bundle to check vectors with."
)
@json_flag
def deploy(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    model_id: str | None,
    allocations: int | None,
    threads: int | None,
    queue_capacity: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Start a pushed model, wait until it runs, and check its vectors.

    Before anything is started, its memory is held against what the ML nodes have.
    """
    from dataclasses import replace

    from esrag.cli.planning import choices_from
    from esrag.cli.progress import Steps
    from esrag.cluster import models
    from esrag.state import healing

    settings = _settings(elasticsearch_url, set_name, model_id)
    client = connect_with(settings)
    sizes = {"allocations": allocations, "threads": threads, "queue_capacity": queue_capacity}
    given: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    ingest, *others = choices_from(settings).deployments
    references = _references(settings, folder)
    facts = []
    for spec in (replace(ingest, **given), *others):
        with Steps() as steps:
            steps.begin(f"deploy {spec.deployment_id}")
            found = healing.start(client, spec, progress=_advance(steps.advance))
            steps.end()
        lowest = None
        if references:
            lowest = models.verify_vectors(client, spec.deployment_id, references)
        facts.append(_deployed(found, lowest))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for fact in facts:
        lowest = fact["lowest_cosine"]
        checked = "not checked (no bundle here)" if lowest is None else f"cosine {lowest:.6f}"
        click.echo(
            f"{fact['deployment_id']}  {fact['state']}  {fact['allocations']} allocation(s)  "
            f"vectors: {checked}"
        )


@click.command()
@connection_flags
@model_id_flag
@click.option("--force", is_flag=True, help="Also when an ingest pipeline uses it.")
def undeploy(
    *, set_name: str | None, elasticsearch_url: str | None, model_id: str | None, force: bool
) -> None:
    """Stop all deployments of a model; the model stays in the cluster."""
    from esrag.cluster import deployments

    settings = _settings(elasticsearch_url, set_name, model_id)
    client, name = connect_with(settings), settings.model.id
    running = [d for d in deployments.list_deployments(client) if d.model_id == name]
    for found in running:
        deployments.undeploy(client, found.deployment_id, force=force)
        click.echo(f"{found.deployment_id}  stopped")
    if not running:
        click.echo(f"{name}  was not deployed")


@click.command()
@connection_flags
@click.option("--check", is_flag=True, help="Only report; end with 2 when something ails.")
@json_flag
@click.pass_context
def heal(
    ctx: click.Context,
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    check: bool,
    as_json: bool,
) -> None:
    """Find deployments that vanished, failed or do not answer, and bring them back.

    Each deployment of the set is looked at and asked to embed a text.
    """
    from esrag.cli.planning import choices_from

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client, choices = connect_with(settings), choices_from(settings)
    outcomes = [_treat(client, spec, check=check) for spec in choices.deployments]
    if choices.rerank_deployment is not None:
        outcomes.append(_treat(client, choices.rerank_deployment, check=check, embeds=False))
    if as_json:
        click.echo(json.dumps(outcomes, indent=2))
    else:
        for outcome in outcomes:
            did = outcome["did"] or ("to do: " + outcome["remedy"] if outcome["remedy"] else "well")
            click.echo(f"{outcome['deployment_id']}  {did}  ({outcome['found']})")
    if check and any(outcome["remedy"] for outcome in outcomes):
        ctx.exit(SOMETHING_AILS)


def _treat(
    client: Elasticsearch, spec: DeploymentSpec, *, check: bool, embeds: bool = True
) -> dict[str, str]:
    from esrag.cli.progress import Steps
    from esrag.errors import UnavailableError
    from esrag.state import healing

    finding: Finding = healing.examine(client, spec, embeds=embeds)
    did = ""
    if not check and not finding.well:
        with Steps() as steps:
            steps.begin(f"{finding.remedy} {spec.deployment_id}")
            after = healing.heal(client, finding, embeds=embeds, progress=_advance(steps.advance))
            steps.end()
        if not after.well:
            raise UnavailableError(
                f"deployment {spec.deployment_id} ails still: {after.what}",
                hint="See the log of the ML nodes.",
            )
        did = {"start": "started", "resize": "resized", "wait": "waited for"}.get(
            finding.remedy, "restarted"
        )
    return {
        "deployment_id": spec.deployment_id,
        "found": finding.what,
        "remedy": finding.remedy,
        "did": did,
    }


def _advance(advance: Any) -> Any:
    return lambda state: advance(state.allocated, state.allocations)


def _settings(
    elasticsearch_url: str | None, set_name: str | None, model_id: str | None
) -> Settings:
    sections = {"model": {"id": model_id}} if model_id else {}
    return settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name, **sections)


def _deployed(found: Deployment, lowest: float | None) -> dict[str, Any]:
    return {
        "deployment_id": found.deployment_id,
        "state": found.state,
        "allocations": found.allocated,
        "lowest_cosine": lowest,
    }


def _lines(row: ModelRow) -> list[str]:
    """A line for the model, and one below it for each deployment."""
    size = f"{row.size_bytes / 2**20:.0f} MiB"
    state = "complete" if row.complete else "incomplete"
    dims = f"{row.dims} dims" if row.dims else row.task
    users = "not known" if row.used_by is None else ", ".join(row.used_by) or "nobody"
    lines = [f"{row.model_id}  {dims}  {size}  {state}  of {row.made_by}  used by: {users}"]
    for found in row.deployments:
        copies = f"{found.allocated} of {found.allocations} allocations"
        copies += f" ({found.range})" if found.range else ""
        lines.append(
            f"  {found.deployment_id}  {found.state}  {copies} of {found.threads} thread(s)  "
            f"queue {found.pending_requests}/{found.queue_capacity}  "
            f"memory {row.memory_of(found) / 2**20:.0f} MiB"
            + (f"  {found.reason}" if found.reason else "")
        )
    if not row.deployments:
        lines.append("  not deployed")
    return lines


def _references(settings: Settings, folder: Path | None) -> tuple[Reference, ...]:
    from esrag.bundle import MANIFEST, bundle_folder, load_bundle

    if folder is not None:
        return load_bundle(folder).references
    own = bundle_folder(settings.data_dir, settings.model.id)
    return load_bundle(own).references if (own / MANIFEST).is_file() else ()
