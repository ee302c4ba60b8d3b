"""Is the new generation fit to take over: complete, embedded, of the right length, as good.

Counts are compared for all chunks, lengths and zeros of vectors for a sample: the mapping refuses
other lengths, and cosine refuses zeros, so the sample only guards against a mapping that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster.chunk_scan import VECTOR
from esrag.cluster.client import explained
from esrag.errors import RejectedError
from esrag.questions import KnownQuestion, supports
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SAMPLE = 200
GATE_HITS = 10
_SEED = 20261122

Ask = Callable[[str, str], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Vectors:
    """What was found of the target's vectors: chunks, chunks with one, and a sample of lengths."""

    chunks: int
    embedded: int
    sampled: int
    lengths: Mapping[int, int]
    zeros: int


@dataclass(frozen=True, slots=True)
class GateResult:
    """How much of the evidence either generation finds, of 1; and what only the old one finds."""

    questions: int
    old: float
    new: float
    lost: tuple[str, ...]

    def describe(self) -> str:
        """Both numbers in one line."""
        return (
            f"recall@{GATE_HITS} over {self.questions} questions: "
            f"old generation {self.old:.4f}, new generation {self.new:.4f}"
        )


def sample_body(size: int = SAMPLE) -> dict[str, Any]:
    """A search for so many chunks, chosen by chance, with their vectors alone."""
    return {
        "size": size,
        "track_total_hits": True,
        "query": {
            "function_score": {
                "query": {"exists": {"field": VECTOR}},
                "functions": [{"random_score": {"seed": _SEED, "field": "_seq_no"}}],
                "boost_mode": "replace",
            }
        },
        "_source": {"includes": [VECTOR], "exclude_vectors": False},
    }


def look_at_vectors(client: Elasticsearch, index: str) -> Vectors:
    """Count and sample the vectors of an index; refresh it before."""
    with explained(f"looking at the vectors of {index}"):
        chunks = int(client.count(index=index)["count"])
        answer = client.search(index=index, body=sample_body(), allow_partial_search_results=False)
    found = [hit["_source"].get(VECTOR) or [] for hit in answer["hits"]["hits"]]
    lengths: dict[int, int] = {}
    for vector in found:
        lengths[len(vector)] = lengths.get(len(vector), 0) + 1
    return Vectors(
        chunks=chunks,
        embedded=int(answer["hits"]["total"]["value"]),
        sampled=len(found),
        lengths=lengths,
        zeros=sum(not any(vector) for vector in found),
    )


def require_whole(found: Vectors, *, wanted: int, dims: int) -> None:
    """Raises RejectedError naming everything that keeps the target from taking over."""
    wrong: list[str] = []
    if found.chunks != wanted:
        wrong.append(f"it holds {found.chunks} chunks, the old generation {wanted}")
    if found.embedded != found.chunks:
        wrong.append(f"{found.chunks - found.embedded} chunks have no vector")
    others = {length: count for length, count in found.lengths.items() if length != dims}
    if others:
        wrong.append(
            f"of {found.sampled} vectors looked at, these have not {dims} numbers: {others}"
        )
    if found.zeros:
        wrong.append(f"of {found.sampled} vectors looked at, {found.zeros} are all zeros")
    if wrong:
        raise RejectedError(
            "the new generation does not take over:\n" + "\n".join(f"  {each}" for each in wrong),
            hint="The old generation serves as before. Run the same command again to go on.",
        )


def measure_gate(questions: Sequence[KnownQuestion], ask: Ask, *, old: str, new: str) -> GateResult:
    """Ask both generations every question that has evidence; ``ask`` gets index and question."""
    known = [question for question in questions if question.evidence]
    recalls: dict[str, list[float]] = {old: [], new: []}
    lost: list[str] = []
    for question in known:
        for index in (old, new):
            recalls[index].append(_recall(question, ask(index, question.text)))
        if recalls[new][-1] < recalls[old][-1]:
            lost.append(question.id)
    count = max(1, len(known))
    return GateResult(len(known), sum(recalls[old]) / count, sum(recalls[new]) / count, tuple(lost))


def require_gate(found: GateResult, *, tolerance: float) -> None:
    """Raises RejectedError when the new generation finds too little."""
    if found.old - found.new <= tolerance + 1e-9:
        return
    shown = ", ".join(found.lost[:10]) + (", …" if len(found.lost) > 10 else "")
    raise RejectedError(
        f"the new generation finds less than the gate allows (tolerance {tolerance:g}): "
        f"{found.describe()}; worse on {shown}",
        hint="The old generation serves as before, the new one is kept. Accept it with a higher "
        "--tolerance, or give it up with: esrag reembed --abandon",
    )


def _recall(question: KnownQuestion, hits: Sequence[Hit]) -> float:
    found = sum(any(supports(hit, each) for hit in hits) for each in question.evidence)
    return found / len(question.evidence)
