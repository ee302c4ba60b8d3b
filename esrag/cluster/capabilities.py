"""Probes what a cluster can do: version, build, licence, machine learning, fusion, endpoints.

The path through the product is planned from this and never from a table of licences: each answer
is the cluster's own, to a call that changes nothing and works before anything is set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from elasticsearch import ApiError

from esrag.cluster.client import explained, reason
from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OLDEST_MAJOR = 9
NEWEST_MAJOR = 9  # the newest that esrag was tried with
_NO_SUCH_API = (400, 404, 405)
_NO_INDEX = "esrag-none-*"
_NONE: dict[str, Any] = {"standard": {"query": {"match_none": {}}}}
_RRF_PROBE = {"retriever": {"rrf": {"retrievers": [_NONE, _NONE]}}, "size": 1}
# Services whose endpoints are licensed apart from the API.
_OTHER_LICENCE = ("elastic",)

_GAIN = {
    "embedding": "the cluster would embed: documents of any producer on their way in, and "
    "questions from Kibana.",
    "fusion": "one search template would do a hybrid search, in Kibana as well.",
    "endpoints": "Kibana and ES|QL would reach the models through _inference.",
}
_INSTEAD = {
    "embedding": "So esrag embeds on this machine, with the same model and the same vectors.",
    "fusion": "So esrag fuses the rankings itself, in the same order.",
    "endpoints": "So esrag asks the generator directly; answers are the same.",
}

Work = Literal["embedding", "fusion", "endpoints"]


@dataclass(frozen=True, slots=True)
class Tier:
    """Who does what: the cluster, or our client in its place.

    ``why`` holds, for each thing that is not done in the cluster, the reason in words, what is
    done instead, and what a licence or node would add.
    """

    embedding: Literal["cluster", "client"] = "cluster"
    fusion: Literal["cluster", "client"] = "cluster"
    endpoints: bool = True
    why: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The tier as plain data."""
        return {
            "embedding": self.embedding,
            "fusion": self.fusion,
            "endpoints": self.endpoints,
            "why": dict(self.why),
        }


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found.  ``machine_learning`` says that trained models can be kept and deployed.

    ``document_security`` (roles and keys that see some documents only) is the one thing told by
    the licence's name, as no call that reads shows it; nothing is planned from it.
    """

    version: str
    flavor: str
    cluster_name: str
    licence: str
    licence_active: bool
    machine_learning: bool
    machine_learning_reason: str
    tier: Tier = field(default_factory=Tier)
    cluster_uuid: str = ""
    document_security: bool = True
    warnings: tuple[str, ...] = ()


def probe(client: Elasticsearch) -> Capabilities:
    """Ask the cluster what it is and has.

    Raises UnsupportedError for a server that is not Elasticsearch 9 or later, UnavailableError
    or PermissionDeniedError when it cannot be asked.
    """
    with explained("asking the cluster for its version"):
        info = client.info().body
    version = str(info.get("version", {}).get("number", ""))
    warnings = require_version(version, str(info.get("version", {}).get("distribution", "")))
    licence, active = _licence(client)
    available, why = _machine_learning(client, licence)
    rrf = _fusion(client)
    return Capabilities(
        version=version,
        flavor=str(info["version"].get("build_flavor", "default")),
        cluster_name=str(info.get("cluster_name", "")),
        licence=licence,
        licence_active=active,
        machine_learning=available,
        machine_learning_reason=why,
        cluster_uuid=str(info.get("cluster_uuid", "")),
        tier=_tier(ml=why, rrf=rrf, endpoints=_endpoints(client, rrf)),
        document_security=licence not in ("basic", "standard", "gold"),
        warnings=warnings,
    )


def _tier(*, ml: str, rrf: str, endpoints: str) -> Tier:
    """The tier, from why each thing cannot be done in the cluster; "" says that it can."""
    reasons: dict[Work, str] = {"embedding": ml, "fusion": rrf, "endpoints": endpoints}
    return Tier(
        embedding="client" if ml else "cluster",
        fusion="client" if rrf else "cluster",
        endpoints=not endpoints,
        why={
            work: f"{reason[:1].upper()}{reason[1:]}. {_INSTEAD[work]} "
            f"With {'a licence that does' if 'licence' in reason else 'it'}, {_GAIN[work]}"
            for work, reason in reasons.items()
            if reason
        },
    )


def require_version(version: str, distribution: str) -> tuple[str, ...]:
    """What is to be said of a version that is not known; raises for one that does not fit."""
    major = version.partition(".")[0]
    if distribution and distribution != "elasticsearch":
        raise UnsupportedError(
            f"this server is {distribution} {version}, not Elasticsearch",
            hint=f"esrag needs Elasticsearch {OLDEST_MAJOR} or later.",
        )
    if not major.isdigit() or int(major) < OLDEST_MAJOR:
        raise UnsupportedError(
            f"this server is Elasticsearch {version or 'of unknown version'}",
            hint=f"esrag needs Elasticsearch {OLDEST_MAJOR} or later.",
        )
    if int(major) > NEWEST_MAJOR:
        return (
            f"Elasticsearch {version} is newer than any that esrag was tried with "
            f"({NEWEST_MAJOR}.x); look at the plan with care.",
        )
    return ()


def _licence(client: Elasticsearch) -> tuple[str, bool]:
    with explained("reading the licence"):
        try:
            licence = client.license.get().body["license"]
        except ApiError as error:
            if error.meta.status in _NO_SUCH_API:
                return "", False  # a build without licences, such as serverless
            raise
    return str(licence.get("type", "")), licence.get("status") == "active"


def _machine_learning(client: Elasticsearch, licence: str) -> tuple[bool, str]:
    """Whether trained models work here, and if not, why."""
    with explained("asking for the machine learning feature"):
        try:
            ml = client.xpack.info(categories=["features"]).body["features"].get("ml", {})
        except ApiError as error:
            if error.meta.status not in (*_NO_SUCH_API, 500):
                raise
            ml = {"available": True, "enabled": True}  # builds exist that cannot list features
    if not ml.get("available"):
        return False, f"the licence ({licence or 'unknown'}) does not include trained models"
    if not ml.get("enabled"):
        return False, "machine learning is switched off (xpack.ml.enabled)"
    why = _no_ml_node(client)
    return not why, why


def _no_ml_node(client: Elasticsearch) -> str:
    """Why there is nothing that could run a model; "" when there is, or when we may not ask."""
    with explained("asking for the limits of machine learning"):
        try:
            limits = client.ml.info().body.get("limits", {})
        except ApiError as error:
            if error.meta.status in _NO_SUCH_API:
                return "the server has no machine learning API"
            if _refused_by_licence(error):
                return reason(error)
            if error.meta.status == 403:
                return ""
            raise
    # where nodes come by themselves, the greatest that could come gives the second limit
    known = [limits.get("total_ml_memory"), limits.get("effective_max_model_memory_limit")]
    if any(value is not None and not _is_zero(value) for value in known) or known == [None, None]:
        return ""
    return "no node of the cluster has the role ml"


def _is_zero(memory: object) -> bool:
    return str(memory).lower().rstrip("bkmgt") in ("0", "")


def _fusion(client: Elasticsearch) -> str:
    """Why the ``rrf`` retriever cannot be used; "" when it can.

    The server looks at its licence while it reads the request, before it looks for an index; the
    pattern matches none, so nothing is searched.
    """
    with explained("trying the rrf retriever"):
        try:
            client.search(
                index=_NO_INDEX, body=_RRF_PROBE, allow_no_indices=True, ignore_unavailable=True
            )
        except ApiError as error:
            if _refused_by_licence(error):
                return f"the licence does not include the rrf retriever ({reason(error)})"
            if error.meta.status == 400 and "unknown retriever" in reason(error):
                return "this build of the server has no rrf retriever"
            if error.meta.status == 403:
                return ""  # these credentials may search nothing: the index says it later
            raise
    return ""


def _endpoints(client: Elasticsearch, rrf: str) -> str:
    """Why ``_inference`` cannot be used; "" when it can.

    An endpoint that exists is asked for a task that is not its own: an unlicensed cluster refuses
    the call for its licence, a licensed one for the task; no model runs.  Where there is none to
    ask, the licence that rrf needs is taken for the answer.
    """
    with explained("asking for inference endpoints"):
        try:
            found = client.inference.get().body["endpoints"]
        except ApiError as error:
            if _refused_by_licence(error):
                return f"the licence does not include inference endpoints ({reason(error)})"
            if error.meta.status in (*_NO_SUCH_API, 500):
                return "the server has no inference API"
            if error.meta.status == 403:
                return "these credentials may not see inference endpoints (monitor_inference)"
            raise
        asked = [one for one in found if one.get("service") not in _OTHER_LICENCE]
        # a preconfigured endpoint (its id begins with a dot) would be stored when it is first used
        asked.sort(key=lambda one: str(one["inference_id"]).startswith("."))
        if not asked:
            return "the licence does not include inference endpoints" if rrf else ""
        wrong = "rerank" if asked[0]["task_type"] != "rerank" else "completion"
        body: dict[str, Any] = {"input": "x"} | ({"query": "x"} if wrong == "rerank" else {})
        try:
            client.perform_request(
                "POST",
                f"/_inference/{wrong}/{asked[0]['inference_id']}",
                headers={"accept": "application/json", "content-type": "application/json"},
                body=body,
            )
        except ApiError as error:
            if _refused_by_licence(error):
                return f"the licence does not include inference endpoints ({reason(error)})"
    return ""


def _refused_by_licence(error: ApiError) -> bool:
    return error.meta.status == 403 and "non-compliant" in reason(error)
