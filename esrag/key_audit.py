"""What is wrong with keys: a pure comparison of what the server says with the roles of today.

    findings(keys, now=…) ──> Finding(key, problem, detail)

A key's descriptor says what was asked for; ``limited_by`` what its maker had.  What the key may
do is what both allow.  Named privileges that the table below does not hold are not judged.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esrag.cluster.api_keys import ApiKey
from esrag.privileges import Privileges
from esrag.roles import KEY_ROLES, role

DAY_MS = 86_400_000

# What the named privileges of our documented roles hold, as beginnings of action names; of each
# only as much as our own lists touch.
_HOLDS: dict[str, tuple[str, ...]] = {
    "monitor": ("cluster:monitor/",),
    "monitor_ml": ("cluster:monitor/xpack/ml/",),
    "manage_ml": ("cluster:admin/xpack/ml/", "cluster:monitor/xpack/ml/"),
    "monitor_inference": ("cluster:monitor/xpack/inference",),
    "manage_inference": ("cluster:monitor/xpack/inference", "cluster:admin/xpack/inference"),
    "read": ("indices:data/read/",),
    "index": ("indices:data/write/index", "indices:data/write/bulk", "indices:data/write/update"),
    "create_doc": ("indices:data/write/bulk", "indices:data/write/index:op_type/create"),
    "delete": ("indices:data/write/delete", "indices:data/write/bulk"),
    "write": ("indices:data/write/",),
    "maintenance": ("indices:admin/refresh", "indices:admin/flush", "indices:admin/forcemerge"),
    "view_index_metadata": (
        "indices:admin/aliases/get",
        "indices:admin/get",
        "indices:admin/mappings/get",
        "indices:monitor/settings/get",
        "indices:data/read/field_caps",
    ),
}
_PARTS: dict[str, tuple[str, ...]] = {
    "write": ("index", "create_doc", "delete", "create"),
    "index": ("create_doc", "create"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one key, in words."""

    key: ApiKey
    problem: str
    detail: str


def findings(keys: Sequence[ApiKey], *, now: int, soon_days: int = 14) -> tuple[Finding, ...]:
    """All that is wrong with ``keys`` at ``now`` (milliseconds); expired keys harm nobody."""
    live = [key for key in keys if key.expires is None or key.expires > now]
    found: list[Finding] = []
    for key in live:
        if not key.ours:
            if key.name.startswith("esrag-"):
                found.append(Finding(key, "unknown", "named like ours, but not made by esrag"))
            continue
        found += _lifetime(key, now, soon_days)
        found += _rights(key)
    return (*found, *_duplicates(live))


def covers(limits: Iterable[Mapping[str, Any]], privilege: str, pattern: str) -> bool | None:
    """Whether role descriptors allow a privilege on an index pattern, or '' for the cluster.

    None when a privilege or pattern among them is not known here.
    """
    unsure = False
    for each in limits:
        if not pattern:
            judged = [_allows(held, privilege) for held in each.get("cluster", ())]
        else:
            judged = [
                _both(_within(pattern, name), _allows(held, privilege))
                for entry in each.get("indices", ())
                for name in entry["names"]
                for held in entry["privileges"]
            ]
        if True in judged:
            return True
        unsure = unsure or None in judged
    return None if unsure else False


def _lifetime(key: ApiKey, now: int, soon_days: int) -> list[Finding]:
    if key.expires is None:
        return [Finding(key, "no expiry", "it never ends")]
    left = (key.expires - now) // DAY_MS
    if left < soon_days and not key.replaced_by:
        return [Finding(key, "expires soon", f"in {left} days")]
    return []


def _rights(key: ApiKey) -> list[Finding]:
    name = next((known for known in KEY_ROLES if known == key.role), None)
    if name is None:
        return [Finding(key, "unknown role", f"there is no role {key.role}")]
    wanted = role(name, None if key.set == "*" else key.set).privileges
    found = [
        Finding(key, problem, "; ".join(more.lines()))
        for problem, more in (
            ("wider than its role", _less(key.held, wanted)),
            ("weaker than its role", _less(wanted, key.held)),
        )
        if more
    ]
    cut = [
        f"{privilege} on {on}" if on else privilege
        for privilege, on in key.held.flat()
        if key.limits and covers(key.limits, privilege, on) is False
    ]
    if cut:
        found.append(Finding(key, "cut by its maker's rights", "; ".join(dict.fromkeys(cut))))
    return found


def _duplicates(live: Sequence[ApiKey]) -> list[Finding]:
    kept = [key for key in live if key.ours and not key.replaced_by and key.query is None]
    times = Counter((key.username, key.role, key.set) for key in kept)
    return [
        Finding(key, "duplicate", f"{number} keys for {key.role} on {key.set}")
        for key in kept
        if (number := times[key.username, key.role, key.set]) > 1
    ]


def _less(left: Privileges, right: Privileges) -> Privileges:
    """What ``left`` names and ``right`` does not."""
    there = set(right.flat())
    lacking = Privileges()
    for privilege, on in left.flat():
        if (privilege, on) not in there:
            lacking |= Privileges.single(privilege, on)
    return lacking


def _allows(held: str, wanted: str) -> bool | None:
    if held in ("all", wanted):
        return True
    if ":" in held:
        return ":" in wanted and fnmatch.fnmatchcase(wanted, held.rstrip("*") + "*")
    if held not in _HOLDS:
        return None
    if ":" in wanted:
        return wanted.startswith(_HOLDS[held])
    return wanted in _PARTS.get(held, ())


def _within(pattern: str, held: str) -> bool | None:
    """Whether every name that ``pattern`` matches is matched by ``held``."""
    if held.startswith("/"):
        return None  # a regular expression
    return fnmatch.fnmatchcase(pattern, held)


def _both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if None in (left, right) else True
