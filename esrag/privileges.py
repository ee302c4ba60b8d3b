"""What each command needs to be allowed, as data: the privileges by command, scope and part.

    command ──> needed() ──> Privileges ──> _has_privileges (preflight), roles.py (role bodies)

The names are the server's own action names, recorded from what the commands really call; a role
that holds ``X`` is granted ``X*``.  Raw names are narrower than the named privileges around them.
Knows neither a cluster nor a licence: whoever calls says which parts the cluster has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from esrag.names import DLQ_INDEX, META_INDEX, Names

Command = Literal[
    "plan",
    "status",
    "setup",
    "teardown",
    "reembed",
    "doctor",
    "model",
    "ingest",
    "verify",
    "dlq",
    "search",
    "ask",
    "explain",
]
Scope = Literal["cluster", "docs", "meta", "dlq", "answers"]
Part = Literal["always", "machine learning", "endpoints", "answers"]

EVERY_SET = "esrag-docs-*"
EVERY_ANSWER = "esrag-answers-*"


@dataclass(frozen=True, slots=True)
class IndexPrivileges:
    """Privileges on indices, by name or pattern."""

    names: tuple[str, ...]
    privileges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Privileges:
    """Cluster privileges and index privileges; empty is false."""

    cluster: tuple[str, ...] = ()
    indices: tuple[IndexPrivileges, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cluster or self.indices)

    def __or__(self, other: Privileges) -> Privileges:
        """Both together, nothing twice, in the order in which it was first named."""
        merged: dict[tuple[str, ...], dict[str, None]] = {}
        for entry in (*self.indices, *other.indices):
            merged.setdefault(entry.names, {}).update(dict.fromkeys(entry.privileges))
        return Privileges(
            cluster=tuple(dict.fromkeys((*self.cluster, *other.cluster))),
            indices=tuple(IndexPrivileges(names, tuple(held)) for names, held in merged.items()),
        )

    @classmethod
    def single(cls, privilege: str, pattern: str) -> Privileges:
        """One privilege on an index pattern, or with '' in the cluster."""
        if not pattern:
            return cls(cluster=(privilege,))
        return cls(indices=(IndexPrivileges((pattern,), (privilege,)),))

    def flat(self) -> tuple[tuple[str, str], ...]:
        """Every single privilege as (privilege, index pattern); '' as pattern for the cluster."""
        return (
            *((name, "") for name in self.cluster),
            *(
                (name, pattern)
                for entry in self.indices
                for pattern in entry.names
                for name in entry.privileges
            ),
        )

    def without(self, privilege: str) -> Privileges:
        """The same less one privilege, wherever it stands."""
        entries = (
            IndexPrivileges(entry.names, tuple(p for p in entry.privileges if p != privilege))
            for entry in self.indices
        )
        return Privileges(
            cluster=tuple(name for name in self.cluster if name != privilege),
            indices=tuple(entry for entry in entries if entry.privileges),
        )

    def reduced(self) -> Privileges:
        """The same without names that another one grants: ``X`` grants all that begins so."""
        return Privileges(
            cluster=_reduced(self.cluster),
            indices=tuple(
                IndexPrivileges(entry.names, _reduced(entry.privileges)) for entry in self.indices
            ),
        )

    def lines(self) -> tuple[str, ...]:
        """In words, for a message: ``privilege`` or ``privilege on index, index``."""
        on: dict[str, list[str]] = {}
        for name, pattern in self.flat():
            on.setdefault(name, []).extend([pattern] if pattern else [])
        return tuple(f"{name} on {', '.join(at)}" if at else name for name, at in on.items())

    def as_body(self) -> dict[str, Any]:
        """As ``cluster`` and ``indices`` of a role, a key or a question to the cluster."""
        return {
            "cluster": list(self.cluster),
            "indices": [
                {"names": list(entry.names), "privileges": list(entry.privileges)}
                for entry in self.indices
            ],
        }


@dataclass(frozen=True, slots=True)
class _Need:
    scope: Scope
    privileges: tuple[str, ...]
    part: Part = "always"


_PROBE = (
    _Need(
        "cluster",
        (
            "cluster:monitor/main",
            "cluster:monitor/xpack/license/get",
            "cluster:monitor/xpack/info",
            "cluster:monitor/xpack/ml/info/get",  # refused, the cluster would pass for one without
        ),
    ),
    _Need(
        "cluster",
        ("cluster:monitor/xpack/inference/get", "cluster:monitor/xpack/inference/post"),
        "endpoints",
    ),
)
_SEE_MODELS = _Need(
    "cluster",
    (
        "cluster:monitor/xpack/ml/inference/get",
        "cluster:monitor/xpack/ml/inference/stats/get",
        "cluster:monitor/xpack/ml/memory/stats/get",
    ),
    "machine learning",
)
_INFER = _Need("cluster", ("cluster:monitor/xpack/ml/inference/infer",), "machine learning")
_LOOK = (
    *_PROBE,
    _SEE_MODELS,
    _Need(
        "cluster",
        (
            "cluster:admin/component_template/get",
            "indices:admin/index_template/get",
            "cluster:admin/ingest/pipeline/get",
            "cluster:admin/script/get",
        ),
    ),
    _Need(
        "docs",
        (
            "indices:admin/get",
            "indices:admin/aliases/get",
            "indices:admin/mappings/get",
            "indices:monitor/settings/get",
        ),
    ),
    _Need("meta", ("indices:admin/get", "indices:data/read/get", "indices:data/read/search")),
    _Need("dlq", ("indices:admin/get",)),
    _Need("answers", ("indices:admin/get",), "answers"),
)
# A stored template needs no privilege of its own; the others are what a fusion does inside, and
# the field caps tell who embeds.
_RUN_TEMPLATES = _Need(
    "docs",
    (
        "indices:data/read/search",
        "indices:data/read/open_point_in_time",
        "indices:data/read/open_reader_context",
        "indices:data/read/msearch",
    ),
)
_ASK_FIELDS = _Need("docs", ("indices:data/read/field_caps",))
_RUN_MODELS = _Need(
    "cluster",
    (
        "cluster:admin/xpack/ml/inference/put",
        "cluster:admin/xpack/ml/trained_models/part/put",
        "cluster:admin/xpack/ml/trained_models/vocabulary/put",
        "cluster:admin/xpack/ml/inference/delete",
        "cluster:admin/xpack/ml/trained_models/deployment/start",
        "cluster:admin/xpack/ml/trained_models/deployment/update",
        "cluster:admin/xpack/ml/trained_models/deployment/stop",
    ),
    "machine learning",
)
_PUT_BODIES = _Need(
    "cluster",
    (
        "cluster:admin/component_template/put",
        "indices:admin/index_template/put",
        "cluster:admin/ingest/pipeline/put",
        "cluster:admin/ingest/pipeline/simulate",
        "cluster:admin/script/put",
    ),
)
_PUT_ENDPOINTS = _Need(
    "cluster",
    ("cluster:admin/xpack/inference/put", "cluster:admin/xpack/inference/delete"),
    "endpoints",
)
_PUT_INDEX = _Need(
    "docs",
    (
        "indices:admin/create",
        "indices:admin/aliases",
        "indices:admin/mapping/put",
        "indices:admin/settings/update",
    ),
)
_MAKE_SERVICE_INDICES = tuple(
    _Need(
        scope,
        ("indices:admin/create", "indices:admin/mapping/put", "indices:admin/settings/update"),
    )
    for scope in ("meta", "dlq")
)
_MAKE_ANSWERS_INDEX = _Need(
    "answers",
    ("indices:admin/create", "indices:admin/mapping/put", "indices:admin/settings/update"),
    "answers",
)
_MAKE_NOTES_INDEX = _Need("meta", ("indices:admin/create",))  # the lock is kept in it
# the lock, and the notes about objects that cannot carry a mark
_TAKE_NOTES = _Need(
    "meta",
    (
        "indices:data/write/bulk",
        "indices:data/write/index",
        "indices:data/write/delete",
    ),
)
_DELETE = (
    _Need(
        "cluster",
        (
            "cluster:admin/component_template/delete",
            "indices:admin/index_template/delete",
            "cluster:admin/ingest/pipeline/delete",
            "cluster:admin/script/delete",
        ),
    ),
    _Need(
        "cluster",
        (
            "cluster:admin/xpack/ml/inference/delete",
            "cluster:admin/xpack/ml/trained_models/deployment/stop",
        ),
        "machine learning",
    ),
    _Need("cluster", ("cluster:admin/xpack/inference/delete",), "endpoints"),
    _Need(
        "docs",
        (
            "indices:admin/aliases",
            "indices:admin/settings/update",
            "indices:admin/delete",
            "indices:data/read/search",
        ),
    ),
    _Need("meta", ("indices:admin/delete",)),
    _Need("dlq", ("indices:admin/delete", "indices:data/read/search")),
    # it may be there from a time when answers were kept
    _Need("answers", ("indices:admin/get", "indices:admin/delete", "indices:data/read/search")),
)
_COPY = (
    _Need(
        "docs",
        (
            "indices:admin/refresh",
            "indices:admin/block/add",
            "indices:monitor/stats",
            "indices:data/read/search",
            "indices:data/read/mget",
            "indices:data/read/field_caps",
            "indices:data/read/open_point_in_time",
            "indices:data/read/open_reader_context",
            "indices:data/write/bulk",
            "indices:data/write/index",
            "indices:data/write/delete",
            "indices:admin/delete",
        ),
    ),
    _Need("cluster", ("cluster:admin/ingest/pipeline/delete",)),
)
_EXAMINE = (
    _Need(
        "cluster",
        (
            "cluster:monitor/health",
            "cluster:monitor/nodes/stats",
            "cluster:monitor/allocation/stats",  # nodes/stats asks for it in the caller's name
            "cluster:monitor/settings",
        ),
    ),
    _Need("docs", ("indices:data/read/search",)),
    _Need("meta", ("indices:monitor/settings/get",)),
    _Need("dlq", ("indices:monitor/settings/get", "indices:data/read/search")),
)

_SCAN = (
    "indices:data/read/search",
    "indices:data/read/open_point_in_time",
    "indices:data/read/open_reader_context",
)

_NEEDS: dict[Command, tuple[_Need, ...]] = {
    "plan": _LOOK,
    "status": (*_LOOK, _Need("docs", ("indices:data/read/search",))),
    "setup": (
        *_LOOK,
        _RUN_MODELS,
        _INFER,
        _PUT_BODIES,
        _PUT_ENDPOINTS,
        _PUT_INDEX,
        *_MAKE_SERVICE_INDICES,
        _MAKE_ANSWERS_INDEX,
        _TAKE_NOTES,
        _RUN_TEMPLATES,
    ),
    "teardown": (*_LOOK, *_DELETE, _MAKE_NOTES_INDEX, _TAKE_NOTES),
    "reembed": (
        *_LOOK,
        _RUN_MODELS,
        _INFER,
        _PUT_BODIES,
        _PUT_ENDPOINTS,
        _PUT_INDEX,
        *_COPY,
        _MAKE_NOTES_INDEX,
        _TAKE_NOTES,
        _RUN_TEMPLATES,
    ),
    "doctor": (*_LOOK, *_EXAMINE),
    "model": (*_PROBE, _SEE_MODELS, _RUN_MODELS, _INFER),
    "ingest": (
        _Need("cluster", ("cluster:monitor/main",)),
        _Need(
            "docs",
            (
                "indices:admin/aliases/get",
                "indices:admin/mappings/get",
                "indices:admin/refresh",
                "indices:data/read/search",
                "indices:data/write/bulk",
                "indices:data/write/index",
                "indices:data/write/delete",
            ),
        ),
    ),
    "verify": (
        _Need("cluster", ("cluster:monitor/main",)),
        _Need("docs", ("indices:admin/aliases/get", "indices:admin/refresh", *_SCAN)),
    ),
    "dlq": (
        _Need("dlq", (*_SCAN, "indices:data/write/bulk", "indices:data/write/delete")),
        _Need(
            "docs",
            (
                "indices:admin/aliases/get",
                "indices:data/read/search",
                "indices:data/write/bulk",
                "indices:data/write/index",
            ),
        ),
    ),
    "search": (_ASK_FIELDS, _RUN_TEMPLATES),
    "ask": (_ASK_FIELDS, _RUN_TEMPLATES, _INFER),
    "explain": (_Need("answers", ("indices:data/read/get", "indices:data/read/search")),),
}


def needed(
    command: Command,
    set_name: str | None,
    *,
    machine_learning: bool = True,
    endpoints: bool = True,
    answers: bool = True,
) -> Privileges:
    """The privileges of one command on one document set, or on all with None.

    ``machine_learning`` and ``endpoints`` say which parts the cluster has, ``answers`` whether
    answers are kept; what belongs to a part that is not there is not asked for.
    """
    parts = {"machine learning": machine_learning, "endpoints": endpoints, "answers": answers}
    absent = {part for part, there in parts.items() if not there}
    found = Privileges()
    for need in _NEEDS[command]:
        if need.part not in absent:
            found |= _scoped(need.privileges, need.scope, set_name)
    return found.reduced()


def together(each: Iterable[Privileges]) -> Privileges:
    """The union."""
    found = Privileges()
    for one in each:
        found |= one
    return found.reduced()


def document_indices(set_name: str | None) -> tuple[str, ...]:
    """Patterns for the indices of a set: alias and generations, as authorisation wants both."""
    if set_name is None:
        return (EVERY_SET,)
    names = Names(set_name)
    return (names.alias, names.index_pattern)


def answer_indices(set_name: str | None) -> tuple[str, ...]:
    """The index that keeps the answers of a set, or those of all."""
    return (EVERY_ANSWER,) if set_name is None else (Names(set_name).answers,)


def _reduced(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        name
        for name in names
        if not any(":" in other and other != name and name.startswith(other) for other in names)
    )


def _scoped(privileges: Sequence[str], scope: Scope, set_name: str | None) -> Privileges:
    if scope == "cluster":
        return Privileges(cluster=tuple(privileges))
    places = {
        "docs": document_indices(set_name),
        "meta": (META_INDEX,),
        "dlq": (DLQ_INDEX,),
        "answers": answer_indices(set_name),
    }
    return Privileges(indices=(IndexPrivileges(places[scope], tuple(privileges)),))
