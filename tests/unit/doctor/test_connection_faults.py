"""Which of the usual causes a failed connection had, by what the exceptions wrap."""

import socket
import ssl

import elastic_transport
import pytest
from urllib3.exceptions import MaxRetryError, NewConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

from esrag.cluster.connection_faults import connection_fault


def wrapped(cause: BaseException) -> elastic_transport.ConnectionError:
    """What the client raises, with the cause two levels down."""
    inner = elastic_transport.ConnectionError("inner")
    inner.__cause__ = cause
    return elastic_transport.ConnectionError("outer", errors=(inner,))


def unverified(code: int) -> ssl.SSLCertVerificationError:
    """A refused certificate."""
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = code, "as OpenSSL says it"
    return error


@pytest.mark.parametrize(
    ("verify_code", "code"),
    [
        (9, "tls-not-yet-valid"),
        (10, "tls-expired"),
        (18, "tls-self-signed"),
        (19, "tls-authority"),
        (20, "tls-authority"),
        (21, "tls-authority"),
        (62, "tls-host-name"),
        (64, "tls-host-name"),
        (26, "tls-failed"),
    ],
)
def test_a_refused_certificate_is_told_by_its_verify_code(verify_code: int, code: str) -> None:
    """Unknown authority, expired, other host: the client says the same of all."""
    fault = connection_fault(wrapped(unverified(verify_code)))
    assert fault.code == code
    assert fault.remedy


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (CertificateError("hostname '127.0.0.1' doesn't match"), "tls-host-name"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls-not-spoken"),
        (ssl.SSLError(1, "handshake failure"), "tls-failed"),
        (socket.gaierror(-2, "Name or service not known"), "host-unknown"),
        (ConnectionRefusedError(111, "Connection refused"), "connection-refused"),
        (ConnectionResetError(104, "reset by peer"), "connection-closed"),
        (TimeoutError("timed out"), "connection-timeout"),
        (OSError(113, "No route to host"), "connection-failed"),
    ],
)
def test_other_causes_are_told_by_their_kind(cause: Exception, code: str) -> None:
    """Each has its own code and its own next step."""
    assert connection_fault(wrapped(cause)).code == code


def test_the_cause_is_found_inside_urllib3s_own_errors() -> None:
    """urllib3 keeps it under ``reason``, and not as a cause."""
    refused = ConnectionRefusedError(111, "Connection refused")
    new = NewConnectionError(None, "failed")  # type: ignore[arg-type]
    new.__context__ = refused
    error = MaxRetryError(None, "/", reason=new)  # type: ignore[arg-type]
    assert connection_fault(wrapped(error)).code == "connection-refused"
