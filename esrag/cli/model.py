"""``esrag model``: build, push, list, deploy and undeploy embedding models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.bundle import Reference
    from esrag.tracing.process import BuildResult

model_id_flag = click.option("--model-id", metavar="ID", help="Trained model id in the cluster.")
json_flag = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.group()
def model() -> None:
    """Build, push and deploy embedding models."""


@model.command()
@click.option("--source", metavar="WHERE", help="'packaged', a folder, or a hub id.")
@model_id_flag
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the bundle.")
@click.option("--ingest-prefix", default="", help="Text that the model wants before passages.")
@click.option("--search-prefix", default="", help="Text that the model wants before questions.")
@click.option("--force", is_flag=True, help="Make it again even when it is there.")
@json_flag
def build(
    *,
    source: str | None,
    model_id: str | None,
    output: Path | None,
    ingest_prefix: str,
    search_prefix: str,
    force: bool,
    as_json: bool,
) -> None:
    """Trace a model and write its bundle: all that a cluster needs of it."""
    from esrag.tracing.process import model_id_for

    settings = settings_from()
    source_used = source or settings.model.source
    same_source = source_used == settings.model.source
    id_used = model_id or (settings.model.id if same_source else model_id_for(source_used))
    result = build_with_progress(
        settings,
        source=source_used,
        model_id=id_used,
        output=output,
        prefixes=(ingest_prefix, search_prefix),
        force=force,
    )
    bundle = result.bundle
    if as_json:
        facts = {
            "model_id": bundle.model_id,
            "folder": str(bundle.folder),
            "reused": result.reused,
            "fingerprint": bundle.fingerprint,
            "dims": bundle.dims,
            "max_sequence_length": bundle.max_sequence_length,
            "versions": dict(bundle.versions),
        }
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(
        f"{bundle.model_id}  {bundle.dims} dimensions  {'reused' if result.reused else 'built'}  "
        f"{bundle.folder}"
    )


@model.command()
@connection_flags
@model_id_flag
@click.option("--bundle", "folder", type=click.Path(path_type=Path), help="Folder of the bundle.")
@click.option("--replace", is_flag=True, help="Replace a model of this id with other content.")
@json_flag
def push(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    model_id: str | None,
    folder: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Upload a bundle in parts; an interrupted upload is completed."""
    from esrag.bundle import bundle_folder, load_bundle
    from esrag.cli.progress import Steps
    from esrag.cluster import models

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    bundle = load_bundle(folder or bundle_folder(settings.data_dir, model_id or settings.model.id))
    with Steps() as steps:
        steps.begin(f"upload {bundle.model_id}")
        result = models.push(
            connect_with(settings), bundle, replace=replace, progress=steps.advance
        )
        steps.end()
    if as_json:
        facts = {
            "model_id": result.model_id,
            "parts_sent": result.parts_sent,
            "resumed": result.resumed,
        }
        click.echo(json.dumps(facts, indent=2))
    else:
        did = "was there already" if result.reused else f"uploaded in {result.parts_sent} parts"
        click.echo(f"{result.model_id}  {did}")


@model.command("list")
@connection_flags
@json_flag
def list_(*, set_name: str | None, elasticsearch_url: str | None, as_json: bool) -> None:
    """List the trained models of the cluster and their deployments."""
    from esrag.cluster import deployments, models

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client = connect_with(settings)
    running = {found.model_id: found for found in deployments.list_deployments(client)}
    rows = []
    for found in models.list_models(client):
        deployment = running.get(found.model_id)
        rows.append(
            {
                "model_id": found.model_id,
                "complete": found.fully_defined,
                "managed": found.managed,
                "dims": found.dims,
                "deployment": deployment.state if deployment else None,
                "allocations": deployment.allocated if deployment else 0,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['model_id']}  {'complete' if row['complete'] else 'incomplete'}  "
            f"{row['deployment'] or 'not deployed'}  {'esrag' if row['managed'] else 'of others'}"
        )


@model.command()
@connection_flags
@model_id_flag
@click.option("--allocations", type=click.IntRange(min=1), help="Copies to run.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of each; a power of two.")
@click.option("--queue-capacity", type=click.IntRange(1, 99_999), help="Requests that may wait.")
@json_flag
def deploy(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    model_id: str | None,
    allocations: int | None,
    threads: int | None,
    queue_capacity: int | None,
    as_json: bool,
) -> None:
    """Start a pushed model, wait until it runs, and check its vectors."""
    from esrag.cli.progress import Steps
    from esrag.cluster import deployments, models

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    client = connect_with(settings)
    name = model_id or settings.model.id
    with Steps() as steps:
        steps.begin(f"deploy {name}")
        found = deployments.deploy(
            client,
            deployments.DeploymentSpec(
                name,
                name,
                allocations=allocations or settings.model.allocations,
                threads=threads or settings.model.threads,
                queue_capacity=queue_capacity or settings.model.queue_capacity,
            ),
            progress=lambda state: steps.advance(state.allocated, state.allocations),
        )
        steps.end()
    references = _references(settings, name)
    lowest = models.verify_vectors(client, name, references) if references else None
    if as_json:
        facts = {
            "deployment_id": found.deployment_id,
            "state": found.state,
            "allocations": found.allocated,
            "lowest_cosine": lowest,
        }
        click.echo(json.dumps(facts, indent=2))
        return
    checked = "vectors not checked (no bundle here)" if lowest is None else f"cosine {lowest:.6f}"
    click.echo(f"{found.deployment_id}  {found.state}  {found.allocated} allocation(s)  {checked}")


@model.command()
@connection_flags
@model_id_flag
@click.option("--force", is_flag=True, help="Also when an ingest pipeline uses it.")
def undeploy(
    *, set_name: str | None, elasticsearch_url: str | None, model_id: str | None, force: bool
) -> None:
    """Stop a deployment; the model stays in the cluster."""
    from esrag.cluster import deployments

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    name = model_id or settings.model.id
    stopped = deployments.undeploy(connect_with(settings), name, force=force)
    click.echo(f"{name}  {'stopped' if stopped else 'was not deployed'}")


def build_with_progress(
    settings: Settings,
    *,
    source: str,
    model_id: str,
    output: Path | None = None,
    prefixes: tuple[str, str] = ("", ""),
    force: bool = False,
) -> BuildResult:
    """Build a bundle and show the steps on standard error."""
    from esrag.bundle import bundle_folder
    from esrag.cli.progress import Steps
    from esrag.tracing.process import BuildRequest
    from esrag.tracing.process import build as build_bundle

    request = BuildRequest(
        source=source,
        model_id=model_id,
        output=(output or bundle_folder(settings.data_dir, model_id)).absolute(),
        ingest_prefix=prefixes[0],
        search_prefix=prefixes[1],
    )
    with Steps() as steps:
        begun = False

        def next_step(title: str) -> None:
            nonlocal begun
            if begun:
                steps.end()
            steps.begin(f"model bundle: {title}")
            begun = True

        result = build_bundle(request, force=force, progress=next_step)
        if begun:
            steps.end()
    return result


def _references(settings: Settings, model_id: str) -> tuple[Reference, ...]:
    from esrag.bundle import MANIFEST, bundle_folder, load_bundle

    folder = bundle_folder(settings.data_dir, model_id)
    return load_bundle(folder).references if (folder / MANIFEST).is_file() else ()
