"""What the stack writes down about itself: who runs where, the password, the addresses.

The files are replaced as a whole, readable for their owner only.  A file that cannot be read
counts as absent where it can be made again (the state), and is an error where it cannot.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from esrag.errors import EsragError
from esrag.local.layout import Layout
from esrag.local.process import ProcessId
from esrag.local.tiers import ENTERPRISE


@dataclass(frozen=True, slots=True)
class Member:
    """One server of the stack as it was started; ``processes`` are named, e.g. "launcher".

    ``peer`` is the address of another member that this one was started with, ``options`` are
    the settings that took effect then.
    """

    name: str
    url: str
    port: int
    started: float
    processes: Mapping[str, ProcessId]
    peer: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """The stack's identity, tier and members; ``ports`` outlive the members."""

    id: str
    created: float
    members: Mapping[str, Member] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    tier: str = ENTERPRISE

    def with_member(self, member: Member) -> State:
        """This state with ``member`` in the place of its predecessor."""
        return replace(
            self,
            members={**self.members, member.name: member},
            ports={**self.ports, member.name: member.port},
        )

    def without(self, name: str) -> State:
        """This state without that member; its port stays known."""
        return replace(self, members={n: m for n, m in self.members.items() if n != name})


def new_state() -> State:
    """The state of a stack that has never run."""
    return State(id=secrets.token_hex(6), created=time.time())


def load_state(layout: Layout) -> State | None:
    """The recorded state; None when there is none that can be understood."""
    try:
        found = json.loads(layout.state_file.read_text(encoding="utf-8"))
        members = {}
        for name, member in found["members"].items():
            processes = {key: ProcessId(**value) for key, value in member["processes"].items()}
            members[name] = Member(**{**member, "processes": processes})
        tier = str(found.get("tier", ENTERPRISE))
        return State(found["id"], float(found["created"]), members, dict(found["ports"]), tier)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save_state(layout: Layout, state: State) -> None:
    """Replace the recorded state."""
    write_private(layout.state_file, asdict(state))


def password(layout: Layout, *, create: bool = False) -> str:
    """The password of user ``elastic``; made once, as the cluster's data depends on it."""
    try:
        found = json.loads(layout.secrets_file.read_text(encoding="utf-8"))
        return str(found["elastic"])
    except FileNotFoundError:
        if not create:
            return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EsragError(
            f"{layout.secrets_file} cannot be read: {error}",
            hint="Without the password the stack's data cannot be used: esrag local reset",
        ) from error
    made = secrets.token_urlsafe(18)
    write_private(layout.secrets_file, {"elastic": made})
    return made


def save_connection(layout: Layout, connection: Mapping[str, Any]) -> None:
    """Leave the addresses for ``esrag.settings``."""
    write_private(layout.connection_file, connection)


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step, readable for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
