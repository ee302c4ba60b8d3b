"""Carries out an intent: brings the new generation up, then moves to it; and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esrag.cluster import deployments, indices, models, pipelines
from esrag.cluster.calibration_note import carry_calibration
from esrag.cluster.indices import own_meta
from esrag.cluster.profile import read_profile
from esrag.errors import ConflictError, UnavailableError
from esrag.names import Names, generation_of
from esrag.reembedding.copying import Dress
from esrag.reembedding.journal import Move, write_journal
from esrag.reembedding.moving import Gate, Moved, Mover, Options, Step, open_again
from esrag.reembedding.planning import ENDPOINTS, Intent
from esrag.state.actions import Plan
from esrag.state.apply import Progress, apply_plan
from esrag.state.desired import Choices
from esrag.state.expansion import EXPAND_TAG
from esrag.state.smoke import SAMPLE
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OnStep = Callable[[Step], None]


def carry_out(
    client: Elasticsearch,
    intent: Intent,
    dress: Dress,
    *,
    options: Options,
    gate: Gate | None = None,
    progress: Progress = lambda _: None,
    on_step: OnStep = lambda _: None,
) -> Moved:
    """Bring the new generation up and move to it.

    The journal is written before anything that a rerun could not tell from the old state.
    """
    move, survey = intent.move, intent.survey
    own = tuple(action for action in intent.before.actions if action.kind == "service index")
    rest = tuple(action for action in intent.before.actions if action.kind != "service index")
    apply_plan(client, survey.desired, survey.observed, Plan(own), progress=progress)
    if not intent.resumed:
        write_journal(client, move)
    if intent.discards is not None:
        discard(client, move.set, intent.discards)
    apply_plan(client, survey.desired, survey.observed, Plan(rest), progress=progress)
    if indices.write_index(client, Names(move.set).alias) != move.target:
        _create(client, move)
        if survey.desired.tier.embedding == "cluster":
            _try_pipeline(client, move)
    mover = Mover(client, move, dress, options=options, gate=gate, on_step=on_step)
    moved = mover.run()
    apply_plan(client, survey.desired, survey.observed, intent.after, progress=progress)
    return moved


def carry_back(
    client: Elasticsearch,
    move: Move,
    dress: Dress,
    *,
    choices: Choices,
    options: Options,
    on_step: OnStep = lambda _: None,
) -> Moved:
    """Move back to the old generation, bringing along what was written since.

    Its model is deployed again when it does not run, with the sizes of the settings.
    """
    if read_profile(client, move.target).embedding == "cluster":
        _deploy_again(client, move, choices)
    write_journal(client, move)
    if indices.write_index(client, Names(move.set).alias) != move.target:
        open_again(client, move.target)
    moved = Mover(client, move, dress, options=options, on_step=on_step).run()
    _lead_endpoints_back(client, move, choices)
    return moved


def discard(client: Elasticsearch, set_name: str, index: str) -> None:
    """Delete a generation and its pipelines; what is gone already is no error."""
    names, number = Names(set_name), generation_of(index)
    indices.delete_index(client, index)
    if number is not None:
        for name in (names.intake_pipeline(number), names.embed_pipeline(number)):
            pipelines.delete_pipeline(client, name)


def _create(client: Elasticsearch, move: Move) -> None:
    """Create the target from its templates, without the alias; one that is there is resumed."""
    if indices.read_mapping(client, move.target) is None:
        indices.create_index(client, move.target, alias=None)
        carry_calibration(client, move.source, move.target)


def _try_pipeline(client: Elasticsearch, move: Move) -> None:
    """Embed one text before thousands: raises UnavailableError when the vector cannot fit."""
    document = pipelines.simulate_pipeline(client, move.pipeline, SAMPLE)
    vector = document.get("embedding")
    length = len(vector) if isinstance(vector, list) else 0
    if length != move.dims:
        raise UnavailableError(
            f"ingest pipeline {move.pipeline} makes vectors of {length} numbers where "
            f"{move.target} wants {move.dims}",
            hint="Compare the model with the mapping: esrag plan",
        )


def _lead_endpoints_back(client: Elasticsearch, move: Move, choices: Choices) -> None:
    """Let the set's endpoints call the model of the generation that serves again."""
    mapping = indices.read_mapping(client, move.target) or {}
    model_id = str(own_meta(mapping).get("model_id") or choices.model_id)
    wanted = replace(choices, model_id=model_id)
    found = take_survey(client, wanted, None, generation=generation_of(move.target))
    steps = tuple(action for action in found.plan.actions if action.kind in ENDPOINTS)
    apply_plan(client, found.desired, found.observed, Plan(steps))


def _deploy_again(client: Elasticsearch, move: Move, choices: Choices) -> None:
    """Start what the target's questions and chunks are embedded with, where it does not run."""
    mapping = indices.read_mapping(client, move.target) or {}
    model_id = str(own_meta(mapping).get("model_id") or move.asks[move.target])
    pipeline = pipelines.read_pipeline(client, move.pipeline) or {}
    for deployment_id in sorted({move.asks[move.target], *_called(pipeline)}):
        found = deployments.read_deployment(client, deployment_id)
        if found is not None and found.ready:
            continue
        if models.read_model(client, model_id) is None:
            raise ConflictError(
                f"trained model {model_id} is not in the cluster any more, and questions could "
                f"not be embedded for {move.target}",
                hint="Push it again: esrag model push",
            )
        deployments.deploy(
            client,
            deployments.DeploymentSpec(
                deployment_id,
                model_id,
                allocations=found.allocations if found else choices.allocations,
                threads=found.threads if found else choices.threads,
                queue_capacity=found.queue_capacity if found else choices.queue_capacity,
            ),
        )


def _called(pipeline: Mapping[str, Any]) -> tuple[str, ...]:
    """The deployments of the embedding model that a pipeline's processors name."""
    processors = (each.get("inference") for each in pipeline.get("processors", ()))
    return tuple(
        str(each["model_id"]) for each in processors if each and each.get("tag") != EXPAND_TAG
    )
