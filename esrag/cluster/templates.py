"""Reads and writes index templates, component templates and search templates as whole bodies.

Every function does one request.  Bodies are what the REST API takes; ``read_*`` returns None when
there is no such object.  Whether a body may be written is decided elsewhere (``esrag.state``).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError, NotFoundError

from esrag.cluster.client import explained, in_use, reason
from esrag.errors import UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Body = dict[str, Any]


def read_component_template(client: Elasticsearch, name: str) -> Body | None:
    """The body of a component template."""
    with explained(f"reading component template {name}"):
        try:
            answer = client.cluster.get_component_template(name=name)
        except NotFoundError:
            return None
    body: Body = answer["component_templates"][0]["component_template"]
    return body


def list_component_templates(client: Elasticsearch, pattern: str) -> dict[str, Body]:
    """The component templates whose names match, by name."""
    with explained(f"listing component templates {pattern}"):
        try:
            answer = client.cluster.get_component_template(name=pattern)
        except NotFoundError:
            return {}
    return {item["name"]: item["component_template"] for item in answer["component_templates"]}


def write_component_template(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace a component template."""
    with explained(f"putting component template {name}"):
        client.cluster.put_component_template(name=name, body=dict(body))


def delete_component_template(client: Elasticsearch, name: str) -> None:
    """Delete a component template; one that is gone is no error."""
    doing = f"deleting component template {name}"
    with explained(doing), in_use(doing), suppress(NotFoundError):
        client.cluster.delete_component_template(name=name)


def read_index_template(client: Elasticsearch, name: str) -> Body | None:
    """The body of an index template."""
    with explained(f"reading index template {name}"):
        try:
            answer = client.indices.get_index_template(name=name)
        except NotFoundError:
            return None
    body: Body = answer["index_templates"][0]["index_template"]
    return body


def write_index_template(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace an index template."""
    with explained(f"putting index template {name}"):
        client.indices.put_index_template(name=name, body=dict(body))


def delete_index_template(client: Elasticsearch, name: str) -> None:
    """Delete a index template; one that is gone is no error."""
    with explained(f"deleting index template {name}"), suppress(NotFoundError):
        client.indices.delete_index_template(name=name)


def read_search_template(client: Elasticsearch, name: str) -> Body | None:
    """The body of a stored search template, as PUT _scripts takes it."""
    with explained(f"reading search template {name}"):
        try:
            answer = client.get_script(id=name)
        except NotFoundError:
            return None
    script = answer["script"]
    return {"script": {"lang": script["lang"], "source": script["source"]}}


def write_search_template(client: Elasticsearch, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace a stored search template."""
    with explained(f"putting search template {name}"):
        client.put_script(id=name, body=dict(body))


def delete_search_template(client: Elasticsearch, name: str) -> None:
    """Delete a search template; one that is gone is no error."""
    with explained(f"deleting search template {name}"), suppress(NotFoundError):
        client.delete_script(id=name)


def render_search_template(
    client: Elasticsearch, name: str, params: Mapping[str, object]
) -> dict[str, Any]:
    """The query that a stored search template becomes with these parameters."""
    with explained(f"rendering search template {name}"):
        try:
            answer = client.render_search_template(id=name, params=dict(params))
        except ApiError as error:
            if error.meta.status != 400:
                raise
            raise UsageError(
                f"search template {name} does not render to a query: {reason(error)}",
                hint="Look at its source in pipelines/search/.",
            ) from error
    query: dict[str, Any] = answer["template_output"]
    return query
