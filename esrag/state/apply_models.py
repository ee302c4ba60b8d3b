"""Carries out the steps of a plan that concern the trained model and its deployments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from esrag import __version__
from esrag.bundle import ModelBundle
from esrag.cluster import deployments, models
from esrag.cluster.model_users import read_model_users
from esrag.errors import UsageError
from esrag.state.actions import Action
from esrag.state.desired import ALL_SETS, DesiredState
from esrag.state.ownership import Record, write_record

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Advance = Callable[[int, int], None]


def push_model(
    client: Elasticsearch, desired: DesiredState, action: Action, advance: Advance
) -> None:
    """Upload the bundle, ``advance`` hears of each part; or take over a model that is there."""
    if action.verb == "adopt":
        _adopt_model(client, desired)
        return
    replaces = action.verb == "replace"
    models.push(
        client,
        require_bundle(desired),
        replace=replaces,
        users=_users_of_other_sets(client, desired) if replaces else (),
        progress=advance,
    )


def deploy(client: Elasticsearch, desired: DesiredState, action: Action, advance: Advance) -> None:
    """Start or resize one deployment, wait for it, and compare its vectors with the bundle's."""
    choices = desired.choices
    for brought in (choices.rerank_deployment, choices.sparse_deployment):
        if brought is not None and action.name == brought.deployment_id:
            _deploy_brought(client, brought, action, advance)
            return
    spec = next(spec for spec in choices.deployments if spec.deployment_id == action.name)
    if action.verb == "replace":
        deployments.undeploy(client, spec.deployment_id, force=True)
    deployments.deploy(
        client, spec, progress=lambda state: advance(state.allocated, state.allocations)
    )
    if desired.bundle is not None:
        models.verify_vectors(client, spec.deployment_id, desired.bundle.references)


def _users_of_other_sets(client: Elasticsearch, desired: DesiredState) -> tuple[str, ...]:
    """Indices with vectors of the model that no plan of this set makes anew."""
    users = read_model_users(client) or {}
    own = desired.names.index_pattern.removesuffix("*")
    return tuple(
        index
        for index, model in users.items()
        if model == desired.choices.model_id and not index.startswith(own)
    )


def _deploy_brought(
    client: Elasticsearch, spec: deployments.DeploymentSpec, action: Action, advance: Advance
) -> None:
    """Start it if there is none that works; one that runs keeps its size."""
    if action.verb == "replace":
        deployments.undeploy(client, spec.deployment_id, force=True)

    def progress(state: deployments.Deployment) -> None:
        advance(state.allocated, state.allocations)

    if deployments.read_deployment(client, spec.deployment_id) is None:
        deployments.deploy(client, spec, progress=progress)
    else:
        deployments.wait_until_ready(client, spec.deployment_id, progress=progress)


def _adopt_model(client: Elasticsearch, desired: DesiredState) -> None:
    """Note a model of somebody else as managed, once its vectors are those of the bundle."""
    choices, bundle = desired.choices, require_bundle(desired)
    models.verify_vectors(client, choices.deployment_id, bundle.references)
    found = models.read_model(client, choices.model_id)
    record = Record(
        kind="trained model",
        name=choices.model_id,
        set=ALL_SETS,
        fingerprint=bundle.fingerprint,
        version=__version__,
        adopted=True,
        details={"created": found.created if found is not None else ""},
    )
    write_record(client, record)


def require_bundle(desired: DesiredState) -> ModelBundle:
    """The bundle; raises UsageError when none has been built for this model id."""
    if desired.bundle is None:
        raise UsageError(
            f"there is no bundle of {desired.choices.model_id} to upload",
            hint="Make it with: esrag model build",
        )
    return desired.bundle
