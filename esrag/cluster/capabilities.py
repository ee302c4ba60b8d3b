"""Probes what a cluster can do: version, build, licence, machine learning.

The path through the product is planned from this and never from a table of licences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from elasticsearch import ApiError

from esrag.cluster.client import explained, reason
from esrag.errors import UnsupportedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OLDEST_MAJOR = NEWEST_MAJOR = 9
_NO_SUCH_API = (400, 404, 405)


@dataclass(frozen=True, slots=True)
class Tier:
    """Who does what: the cluster, or our client in its place.

    ``why`` holds, for each thing that is not done in the cluster, the reason in words.
    """

    embedding: Literal["cluster", "client"] = "cluster"
    fusion: Literal["cluster", "client"] = "cluster"
    endpoints: bool = True
    why: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found.  ``machine_learning`` says that trained models can be kept and deployed."""

    version: str
    flavor: str
    cluster_name: str
    licence: str
    licence_active: bool
    machine_learning: bool
    machine_learning_reason: str
    tier: Tier = field(default_factory=Tier)
    cluster_uuid: str = ""


def probe(client: Elasticsearch) -> Capabilities:
    """Ask the cluster what it is and has.

    Raises UnsupportedError for a server that is not Elasticsearch 9 or later, UnavailableError
    or PermissionDeniedError when it cannot be asked.
    """
    with explained("asking the cluster for its version"):
        info = client.info().body
    version = str(info.get("version", {}).get("number", ""))
    _require_version(version, str(info.get("version", {}).get("distribution", "")))
    licence, active = _licence(client)
    available, why = _machine_learning(client, licence)
    return Capabilities(
        version=version,
        flavor=str(info["version"].get("build_flavor", "default")),
        cluster_name=str(info.get("cluster_name", "")),
        licence=licence,
        licence_active=active,
        machine_learning=available,
        machine_learning_reason=why,
        cluster_uuid=str(info.get("cluster_uuid", "")),
    )


def require_machine_learning(found: Capabilities) -> None:
    """Raise UnsupportedError when the cluster cannot run the embedding model."""
    if found.machine_learning:
        return
    raise UnsupportedError(
        f"this cluster cannot run trained models: {found.machine_learning_reason} "
        f"(Elasticsearch {found.version}, licence {found.licence or 'unknown'})",
        hint="This version of esrag needs the ML tier: a Platinum, Enterprise or trial licence "
        "and a node with the ml role. Embedding outside the cluster is not there yet.",
    )


def _require_version(version: str, distribution: str) -> None:
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
            return _ml_answers(client)  # builds exist that cannot list their features
    if not ml.get("available"):
        return False, f"the licence {licence or 'of this cluster'} does not include it"
    if not ml.get("enabled"):
        return False, "it is switched off (xpack.ml.enabled)"
    return True, ""


def _ml_answers(client: Elasticsearch) -> tuple[bool, str]:
    with explained("asking for the limits of machine learning"):
        try:
            client.ml.info()
        except ApiError as error:
            if error.meta.status in _NO_SUCH_API:
                return False, "the server has no machine learning API"
            if error.meta.status == 403 and "non-compliant" in reason(error):
                return False, reason(error)
            raise
    return True, ""
