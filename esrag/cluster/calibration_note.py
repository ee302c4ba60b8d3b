"""The calibration of a document set, noted in the index: in the ``meta`` of its vector field.

There it is read together with the profile, by whoever may search, and belongs to the vectors it
was fitted on: it goes along when they do, and not when the model changes.  A note is a string of
at most 50 characters; what it means, ``esrag.calibration`` knows.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from esrag.cluster.indices import add_fields, read_mapping, read_mappings
from esrag.cluster.profile import CALIBRATION, FIELD
from esrag.errors import ConflictError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def write_calibration(client: Elasticsearch, index: str, note: str) -> None:
    """Note ``note`` in every index behind the name; an empty one takes the note away.

    Raises ConflictError when there is no vector field to note it in, PermissionDeniedError when
    these credentials may not change the mapping.
    """
    mappings = read_mappings(client, index)
    if not any(_field(mapping) for mapping in mappings.values()):
        raise ConflictError(
            f"{index} has no field {FIELD} to note the calibration in", hint="Run: esrag setup"
        )
    for name, mapping in mappings.items():
        if _field(mapping):
            add_fields(client, name, {"properties": {FIELD: _noted(_field(mapping), note)}})


def carry_calibration(client: Elasticsearch, source: str, target: str) -> None:
    """Let the vectors of ``target`` have the note of ``source``, if they are of the same model."""
    found, mapping = read_mapping(client, source) or {}, read_mapping(client, target) or {}
    kept = with_calibration_of(mapping, found)
    if kept != mapping:
        add_fields(client, target, {"properties": {FIELD: _field(kept)}})


def with_calibration_of(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping ``wanted`` with the note of the mapping ``found``, if both have one model."""
    kept = copy.deepcopy(dict(wanted))
    note = _meta(found).get(CALIBRATION, "")
    if note and _field(kept) and _meta(kept).get("model") == _meta(found).get("model"):
        kept["properties"][FIELD] = _noted(_field(kept), note)
    return kept


def _noted(field: Mapping[str, Any], note: str) -> dict[str, Any]:
    meta = {name: value for name, value in field.get("meta", {}).items() if name != CALIBRATION}
    return {**field, "meta": {**meta, CALIBRATION: note} if note else meta}


def _field(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    field: Mapping[str, Any] = (mapping.get("properties") or {}).get(FIELD) or {}
    return field


def _meta(mapping: Mapping[str, Any]) -> Mapping[str, str]:
    meta: Mapping[str, str] = _field(mapping).get("meta") or {}
    return meta
