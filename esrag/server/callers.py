"""Who calls: from the header ``Authorization``, by the mode of the server.

    shared-key     no token set: everybody (the server is on loopback then); else who has the token
    pass-through   whoever brings Elasticsearch credentials; the cluster judges them

Credentials are handed on and neither kept nor logged; limits and counts know a caller by a hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Literal

from esrag.errors import UsageError
from esrag.server.problems import Problem, problem

Mode = Literal["shared-key", "pass-through"]
Login = Literal["none", "token", "elasticsearch"]

_HEADER = re.compile(r"(?P<scheme>[A-Za-z]+) +(?P<value>[\x21-\x7e]{1,8192})")
_TOKEN = re.compile(r"[\x21-\x7e]{16,512}")
_ENCODED_KEY = re.compile(rb"[\x21-\x39\x3b-\x7e]+:[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Caller:
    """``key`` tells callers apart; ``authorization`` are his own credentials for the cluster."""

    key: str
    authorization: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Door:
    """Judges headers.  ``open_here`` says that the server listens on loopback only."""

    mode: Mode
    token: str | None = field(default=None, repr=False)
    open_here: bool = True

    @property
    def login(self) -> Login:
        """What a caller has to bring."""
        if self.mode == "pass-through":
            return "elasticsearch"
        return "token" if self.token else "none"

    def caller(self, authorization: str, address: str) -> Caller:
        """Who calls; raises Problem when he has to log in, or is refused."""
        if self.mode == "pass-through":
            if not authorization:
                raise _login_required("with your Elasticsearch credentials: ApiKey or Basic")
            handed_on = cluster_credentials(authorization)
            digest = hashlib.sha256(handed_on.encode()).hexdigest()
            return Caller(key=f"own {digest}", authorization=handed_on)
        if self.token and not self._has_token(authorization):
            if not authorization:
                raise _login_required("with: Authorization: Bearer <serve.token>")
            raise _refused("this is not the token of this server")
        return Caller(key=f"from {address}")

    def may_look_inside(self, authorization: str) -> bool:
        """Whether figures and checks are shown: to the token's bearer, or to all on loopback."""
        return self._has_token(authorization) if self.token else self.open_here

    def _has_token(self, authorization: str) -> bool:
        if not self.token:
            return False
        scheme, _, value = authorization.partition(" ")
        right = hmac.compare_digest(value.strip().encode(), self.token.encode())
        return right and scheme.lower() == "bearer"


def door_for(mode: Mode, token: str | None, host: str, *, loopback: bool) -> Door:
    """The door of a server that listens on ``host``; raises UsageError when it would stand open."""
    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError(
            "serve.token is to be 16 to 512 letters, digits and signs without spaces",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    if mode == "shared-key" and token is None and not loopback:
        raise UsageError(
            f"on {host} others can reach this server, and nobody would need a login",
            hint="Set serve.token (ESRAG_SERVE_TOKEN), or let everybody bring his own credentials: "
            "--auth pass-through.",
        )
    return Door(mode, token, open_here=loopback)


def cluster_credentials(authorization: str) -> str:
    """The header for Elasticsearch.

    Programs that know bearer tokens only, such as OpenAI's clients, may give an encoded API key
    as one.  Raises Problem when it cannot be a header with credentials.
    """
    found = _HEADER.fullmatch(authorization.strip())
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in ("apikey", "basic", "bearer"):
        raise _refused("Authorization must be: ApiKey <key>, Basic <login> or Bearer <token>")
    value = found["value"]
    if scheme == "apikey" or (scheme == "bearer" and _is_encoded_key(value)):
        return f"ApiKey {value}"
    return f"{'Basic' if scheme == 'basic' else 'Bearer'} {value}"


def _is_encoded_key(value: str) -> bool:
    """Whether ``value`` is ``id:key`` in base64, or a key of Elastic's own clouds."""
    if value.startswith("essu_"):
        return True
    try:
        return _ENCODED_KEY.fullmatch(base64.b64decode(value, validate=True)) is not None
    except (binascii.Error, ValueError):
        return False


def _login_required(how: str) -> Problem:
    return problem(401, "login_required", "this server wants a login", f"Log in {how}.")


def _refused(why: str) -> Problem:
    return problem(401, "login_refused", f"the login was refused: {why}")
