"""Reads and changes indices and aliases: existence, fields, counts, the atomic switch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import BadRequestError, NotFoundError

from esrag.cluster.client import explained
from esrag.cluster.retry import retrying

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


# in the mapping's _meta.esrag of an index that is about to lose its alias: to whom
MOVING_TO = "moving_to"


@dataclass(frozen=True, slots=True)
class AliasState:
    """What stands behind a name: indices, in order; ``is_index`` when the name is no alias."""

    indices: tuple[str, ...]
    is_index: bool = False


def read_alias(client: Elasticsearch, alias: str) -> AliasState:
    """Which indices a name leads to."""
    with explained(f"reading alias {alias}"):
        try:
            answer = client.indices.get(index=alias, features=["aliases"])
        except NotFoundError:
            return AliasState(())
    return AliasState(tuple(sorted(answer.body)), is_index=alias in answer.body)


def write_index(client: Elasticsearch, alias: str) -> str | None:
    """The index that writes through an alias go to, None when there is no such alias."""
    with explained(f"looking for {alias}"):
        try:
            found: Mapping[str, Any] = client.indices.get_alias(name=alias).body
        except NotFoundError:
            return None
    marked = [
        index
        for index, facts in sorted(found.items())
        if facts["aliases"].get(alias, {}).get("is_write_index")
    ]
    return str((marked or sorted(found))[-1])


def own_meta(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """What esrag noted in a mapping about the index."""
    found: Mapping[str, Any] = (mapping.get("_meta") or {}).get("esrag") or {}
    return found


def read_mapping(client: Elasticsearch, index: str) -> dict[str, Any] | None:
    """The field types of one index, None when there is no such index."""
    with explained(f"reading the mapping of {index}"):
        try:
            answer = client.indices.get_mapping(index=index)
        except NotFoundError:
            return None
    mapping: dict[str, Any] = answer.body[index]["mappings"]
    return mapping


def read_mappings(client: Elasticsearch, pattern: str) -> dict[str, dict[str, Any]]:
    """The field types of every index that matches a pattern."""
    with explained(f"reading the mappings of {pattern}"):
        answer = client.indices.get_mapping(index=pattern, allow_no_indices=True)
    return {index: facts["mappings"] for index, facts in answer.body.items()}


def read_settings(client: Elasticsearch, index: str) -> dict[str, Any] | None:
    """The settings of one index, None when there is no such index."""
    with explained(f"reading the settings of {index}"):
        try:
            answer = client.indices.get_settings(index=index)
        except NotFoundError:
            return None
    settings: dict[str, Any] = answer.body[index]["settings"]
    return settings


def read_index(client: Elasticsearch, index: str) -> dict[str, Any] | None:
    """Settings and mappings of one index, as a body that would create it."""
    with explained(f"reading index {index}"):
        try:
            answer = client.indices.get(index=index, features=["settings", "mappings"])
        except NotFoundError:
            return None
    # behind an alias of this name stands an index of another
    found = answer.body.get(index, {})
    return {"settings": found.get("settings", {}), "mappings": found.get("mappings", {})}


def read_generations(client: Elasticsearch, pattern: str) -> tuple[str, ...]:
    """The names of the indices that match a pattern, in order."""
    with explained(f"listing indices {pattern}"):
        answer = client.indices.get_alias(index=pattern, allow_no_indices=True)
    return tuple(sorted(answer.body))


def count_documents(client: Elasticsearch, index: str) -> int:
    """How many documents (chunks) a search of the index sees."""
    with explained(f"counting documents of {index}"):
        return int(client.count(index=index)["count"])


def refresh(client: Elasticsearch, index: str) -> None:
    """Make all that was written visible to searches."""

    def call() -> None:
        with explained(f"refreshing {index}"):
            client.indices.refresh(index=index)

    retrying(call)


def create_index(
    client: Elasticsearch, index: str, *, alias: str | None, writable: bool = True
) -> None:
    """Create an index from its index template, with its alias, if any, in the same request.

    ``writable`` makes it the index that writes through the alias go to.
    """
    aliases = {alias: {"is_write_index": writable}} if alias else {}
    with explained(f"creating index {index}"):
        client.indices.create(index=index, aliases=aliases)


def create_service_index(client: Elasticsearch, index: str, body: Mapping[str, Any]) -> None:
    """Create an index from its own body; one that came into being meanwhile is taken as it is."""
    with explained(f"creating index {index}"):
        try:
            client.indices.create(index=index, body=dict(body))
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise


def delete_index(client: Elasticsearch, index: str) -> None:
    """Delete an index with its documents; one that is gone is no error."""
    with explained(f"deleting index {index}"), suppress(NotFoundError):
        client.indices.delete(index=index)


def add_fields(client: Elasticsearch, index: str, mapping: Mapping[str, Any]) -> None:
    """Add fields to an index; existing ones can only be given as they are."""
    with explained(f"adding fields to {index}"):
        client.indices.put_mapping(index=index, body=dict(mapping))


def change_settings(client: Elasticsearch, index: str, settings: Mapping[str, Any]) -> None:
    """Change settings that can be changed while the index is open."""
    with explained(f"changing settings of {index}"):
        client.indices.put_settings(index=index, settings=dict(settings))


def block_writes(client: Elasticsearch, index: str) -> None:
    """Refuse writes from now on; those under way are finished when this returns."""
    with explained(f"blocking writes to {index}"):
        client.indices.add_block(index=index, block="write")


def unblock_writes(client: Elasticsearch, index: str) -> None:
    """Take writes again."""
    change_settings(client, index, {"index.blocks.write": None})


def switch_alias(client: Elasticsearch, alias: str, *, to: str, away_from: tuple[str, ...]) -> None:
    """Let the alias lead to another index, in one request: readers see the old or the new."""
    actions: list[Mapping[str, Any]] = [
        {"remove": {"index": index, "alias": alias}} for index in away_from
    ]
    actions.append({"add": {"index": to, "alias": alias, "is_write_index": True}})
    with explained(f"switching alias {alias} to {to}"):
        client.indices.update_aliases(actions=actions)
