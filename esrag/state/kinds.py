"""The kinds of objects that the REST API takes as one body, one row each.

    kind ──► read, write, delete (one request or two), compare (pure), whose it is (pure)

Observing, planning, applying and removing go through this table, so that a new kind is a new row.
Knows no object by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import endpoints, indices, pipelines, templates
from esrag.state.canonical import (
    Difference,
    body_differences,
    field_differences,
    setting_differences,
)
from esrag.state.desired import BodyKind
from esrag.templating import Body, Seal, seal_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Differences = tuple[Difference, ...]


def _nothing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Differences:
    del wanted, found
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """How objects of one kind are handled.

    ``differences`` are those that ``write`` repairs; ``fixed`` those that it cannot.  With
    ``shared`` an object belongs to all document sets, and what a newer esrag added to it stays.
    With ``recorded`` it cannot carry a seal, and a note says whose it is.
    """

    read: Callable[[Elasticsearch, str], Body | None]
    write: Callable[[Elasticsearch, str, Body], None]
    delete: Callable[[Elasticsearch, str], None]
    differences: Callable[[Mapping[str, Any], Mapping[str, Any]], Differences] = body_differences
    fixed: Callable[[Mapping[str, Any], Mapping[str, Any]], Differences] = _nothing
    seal: Callable[[Mapping[str, Any]], Seal | None] = seal_of
    shared: bool = False
    recorded: bool = False


def _write_index(client: Elasticsearch, name: str, body: Body) -> None:
    """Create the index; one that is there gets the fields and settings that it lacks."""
    found = indices.read_index(client, name)
    if found is None:
        indices.create_service_index(client, name, body)
        return
    settings = setting_differences(body.get("settings", {}), found["settings"])
    if settings:
        indices.change_settings(client, name, {item.path: item.wanted for item in settings})
    indices.add_fields(client, name, body["mappings"])


def _index_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Differences:
    fields = field_differences(wanted["mappings"], found["mappings"])
    settings = setting_differences(wanted.get("settings", {}), found["settings"])
    return (*fields.missing, *fields.changeable, *settings)


def _endpoint_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Differences:
    """What the server tells; the key is in our note alone, and what it adds is its own."""
    settings = {
        name: value for name, value in wanted["service_settings"].items() if name != "api_key"
    }
    known = {name: found["service_settings"].get(name) for name in settings}
    return body_differences(
        {**wanted, "service_settings": settings}, {**found, "service_settings": known}
    )


def _no_seal(body: Mapping[str, Any]) -> Seal | None:
    del body
    return None


def _index_fixed(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Differences:
    return field_differences(wanted["mappings"], found["mappings"]).fixed


KINDS: Mapping[BodyKind, Kind] = {
    "service index": Kind(
        read=indices.read_index,
        write=_write_index,
        delete=indices.delete_index,
        differences=_index_differences,
        fixed=_index_fixed,
        shared=True,
    ),
    "component template": Kind(
        read=templates.read_component_template,
        write=templates.write_component_template,
        delete=templates.delete_component_template,
    ),
    "index template": Kind(
        read=templates.read_index_template,
        write=templates.write_index_template,
        delete=templates.delete_index_template,
    ),
    "ingest pipeline": Kind(
        read=pipelines.read_pipeline,
        write=pipelines.write_pipeline,
        delete=pipelines.delete_pipeline,
    ),
    "search template": Kind(
        read=templates.read_search_template,
        write=templates.write_search_template,
        delete=templates.delete_search_template,
    ),
    "inference endpoint": Kind(
        read=endpoints.read_endpoint,
        write=endpoints.write_endpoint,
        delete=endpoints.delete_endpoint,
        differences=_endpoint_differences,
        seal=_no_seal,
        recorded=True,
    ),
}


def body_kind(kind: str) -> BodyKind:
    """The kind as one of the table."""
    found = next((known for known in KINDS if known == kind), None)
    if found is None:
        raise AssertionError(f"a {kind} is not kept as one body")
    return found
