"""The credentials: are they accepted, how long will they be, and what do they lack?"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from elasticsearch import ApiError, NotFoundError

from esrag.cluster.client import explained, reason
from esrag.cluster.security import missing_privileges
from esrag.doctor.case import Case
from esrag.doctor.connection import shown_address
from esrag.doctor.findings import Finding, found, well
from esrag.roles import role

DAYS_AHEAD = 14
_CAUSES = (
    "the server refuses these credentials (401). It does not say why; one of three: they are "
    "mistyped, the key or account has expired, or it was revoked or disabled"
)


def login(case: Case) -> Iterator[Finding]:
    """Does the server accept the login or key?"""
    yield from _sent_in_the_clear(case)
    where = _whose(case)
    if case.api_key and not is_encoded_key(case.api_key):
        yield found("key-malformed", where, "it is not base64 of id:secret")
        return
    with explained("asking who these credentials belong to"):
        try:
            account = case.client.security.authenticate().body
        except ApiError as error:
            if error.meta.status == 401:
                yield _refused(case, where)
                return
            if error.meta.status in (400, 405, 500) and "security" in reason(error).lower():
                yield well(where, "security is switched off in this cluster")
                return
            raise
    key = account.get("api_key", {}).get("name")
    yield well(f"API key {key}" if key else where, "accepted")


def expiry(case: Case) -> Iterator[Finding]:
    """How long will the API key be accepted?"""
    if case.api_key is None:
        return
    key_id = base64.b64decode(case.api_key).decode().partition(":")[0]
    with explained("reading this key's own expiry"):
        try:
            keys = case.client.security.get_api_key(id=key_id)["api_keys"]
        except NotFoundError:
            # accepted, and not listed: a key is used by its id, and listed by a search
            yield well(f"API key {key_id}", "too new to be listed; when it ends is not known yet")
            return
    facts: dict[str, Any] = keys[0] if keys else {}
    where = f"API key {facts.get('name', key_id)}"
    if not facts.get("expiration"):
        yield well(where, "does not expire")
        return
    left = timedelta(milliseconds=facts["expiration"] - _now_millis(case))
    words = f"expires in {in_words(left)} ({_date(facts['expiration'])})"
    if left < timedelta(days=1):
        yield found("key-expires-today", where, words)
    elif left < timedelta(days=DAYS_AHEAD):
        yield found("key-expires-soon", where, words)
    else:
        yield well(where, words)


def privileges(case: Case) -> Iterator[Finding]:
    """Which privileges of the asked-for roles are missing, all at once?"""
    for name in case.roles:
        wanted = role(name, case.choices.set).privileges
        lacking = missing_privileges(case.client, wanted).lines()
        where = f"role {name}"
        if lacking:
            listed = "\n".join(lacking)
            words = f"{len(lacking)} privileges are missing:\n{listed}"
            yield found("privileges-missing", where, words)
        else:
            yield well(where, "no privilege is missing")


def is_encoded_key(text: str) -> bool:
    """Whether a key has the form that Elasticsearch gives out as ``encoded``."""
    try:
        return b":" in base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False


def in_words(span: timedelta) -> str:
    """A time span, roughly: days, or hours, or minutes."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return "a minute or less" if seconds < 120 else f"{seconds} seconds"


def _refused(case: Case, where: str) -> Finding:
    server = case.settings.elasticsearch
    if case.api_key is None and server.username is None:
        return found("credentials-missing", where, "the server wants credentials; none are set")
    remedy = (
        "Compare ESRAG_ELASTICSEARCH_API_KEY with the one given out, or make a new one: "
        "esrag keys create"
        if case.api_key
        else "Compare ESRAG_ELASTICSEARCH_USERNAME and ESRAG_ELASTICSEARCH_PASSWORD, and try them: "
        f"curl -u {server.username} {shown_address(server.url)}/_security/_authenticate"
    )
    return found("credentials-refused", where, _CAUSES, remedy)


def _sent_in_the_clear(case: Case) -> Iterator[Finding]:
    server = case.settings.elasticsearch
    parts = urlsplit(server.url)
    secret = case.api_key or server.password
    if secret and parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        yield found(
            "secret-in-the-clear", shown_address(server.url), "credentials go there over plain http"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _whose(case: Case) -> str:
    server = case.settings.elasticsearch
    if case.api_key:
        return "elasticsearch.api_key"
    return f"user {server.username}" if server.username else "no credentials"


def _now_millis(case: Case) -> int:
    """The server's time: the expiry is by its clock.  Ours when it may not be asked."""
    return case.server_millis or int(datetime.now(UTC).timestamp() * 1000)


def _date(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
