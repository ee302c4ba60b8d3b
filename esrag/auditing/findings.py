"""What an audit can find, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "missing", "incomplete", "surplus", "doubled", "mixed", "other_version", "no_vector", "unknown"
]

_AGAIN = "Ingest its origin again: what is not whole is sent again."

ADVICE: dict[Kind, str] = {
    "missing": "The books say that the index has it, and it has not. " + _AGAIN,
    "incomplete": "Chunks of it are missing. " + _AGAIN,
    "surplus": "It has more chunks than it was cut into. " + _AGAIN,
    "doubled": "Chunks share a position: somebody else writes under the same document id. "
    "All of it goes with esrag forget --source ID; then ingest its origin again.",
    "mixed": "Chunks of several versions are there. " + _AGAIN,
    "other_version": "Another version is there than the books say. " + _AGAIN,
    "no_vector": "Chunks of it have no vector and are not found by meaning. "
    "Look at the pipeline (esrag doctor). " + _AGAIN,
    "unknown": "The books know where it comes from, but not the document itself. Was it ingested "
    "by another machine? If it is not wanted: esrag forget --source ID",
}
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one document."""

    document_id: str
    kind: Kind
    detail: str
    origin: str = ""
    path: str = ""
