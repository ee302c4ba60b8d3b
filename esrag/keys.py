"""Making, replacing and withdrawing API keys: a key is tried before it is trusted.

    reserve a place ─► make ─► try with the new key ─► keep its secret
                        └──── on any failure: invalidate, release the place ────┘

The server cuts a key silently down to what its maker may do.  So a new key is asked for all that
its role holds and sends one real request; if it falls short it is invalidated.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import api_keys
from esrag.cluster.api_keys import ApiKey, Login, NewKey
from esrag.cluster.security import missing_privileges
from esrag.errors import (
    ConflictError,
    EsragError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from esrag.keeping import Place
from esrag.privileges import document_indices
from esrag.roles import KEY_ROLES, KeyRole, Role, role, seal

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

ALL_SETS = "*"


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was made, tried and kept; ``replaced`` is the id of the key before it."""

    id: str
    name: str
    role: str
    set: str | None
    expires: int | None
    kept: Mapping[str, str]
    replaced: str = ""


def create(
    client: Elasticsearch,
    role_name: KeyRole,
    set_name: str | None,
    *,
    expires: str,
    place: Place,
    query: Mapping[str, Any] | None = None,
) -> Made:
    """Make a key for a role on one set, or on all with None.

    ``query`` narrows the documents it sees, where the licence enforces that.  Raises
    PermissionDeniedError when the maker may not make it or the key came out weaker than its role,
    UnsupportedError when the licence does not enforce ``query``.
    """
    if query is not None and role_name == "ingest":
        raise UsageError(
            "a filter narrows what a key reads; an ingest key writes",
            hint="Give each tenant a document set and an ingest key of its own.",
        )
    login = _maker(client)
    wanted = role(role_name, set_name)
    new = _make(client, wanted, login, place, expires=expires, query=query)
    return Made(new.id, new.name, role_name, set_name, new.expires, place.describe())


def rotate(
    client: Elasticsearch,
    key_id: str,
    *,
    expires: str | None,
    grace_seconds: int,
    place: Place,
) -> Made:
    """Replace a key of this login by a new one of the same role, set and filter.

    The old key ends once the new one works and is kept, ``grace_seconds`` later.  Without
    ``expires`` the new one lives as long as the old one was to live.
    """
    login = _maker(client)
    old = find_key(client, key_id)
    set_name = None if old.set == ALL_SETS else old.set
    wanted = role(_key_role(old), set_name)
    lifetime = expires or _lifetime(old)
    new = _make(client, wanted, login, place, expires=lifetime, query=old.query)
    _end(client, old, after_seconds=grace_seconds, successor=new.id)
    return Made(
        new.id, new.name, old.role, set_name, new.expires, place.describe(), replaced=old.id
    )


def revoke(client: Elasticsearch, ids: tuple[str, ...]) -> int:
    """Invalidate keys that esrag made for this login; the number of those that were usable."""
    for key_id in ids:
        find_key(client, key_id)
    return api_keys.invalidate_keys(client, ids)


def own_keys(client: Elasticsearch) -> tuple[ApiKey, ...]:
    """The keys that esrag made for this login."""
    return tuple(key for key in api_keys.read_keys(client) if key.ours)


def find_key(client: Elasticsearch, key_id: str) -> ApiKey:
    """One of our keys by id.  Raises ConflictError for any other."""
    for key in api_keys.read_keys(client):
        if key.id == key_id and key.ours:
            return key
    raise ConflictError(
        f"{key_id} is no key that esrag made for this login",
        hint="esrag keys list shows them; a revoked key is not among them.",
    )


def id_of(secret: str) -> str:
    """The id in an encoded key."""
    try:
        key_id, separator, rest = base64.b64decode(secret, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key_id = separator = rest = ""
    if not (key_id and separator and rest):
        raise UsageError("this is not an encoded API key")
    return key_id


def _maker(client: Elasticsearch) -> Login:
    login = api_keys.whoami(client)
    if login.by_key:
        raise PermissionDeniedError(
            "an API key cannot make keys: Elasticsearch gives what a key makes no privileges",
            hint="Use a login: elasticsearch.username and elasticsearch.password of an account "
            "with the role esrag_security (esrag setup --print-roles).",
        )
    return login


def _make(
    client: Elasticsearch,
    wanted: Role,
    maker: Login,
    place: Place,
    *,
    expires: str,
    query: Mapping[str, Any] | None,
) -> NewKey:
    """Make a key, try it and keep its secret; unless all of that succeeds, nothing stays."""
    place.reserve()
    try:
        new = _create(client, wanted, expires=expires, query=query)
    except BaseException:
        place.release()
        raise
    try:
        _try(client, new, wanted, maker, filtered=query is not None)
        place.keep(new.secret)
    except BaseException:
        if not place.holds(new.secret):  # else stopped after the last step
            with suppress(EsragError):
                api_keys.invalidate_keys(client, [new.id])
            place.release()
        raise
    return new


def _create(
    client: Elasticsearch, wanted: Role, *, expires: str, query: Mapping[str, Any] | None
) -> NewKey:
    mark = secrets.token_hex(8)
    try:
        return api_keys.create_key(
            client,
            f"esrag-{wanted.name}-{wanted.set or 'all'}",
            descriptors=_descriptors(wanted, query),
            expires=expires,
            metadata=seal(wanted.name, wanted.set) | {"mark": mark},
        )
    except UnavailableError:
        _withdraw_marked(client, mark)  # the answer may have been lost after the key was made
        raise


def _end(client: Elasticsearch, old: ApiKey, *, after_seconds: int, successor: str) -> None:
    """End a key now or later, yet never later than it was to end anyway."""
    left = None if old.expires is None else old.expires / 1000 - time.time()
    if after_seconds <= 0 or (left is not None and left <= 0):
        api_keys.invalidate_keys(client, [old.id])
        return
    shorter = left is None or after_seconds < left
    api_keys.hand_over(
        client, old, successor=successor, expires=f"{after_seconds}s" if shorter else None
    )


def _withdraw_marked(client: Elasticsearch, mark: str) -> None:
    with suppress(EsragError):
        orphans = [key.id for key in api_keys.read_keys(client) if key.mark == mark]
        if orphans:
            api_keys.invalidate_keys(client, orphans)


def _descriptors(wanted: Role, query: Mapping[str, Any] | None) -> dict[str, Any]:
    descriptors = wanted.descriptor()
    if query is not None:
        documents = list(document_indices(wanted.set))
        for entry in descriptors[wanted.title]["indices"]:
            if entry["names"] == documents:
                entry["query"] = dict(query)
    return descriptors


def _try(client: Elasticsearch, new: NewKey, wanted: Role, maker: Login, *, filtered: bool) -> None:
    """Ask and call with the new key.  Raises when it is weaker than its role."""
    holder = api_keys.with_key(client, new.secret)
    lacking = missing_privileges(holder, wanted.privileges)
    if lacking:
        roles = ", ".join(maker.roles) or "none"
        raise PermissionDeniedError(
            f"the key came out weaker than the role {wanted.name}, as its maker "
            f"{maker.username} lacks:\n" + "\n".join(f"  {line}" for line in lacking.lines()),
            hint=f"The key was deleted. Give {maker.username} (roles: {roles}) these privileges; "
            "esrag setup --print-roles shows the role esrag_security, which holds them.",
        )
    try:
        reached = _call(holder, wanted)
    except UnsupportedError as error:
        if not filtered:
            raise
        raise UnsupportedError(
            f"this cluster's licence does not enforce a filter on documents: {error.message}",
            hint="The key was deleted. Give each tenant a document set of its own: "
            "esrag setup --set TENANT, then esrag keys create --set TENANT.",
        ) from error
    if filtered and not reached:
        raise ConflictError(
            "there is no index yet on which the filter could be tried",
            hint="The key was deleted. First: esrag setup",
        )


def _call(holder: Elasticsearch, wanted: Role) -> int:
    """One real request; how many shards it reached."""
    indices = document_indices(wanted.set)
    if wanted.name == "ingest":
        return api_keys.call_refresh(holder, indices)
    return api_keys.call_search(holder, indices)


def _key_role(key: ApiKey) -> KeyRole:
    for name in KEY_ROLES:
        if name == key.role:
            return name
    raise ConflictError(
        f"the key {key.id} has the role {key.role}, which this version of esrag does not know"
    )


def _lifetime(key: ApiKey) -> str:
    """As long as the key was to live when it was made; what never ended gets 90 days."""
    if key.expires is None:
        return "90d"
    return f"{max(1, (key.expires - key.created) // 1000)}s"
