"""How Elasticsearch is configured and started: pure functions build, others write and run.

A single node on loopback with security and the licence of its tier.  Its configuration is
written anew at every start, so that settings always come from us; only the keystore is kept.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import EsragError
from esrag.local import tiers
from esrag.local.certificates import Certificate
from esrag.local.jdk import Jdk
from esrag.local.layout import Layout
from esrag.local.machine import give_to
from esrag.local.ports import LOOPBACK
from esrag.local.progress import Reporter

USERNAME = "elastic"
MLNODE_SETTING = "esrag.mlnode.url"
_KEPT_FILES = ("roles.yml", "users", "users_roles", "role_mapping.yml")
_DROPPED_JVM_OPTIONS = re.compile(r"-XX:\+UseG1GC|-Xlog:gc|-XX:\+HeapDump|.*-XX:ErrorFile")
_KEYSTORE_STAMP = "keystore.names"
_CERTIFICATE = "http.p12"


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that the configuration files depend on."""

    cluster_name: str
    port: int
    mlnode_url: str
    heap: str
    fast_start: bool
    certificate: Certificate | None
    tier: str = tiers.ENTERPRISE

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"{'https' if self.certificate else 'http'}://{LOOPBACK}:{self.port}"


def node_settings(node: Node, layout: Layout) -> dict[str, object]:
    """The content of elasticsearch.yml."""
    settings: dict[str, object] = {
        "cluster.name": node.cluster_name,
        "node.name": "local",
        "path.data": str(layout.data("elasticsearch")),
        "path.logs": str(layout.scratch),
        "path.repo": [str(layout.snapshots)],
        "network.host": LOOPBACK,
        "http.port": node.port,
        "transport.port": 0,
        "discovery.type": "single-node",
        "xpack.security.enabled": True,
        "xpack.security.enrollment.enabled": False,
        "xpack.security.transport.ssl.enabled": False,
        "xpack.security.http.ssl.enabled": node.certificate is not None,
        **tiers.node_settings(node.tier),
        # by percentage, a desk's well-filled disk would stop all writing
        "cluster.routing.allocation.disk.watermark.low": "1gb",
        "cluster.routing.allocation.disk.watermark.high": "600mb",
        "cluster.routing.allocation.disk.watermark.flood_stage": "300mb",
        MLNODE_SETTING: node.mlnode_url,
    }
    if node.certificate:
        settings["xpack.security.http.ssl.keystore.path"] = _CERTIFICATE
    return settings


def jvm_options(shipped: str, node: Node) -> str:
    """The shipped options without their garbage collector and logs, with ours at the end."""
    kept = [line for line in shipped.splitlines() if line and not line.startswith("#")]
    kept = [line for line in kept if not _DROPPED_JVM_OPTIONS.match(line)]
    ours = [f"-Xms{node.heap}", f"-Xmx{node.heap}", "-XX:+UseSerialGC", "-XX:-AlwaysPreTouch"]
    if node.fast_start:
        ours.append("-XX:TieredStopAtLevel=1")
    return "\n".join([*kept, *ours]) + "\n"


def log_options() -> str:
    """Everything to standard output, which we write to one file.

    Warnings of deprecated use go into the answer's `Warning` header, as the server ships it.
    """
    pattern = "[%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m %consoleException%n"
    return f"""\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = {pattern}
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.header_warning.type = HeaderWarningAppender
appender.header_warning.name = header_warning
logger.deprecation.name = org.elasticsearch.deprecation
logger.deprecation.level = warn
logger.deprecation.appenderRef.header_warning.ref = header_warning
logger.deprecation.additivity = false
"""


def write_configuration(node: Node, layout: Layout, home: Path, user: int | None) -> None:
    """Write the configuration folder, and make the folders that Elasticsearch writes to."""
    shutil.rmtree(layout.scratch, ignore_errors=True)  # what killed processes left
    give_to(user, layout.config, layout.scratch, layout.snapshots, layout.data("elasticsearch"))
    shipped = home / "config"
    for name in _KEPT_FILES:
        if not (layout.config / name).exists():
            shutil.copyfile(shipped / name, layout.config / name)
    settings = node_settings(node, layout)  # a JSON value is also a YAML value
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in settings.items()]
    options = jvm_options((shipped / "jvm.options").read_text(encoding="utf-8"), node)
    (layout.config / "elasticsearch.yml").write_text("".join(lines), encoding="utf-8")
    (layout.config / "jvm.options").write_text(options, encoding="utf-8")
    (layout.config / "log4j2.properties").write_text(log_options(), encoding="utf-8")
    (layout.config / "jvm.options.d").mkdir(exist_ok=True)
    if node.certificate:
        shutil.copyfile(node.certificate.keystore, layout.config / _CERTIFICATE)
    if user is not None:
        for path in layout.config.iterdir():
            os.chown(path, user, user)


def launch_environment(layout: Layout, jdk: Jdk, environment: Mapping[str, str]) -> dict[str, str]:
    """What the launcher gets; nothing else of our own environment, least of all Java's."""
    launcher_options = ["-XX:TieredStopAtLevel=1"]
    if not re.search(r"\s", str(layout.scratch)):  # the variable is split at every blank
        launcher_options.append(f"-Djava.io.tmpdir={layout.scratch}")
    return {
        "PATH": environment.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": str(layout.scratch),
        "ES_JAVA_HOME": str(jdk.home),
        "ES_PATH_CONF": str(layout.config),
        "ES_TMPDIR": str(layout.scratch),
        "CLI_JAVA_OPTS": " ".join(launcher_options),
    }


def launch_command(home: Path) -> list[str]:
    """The launcher; it starts the server and stays."""
    return [str(home / "bin" / "elasticsearch")]


def secrets(node: Node, password: str) -> dict[str, str]:
    """What belongs into Elasticsearch's keystore."""
    found = {"bootstrap.password": password}
    if node.certificate:
        found["xpack.security.http.ssl.keystore.secure_password"] = password
    return found


def store_secrets(
    content: Mapping[str, str],
    layout: Layout,
    home: Path,
    environment: Mapping[str, str],
    user: int | None,
    reporter: Reporter,
) -> None:
    """Put ``content`` into Elasticsearch's keystore, unless exactly these are there already."""
    names = "\n".join(sorted(content))
    stamp = layout.config / _KEYSTORE_STAMP
    keystore = layout.config / "elasticsearch.keystore"
    if keystore.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == names:
        return
    stamp.unlink(missing_ok=True)
    for leftover in layout.config.glob("elasticsearch.keystore*"):  # also of a stopped run
        leftover.unlink()
    with reporter.step("making the keystore of Elasticsearch"):
        done = subprocess.run(
            [str(home / "bin" / "elasticsearch-keystore"), "add", "--force", "--stdin", *content],
            input="".join(f"{value}\n" for value in content.values()),
            env=dict(environment),
            cwd=layout.scratch,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            umask=0o077,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode != 0:
        words = (done.stderr + done.stdout).strip()
        raise EsragError(f"the keystore of Elasticsearch cannot be written: {words}")
    stamp.write_text(names, encoding="utf-8")
