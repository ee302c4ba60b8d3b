"""Certificates for ``local.tls``: an authority and a server certificate, made with keytool.

keytool comes with the JDK that the stack needs anyway.  The authority's key stays in the
stack's folder; clients get its certificate as a PEM file.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import EsragError
from esrag.local.jdk import Jdk
from esrag.local.progress import Reporter

_DAYS = "825"
_NAMES = "san=ip:127.0.0.1,dns:localhost"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The server's key and certificate, and what clients check it against."""

    keystore: Path
    authority: Path


def make(jdk: Jdk, folder: Path, password: str, reporter: Reporter) -> Certificate:
    """The certificate in ``folder``, made when it is not there yet.

    The files appear in the end, so a stopped run leaves nothing that looks complete.
    """
    certificate = Certificate(keystore=folder / "http.p12", authority=folder / "authority.pem")
    if certificate.keystore.exists() and certificate.authority.exists():
        return certificate
    folder.mkdir(parents=True, exist_ok=True)
    with reporter.step("making a certificate for TLS"):
        _make(_Keytool(jdk.tool("keytool"), password), folder, certificate)
    return certificate


def _make(tool: _Keytool, folder: Path, certificate: Certificate) -> None:
    authority, server = folder / "authority.p12.new", folder / "http.p12.new"
    authority.unlink(missing_ok=True)
    server.unlink(missing_ok=True)
    tool.make_pair(authority, "authority", "CN=esrag local authority", "bc:c=ca:true,pathlen:0")
    tool.make_pair(server, "http", "CN=localhost", _NAMES)
    request = tool.run(server, "-certreq", "-alias", "http")
    issued = tool.run(
        authority, "-gencert", "-alias", "authority", "-rfc", "-validity", _DAYS,
        "-ext", _NAMES, "-ext", "eku=serverAuth", given=request,
    )  # fmt: skip
    root = tool.run(authority, "-exportcert", "-alias", "authority", "-rfc")
    tool.run(server, "-importcert", "-alias", "authority", "-noprompt", given=root)
    tool.run(server, "-importcert", "-alias", "http", "-noprompt", given=issued)
    certificate.authority.write_bytes(root)
    certificate.authority.chmod(0o644)
    server.replace(certificate.keystore)
    authority.replace(folder / "authority.p12")


@dataclass(frozen=True, slots=True)
class _Keytool:
    program: str
    password: str

    def make_pair(self, store: Path, alias: str, name: str, extension: str) -> None:
        usage = ("-ext", "ku=keyCertSign,cRLSign") if alias == "authority" else ()
        self.run(
            store, "-genkeypair", "-alias", alias, "-keyalg", "EC", "-groupname", "secp256r1",
            "-dname", name, "-validity", _DAYS, "-ext", extension, *usage,
        )  # fmt: skip

    def run(self, store: Path, *arguments: str, given: bytes = b"") -> bytes:
        """Run one command on ``store``; the password goes through the environment."""
        secret = "ESRAG_KEYSTORE_SECRET"  # noqa: S105  the name of a variable
        done = subprocess.run(
            [self.program, "-J-XX:TieredStopAtLevel=1", *arguments,
             "-keystore", str(store), "-storetype", "PKCS12", "-storepass:env", secret],
            input=given,
            env={secret: self.password, "LANG": "C"},
            capture_output=True,
            check=False,
            umask=0o077,
        )  # fmt: skip
        if done.returncode != 0:
            words = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
            raise EsragError(f"keytool could not make the certificate: {words}")
        return done.stdout
