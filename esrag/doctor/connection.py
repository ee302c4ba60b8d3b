"""The connection: is the address right, is TLS in order, does Elasticsearch answer there?"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import elastic_transport
from elasticsearch import ApiError, UnsupportedProductError

from esrag.cluster.capabilities import NEWEST_MAJOR, OLDEST_MAJOR
from esrag.cluster.client import not_elasticsearch, reason
from esrag.cluster.connection_faults import connection_fault
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import EsragError, UsageError

_HANDSHAKE_SECONDS = 5.0


def address(case: Case) -> Iterator[Finding]:
    """Does something answer, and is it Elasticsearch of a version that fits?"""
    where = shown_address(case.settings.elasticsearch.url)
    try:
        _ = case.api_key
    except EsragError as error:
        yield found("key-unreadable", "elasticsearch.api_key", error.message, error.hint)
        return
    try:
        client = case.client
    except UsageError as error:
        yield found("address-unusable", where, error.message, error.hint)
        return
    try:
        info = client.info().body
    except UnsupportedProductError as error:
        other = not_elasticsearch(error)
        yield found("not-elasticsearch", where, other.message, other.hint)
    except ApiError as error:
        yield _answered(where, error)
    except elastic_transport.SerializationError:
        yield found("not-elasticsearch", where, "the answer is not what Elasticsearch answers")
    except elastic_transport.TransportError as error:
        yield _unreachable(where, error)
    else:
        yield _version(where, info["version"], str(info.get("cluster_name", "")))


def shown_address(url: str) -> str:
    """The address without a login that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def speaks_tls(host: str, port: int, *, timeout: float = _HANDSHAKE_SECONDS) -> bool:
    """Whether a TLS handshake begins there.  No certificate is checked, and nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False


def _unreachable(where: str, error: elastic_transport.TransportError) -> Finding:
    fault = connection_fault(error)
    parts = urlsplit(where)
    if (
        fault.code in ("connection-closed", "connection-failed")
        and parts.scheme == "http"
        and parts.hostname
        and speaks_tls(parts.hostname, parts.port or 80)
    ):
        return found(
            "http-to-https",
            where,
            "the address says http and the server speaks https",
            f"Set elasticsearch.url to {parts._replace(scheme='https').geturl()}",
        )
    return found(fault.code, where, fault.what, fault.remedy)


def _answered(where: str, error: ApiError) -> Finding:
    """An error status: the connection stands all the same, unless the server is not ready."""
    status = error.meta.status
    if status in (401, 403):
        return well(where, "Elasticsearch answers")
    if status == 429 or status >= 500:
        words = reason(error)
        return found("server-unavailable", where, f"it answers {status}: {words[:200]}")
    return found("not-elasticsearch", where, f"it answers {status}: {reason(error)[:200]}")


def _version(where: str, version: dict[str, object], cluster: str) -> Finding:
    number = str(version.get("number", ""))
    distribution = str(version.get("distribution", "") or "elasticsearch")
    major = number.partition(".")[0]
    if distribution != "elasticsearch":
        return found("not-elasticsearch", where, f"this server is {distribution} {number}")
    if not major.isdigit() or int(major) < OLDEST_MAJOR:
        return found("version-unfit", where, f"this server is Elasticsearch {number or '?'}")
    if int(major) > NEWEST_MAJOR:
        return found("version-newer", where, f"this server is Elasticsearch {number}")
    return well(where, f"Elasticsearch {number}, cluster {cluster}")
