"""Every finding that the doctor can make: how serious it is, what it means, what helps.

Read from ``codes.toml`` beside this file.  A code is stable: scripts and alarms refer to it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Severity = Literal["ok", "note", "warning", "error"]

OK = "ok"
NOT_LOOKED_AT = "not-looked-at"
CHECK_FAILED = "check-failed"

# what each group looks at, in the order in which they are examined
GROUPS: Mapping[str, str] = {
    "connection": "the address, TLS, and what answers there",
    "credentials": "login or key, its expiry, its privileges",
    "licence": "what this cluster's licence allows",
    "cluster": "health, disk, blocks, memory for models, clock",
    "model": "the embedding model, its deployment, its vectors",
    "objects": "templates, pipelines, index and alias, held against the plan",
    "documents": "chunks and vectors in the index, refused documents",
    "endpoints": "inference endpoints, by a real call each",
    "generator": "the server that writes answers, and its token limits",
    "machine": "this machine: settings, data folder, bundle, packages",
}


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.  ``exit_code`` is 0 unless it is an error; ``group`` as in GROUPS."""

    name: str
    group: str
    severity: Severity
    meaning: str
    remedy: str
    exit_code: int


def _read() -> dict[str, Code]:
    text = files(__package__).joinpath("codes.toml").read_text(encoding="utf-8")
    return {
        name: Code(
            name=name,
            group=group,
            severity=entry["severity"],
            meaning=entry["meaning"],
            remedy=entry["remedy"],
            exit_code=entry.get("exit", 0),
        )
        for group, entries in tomllib.loads(text).items()
        for name, entry in entries.items()
    }


CATALOGUE: Mapping[str, Code] = _read()
