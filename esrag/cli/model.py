"""``esrag model``: build and push embedding models; the rest is in ``model_deployments.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.model_deployments import (
    deploy,
    heal,
    json_flag,
    list_models,
    model_id_flag,
    undeploy,
)
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.tracing.process import BuildResult


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
@click.option("--force", is_flag=True, help="Replace it also when indices hold vectors of it.")
@json_flag
def push(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    model_id: str | None,
    folder: Path | None,
    replace: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Upload a bundle in parts; an interrupted upload is completed.

    Needs no torch: the bundle may have been built on another machine.
    """
    from esrag.bundle import bundle_folder, load_bundle
    from esrag.cli.progress import Steps
    from esrag.cluster import models
    from esrag.cluster.model_users import users_of

    settings = settings_from(elasticsearch_url=elasticsearch_url, set_name=set_name)
    bundle = load_bundle(folder or bundle_folder(settings.data_dir, model_id or settings.model.id))
    client = connect_with(settings)
    _warn_of_torch(client, bundle.versions.get("torch", ""))
    users = users_of(client, bundle.model_id) if replace and not force else ()
    with Steps() as steps:
        steps.begin(f"upload {bundle.model_id}")
        result = models.push(client, bundle, replace=replace, users=users, progress=steps.advance)
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


def _warn_of_torch(client: Elasticsearch, torch: str) -> None:
    from esrag.cluster.client import explained
    from esrag.cluster.libtorch import torch_warning

    with explained("asking the cluster for its version"):
        version = str(client.info()["version"]["number"])
    warning = torch_warning(version, torch)
    if warning:
        click.secho(f"Warning: {warning}", fg="yellow", err=True)


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


for command in (list_models, deploy, undeploy, heal):
    model.add_command(command)
