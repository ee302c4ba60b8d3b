"""Lets a running cluster go over to the licence of another tier, as far as the server allows.

From a trial there is a way to Basic.  The way back exists once in the life of a cluster, and
the server keeps the count.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esrag.errors import ConflictError, UnavailableError
from esrag.local import health
from esrag.local.tiers import licence

_PATIENCE = 30.0
_POLL_SECONDS = 0.1


def take(url: str, tier: str, *, login: tuple[str, str], ca_certs: Path | None = None) -> None:
    """Give the cluster at ``url`` the licence of ``tier``, unless it has it.

    Raises ConflictError with the server's words when it refuses.
    """
    wanted = licence(tier)
    if _found(url, login=login, ca_certs=ca_certs) == wanted:
        return
    address = f"{url}/_license/start_{wanted}?acknowledge=true"
    answer = _body(health.post(address, login=login, ca_certs=ca_certs))
    if not answer.get(f"{wanted}_was_started"):
        words = answer.get("error_message") or answer.get("error")
        raise ConflictError(
            f"the stack cannot become {tier}, Elasticsearch says: {words}",
            hint="`esrag local up` starts it as it was; `esrag local reset` clears the way for a"
            " new one, without its data.",
        )


def _found(url: str, *, login: tuple[str, str], ca_certs: Path | None) -> str:
    """The licence that the cluster has; a new one gives it to itself after it answers."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = _body(health.get(f"{url}/_license", login=login, ca_certs=ca_certs))
        kind = found.get("license", {}).get("type")
        if kind:
            return str(kind)
        if time.monotonic() > deadline:
            raise UnavailableError(f"Elasticsearch has no licence after {_PATIENCE:.0f} seconds")
        time.sleep(_POLL_SECONDS)


def _body(answer: tuple[int, dict[str, Any]] | str) -> Mapping[str, Any]:
    if isinstance(answer, str):
        raise UnavailableError(f"Elasticsearch {answer} when asked for its licence")
    return answer[1]
