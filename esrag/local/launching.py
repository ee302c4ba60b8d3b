"""Starts one member at a time: its ports, its files, its process.

Each start is marked with the stack's folder, the member's name and the call that started it, so
that ``stack`` can end exactly what one call started, even what it had no time to write down.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from esrag.local import (
    certificates,
    elasticsearch,
    inspection,
    jdk,
    lock,
    logs,
    machine,
    plugins,
    ports,
    process,
    records,
)
from esrag.local.layout import Layout
from esrag.local.progress import Reporter
from esrag.local.records import Member, State
from esrag.sections import LocalSettings

_SECRET_PREFIX = "ESRAG_"  # noqa: S105  a prefix of names; settings may hold keys


@dataclass(frozen=True, slots=True)
class Start:
    """A member that is on its way up; ``log_start`` is where its part of the log begins."""

    member: Member
    process: subprocess.Popen[bytes]
    log_start: int


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts members of the stack in ``layout`` as ``settings`` say, on behalf of one call.

    ``tier`` is the one that the call asks for; without it the stack keeps its own.
    """

    layout: Layout
    settings: LocalSettings
    environment: Mapping[str, str]
    reporter: Reporter
    fast_start: bool = False
    tier: str | None = None
    plugin_sources: Path = plugins.SOURCES
    call: str = field(default_factory=lambda: uuid4().hex[:8])

    def mark(self, name: str) -> str:
        """What processes of this member, started by this call, bear in their environment."""
        return process.refined(process.refined(str(self.layout.root), name), self.call)

    def options(self, name: str) -> dict[str, str]:
        """The settings that a running member cannot take over."""
        if name == "elasticsearch":
            return {"local.heap": self.settings.heap, "local.tls": str(self.settings.tls)}
        return {"local.tgi_model": self.settings.tgi_model} if name == "tgi" else {}

    def choose_port(self, name: str, state: State, *, taken: set[int]) -> int:
        """The port for ``name``: configured, last time's, or free."""
        return ports.choose(
            int(getattr(self.settings, f"{name}_port")),
            remembered=state.ports.get(name),
            setting=f"local.{name}_port",
            taken=taken,
        )

    def mlnode(self, port: int) -> Start:
        """Start the ML node process."""
        return self._start_python("mlnode", port, "esrag.local.mlnode")

    def tgi(self, port: int) -> Start:
        """Start the TGI-compatible server with the configured base model."""
        options = ["--model", self.settings.tgi_model, "--grace", "10"]
        for folder in (self.layout.adapters, self.layout.runs):
            options += ["--adapters-below", str(folder)]
        return self._start_python("tgi", port, "esrag.local.tgi", *options)

    def find_jdk(self) -> jdk.Jdk:
        """What compiles the plugins and runs Elasticsearch."""
        return jdk.find(
            self.environment,
            software=self.layout.software,
            for_other_user=machine.service_user() is not None,
            reporter=self.reporter,
        )

    def elasticsearch(self, state: State, java: jdk.Jdk, port: int, mlnode_url: str) -> Start:
        """Prepare what Elasticsearch needs, then start it; ``mlnode_url`` is what it calls."""
        layout, user, mark = self.layout, machine.service_user(), self.mark("elasticsearch")
        with lock.waited_for(layout.software / "lock"):  # until it runs, its home may be removed
            layout.software.chmod(0o755)
            home = plugins.prepare_home(
                layout.software,
                plugins.sources(self.plugin_sources),
                java,
                self.reporter,
                environment={**self.environment, process.MARK: mark},
            )
            node = elasticsearch.Node(
                cluster_name=inspection.cluster_name(state),
                port=port,
                mlnode_url=mlnode_url,
                heap=self.settings.heap,
                fast_start=self.fast_start,
                certificate=self._certificate(java),
                tier=self.tier or state.tier,
            )
            elasticsearch.write_configuration(node, layout, home, user)
            environment = elasticsearch.launch_environment(layout, java, self.environment)
            environment[process.MARK] = mark  # so that a rerun finds the tools as well
            secrets = elasticsearch.secrets(node, records.password(layout, create=True))
            elasticsearch.store_secrets(secrets, layout, home, environment, user, self.reporter)
            return self._start(
                Member("elasticsearch", node.url, port, 0.0, {}, peer=mlnode_url),
                elasticsearch.launch_command(home),
                environment=environment,
                user=user,
                cwd=layout.scratch,
                leader="launcher",
            )

    def _certificate(self, java: jdk.Jdk) -> certificates.Certificate | None:
        if not self.settings.tls:
            return None
        password = records.password(self.layout, create=True)
        return certificates.make(java, self.layout.authority.parent, password, self.reporter)

    def _start_python(self, name: str, port: int, module: str, *options: str) -> Start:
        data = self.layout.data(name)
        data.mkdir(parents=True, exist_ok=True)
        kept = {k: v for k, v in self.environment.items() if not k.startswith(_SECRET_PREFIX)}
        return self._start(
            Member(name, f"http://{ports.LOOPBACK}:{port}", port, 0.0, {}),
            [sys.executable, "-m", module, "--port", str(port), "--data", str(data), *options],
            environment={**kept, "PYTHONUNBUFFERED": "1"},
            user=None,
            cwd=data,
            leader="server",
        )

    def _start(
        self,
        member: Member,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        user: int | None,
        cwd: Path,
        leader: str,
    ) -> Start:
        log = self.layout.log(member.name)
        logs.rotate(log)
        log_start = logs.size(log)
        child = process.start(
            argv,
            mark=self.mark(member.name),
            environment=environment,
            log=log,
            user=user,
            cwd=cwd,
        )
        identity = process.identify(child.pid)
        started = replace(
            member,
            started=time.time(),
            processes={leader: identity} if identity else {},
            options=self.options(member.name),
        )
        return Start(started, child, log_start)
