"""The embedding model: whole, deployed, keeping up, and computing the right vectors?"""

from __future__ import annotations

from collections.abc import Iterator

from esrag.cluster.deployments import (
    Deployment,
    DeploymentSpec,
    fixed_differences,
    read_deployment,
    size_differences,
)
from esrag.cluster.embedding import embed
from esrag.cluster.models import LEAST_COSINE, cosine, read_model
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.embedding.process import require_installed
from esrag.errors import ConflictError, EsragError, UnavailableError, UnsupportedError
from esrag.state.plan_models import plan_models

_FULL = 0.8  # of the queue
_ERRORS = 0.01  # of all requests


def trained_model(case: Case) -> Iterator[Finding]:
    """Does the cluster have the model, whole, and is it the bundle's?"""
    if not case.embeds_in_cluster:
        return
    model_id = case.choices.model_id
    where = f"trained model {model_id}"
    model = read_model(case.client, model_id)
    if model is None:
        yield found("model-missing", where, "the cluster has no such model")
    elif not model.fully_defined:
        yield found("model-incomplete", where, "its upload was interrupted; it is not whole")
    elif case.bundle and model.fingerprint and model.fingerprint != case.bundle.fingerprint:
        words = (
            f"its fingerprint is {model.fingerprint[:16]}, and that of the bundle here "
            f"{case.bundle.fingerprint[:16]}"
        )
        yield found("model-other-content", where, words)
    else:
        whose = "" if model.managed else ", brought by somebody else"
        yield well(where, f"whole, {model.dims} dimensions{whose}")


def deployments(case: Case) -> Iterator[Finding]:
    """Do the deployments run, and do they keep up?"""
    if not case.embeds_in_cluster:
        return
    for spec in case.choices.deployments:
        state = read_deployment(case.client, spec.deployment_id)
        where = f"deployment {spec.deployment_id}"
        if state is None:
            yield found("deployment-missing", where, "there is none")
        else:
            yield from _state(where, state)
            yield from _load(where, state)
            yield from _settings(where, state, spec)
    reranker = case.choices.rerank_deployment
    if reranker is None or not case.capabilities.tier.endpoints:
        return
    where = f"deployment {reranker.deployment_id}"  # of whatever size it is
    state = read_deployment(case.client, reranker.deployment_id)
    if state is None:
        yield found("deployment-missing", where, "there is none; reranking needs it")
    else:
        yield from _state(where, state)
        yield from _load(where, state)


def vectors(case: Case) -> Iterator[Finding]:
    """Does the cluster compute the vectors that the original model computes?"""
    if not case.embeds_in_cluster:
        return
    references = case.bundle.references if case.bundle else ()
    texts = [reference.text for reference in references] or ["A short text."]
    for deployment_id in (spec.deployment_id for spec in case.choices.deployments):
        where = f"deployment {deployment_id}"
        try:
            made = embed(case.client, deployment_id, texts)
        except EsragError as error:
            yield found("model-does-not-answer", where, error.message)
            continue
        if not references:
            yield found("references-missing", where, "it embeds; there is nothing to compare with")
            continue
        lowest = min(
            cosine(reference.vector, vector)
            for reference, vector in zip(references, made, strict=True)
        )
        words = f"cosine of at least {lowest:.4f} with the original for {len(texts)} texts"
        yield (
            well(where, words)
            if lowest >= LEAST_COSINE
            else found("vectors-differ", where, f"lowest cosine with the original: {lowest:.4f}")
        )


def room(case: Case) -> Iterator[Finding]:
    """Have the ML nodes memory and processors for what has yet to start?"""
    if not case.embeds_in_cluster:
        return
    try:
        plan_models(*case.look)
    except (UnavailableError, UnsupportedError) as error:
        yield found("no-room-for-model", "ML nodes", error.message, error.hint)
    except ConflictError:
        return  # of the model itself: said elsewhere


def local_model(case: Case) -> Iterator[Finding]:
    """Where the client embeds: is the model here?"""
    if case.embeds_in_cluster:
        return
    model_id = case.choices.model_id
    try:
        require_installed()
    except UnsupportedError as error:
        yield found("extra-missing", f"model {model_id}", error.message, error.hint)
    if case.bundle is None:
        yield found(
            "bundle-missing",
            f"model {model_id}",
            "this cluster does not embed, and there is no bundle of the model on this machine",
        )
    else:
        yield well(f"model {model_id}", f"embeds on this machine, from {case.bundle.folder}")


def _state(where: str, state: Deployment) -> Iterator[Finding]:
    running = f"{state.allocated} of {state.allocations} allocations run"
    reason = f": {state.reason}" if state.reason else ""
    if state.state in ("failed", "stopping", "stopped"):
        yield found("deployment-failed", where, f"it is {state.state}{reason}")
    elif state.allocations == 0 and state.range is not None:
        yield found("deployment-scaled-to-zero", where, "no allocation runs until it is needed")
    elif state.allocated == 0:
        yield found("deployment-on-no-node", where, f"it is {state.state}, {running}{reason}")
    elif state.allocated < state.allocations:
        yield found("deployment-partly", where, f"{running}{reason}")
    else:
        yield well(where, f"{running}, {state.threads} threads each")


def _settings(where: str, state: Deployment, spec: DeploymentSpec) -> Iterator[Finding]:
    differing = [*fixed_differences(state, spec), *size_differences(state, spec)]
    if differing:
        yield found("deployment-settings", where, "; ".join(differing))


def _load(where: str, state: Deployment) -> Iterator[Finding]:
    if state.queue_capacity and state.pending_requests >= _FULL * state.queue_capacity:
        words = f"{state.pending_requests} requests wait in a queue of {state.queue_capacity}"
        yield found("queue-filling", where, words)
    if state.rejected_count:
        words = f"{state.rejected_count} requests were refused since it was started"
        yield found("requests-rejected", where, words)
    asked = state.inference_count + state.error_count
    if state.error_count > _ERRORS * asked:
        yield found("inference-errors", where, f"{state.error_count} of {asked} requests failed")
