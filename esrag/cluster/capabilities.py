"""Probes what a cluster can do: version, build, licence, machine learning, our privileges.

The path through the product is planned from this and never from a table of licences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elasticsearch import ApiError, UnsupportedProductError

from esrag.cluster.client import explained, reason
from esrag.errors import PermissionDeniedError, UnsupportedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

OLDEST_MAJOR = 9
_NO_SUCH_API = (400, 404, 405)

# What setup calls; the raw action names are narrower than the named privileges that hold them.
CLUSTER_PRIVILEGES = (
    "cluster:monitor/main",
    "cluster:monitor/xpack/info",
    "cluster:monitor/xpack/license/get",
    "cluster:monitor/xpack/ml/inference/get",
    "cluster:monitor/xpack/ml/inference/stats/get",
    "cluster:admin/xpack/ml/inference/put",
    "cluster:admin/xpack/ml/trained_models/part/put",
    "cluster:admin/xpack/ml/trained_models/vocabulary/put",
    "cluster:admin/xpack/ml/trained_models/deployment/start",
    "cluster:monitor/xpack/ml/trained_models/deployment/infer",
    "cluster:monitor/xpack/ml/inference/infer",
    "cluster:admin/ingest/pipeline/get",
    "cluster:admin/ingest/pipeline/put",
    "cluster:admin/ingest/pipeline/simulate",
    "indices:admin/index_template/get",
    "indices:admin/index_template/put",
    "cluster:admin/component_template/get",
    "cluster:admin/component_template/put",
    "cluster:admin/script/get",
    "cluster:admin/script/put",
)
INDEX_PRIVILEGES = ("read", "view_index_metadata", "manage")


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


def probe(client: Elasticsearch) -> Capabilities:
    """Ask the cluster what it is and has.

    Raises UnsupportedError for a server that is not Elasticsearch 9 or later, UnavailableError
    or PermissionDeniedError when it cannot be asked.
    """
    with explained("asking the cluster for its version"):
        try:
            info = client.info().body
        except UnsupportedProductError as error:
            raise UnsupportedError(
                f"this server is not Elasticsearch: {error}",
                hint="esrag needs Elasticsearch 9 or later; OpenSearch has other APIs.",
            ) from error
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


def missing_privileges(
    client: Elasticsearch,
    *,
    indices: Sequence[str],
    cluster: Sequence[str] = CLUSTER_PRIVILEGES,
    index: Sequence[str] = INDEX_PRIVILEGES,
) -> tuple[str, ...]:
    """All privileges that the credentials lack, in words; () also when security is off."""
    request = [{"names": list(indices), "privileges": list(index)}]
    with explained("asking for the privileges of these credentials"):
        try:
            answer = client.security.has_privileges(cluster=list(cluster), index=request).body
        except ApiError as error:
            if error.meta.status in (400, 405, 500) and "security" in str(error.body).lower():
                return ()  # security is off: everybody may do everything
            raise
    lacking = [name for name, held in answer["cluster"].items() if not held]
    for pattern, privileges in answer["index"].items():
        lacking.extend(f"{name} on {pattern}" for name, held in privileges.items() if not held)
    return tuple(lacking)


def require_privileges(client: Elasticsearch, *, indices: Sequence[str]) -> None:
    """Raise PermissionDeniedError that names everything missing at once."""
    lacking = missing_privileges(client, indices=indices)
    if lacking:
        raise PermissionDeniedError(
            "setup needs privileges that these credentials lack:\n"
            + "\n".join(f"  {privilege}" for privilege in lacking),
            hint="Nothing was changed. Give the role these privileges, or use another key.",
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
