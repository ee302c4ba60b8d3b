"""Why a connection to the cluster did not come about: which of the usual causes it was.  Pure.

The client raises the same two or three exceptions for all of them; the cause is what they wrap.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from urllib3.util.ssl_match_hostname import CertificateError

FaultCode = Literal[
    "host-unknown",
    "connection-refused",
    "connection-closed",
    "connection-timeout",
    "connection-failed",
    "tls-authority",
    "tls-self-signed",
    "tls-expired",
    "tls-not-yet-valid",
    "tls-host-name",
    "tls-not-spoken",
    "tls-failed",
]


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """A cause: ``what`` in words, ``remedy`` as the next step."""

    code: FaultCode
    what: str
    remedy: str


_CA_CERTS = "Set elasticsearch.ca_certs to the PEM file of the authority that signed it."
_RENEW = "Renew the server's certificate (xpack.security.http.ssl)."

_AUTHORITY = ConnectionFault(
    "tls-authority",
    "the authority that signed the server's certificate is not trusted",
    _CA_CERTS,
)
_BY_VERIFY_CODE = {
    2: _AUTHORITY,
    9: ConnectionFault(
        "tls-not-yet-valid",
        "the server's certificate is not valid yet",
        "Compare this machine's clock with the server's.",
    ),
    10: ConnectionFault("tls-expired", "the server's certificate has expired", _RENEW),
    18: ConnectionFault(
        "tls-self-signed",
        "the server's certificate is self-signed and not trusted",
        "Set elasticsearch.ca_certs to this certificate as a PEM file.",
    ),
    19: _AUTHORITY,
    20: _AUTHORITY,
    21: _AUTHORITY,
}
_HOST_NAME_CODES = (62, 64)  # 64: the address is given as an IP address

# what OpenSSL says when the other side answers a handshake with plain HTTP
_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")


def connection_fault(error: BaseException) -> ConnectionFault:
    """The cause behind what the client raised."""
    chain = tuple(_causes(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_fault(cause)
    for cause in chain:
        fault = _fault(cause)
        if fault is not None:
            return fault
    return ConnectionFault(
        "connection-failed",
        str(getattr(error, "message", "") or error),
        "Check elasticsearch.url, and the network between here and there.",
    )


def _certificate_fault(error: ssl.SSLCertVerificationError) -> ConnectionFault:
    if error.verify_code in _HOST_NAME_CODES:
        return _other_host(error.verify_message)
    known = _BY_VERIFY_CODE.get(error.verify_code)
    return known or ConnectionFault(
        "tls-failed",
        f"the server's certificate cannot be verified: {error.verify_message}",
        _RENEW,
    )


def _other_host(words: str) -> ConnectionFault:
    return ConnectionFault(
        "tls-host-name",
        f"the server's certificate is for another host name ({words.rstrip('.')})",
        "Use a name that the certificate has in elasticsearch.url, or renew the certificate "
        "with this name.",
    )


def _fault(cause: BaseException) -> ConnectionFault | None:
    if isinstance(cause, CertificateError):  # urllib3 compares IP addresses itself
        return _other_host(str(cause))
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "reason", None) or str(cause)  # made without one in some places
        words = f"{reason} {cause}".upper()
        if any(sign in words for sign in _NO_TLS):
            return ConnectionFault(
                "tls-not-spoken",
                "the address says https and the server speaks plain http",
                "Write http:// in elasticsearch.url, or switch on xpack.security.http.ssl.",
            )
        return ConnectionFault("tls-failed", f"the TLS handshake failed: {reason}", _CA_CERTS)
    if isinstance(cause, socket.gaierror):
        return ConnectionFault(
            "host-unknown",
            "the host name cannot be resolved",
            "Check the host in elasticsearch.url, and DNS on this machine.",
        )
    if isinstance(cause, ConnectionRefusedError):
        return ConnectionFault(
            "connection-refused",
            "nothing listens there (connection refused)",
            "Is it running, and is the port right? For the local stack: esrag local status",
        )
    if isinstance(cause, ConnectionResetError | BrokenPipeError | http.client.HTTPException):
        # RemoteDisconnected is a ConnectionResetError as well
        return ConnectionFault(
            "connection-closed",
            "the server closed the connection without an answer",
            "If it speaks https, write https:// in elasticsearch.url.",
        )
    if isinstance(cause, TimeoutError):
        return ConnectionFault(
            "connection-timeout",
            "it did not answer in time",
            "Check the address and the firewalls in between, or raise "
            "elasticsearch.request_timeout.",
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps, once each."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (
            cause.__cause__,
            cause.__context__,
            getattr(cause, "reason", None),  # urllib3's
            *(getattr(cause, "errors", None) or ()),  # elastic_transport's
            *cause.args,
        )
        waiting += [one for one in inner if isinstance(one, BaseException)]
