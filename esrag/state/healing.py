"""Finds deployments that do not work although they should, and brings them back.

    wanted (settings) + statistics + one real inference ──► findings ──► remedies

Elasticsearch loses deployments: a node that restarts may drop them, adaptive allocations may take
the last allocation away, a native process may die.  Nothing but a deployment is touched here; what
the settings want otherwise is setup's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from esrag.cluster import deployments, models
from esrag.cluster.capacity import read_capacity, require_capacity
from esrag.cluster.deployments import Deployment, DeploymentSpec
from esrag.cluster.embedding import embed
from esrag.errors import ConflictError, EsragError
from esrag.state.plan_models import need_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Remedy = Literal["", "start", "resize", "wait", "restart"]

TRIED_TEXT = "Does this deployment answer?"
_TRY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one deployment; no ``remedy``, nothing is."""

    spec: DeploymentSpec
    found: Deployment | None
    what: str
    remedy: Remedy = ""

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return self.remedy == ""


def examine(client: Elasticsearch, spec: DeploymentSpec, *, embeds: bool = True) -> Finding:
    """Look at the statistics, and when they are fine at one real inference.

    Raises ConflictError when the model is missing or only half there.
    """
    found = deployments.read_deployment(client, spec.deployment_id)
    if found is None:
        _require_model(client, spec.model_id)
        what = "it is not there: never started, stopped by somebody, or lost with its node"
        return Finding(spec, None, what, "start")
    why = f": {found.reason}" if found.reason else ""
    if found.state in ("failed", "stopping"):
        return Finding(spec, found, f"it is {found.state}{why}", "restart")
    if found.scaled_to_zero:
        what = "adaptive allocations took the last allocation away for want of requests"
        return Finding(spec, found, what, "resize")
    if not found.ready:
        what = f"{found.allocated} of {found.allocations} allocations run{why}"
        return Finding(spec, found, what, "wait")
    silence = _silence(client, spec) if embeds else ""
    if silence:
        return Finding(spec, found, f"it says that it runs, yet {silence}", "restart")
    tried = ", and it answers" if embeds else ""
    return Finding(spec, found, f"{found.allocated} allocation(s) run{tried}")


def heal(
    client: Elasticsearch,
    finding: Finding,
    *,
    embeds: bool = True,
    timeout: float = deployments.START_TIMEOUT,
    progress: Callable[[Deployment], None] = lambda *_: None,
) -> Finding:
    """Apply the remedy; how it is afterwards.

    Raises UnavailableError with the cluster's reason when the deployment does not come back.
    """
    spec = finding.spec
    if finding.remedy == "restart":
        deployments.undeploy(client, spec.deployment_id, force=True)
    if finding.remedy in ("start", "restart"):
        start(client, spec, timeout=timeout, progress=progress)
    elif finding.remedy == "resize":
        deployments.resize(client, spec)
    deployments.wait_until_ready(client, spec.deployment_id, timeout=timeout, progress=progress)
    return examine(client, spec, embeds=embeds)


def start(
    client: Elasticsearch,
    spec: DeploymentSpec,
    *,
    timeout: float = deployments.START_TIMEOUT,
    progress: Callable[[Deployment], None] = lambda *_: None,
) -> Deployment:
    """Deploy, or resize what runs, after a look at model and memory.

    Raises ConflictError when the model is missing or only half there, UnavailableError when the
    cluster lacks memory.
    """
    _require_model(client, spec.model_id)
    _require_room(client, spec, deployments.read_deployment(client, spec.deployment_id))
    return deployments.deploy(client, spec, timeout=timeout, progress=progress)


def _require_model(client: Elasticsearch, model_id: str) -> None:
    model = models.read_model(client, model_id)
    if model is None or not model.fully_defined:
        state = "is not in the cluster" if model is None else "is only half uploaded"
        raise ConflictError(
            f"trained model {model_id} {state}, so there is nothing to deploy",
            hint="Bring it there with: esrag setup (or esrag model push)",
        )


def _require_room(client: Elasticsearch, spec: DeploymentSpec, found: Deployment | None) -> None:
    model = models.read_model(client, spec.model_id)
    size = found.model_bytes if found is not None else models.read_size(client, spec.model_id)
    if model is None or not size:
        return
    sizes = (size, model.per_deployment_bytes, model.per_allocation_bytes)
    require_capacity(read_capacity(client), [need_of(spec, found, sizes)])


def _silence(client: Elasticsearch, spec: DeploymentSpec) -> str:
    """Why it does not answer; "" when it does."""
    try:
        embed(client, spec.deployment_id, [TRIED_TEXT], timeout=_TRY_SECONDS)
    except EsragError as error:
        return f"does not answer: {error.message}"
    return ""
