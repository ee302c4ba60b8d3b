"""How far a move from one generation to another is, kept in the cluster.

One document of ``esrag-meta`` for each document set: whoever runs the same command next, on
whatever machine, goes on from it.  After the move it says how to go back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from elasticsearch import NotFoundError

from esrag import __version__
from esrag.cluster.client import explained
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError
from esrag.names import META_INDEX
from esrag.state.desired import BodyKind

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

KIND = "reembed"
Phase = Literal["copying", "switched", "given up"]


@dataclass(frozen=True, slots=True)
class CommonBody:
    """A body that all generations share the name of: a component or search template."""

    kind: BodyKind
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """A move of one document set from ``source`` to ``target``, both indices.

    ``asks`` names for each index the deployment that embeds questions for it.  ``arriving`` and
    ``leaving`` are the bodies that hold while the alias leads to target and source.  All that the
    source wrote up to sequence number ``since`` is in the target; the pass under way, if any,
    will have brought all up to ``mark`` and is at ``document``.  ``later``: what the target wrote
    above this number came after the switch.
    """

    set: str
    source: str
    target: str
    spec: str
    dims: int
    pipeline: str
    own_vectors: bool
    returning: bool
    asks: Mapping[str, str]
    arriving: tuple[CommonBody, ...]
    leaving: tuple[CommonBody, ...]
    phase: Phase = "copying"
    since: int | None = None
    mark: int | None = None
    document: str = ""
    sent: int = 0
    later: int | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do of it."""
        return self.phase != "copying"


def read_journal(client: Elasticsearch, set_name: str) -> Move | None:
    """The last move of a document set, None when there was none.

    Raises ConflictError when it was written by a version that this one does not understand.
    """

    def call() -> Mapping[str, Any] | None:
        with explained("reading how far the re-embedding is"):
            try:
                found: Mapping[str, Any] = client.get(index=META_INDEX, id=_id(set_name)).body
            except NotFoundError:
                return None
        return found

    found = retrying(call)
    if found is None:
        return None
    try:
        return _move(found["_source"]["details"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConflictError(
            f"what {META_INDEX} says of the last re-embedding of {set_name} cannot be understood: "
            f"{error!r}",
            hint="Another version of esrag wrote it: use that one, or delete the document "
            f"{_id(set_name)} of {META_INDEX} when no re-embedding is under way.",
        ) from error


def write_journal(client: Elasticsearch, move: Move) -> None:
    """Note how far the move is."""
    body = {
        "kind": KIND,
        "set": move.set,
        "name": move.target,
        "version": __version__,
        "details": asdict(move),
    }

    def call() -> None:
        with explained("noting how far the re-embedding is"):
            client.index(index=META_INDEX, id=_id(move.set), document=body, require_alias=False)

    retrying(call)


def _id(set_name: str) -> str:
    return f"{KIND}:{set_name}"


def _move(facts: Mapping[str, Any]) -> Move:
    if facts["phase"] not in get_args(Phase):
        raise ValueError(facts["phase"])
    given = dict(facts)
    for side in ("arriving", "leaving"):
        given[side] = tuple(CommonBody(**body) for body in given[side])
    return Move(**given)
