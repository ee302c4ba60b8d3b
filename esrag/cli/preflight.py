"""Whether the credentials may do what a command is about to do, in words and all at once.

Commands that change something ask beforehand; commands that only read ask when they were refused,
so that a question costs no further request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from esrag.errors import EsragError, PermissionDeniedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cluster.capabilities import Tier
    from esrag.privileges import Command, Privileges


def require_permission(
    client: Elasticsearch,
    command: Command,
    set_name: str,
    *,
    tier: Tier | None = None,
    endpoints: bool = False,
    answers: bool = False,
) -> None:
    """Raise PermissionDeniedError that names everything missing for ``command``.

    What the tier does not have is not asked for; ``endpoints`` says whether any are wanted,
    ``answers`` whether an index for answers is.
    """
    from esrag.cluster.security import require_privileges

    require_privileges(
        client, command, _needed(command, set_name, tier, endpoints=endpoints, answers=answers)
    )


@contextmanager
def explaining_refusals(
    client: Elasticsearch, command: Command, set_name: str, *, answers: bool = False
) -> Iterator[None]:
    """When the server refuses the block for one privilege, name all that are missing."""
    from esrag.cluster.security import missing_privileges, refuse

    try:
        yield
    except PermissionDeniedError as error:
        try:
            wanted = _needed(command, set_name, _tier(client), endpoints=True, answers=answers)
            lacking = missing_privileges(client, wanted)
        except EsragError:
            raise error from None  # the credentials themselves are refused
        refuse(command, lacking)
        raise


def _needed(
    command: Command, set_name: str, tier: Tier | None, *, endpoints: bool, answers: bool
) -> Privileges:
    from esrag.privileges import needed

    return needed(
        command,
        set_name,
        machine_learning=tier is None or tier.embedding == "cluster",
        endpoints=endpoints and (tier is None or tier.endpoints),
        answers=answers,
    )


def _tier(client: Elasticsearch) -> Tier | None:
    """What the cluster has, if these credentials may ask for that."""
    from esrag.cluster.capabilities import probe

    try:
        return probe(client).tier
    except PermissionDeniedError:
        return None
