"""The roles that esrag's work is divided into, as data ready for ``PUT _security/role/<name>``.

    setup     makes and removes objects           an admin, or a deployment tool
    security  makes the keys of the other four    a person with a login
    ingest    writes documents                    a key
    search    runs the search templates           people, in Kibana or by key
    app       answers questions                   a key
    eval      measures                            a key

Each comes in two forms.  The tight form holds what the commands call and nothing else; it is made
of the same lists as the preflight.  The documented form holds named privileges only, wherever the
server has one, for admins who want words that the manual explains.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from esrag import __version__
from esrag.names import DLQ_INDEX, META_INDEX
from esrag.privileges import (
    Command,
    IndexPrivileges,
    Privileges,
    answer_indices,
    document_indices,
    needed,
    together,
)

RoleName = Literal["setup", "security", "ingest", "search", "app", "eval"]
KeyRole = Literal["ingest", "search", "app", "eval"]
ROLES: tuple[RoleName, ...] = ("setup", "security", "ingest", "search", "app", "eval")
KEY_ROLES: tuple[KeyRole, ...] = ("ingest", "search", "app", "eval")
FOR: dict[RoleName, str] = {
    "setup": "makes, changes and removes esrag's objects",
    "security": "makes and audits the keys of the other roles",
    "ingest": "writes documents",
    "search": "people who run the search templates",
    "app": "answers questions",
    "eval": "measures retrieval and answers",
}

EVALUATION_INDICES = ("esrag-eval-*",)

# what a tight role is made of; the rest of each role stands in _extra
_COMMANDS: dict[RoleName, tuple[Command, ...]] = {
    "setup": ("plan", "setup", "status", "model", "teardown", "reembed", "doctor", "dlq"),
    "security": (),
    "ingest": ("ingest", "verify"),
    "search": (),
    "app": ("search", "ask"),
    "eval": ("search", "ask", "explain"),
}
_READ_BY_NAME = ("read", "view_index_metadata")
# Not needed, so no command asks for it: with it ingest sees the queue of the deployment and need
# not overrun it to know that it is full.  The documented form holds it in `monitor`.
_USEFUL: dict[RoleName, Privileges] = {
    "ingest": Privileges(cluster=("cluster:monitor/xpack/ml/inference/stats/get",))
}


@dataclass(frozen=True, slots=True)
class Role:
    """One role: ``privileges`` are what it may do, ``manages`` whose roles it may write."""

    name: RoleName
    set: str | None
    privileges: Privileges
    manages: tuple[IndexPrivileges, ...] = field(default=())

    @property
    def title(self) -> str:
        """What the role is called in a cluster."""
        return f"esrag_{self.name}" + (f"_{self.set}" if self.set else "")

    def body(self) -> dict[str, Any]:
        """For ``PUT _security/role/<title>``."""
        body = self.privileges.as_body()
        if self.manages:
            granted = Privileges(indices=self.manages).as_body()["indices"]
            body["global"] = {"role": {"manage": {"indices": granted}}}
        return body | {
            "metadata": seal(self.name, self.set),
            "description": f"esrag: {FOR[self.name]}",
        }

    def descriptor(self) -> dict[str, Any]:
        """For ``role_descriptors`` of an API key."""
        return {self.title: self.privileges.as_body()}


def seal(role: str, set_name: str | None) -> dict[str, Any]:
    """What marks a role or a key as ours."""
    return {
        "managed_by": "esrag",
        "role": role,
        "set": "*" if set_name is None else set_name,
        "version": __version__,
    }


def role(name: RoleName, set_name: str | None = None, *, documented: bool = False) -> Role:
    """One role on one document set, or on all with None."""
    if name == "security":
        return _security(set_name, documented=documented)
    form = _documented if documented else _tight
    return Role(name, set_name, form(name, set_name))


def _tight(name: RoleName, set_name: str | None) -> Privileges:
    called = together(needed(command, set_name) for command in _COMMANDS[name])
    return called | _USEFUL.get(name, Privileges()) | _extra(name, set_name)


def _extra(name: RoleName, set_name: str | None) -> Privileges:
    """Named privileges of the tight form: for people, and for indices of their own."""
    match name:
        case "ingest":
            # writes letters and takes its own away, by id; whose they are it cannot read
            return _on((DLQ_INDEX,), "create_doc", "delete", "view_index_metadata")
        case "search":
            # people whose own credentials serve passes on: their answers and what they think
            keeping = _on(answer_indices(set_name), "create_doc")
            return _on(document_indices(set_name), *_READ_BY_NAME) | keeping
        case "app":
            return _on(answer_indices(set_name), "create_doc")
        case "eval":
            own = _on(EVALUATION_INDICES, "create_doc", *_READ_BY_NAME)
            return own | _on(answer_indices(set_name), "create_doc")
        case _:
            return Privileges()


def _documented(name: RoleName, set_name: str | None) -> Privileges:
    docs = document_indices(set_name)
    match name:
        case "setup":
            cluster = (
                "monitor",
                "manage_ml",
                "manage_inference",
                "manage_ingest_pipelines",
                "manage_index_templates",
                # no named privilege below `manage` holds these
                "cluster:admin/script/put",
                "cluster:admin/script/get",
                "cluster:admin/script/delete",
            )
            indices = (*docs, META_INDEX, DLQ_INDEX, *answer_indices(set_name))
            own = _on(indices, "manage", "read", "write")
            return Privileges(cluster=cluster) | own
        case "ingest":
            writing = _on(docs, "read", "index", "delete", "view_index_metadata", "maintenance")
            return Privileges(cluster=("monitor",)) | writing | _extra(name, set_name)
        case "search":
            return _extra(name, set_name)
        case _:
            reading = Privileges(cluster=("monitor_ml",)) | _on(docs, *_READ_BY_NAME)
            if name == "eval":
                reading |= _on(answer_indices(set_name), *_READ_BY_NAME)
            return reading | _extra(name, set_name)


def _security(set_name: str | None, *, documented: bool) -> Role:
    """Whoever makes a key must hold all that the key is to hold; the server cuts it otherwise."""
    given = together(role(name, set_name, documented=documented).privileges for name in KEY_ROLES)
    own = Privileges(cluster=("manage_own_api_key", "cluster:monitor/main"))
    people = role("search", set_name, documented=documented).privileges.indices
    return Role("security", set_name, own | given, manages=people)


def _on(names: tuple[str, ...], *privileges: str) -> Privileges:
    return Privileges(indices=(IndexPrivileges(names, privileges),))
