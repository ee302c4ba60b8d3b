"""Looks at the stack without changing it: which members run, and how they are.

stopped   was not started, or was ended by ``down``
dead      was started, and a process of it is gone
silent    its processes live, but do not answer as they should
starting  answers that it is not ready yet
running   is well
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from esrag.local import health, process, records, registered_adapters
from esrag.local.layout import MEMBERS, Layout
from esrag.local.records import Member, State

Condition = Literal["running", "starting", "silent", "dead", "stopped"]


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What ``status`` shows of one member; ``started`` is seconds since the epoch.

    ``tier`` is what Elasticsearch behaves like, ``adapters`` what the TGI-compatible server has
    beside its base model; other members have none.
    """

    name: str
    condition: Condition
    detail: str = ""
    url: str = ""
    port: int = 0
    pids: Mapping[str, int] = field(default_factory=dict)
    memory: int = 0
    started: float = 0.0
    tier: str = ""
    adapters: tuple[str, ...] = ()


def inspect(layout: Layout) -> tuple[MemberStatus, ...]:
    """The status of every member, in the order of MEMBERS."""
    state = records.load_state(layout) or records.new_state()
    return tuple(inspect_member(layout, state, name) for name in MEMBERS)


def inspect_member(layout: Layout, state: State, name: str) -> MemberStatus:
    """The status of one member."""
    member = state.members.get(name)
    if member is None:
        return _without_record(layout, name)
    condition: Condition
    lost = [key for key, one in member.processes.items() if not process.is_alive(one)]
    if lost or not member.processes:
        gone = ", ".join(f"{key} {member.processes[key].pid}" for key in lost) or "at once"
        condition, detail = "dead", f"process gone: {gone}"
    else:
        answer = ask(layout, state, member)
        condition, detail = answer.condition, answer.detail
    relatives = {one.pid: one for own in member.processes.values() for one in process.family(own)}
    return MemberStatus(
        name=name,
        condition=condition,
        detail=detail,
        url=member.url,
        port=member.port,
        pids={key: one.pid for key, one in member.processes.items()},
        memory=process.memory(relatives.values()),
        started=member.started,
        tier=state.tier if name == "elasticsearch" else "",
        adapters=registered_adapters.served(member.url)
        if name == "tgi" and condition == "running"
        else (),
    )


def _without_record(layout: Layout, name: str) -> MemberStatus:
    """Stopped, unless processes run whose record was lost."""
    found = process.marked(process.refined(str(layout.root), name))
    if not found:
        return MemberStatus(name, "stopped")
    numbers = {f"process {one.pid}": one.pid for one in found}
    detail = f"runs without a record: {', '.join(numbers)}"
    return MemberStatus(name, "dead", detail, pids=numbers, memory=process.memory(found))


def ask(layout: Layout, state: State, member: Member) -> health.Health:
    """How ``member`` itself answers."""
    if member.name == "elasticsearch":
        return health.elasticsearch(
            member.url,
            cluster_name=cluster_name(state),
            password=records.password(layout),
            ca_certs=layout.authority if member.url.startswith("https") else None,
        )
    if member.name == "mlnode":
        return health.mlnode(member.url, pid=member.processes["server"].pid)
    return health.tgi(member.url)


def cluster_name(state: State) -> str:
    """A name that no other cluster has, so that nobody else's is taken for ours."""
    return f"esrag-local-{state.id}"
