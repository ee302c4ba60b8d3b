"""Carries out the steps of a plan that concern the trained model and its deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from esrag.bundle import ModelBundle
from esrag.cluster import deployments, models
from esrag.errors import UsageError
from esrag.state.actions import Action
from esrag.state.desired import DesiredState

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Advance = Callable[[int, int], None]


def push_model(
    client: Elasticsearch, desired: DesiredState, action: Action, advance: Advance
) -> None:
    """Upload the bundle; ``advance`` hears of each part."""
    models.push(client, require_bundle(desired), replace=action.verb == "replace", progress=advance)


def deploy(client: Elasticsearch, desired: DesiredState, action: Action, advance: Advance) -> None:
    """Start or resize the deployment, wait for it, and compare its vectors with the bundle's."""
    choices = desired.choices
    if action.verb == "replace":
        deployments.undeploy(client, choices.deployment_id, force=True)
    deployments.deploy(
        client,
        deployments.DeploymentSpec(
            choices.deployment_id,
            choices.model_id,
            allocations=choices.allocations,
            threads=choices.threads,
            queue_capacity=choices.queue_capacity,
        ),
        progress=lambda state: advance(state.allocated, state.allocations),
    )
    if desired.bundle is not None:
        models.verify_vectors(client, choices.deployment_id, desired.bundle.references)


def require_bundle(desired: DesiredState) -> ModelBundle:
    """The bundle; raises UsageError when none has been built for this model id."""
    if desired.bundle is None:
        raise UsageError(
            f"there is no bundle of {desired.choices.model_id} to upload",
            hint="Make it with: esrag model build",
        )
    return desired.bundle
