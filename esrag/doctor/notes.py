"""What esrag noted in the cluster: a lock, held or left behind, and a move that is not finished."""

from __future__ import annotations

from collections.abc import Iterator

from esrag.cluster.notes import read_note
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.names import META_INDEX
from esrag.state.lock import LOCK, RENEW_SECONDS
from esrag.state.owner import is_dead, owner_from

_RENEWED_WITHIN = RENEW_SECONDS + 2


def lock(case: Case) -> Iterator[Finding]:
    """Is somebody at work on this cluster, or was a lock left behind?

    No clocks are compared: a lock that is alive is renewed while we watch.
    """
    before = read_note(case.client, LOCK)
    if before is None:
        yield well("lock", "nobody is changing this cluster")
        return
    where, owner = f"lock in {META_INDEX}", owner_from(before.body["owner"])
    if is_dead(owner):
        words = f"left by {owner.describe()}, which has ended"
        remedy = "The next esrag on this machine that changes something takes it over: esrag setup"
        yield found("lock-stale", where, words, remedy)
        return
    case.wait(_RENEWED_WITHIN)
    after = read_note(case.client, LOCK)
    if after is None:
        yield well("lock", "given back just now")
    elif after.body != before.body:
        yield found("lock-held", where, f"held by {owner.describe()}, which renews it")
    else:
        words = f"held by {owner.describe()}, which gave no sign of life while the doctor watched"
        yield found("lock-stale", where, words)


def reembedding(case: Case) -> Iterator[Finding]:
    """Was a re-embedding begun that is not finished?"""
    move = case.move
    if move is None:
        return
    words = f"from {move.source} to {move.target}, {move.sent} chunks copied so far"
    yield found("reembed-interrupted", f"document set {move.set}", words)
