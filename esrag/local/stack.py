"""Starts, repairs and ends the local stack: Elasticsearch, the ML node process, the TGI server.

    up      look ─► check the machine ─► start what is missing ─► wait until all are well
    down    end every process of the stack: ask, wait, kill
    reset   down, then remove what the members stored

``up`` leaves running members alone and replaces dead ones.  Whatever stops it, it ends what
this call started, so that a rerun finds each member either well or not there.
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import psutil

from esrag.errors import UnavailableError, UsageError
from esrag.local import (
    elasticsearch,
    health,
    inspection,
    licensing,
    lock,
    logs,
    machine,
    process,
    records,
    registered_adapters,
)
from esrag.local.inspection import MemberStatus
from esrag.local.launching import Launcher, Start
from esrag.local.layout import MEMBERS, TITLES, Layout
from esrag.local.ports import LOOPBACK
from esrag.local.records import Member, State

_PATIENCE = 20.0  # seconds between the request to end and the kill
_GRACE = 15.0  # seconds in which a silent member may come back
_POLL_SECONDS = 0.2
_DEPLOYMENTS = 60.0  # seconds that deployments of before have to run again
_LOG_LINES = 30
_TGI_PASSAGES, _TGI_MAX_NEW_TOKENS = 2, 64
_TRIAL_WARNING_DAYS = 5.0
_MEMORY = {"elasticsearch": 0.6, "mlnode": 0.6, "tgi": 0.9}  # GiB; the heap comes on top
_FIRST_DISK, _LATER_DISK = 3.0, 1.0  # GiB


def up(
    launcher: Launcher,
    *,
    members: Sequence[str] = MEMBERS,
    timeout: float = 300.0,
    force: bool = False,
) -> tuple[MemberStatus, ...]:
    """Make sure that ``members`` run, and leave their addresses for clients.

    Raises ConflictError when another command is at work or a port is taken, UnsupportedError
    when the machine does not suffice (not with ``force``), UnavailableError, with the end of
    its log, when a member does not come up, and ConflictError when the cluster cannot go over
    to the tier that the call asks for.
    """
    layout = launcher.layout
    with lock.held(layout.lock_file, doing="up"):
        layout.root.chmod(0o755)
        state = records.load_state(layout) or records.new_state()
        state = _without_other_tier(launcher, state, members)
        records.save_state(layout, state)
        missing = [name for name in members if not _settles(launcher, state, name, timeout)]
        state = _completed(layout, state)
        if missing:
            _check_machine(launcher, missing, force=force)
            with _undone_on_failure(launcher):
                state = _Rise(launcher, state, timeout).run(missing)
                state = _at_tier(launcher, state)
        _leave_connection(layout, state)
        if "tgi" in members:
            url, wanted = state.members["tgi"].url, launcher.settings.adapters
            registered_adapters.serve(url, layout.adapters, wanted, launcher.reporter)
        _warn_of_licence(launcher, state)
        return inspection.inspect(layout)


def down(layout: Layout) -> int:
    """End the stack and return how many processes that were; the data stays."""
    if not layout.root.is_dir():
        return 0
    with lock.held(layout.lock_file, doing="down"):
        return _end(layout)


def reset(layout: Layout, *, software: bool = False) -> int:
    """End the stack and remove its data; with ``software`` also what was downloaded.

    Returns how many processes were ended.
    """
    if not layout.root.is_dir():
        return 0
    with lock.held(layout.lock_file, doing="reset"):
        ended = _end(layout)
        for name in ("data", "config", "tmp", "logs", "tls"):
            shutil.rmtree(layout.root / name, ignore_errors=True)
        for file in (layout.secrets_file, layout.state_file):
            file.unlink(missing_ok=True)
        if software:
            shutil.rmtree(layout.software, ignore_errors=True)
        return ended


class _Rise:
    """One rise of missing members; the state is written down after every start."""

    def __init__(self, launcher: Launcher, state: State, timeout: float) -> None:
        self._launcher = launcher
        self._layout = launcher.layout
        self._reporter = launcher.reporter
        self._state = state
        self._timeout = timeout
        self._pending: dict[str, Start] = {}

    def run(self, missing: Sequence[str]) -> State:
        """Start ``missing`` side by side, wait for all, and return the new state."""
        java = self._launcher.find_jdk() if "elasticsearch" in missing else None
        for name in missing:
            _clear(self._layout, self._state, name)
        chosen = self._choose_ports(missing)
        mlnode_url = f"http://{LOOPBACK}:{chosen['mlnode']}"
        missing = self._with_dependents(missing, mlnode_url)
        if "mlnode" in missing:
            self._note_start(self._launcher.mlnode(chosen["mlnode"]))
        if "tgi" in missing:
            self._note_start(self._launcher.tgi(chosen["tgi"]))
        if "elasticsearch" in missing:
            port = chosen["elasticsearch"]
            java = java or self._launcher.find_jdk()
            self._note_start(self._launcher.elasticsearch(self._state, java, port, mlnode_url))
        self._wait()
        if "mlnode" in missing:
            self._wait_for_deployments()
        return self._state

    def _choose_ports(self, missing: Sequence[str]) -> dict[str, int]:
        """A port for each: that of a running member, else a chosen one.

        The ML node's is needed in any case: Elasticsearch is told where it will be.
        """
        chosen = {n: m.port for n, m in self._state.members.items() if n not in missing}
        for name in MEMBERS:
            if name not in chosen and name in {*missing, "mlnode"}:
                taken = set(chosen.values())
                chosen[name] = self._launcher.choose_port(name, self._state, taken=taken)
        self._state = replace(self._state, ports={**self._state.ports, **chosen})
        return chosen

    def _with_dependents(self, missing: Sequence[str], mlnode_url: str) -> list[str]:
        """Elasticsearch knows the ML node's address from its start: a new one means a restart."""
        running = self._state.members.get("elasticsearch")
        if "elasticsearch" in missing or running is None or running.peer == mlnode_url:
            return list(missing)
        self._reporter.note("the ML node process has moved: Elasticsearch is started again")
        _clear(self._layout, self._state, "elasticsearch")
        return [*missing, "elasticsearch"]

    def _note_start(self, start: Start) -> None:
        self._pending[start.member.name] = start
        self._state = self._state.with_member(start.member)
        records.save_state(self._layout, self._state)

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout
        while self._pending:
            for name, start in list(self._pending.items()):
                code = start.process.poll()
                if code is not None:
                    raise self._failure(start, f"ended with exit code {code} while starting")
                answer = inspection.ask(self._layout, self._state, start.member)
                if answer.condition == "running":
                    self._note_ready(self._pending.pop(name))
                elif time.monotonic() > deadline:
                    waited = f"was not ready after {self._timeout:.0f} seconds"
                    raise self._failure(start, f"{waited}: it {answer.detail}")
            time.sleep(_POLL_SECONDS)

    def _wait_for_deployments(self) -> None:
        """The ML node starts the deployments of before again; until then questions would fail."""
        url = self._state.members["mlnode"].url
        since = time.monotonic()
        if not health.deployments_starting(url):
            return
        while starting := health.deployments_starting(url):
            if time.monotonic() - since > _DEPLOYMENTS:
                self._reporter.note(f"{starting} deployments are still starting")
                return
            time.sleep(_POLL_SECONDS)
        self._reporter.done("the deployments of before run again", time.monotonic() - since)

    def _note_ready(self, start: Start) -> None:
        member = _with_server(start.member)
        self._state = self._state.with_member(member)
        records.save_state(self._layout, self._state)
        seconds = time.time() - member.started
        self._reporter.done(f"{TITLES[member.name]} at {member.url}", seconds)

    def _failure(self, start: Start, what: str) -> UnavailableError:
        name = start.member.name
        log = self._layout.log(name)
        lines = logs.explanation(log, _LOG_LINES, since=start.log_start)
        end = "\n".join(f"  {line}" for line in lines)
        return UnavailableError(
            f"{TITLES[name]} {what}. The end of its log:\n{end or '  (the log is empty)'}",
            hint=f"The whole log: {log}",
        )


def _with_server(member: Member) -> Member:
    """Elasticsearch's launcher has a child, the server: both are written down."""
    if member.name != "elasticsearch":
        return member
    children = process.family(member.processes["launcher"])[1:]
    server = process.identify(children[0].pid) if children else None
    processes = {**member.processes, "server": server} if server else member.processes
    return replace(member, processes=processes)


def _completed(layout: Layout, state: State) -> State:
    """Write down the server of an Elasticsearch whose `up` was killed before it could."""
    member = state.members.get("elasticsearch")
    if member and set(member.processes) == {"launcher"}:
        state = state.with_member(_with_server(member))
        records.save_state(layout, state)
    return state


def _settles(launcher: Launcher, state: State, name: str, timeout: float) -> bool:
    """Whether a member is well, or becomes so: one that is starting is given its time."""
    since = time.monotonic()
    while True:
        status = inspection.inspect_member(launcher.layout, state, name)
        if status.condition == "running":
            launcher.reporter.note(f"{TITLES[name]} is running at {status.url}")
            _note_changes(launcher, state.members[name])
            return True
        if status.condition in ("dead", "stopped"):
            if status.condition == "dead":
                launcher.reporter.note(f"{TITLES[name]} is dead ({status.detail}): repairing")
            return False
        patience = timeout if status.condition == "starting" else _GRACE
        if time.monotonic() - since > patience:
            launcher.reporter.note(f"{TITLES[name]} {status.detail}: starting it again")
            return False
        time.sleep(_POLL_SECONDS)


def _note_changes(launcher: Launcher, member: Member) -> None:
    wanted = launcher.options(member.name)
    changed = [name for name, value in wanted.items() if member.options.get(name) != value]
    if changed:
        settings = " and ".join(changed)
        launcher.reporter.note(
            f"it has another {settings}; `esrag local down` and `up` change that"
        )


def _check_machine(launcher: Launcher, missing: Iterable[str], *, force: bool) -> None:
    layout = launcher.layout
    machine.check_reachable(layout.root, user=machine.service_user())
    machine.check_reachable(layout.software, user=machine.service_user())
    if force:
        return
    needed = sum(_MEMORY[name] for name in missing) * machine.GIB
    if "elasticsearch" in missing:
        needed += _bytes(launcher.settings.heap)
    machine.check_memory(int(needed), machine.available_memory())
    disk = _LATER_DISK if (layout.software / "homes").is_dir() else _FIRST_DISK
    machine.check_disk(layout.root, int(disk * machine.GIB), machine.available_disk(layout.root))


def _bytes(heap: str) -> int:
    return int(heap[:-1]) * (1024**2 if heap.endswith("m") else machine.GIB)


def _without_other_tier(launcher: Launcher, state: State, members: Sequence[str]) -> State:
    """End an Elasticsearch of another tier than the one asked for: it learns its own at the start.

    The tier of the state changes only when the cluster has gone over to it.
    """
    if launcher.tier in (None, state.tier):
        return state
    if "elasticsearch" not in members:
        raise UsageError("--tier is Elasticsearch's, and --only leaves it out")
    if "elasticsearch" in state.members:
        launcher.reporter.note(
            f"the tier changes from {state.tier} to {launcher.tier}: Elasticsearch is started again"
        )
    _clear(launcher.layout, state, "elasticsearch")
    return state.without("elasticsearch")


def _at_tier(launcher: Launcher, state: State) -> State:
    """The state after the cluster has taken the licence of the tier that was asked for."""
    if launcher.tier in (None, state.tier):
        return state
    server = state.members["elasticsearch"]
    licensing.take(
        server.url,
        launcher.tier,
        login=(elasticsearch.USERNAME, records.password(launcher.layout)),
        ca_certs=launcher.layout.authority if server.url.startswith("https") else None,
    )
    state = replace(state, tier=launcher.tier)
    records.save_state(launcher.layout, state)
    return state


def _leave_connection(layout: Layout, state: State) -> None:
    found: dict[str, Mapping[str, str | int | list[str]]] = {}
    server = state.members.get("elasticsearch")
    if server:
        found["elasticsearch"] = {
            "url": server.url,
            "username": elasticsearch.USERNAME,
            "password": records.password(layout),
        }
        if server.url.startswith("https"):
            found["elasticsearch"] = {**found["elasticsearch"], "ca_certs": str(layout.authority)}
    if "tgi" in state.members:
        # a small model on two cores: few passages and short answers keep it bearable
        found["generator"] = {
            "url": state.members["tgi"].url,
            "passages": _TGI_PASSAGES,
            "max_new_tokens": _TGI_MAX_NEW_TOKENS,
        }
    if server and "tgi" in state.members:
        # no completion: the server tries one when it makes the endpoint, to its very end, which
        # takes a CPU longer than the server waits
        found["endpoints"] = {
            "generator_url": state.members["tgi"].url,
            "tasks": ["chat_completion"],
        }
    records.save_connection(layout, found)


def _warn_of_licence(launcher: Launcher, state: State) -> None:
    server = state.members.get("elasticsearch")
    if server is None:
        return
    days = health.licence_days_left(
        server.url,
        password=records.password(launcher.layout),
        ca_certs=launcher.layout.authority if server.url.startswith("https") else None,
        now=time.time(),
    )
    if days is not None and days < _TRIAL_WARNING_DAYS:
        ends = f"ends in {days:.0f} days" if days > 0 else "has ended"
        launcher.reporter.note(
            f"the trial licence {ends}; `esrag local reset` makes a new stack, without its data"
        )


def _clear(layout: Layout, state: State, name: str) -> int:
    """End whatever is left of a member, recorded or not."""
    found = process.marked(process.refined(str(layout.root), name))
    member = state.members.get(name)
    for one in member.processes.values() if member else ():
        found += process.family(one)
    unique = {one.pid: one for one in found}
    process.stop(unique.values(), patience=_PATIENCE)
    return len(unique)


def _end(layout: Layout) -> int:
    state = records.load_state(layout) or records.new_state()
    found = process.marked(str(layout.root))
    for member in state.members.values():
        for one in member.processes.values():
            found += process.family(one)
    unique: dict[int, psutil.Process] = {one.pid: one for one in found}
    process.stop(unique.values(), patience=_PATIENCE)
    layout.connection_file.unlink(missing_ok=True)
    records.save_state(layout, replace(state, members={}))
    return len(unique)


@contextmanager
def _undone_on_failure(launcher: Launcher) -> Iterator[None]:
    """End what this call started when the block fails or is interrupted."""
    try:
        yield
    except BaseException:
        with _undisturbed():
            state = records.load_state(launcher.layout)
            for name in MEMBERS:
                own = process.marked(launcher.mark(name))
                process.stop(own, patience=_PATIENCE)
                if state and own:
                    state = state.without(name)
            if state:
                records.save_state(launcher.layout, state)
        raise


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second ^C wait until the clean-up is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
