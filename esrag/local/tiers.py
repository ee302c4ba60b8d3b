"""The tier that a stack behaves like, and what Elasticsearch is told of it at its start.

    basic       a real Basic licence: the server refuses machine learning, inference and fusion
    platinum    a trial licence, and our plugins refuse what belongs to the Enterprise tier
    enterprise  a trial licence

Nothing here makes a licence or lifts a refusal: the server gives out trial and Basic by itself,
and our plugins only ever refuse more.
"""

from __future__ import annotations

BASIC, PLATINUM, ENTERPRISE = "basic", "platinum", "enterprise"
TIERS = (BASIC, PLATINUM, ENTERPRISE)
SETTING = "esrag.tier"
_TRIAL = "trial"


def licence(tier: str) -> str:
    """The licence of a cluster that behaves like this tier."""
    return BASIC if tier == BASIC else _TRIAL


def node_settings(tier: str) -> dict[str, object]:
    """What elasticsearch.yml says of it; the first entry counts for a new cluster only."""
    refusing = PLATINUM if tier == PLATINUM else ENTERPRISE
    return {"xpack.license.self_generated.type": licence(tier), SETTING: refusing}
