"""API keys on the wire: who asks, and making, reading, trying, shortening and invalidating keys.

A secret enters through one answer, lives in ``NewKey.secret`` alone, and is never part of a
message: the records here leave it out of their representation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esrag.cluster.client import explained
from esrag.privileges import IndexPrivileges, Privileges

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_OWNER = "esrag"


@dataclass(frozen=True, slots=True)
class Login:
    """Whose credentials these are; ``by_key`` when they are themselves an API key."""

    username: str
    roles: tuple[str, ...]
    by_key: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as the server made it; ``secret`` is what a client sends, shown to nobody."""

    id: str
    name: str
    expires: int | None
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the server describes it; times in milliseconds, ``expires`` None for never.

    ``role`` and ``set`` come from our metadata and are '' without it; ``set`` is '*' for all.
    ``mark`` is the random word that this one making of a key left in it;
    ``limits`` are the rights that its maker had, as role descriptors.
    """

    id: str
    name: str
    username: str
    created: int
    expires: int | None
    role: str
    set: str
    version: str
    replaced_by: str
    mark: str
    held: Privileges
    query: Mapping[str, Any] | None
    limits: tuple[Mapping[str, Any], ...]

    @property
    def ours(self) -> bool:
        """Whether esrag made it."""
        return bool(self.role)


def whoami(client: Elasticsearch) -> Login:
    """Whose credentials the client has."""
    with explained("asking whose credentials these are"):
        answer = client.security.authenticate().body
    return Login(
        username=str(answer["username"]),
        roles=tuple(answer.get("roles", ())),
        by_key=answer.get("authentication_type") == "api_key",
    )


def create_key(
    client: Elasticsearch,
    name: str,
    *,
    descriptors: Mapping[str, Any],
    expires: str,
    metadata: Mapping[str, Any],
) -> NewKey:
    """Make a key; what its maker lacks is cut off silently, so it has to be tried."""
    with explained(f"making the API key {name}"):
        answer = client.security.create_api_key(
            name=name,
            expiration=expires,
            role_descriptors=dict(descriptors),
            metadata=dict(metadata),
        ).body
    return NewKey(
        id=answer["id"],
        name=answer["name"],
        expires=answer.get("expiration"),
        secret=answer["encoded"],
    )


def read_keys(
    client: Elasticsearch, *, everybody: bool = False, with_limits: bool = False
) -> tuple[ApiKey, ...]:
    """The keys of this login, or everybody's, that are not invalidated; oldest first.

    Expired keys are among them until the server forgets them.
    """
    with explained("reading the API keys"):
        answer = client.security.get_api_key(
            owner=not everybody, with_limited_by=with_limits, name="esrag-*" if everybody else None
        ).body
    found = [_key(each) for each in answer["api_keys"] if not each.get("invalidated")]
    return tuple(sorted(found, key=lambda key: (key.created, key.id)))


def invalidate_keys(client: Elasticsearch, ids: Sequence[str], *, owner: bool = True) -> int:
    """Make keys unusable at once; the number of those that were usable."""
    with explained("invalidating API keys"):
        answer = client.security.invalidate_api_key(ids=list(ids), owner=owner).body
    return len(answer["invalidated_api_keys"])


def hand_over(client: Elasticsearch, key: ApiKey, *, successor: str, expires: str | None) -> None:
    """Note in a key which one replaces it, and let it end after ``expires``; None changes nothing.

    The server replaces the metadata as a whole.
    """
    metadata = {
        "managed_by": _OWNER,
        "role": key.role,
        "set": key.set,
        "version": key.version,
        "mark": key.mark,
        "replaced_by": successor,
    }
    with explained(f"letting the API key {key.id} expire"):
        client.security.update_api_key(id=key.id, expiration=expires, metadata=metadata)


def with_key(client: Elasticsearch, secret: str) -> Elasticsearch:
    """The same client with a key as its credentials."""
    return client.options(api_key=secret)


def call_search(client: Elasticsearch, indices: Sequence[str]) -> int:
    """One real search for nothing; the number of shards that it reached, 0 without an index."""
    with explained("searching with the new key"):
        answer = client.search(index=list(indices), size=0, ignore_unavailable=True)
    return int(answer["_shards"]["total"])


def call_refresh(client: Elasticsearch, indices: Sequence[str]) -> int:
    """One real refresh, which changes no document; the number of shards that it reached."""
    with explained("refreshing with the new key"):
        answer = client.indices.refresh(index=list(indices), ignore_unavailable=True)
    return int(answer["_shards"]["total"])


def _key(body: Mapping[str, Any]) -> ApiKey:
    metadata = body.get("metadata") or {}
    ours = metadata.get("managed_by") == _OWNER
    descriptors = list((body.get("role_descriptors") or {}).values())
    limits = [each for group in body.get("limited_by") or () for each in group.values()]
    return ApiKey(
        id=body["id"],
        name=body["name"],
        username=body["username"],
        created=int(body["creation"]),
        expires=body.get("expiration"),
        role=str(metadata.get("role", "")) if ours else "",
        set=str(metadata.get("set", "")) if ours else "",
        version=str(metadata.get("version", "")) if ours else "",
        mark=str(metadata.get("mark", "")) if ours else "",
        replaced_by=str(metadata.get("replaced_by", "")) if ours else "",
        held=_privileges(descriptors),
        query=_query(descriptors),
        limits=tuple(limits),
    )


def _privileges(descriptors: Sequence[Mapping[str, Any]]) -> Privileges:
    found = Privileges()
    for each in descriptors:
        found |= Privileges(
            cluster=tuple(each.get("cluster", ())),
            indices=tuple(
                IndexPrivileges(tuple(entry["names"]), tuple(entry["privileges"]))
                for entry in each.get("indices", ())
            ),
        )
    return found


def _query(descriptors: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The filter on documents; the server keeps it as text."""
    for each in descriptors:
        for entry in each.get("indices", ()):
            query = entry.get("query")
            if query:
                return dict(json.loads(query) if isinstance(query, str) else query)
    return None
