"""What esrag noted in the cluster: a lock, held or left behind, and a move that is not finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.names import META_INDEX
from esrag.reembedding.journal import read_journal

LOCK = "lock"
_RENEWED_WITHIN = 7.0  # seconds; the owner renews it every 5


def lock(case: Case) -> Iterator[Finding]:
    """Is somebody at work on this cluster, or was a lock left behind?

    No clocks are compared: a lock that is alive is renewed while we watch.
    """
    before = _read(case)
    if before is None:
        yield well("lock", "nobody is changing this cluster")
        return
    case.wait(_RENEWED_WITHIN)
    after = _read(case)
    if after is None:
        yield well("lock", "given back just now")
        return
    owner = after.get("owner") or {}
    who = f"process {owner.get('pid', '?')} on {owner.get('host', 'an unknown machine')}"
    where = f"lock in {META_INDEX}"
    if after.get("renewal") != before.get("renewal") or after.get("owner") != before.get("owner"):
        yield found("lock-held", where, f"held by {who}, which renews it")
    else:
        yield found(
            "lock-stale", where, f"left by {who}; it was not renewed while the doctor watched"
        )


def reembedding(case: Case) -> Iterator[Finding]:
    """Was a re-embedding begun that is not finished?"""
    move = read_journal(case.client, case.choices.set)
    if move is None or move.finished:
        return
    words = f"from {move.source} to {move.target}, {move.sent} chunks copied so far"
    yield found("reembed-interrupted", f"document set {move.set}", words)


def _read(case: Case) -> dict[str, Any] | None:
    with explained("reading the lock"):
        try:
            answer = case.client.get(index=META_INDEX, id=LOCK)
        except NotFoundError:
            return None
    source: dict[str, Any] = answer["_source"]
    return source
