"""Asks the retrievers of ``esrag evaluate``, one after the other, each some questions at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cli.evaluate_run import Wanted
    from esrag.evaluation.judged_folder import Judged
    from esrag.evaluation.rankings import Ranking
    from esrag.evaluation.retrieval_run import Entrant

RERANKED = "-reranked"


@dataclass(slots=True)
class Asked:
    """What the retrievers found, what they searched, and what a reader has to know.

    It fills while they are asked: ``entrants`` are those that were asked everything.
    """

    entrants: list[Entrant] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def ask_retrievers(
    asked: Asked, settings: Settings, wanted: Wanted, judged: Judged, folder: Path
) -> None:
    """Ask all questions of all retrievers; what ``folder`` has of them already is not asked again.

    Raises ConflictError without an index, UsageError when it has none of the relevant documents,
    and what ends the asking; ``asked`` then has what came before.
    """
    from esrag.cli.connection import connect_with
    from esrag.cli.preflight import explaining_refusals
    from esrag.cluster.index_state import state_of
    from esrag.examples.reading import require_readable
    from esrag.names import Names

    name = settings.index.set
    index = Names(name).alias
    with (
        connect_with(settings, connections=max(10, wanted.parallel)) as client,
        explaining_refusals(client, "search", name),
    ):
        require_readable(client, index)
        asked.notes += _missing(client, index, judged, ingested=wanted.ingest)
        state = state_of(client, index)
        asked.facts |= {"index": index, "state": state, "model": settings.model.id}
        for kind in wanted.retrievers:
            plain = plain_retrieval(settings, kind)
            rankings = _rankings(plain, client, kind, state, wanted, judged, folder)
            asked.entrants.append(_entrant(kind, rankings, judged, wanted.hits))


def plain_retrieval(settings: Settings, kind: str) -> Settings:
    """Settings under which the ranking itself is seen: nothing left out, nothing widened."""
    reranked = kind.endswith(RERANKED)
    retrieval = settings.retrieval
    if reranked and not (retrieval.rerank_endpoint or retrieval.rerank_url):
        raise UsageError(
            f"{kind} needs a reranker", hint="Set retrieval.rerank_endpoint or retrieval.rerank_url"
        )
    update: dict[str, Any] = {
        "template": kind.removesuffix(RERANKED),
        "near_duplicates": 0.0,  # below what settings take: here repeated passages count
        "neighbours": 0,
        "per_source": 0,
    }
    if not reranked:
        update |= {"rerank_endpoint": "", "rerank_url": ""}
    return settings.model_copy(update={"retrieval": retrieval.model_copy(update=update)})


def _rankings(
    settings: Settings,
    client: Elasticsearch,
    kind: str,
    state: str,
    wanted: Wanted,
    judged: Judged,
    folder: Path,
) -> dict[str, Ranking]:
    from esrag.cli.assembly import retriever_from
    from esrag.cli.calling_off import called_off_by_signals
    from esrag.cli.progress import Steps
    from esrag.evaluation.asking import Limits
    from esrag.evaluation.judged_folder import counted
    from esrag.evaluation.rankings import Finding, key_of, rankings_of
    from esrag.types import Query

    with (
        retriever_from(settings, client) as retriever,
        called_off_by_signals() as cancel,
        Steps() as steps,
    ):

        def search(question: str) -> Sequence[tuple[str, float]]:
            found = retriever.retrieve(Query(question, wanted.hits))
            return [(hit.document_id, hit.score) for hit in found.hits]

        key = key_of(
            kind,
            settings.retrieval.model_dump_json(),
            state,
            str(wanted.hits),
            repr(retriever.profile),
            settings.model.id,
        )
        steps.begin(f"{kind}: {counted(len(judged.questions), 'question')}")
        found = rankings_of(
            Finding(kind, search, lambda: bool(client.ping())),
            judged.questions,
            folder / "found" / f"{kind}.jsonl",
            key=key,
            limits=Limits(parallel=wanted.parallel),
            cancel=cancel,
            advance=steps.advance,
        )
        steps.end()
    return found


def _entrant(kind: str, rankings: Mapping[str, Ranking], judged: Judged, hits: int) -> Entrant:
    from esrag.evaluation.rankings import run_of
    from esrag.evaluation.records import System
    from esrag.evaluation.retrieval_run import Entrant

    failed = {name: each.error for name, each in rankings.items() if each.error}
    failed |= dict.fromkeys(judged.silent, "its text is not in queries.jsonl")
    return Entrant(
        System(kind, "retrieval", {"retrieval.template": kind.removesuffix(RERANKED)}),
        run_of(kind, rankings, judged.namer()),
        failed,
        {name: each.seconds for name, each in rankings.items() if not each.error},
        hits,
        tuple(name for name, each in rankings.items() if len(each.documents) >= hits),
    )


def _missing(
    client: Elasticsearch, index: str, judged: Judged, *, ingested: bool
) -> tuple[str, ...]:
    """What of the relevant documents the index lacks; without any of them nothing is measured."""
    from esrag.cluster.named_documents import held_among
    from esrag.evaluation.qrels import relevant

    wanted = {name for grades in judged.qrels.values() for name in relevant(grades)}
    names = {each: name for name in wanted for each in judged.in_an_index(name)}
    there = {names[each] for each in held_among(client, index, names)}
    if wanted and not there:
        raise UsageError(
            f"none of the {len(wanted):,} relevant documents is in {index}, "
            f"{min(wanted)[:80]!r} for one",
            hint=_where_from(judged, ingested=ingested),
        )
    if len(there) == len(wanted):
        return ()
    return (
        f"{len(wanted) - len(there):,} of {len(wanted):,} relevant documents are not in {index}, "
        "where no retriever can find them",
    )


def _where_from(judged: Judged, *, ingested: bool) -> str:
    """What to do without any relevant document."""
    if ingested:
        return f"Are the ids of the judgements those of {judged.corpus}? _id is what is compared."
    if judged.corpus:
        return "Name the set that holds them with --set, or index them: --ingest"
    return "Name the set that holds them with --set. Ids are as esrag ingest makes them."
