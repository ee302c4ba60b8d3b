"""Desired state: the bodies on disk, the choices of the settings and the bundle, put together.

Pure but for reading the body files.  Knows nothing of the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from esrag import __version__
from esrag.bundle import ModelBundle
from esrag.names import SEARCH_KINDS, Names
from esrag.resources import load_body
from esrag.state.canonical import flat_settings
from esrag.templating import (
    Body,
    Vectors,
    renamed,
    sealed,
    with_field_choices,
    with_parameter_default,
)

BodyKind = Literal["component template", "index template", "ingest pipeline", "search template"]

SHIPPED_SET = "default"
SHIPPED_MODEL = "sentence-transformers__all-minilm-l6-v2"
SETTINGS_FILE = "mappings/settings.json"
FIELDS_FILE = "mappings/fields.json"
INDEX_FILE = "mappings/index.json"
PIPELINE_FILE = "pipelines/ingest/embed.json"
SEARCH_FOLDER = "pipelines/search"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the settings say about one document set."""

    set: str
    model_id: str
    allocations: int
    threads: int
    queue_capacity: int
    language: str
    vectors: Vectors
    project_dir: Path | None = None

    @property
    def deployment_id(self) -> str:
        """The deployment bears the model's name."""
        return self.model_id


@dataclass(frozen=True, slots=True)
class DesiredBody:
    """An object that the REST API takes as one body; ``body`` is sealed."""

    kind: BodyKind
    name: str
    body: Body


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything one document set needs.  ``bundle`` is None when none has been built here."""

    choices: Choices
    names: Names
    bundle: ModelBundle | None
    bodies: tuple[DesiredBody, ...]

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
    choices: Choices, *, bundle: ModelBundle | None, dims: int | None = None
) -> DesiredState:
    """The desired state of a document set.

    The vector length is the bundle's, else ``dims`` (of the model that the cluster has), else the
    one in the shipped mapping.
    """
    names = Names(choices.set)
    return DesiredState(
        choices=choices,
        names=names,
        bundle=bundle,
        bodies=_bodies(choices, names, bundle.dims if bundle else dims),
    )


def _bodies(choices: Choices, names: Names, dims: int | None) -> tuple[DesiredBody, ...]:
    """All bodies, in the order in which they can be put."""
    values = _shipped_to_wanted(choices, names)

    def load(file: str) -> Body:
        return renamed(load_body(file, project=choices.project_dir), values)

    fields = load(FIELDS_FILE)
    fields = with_field_choices(
        fields, dims=dims, language=choices.language, vectors=choices.vectors
    )
    found: list[tuple[BodyKind, str, Body]] = [
        ("component template", names.settings_template, load(SETTINGS_FILE)),
        ("component template", names.mappings_template, fields),
        ("index template", names.index_template, load(INDEX_FILE)),
        ("ingest pipeline", names.ingest_pipeline, load(PIPELINE_FILE)),
    ]
    for kind in SEARCH_KINDS:
        body = load(f"{SEARCH_FOLDER}/{kind}.json")
        body = with_parameter_default(body, "model_id", choices.model_id)
        found.append(("search template", names.search_template(kind), body))
    return tuple(
        DesiredBody(kind, name, sealed(body, set_name=choices.set, version=__version__))
        for kind, name, body in found
    )


def _shipped_to_wanted(choices: Choices, names: Names) -> dict[str, str]:
    shipped = Names(SHIPPED_SET)
    return {
        SHIPPED_MODEL: choices.model_id,
        shipped.alias: names.alias,
        shipped.index_pattern: names.index_pattern,
        shipped.settings_template: names.settings_template,
        shipped.mappings_template: names.mappings_template,
        shipped.ingest_pipeline: names.ingest_pipeline,
    }
