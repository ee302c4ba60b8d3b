"""What a pool of parsers is asked to do, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from esrag.chunking import ChunkRules
from esrag.corpus.options import ReadingOptions
from esrag.corpus.records import Parsed, Rejected, Skipped
from esrag.types import Chunk


@dataclass(frozen=True, slots=True)
class CuttingTask:
    """How files become chunks: the same for all files of a run.

    ``tokenizer`` is the file ``tokenizer.json`` of the embedding model; ``reading`` is what the
    user says about how inputs are read.
    """

    set_name: str
    model_id: str
    tokenizer: Path
    rules: ChunkRules
    reading: ReadingOptions = field(default_factory=ReadingOptions)


@dataclass(frozen=True, slots=True)
class Cut:
    """A document with its chunks; ``hash`` changes when what would be indexed changes.

    The blocks of ``parsed.document`` have done their work and are not there any more.
    """

    parsed: Parsed
    hash: str
    chunks: tuple[Chunk, ...]


Outcome = Cut | Rejected | Skipped


@dataclass(frozen=True, slots=True)
class Read:
    """What became of the file ``number``, or of a part of it; None when it is finished."""

    number: int
    outcome: Outcome | None


def rest_of(rejected: Rejected, parts: int) -> Rejected:
    """The rejection of a file of which ``parts`` outcomes were known already: they stay."""
    if not parts:
        return rejected
    reason = f"{rejected.reason}; what came before it, {parts} parts, stays"
    return replace(rejected, reason=reason, place="rest")
