"""Privileges on the wire: asks what the credentials may do, and names all that is missing at once.

What a command needs comes from ``esrag.privileges``; this module only asks and tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elasticsearch import ApiError

from esrag.cluster.client import explained
from esrag.errors import PermissionDeniedError
from esrag.privileges import IndexPrivileges, Privileges

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


def missing_privileges(client: Elasticsearch, wanted: Privileges) -> Privileges:
    """The part of ``wanted`` that the credentials lack; empty also when security is off."""
    body = wanted.as_body()
    with explained("asking for the privileges of these credentials"):
        try:
            answer = client.security.has_privileges(
                cluster=body["cluster"], index=body["indices"]
            ).body
        except ApiError as error:
            if error.meta.status in (400, 405, 500) and "security" in str(error.body).lower():
                return Privileges()  # security is off: everybody may do everything
            raise
    lacking = Privileges(
        cluster=tuple(name for name in wanted.cluster if not answer["cluster"][name])
    )
    for entry in wanted.indices:
        for pattern in entry.names:
            held = answer["index"][pattern]
            names = tuple(name for name in entry.privileges if not held[name])
            if names:
                lacking |= Privileges(indices=(IndexPrivileges((pattern,), names),))
    return lacking


def require_privileges(client: Elasticsearch, command: str, wanted: Privileges) -> None:
    """Raise PermissionDeniedError that names everything missing for ``command`` at once."""
    refuse(command, missing_privileges(client, wanted))


def refuse(command: str, lacking: Privileges) -> None:
    """Raise PermissionDeniedError when something is lacking."""
    if lacking:
        raise PermissionDeniedError(
            f"{command} needs privileges that these credentials lack:\n"
            + "\n".join(f"  {line}" for line in lacking.lines()),
            hint="Nothing was changed. Give the role these privileges, or use another key: "
            "esrag setup --print-roles",
        )
