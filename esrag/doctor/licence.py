"""The licence and the tier: what works in the cluster, what the client does instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from elasticsearch import ApiError

from esrag.cluster.client import explained
from esrag.cluster.profile import read_profile
from esrag.doctor.case import Case
from esrag.doctor.credentials import DAYS_AHEAD, in_words
from esrag.doctor.findings import Finding, found, well

_NO_LICENCES = (400, 404, 405)  # a build without them, such as serverless


def licence(case: Case) -> Iterator[Finding]:
    """Which licence, and for how long?"""
    with explained("reading the licence"):
        try:
            facts: dict[str, Any] = case.client.license.get().body["license"]
        except ApiError as error:
            if error.meta.status not in _NO_LICENCES:
                raise
            yield well("licence", "this build of Elasticsearch has none")
            return
    kind = str(facts.get("type", "unknown"))
    where = f"licence {kind}"
    ends = facts.get("expiry_date_in_millis")
    if facts.get("status") != "active":
        yield found("licence-expired", where, f"it is {facts.get('status', 'not active')}")
    elif ends is None or case.server_millis is None:
        yield well(where, "active")
    else:
        left = timedelta(milliseconds=int(ends) - case.server_millis)
        words = f"active, ends in {in_words(left)}"
        if left < timedelta(days=DAYS_AHEAD):
            yield found("licence-expires-soon", where, words)
        else:
            yield well(where, words)


def tier(case: Case) -> Iterator[Finding]:
    """What does the cluster do, and what does the client do in its place?"""
    able = case.capabilities
    for thing, why in sorted(able.tier.why.items()):
        no_node = "role ml" in why and thing == "embedding"
        yield found("no-ml-node" if no_node else "tier", thing, why)
    if able.tier.embedding == "cluster" and not able.machine_learning:
        yield found("machine-learning-missing", "machine learning", able.machine_learning_reason)
    elif able.tier.embedding == "client" and _index_wants_the_cluster(case):
        words = f"{case.names.alias} is set up for it, and this cluster does not embed any more"
        yield found("machine-learning-missing", "machine learning", words)
    elif not able.tier.why:
        yield well("tier", "embedding, fusion and endpoints are the cluster's")


def _index_wants_the_cluster(case: Case) -> bool:
    profile = read_profile(case.client, case.names.alias)
    return bool(profile.indices) and profile.embedding == "cluster"
