"""Of a connection that is not trusted the doctor says which of the usual causes it was."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from esrag.cli.doctor import case_from
from esrag.doctor.checks import CHECKS
from esrag.doctor.examination import examine
from esrag.doctor.findings import Report
from esrag.settings import load_settings

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Page(http.server.BaseHTTPRequestHandler):
    """A web server that is not Elasticsearch."""

    def do_GET(self) -> None:
        """Answer with a page."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Quiet(http.server.ThreadingHTTPServer):
    """A server whose refused handshakes are nobody's business."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, *arguments: object) -> None:
        """Say nothing."""


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's side with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def server(context: ssl.SSLContext | None) -> Iterator[int]:
    """A server on a free port, with TLS if it is given a context."""
    listening = Quiet(("127.0.0.1", 0), Page)
    if context is not None:
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield listening.server_port
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def examined(url: str, ca_certs: Path | None, data_dir: Path) -> Report:
    """The connection, as the command examines it."""
    server = {"url": url, "ca_certs": ca_certs, "request_timeout": 5}
    settings = load_settings(data_dir=data_dir, elasticsearch=server)
    return examine(case_from(settings), CHECKS, only=["connection"])


@dataclass(frozen=True)
class Case:
    """A server's certificate, what the client trusts, and what is to be found."""

    code: str
    next: str
    scheme: str = "https"
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ("127.0.0.1", "localhost")
    lasts: timedelta | None = DAY  # None: no TLS
    begins: timedelta = -9 * DAY
    trusted: str = "own"
    exit_code: int = 4


CASES = (
    Case("tls-authority", "elasticsearch.ca_certs", trusted="other"),
    Case("tls-authority", "elasticsearch.ca_certs", trusted="none"),
    Case("tls-expired", "Renew", lasts=-DAY),
    Case("tls-not-yet-valid", "clock", begins=DAY, lasts=2 * DAY),
    Case("tls-host-name", "elasticsearch.url", names=("search.example",)),
    Case("tls-host-name", "elasticsearch.url", names=("search.example",), host="localhost"),
    Case("http-to-https", "https://127.0.0.1:{port}", scheme="http", trusted="none"),
    Case("tls-not-spoken", "http://", lasts=None),
    Case("not-elasticsearch", "elasticsearch.url", exit_code=6),
    Case("address-unusable", "PEM", trusted="no file", exit_code=2),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.host}-{case.trusted}")
def test_the_cause_is_told(case: Case, tmp_path: Path) -> None:
    """By its code, with the address and what to do."""
    own, other = trustme.CA(), trustme.CA()
    own.cert_pem.write_to_path(str(tmp_path / "own"))
    other.cert_pem.write_to_path(str(tmp_path / "other"))
    context = None
    if case.lasts is not None:
        since, until = NOW + case.begins, NOW + case.lasts
        context = tls(own.issue_cert(*case.names, not_before=since, not_after=until))
    trusted = None if case.trusted == "none" else tmp_path / case.trusted
    with server(context) as port:
        report = examined(f"{case.scheme}://{case.host}:{port}", trusted, tmp_path)
    (found,) = report.findings
    assert found.code == case.code, found
    assert f"{case.host}:{port}" in found.where
    assert case.next.format(port=port) in found.next
    assert report.exit_code == case.exit_code


def test_a_self_signed_certificate_is_told_from_an_unknown_authority(tmp_path: Path) -> None:
    """What `xpack.security.http.ssl` often begins with."""
    authority = trustme.CA()
    pem = tmp_path / "self.pem"
    pem.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with server(context) as port:
        report = examined(f"https://127.0.0.1:{port}", None, tmp_path)
    assert [found.code for found in report.findings] == ["tls-self-signed"]


def test_a_host_that_nobody_knows_is_told(tmp_path: Path) -> None:
    """DNS says so, at once or after a moment."""
    report = examined("http://no-such-host.invalid:9200", None, tmp_path)
    assert [found.code for found in report.findings] == ["host-unknown"]


def test_a_port_on_which_nothing_listens_is_told(tmp_path: Path) -> None:
    """Connection refused."""
    report = examined("http://127.0.0.1:9", None, tmp_path)
    assert [found.code for found in report.findings] == ["connection-refused"]
    assert "esrag local status" in report.findings[0].next
