"""Desired state: the bodies on disk, the choices of the settings and the bundle, put together.

Pure but for reading the body files.  Knows nothing of the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from esrag import __version__
from esrag.bundle import ModelBundle
from esrag.cluster.capabilities import Tier
from esrag.cluster.deployments import DeploymentSpec
from esrag.cluster.profile import FINGERPRINT_LENGTH
from esrag.names import ALL_SEARCH_KINDS, DLQ_INDEX, META_INDEX, SEARCH_KINDS, SPARSE_KIND, Names
from esrag.resources import load_body
from esrag.state.canonical import flat_settings
from esrag.state.endpoint_bodies import EndpointChoices, endpoint_bodies
from esrag.state.expansion import with_expansion_field, with_expansion_processor
from esrag.templating import (
    Body,
    Vectors,
    for_server,
    renamed,
    sealed,
    with_field_choices,
    with_parameter_default,
    with_vector_meta,
)

BodyKind = Literal[
    "service index",
    "component template",
    "index template",
    "ingest pipeline",
    "search template",
    "inference endpoint",
]

ALL_SETS = "*"  # in the seal of what all document sets share
SHIPPED_SET = "default"
SHIPPED_GENERATION = 1
SHIPPED_MODEL = "sentence-transformers__all-minilm-l6-v2"
SETTINGS_FILE = "mappings/settings.json"
FIELDS_FILE = "mappings/fields.json"
INDEX_FILE = "mappings/index.json"
EMBED_FILE = "pipelines/ingest/embed.json"
STAMP_FILE = "pipelines/ingest/stamp.json"
INTAKE_FILE = "pipelines/ingest/intake.json"
SERVICE_FILES = {META_INDEX: "mappings/meta.json", DLQ_INDEX: "mappings/dead_letters.json"}
ANSWERS_FILE = "mappings/answers.json"
SEARCH_FOLDER = "pipelines/search"

_LONGEST_ID = 64  # of a trained model or deployment
_SEARCH_SUFFIX = "_search"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the settings say about one document set.

    ``adaptive_max`` and ``search_allocations`` are 0 where they are not wanted; ``answers`` says
    whether an index keeps answers; ``sparse_id`` is "" without a model that expands.
    """

    set: str
    model_id: str
    allocations: int
    threads: int
    queue_capacity: int
    language: str
    vectors: Vectors
    project_dir: Path | None = None
    adaptive_max: int = 0
    search_allocations: int = 0
    search_threads: int = 1
    endpoints: EndpointChoices = field(default_factory=EndpointChoices)
    answers: bool = False
    sparse_id: str = ""

    @property
    def deployment_id(self) -> str:
        """The deployment that embeds documents; it bears the model's name."""
        return self.model_id

    @property
    def search_deployment_id(self) -> str:
        """The deployment that embeds questions, the same one unless a second is wanted."""
        if not self.search_allocations:
            return self.deployment_id
        room = _LONGEST_ID - len(_SEARCH_SUFFIX)
        return self.model_id[-room:].lstrip("_-.") + _SEARCH_SUFFIX

    @property
    def deployments(self) -> tuple[DeploymentSpec, ...]:
        """The deployments of the embedding model."""
        ingest = DeploymentSpec(
            self.deployment_id,
            self.model_id,
            allocations=self.allocations,
            threads=self.threads,
            queue_capacity=self.queue_capacity,
            adaptive_max=self.adaptive_max,
        )
        if not self.search_allocations:
            return (ingest,)
        search = replace(
            ingest,
            deployment_id=self.search_deployment_id,
            allocations=self.search_allocations,
            threads=self.search_threads,
            adaptive_max=0,
        )
        return (ingest, search)

    @property
    def rerank_deployment(self) -> DeploymentSpec | None:
        """The deployment of the cross-encoder; its size counts only when there is none yet."""
        return self._brought(self.endpoints.rerank_model)

    @property
    def sparse_deployment(self) -> DeploymentSpec | None:
        """The deployment of the model that expands; its size counts as the other's."""
        return self._brought(self.sparse_id)

    def _brought(self, model: str) -> DeploymentSpec | None:
        """The deployment of a model that somebody brought to the cluster."""
        if not model:
            return None
        return DeploymentSpec(
            model,
            model,
            allocations=1,
            threads=self.threads,
            queue_capacity=self.queue_capacity,
        )


@dataclass(frozen=True, slots=True)
class DesiredBody:
    """An object that the REST API takes as one body; ``body`` is sealed."""

    kind: BodyKind
    name: str
    body: Body


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything one document set needs.

    ``bundle`` is None when none has been built here.  ``generation`` numbers the index: the one
    that is there if it can stay, else the next.
    """

    choices: Choices
    names: Names
    bundle: ModelBundle | None
    bodies: tuple[DesiredBody, ...]
    generation: int = 1
    tier: Tier = field(default_factory=Tier)

    @property
    def index(self) -> str:
        """The index of the wanted generation."""
        return self.names.index(self.generation)

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The field types that an index of this set must have."""
        mapping: Mapping[str, Any] = self._template(self.names.mappings_template)["mappings"]
        return mapping

    @property
    def index_settings(self) -> Mapping[str, Any]:
        """The settings that an index of this set must have, by dotted name."""
        templates = (self.names.settings_template, self.names.mappings_template)
        return {
            name: value
            for template in templates
            for name, value in flat_settings(self._template(template).get("settings", {})).items()
        }

    def _template(self, name: str) -> Mapping[str, Any]:
        body = next(item.body for item in self.bodies if item.name == name)
        template: Mapping[str, Any] = body["template"]
        return template


def desired_state(
    choices: Choices,
    *,
    bundle: ModelBundle | None,
    dims: int | None = None,
    generation: int = 1,
    tier: Tier | None = None,
    fingerprint: str = "",
    version: str = "",
) -> DesiredState:
    """The desired state of a document set.

    The vector length is the bundle's, else ``dims`` (of the model that the cluster has), else the
    one in the shipped mapping; so is the fingerprint of the model, which the vectors are marked
    with.  Without ``tier`` the cluster is taken to do everything itself; ``version`` is the
    server's, "" for the newest.
    """
    names, tier = Names(choices.set), tier or Tier()
    dims = bundle.dims if bundle else dims
    meta = vector_meta(tier, bundle.fingerprint if bundle else fingerprint)
    return DesiredState(
        choices=choices,
        names=names,
        bundle=bundle,
        bodies=(
            *_service_indices(),
            *((answers_index(names),) if choices.answers else ()),
            *_bodies(choices, names, dims, generation, tier, meta, version),
            *(_endpoints(choices, names) if tier.endpoints else ()),
        ),
        generation=generation,
        tier=tier,
    )


def vector_meta(tier: Tier, fingerprint: str) -> dict[str, str]:
    """What the vector field says of itself, for whoever may only search."""
    return {
        "model": fingerprint[:FINGERPRINT_LENGTH],
        "embedding": tier.embedding,
        "fusion": tier.fusion,
    }


def _service_indices() -> tuple[DesiredBody, ...]:
    """What all document sets share."""
    return tuple(service_index(name) for name in SERVICE_FILES)


def service_index(name: str) -> DesiredBody:
    """One of the indices that all document sets share; no project changes them."""
    body = load_body(SERVICE_FILES[name], project=None)
    return DesiredBody("service index", name, _sealed(body, ALL_SETS))


def answers_index(names: Names) -> DesiredBody:
    """The index of one set's answers; no project changes it."""
    body = load_body(ANSWERS_FILE, project=None)
    return DesiredBody("service index", names.answers, _sealed(body, names.set))


def _bodies(
    choices: Choices,
    names: Names,
    dims: int | None,
    generation: int,
    tier: Tier,
    meta: Mapping[str, str],
    version: str,
) -> tuple[DesiredBody, ...]:
    """All bodies of the set, in the order in which they can be put."""
    values = _shipped_to_wanted(choices, names, generation)

    def load(file: str) -> Body:
        return renamed(load_body(file, project=choices.project_dir), values)

    fields = load(FIELDS_FILE)
    fields = with_field_choices(
        fields, dims=dims, language=choices.language, vectors=choices.vectors
    )
    fields = for_server(with_vector_meta(fields, meta), version)
    embed = load(EMBED_FILE if tier.embedding == "cluster" else STAMP_FILE)
    # where the client embeds, ``plan_models`` refuses the wish
    sparse_id = choices.sparse_id if tier.embedding == "cluster" else ""
    if sparse_id:
        fields = with_expansion_field(fields, sparse_id)
        embed = with_expansion_processor(embed, sparse_id)
    # the pipelines come first: an index names its intake pipeline from its first moment
    found: list[tuple[BodyKind, str, Body]] = [
        ("ingest pipeline", names.embed_pipeline(generation), embed),
        ("ingest pipeline", names.intake_pipeline(generation), load(INTAKE_FILE)),
        ("component template", names.settings_template, load(SETTINGS_FILE)),
        ("component template", names.mappings_template, fields),
        ("index template", names.index_template, load(INDEX_FILE)),
    ]
    for kind in ALL_SEARCH_KINDS if sparse_id else SEARCH_KINDS:
        body = load(f"{SEARCH_FOLDER}/{kind}.json")
        model = sparse_id if kind == SPARSE_KIND else choices.search_deployment_id
        body = with_parameter_default(body, "model_id", model)
        found.append(("search template", names.search_template(kind), body))
    return tuple(DesiredBody(kind, name, _sealed(body, choices.set)) for kind, name, body in found)


def _endpoints(choices: Choices, names: Names) -> tuple[DesiredBody, ...]:
    """Inference endpoints; they have no place for a seal."""
    found = endpoint_bodies(choices.endpoints, names, deployment_id=choices.search_deployment_id)
    return tuple(DesiredBody("inference endpoint", name, body) for name, body in found.items())


def _sealed(body: Body, set_name: str) -> Body:
    return sealed(body, set_name=set_name, version=__version__)


def _shipped_to_wanted(choices: Choices, names: Names, generation: int) -> dict[str, str]:
    shipped = Names(SHIPPED_SET)
    return {
        SHIPPED_MODEL: choices.model_id,
        shipped.alias: names.alias,
        shipped.index_pattern: names.index_pattern,
        shipped.settings_template: names.settings_template,
        shipped.mappings_template: names.mappings_template,
        shipped.index(SHIPPED_GENERATION): names.index(generation),
        shipped.embed_pipeline(SHIPPED_GENERATION): names.embed_pipeline(generation),
        shipped.intake_pipeline(SHIPPED_GENERATION): names.intake_pipeline(generation),
    }
