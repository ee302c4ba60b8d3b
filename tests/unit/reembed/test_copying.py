"""Copying between two generations in memory: whole, again, resumed, refused, throttled."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from esrag.cluster.bulk import Action, BulkRefused, Item, Verdict
from esrag.cluster.chunk_scan import StoredChunk
from esrag.cluster.delivery import Delivery
from esrag.errors import RejectedError, UnavailableError
from esrag.reembedding.copying import Copier, Pace, Progress
from esrag.reembedding.dressing import embedded_by_cluster, with_own_vectors

PAGE = 7


class Sides:
    """Two indices as dictionaries; ``answer`` may spoil the answer to an action."""

    def __init__(self, count: int) -> None:
        self.source: dict[str, dict[str, Any]] = {
            f"id{number}": {
                "document_id": f"d{number // 3:03d}",
                "position": number % 3,
                "text": f"text {number}",
                "content_hash": f"hash {number}",
            }
            for number in range(count)
        }
        self.target: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, int]] = []
        self.verdicts: dict[str, list[Verdict]] = {}

    def pages(
        self, *, from_document: str = "", above: int | None = None
    ) -> Iterator[tuple[StoredChunk, ...]]:
        """The source in order."""
        chunks = [
            StoredChunk(key, dict(source), source["document_id"])
            for key, source in self.source.items()
            if source["document_id"] >= from_document
        ]
        for first in range(0, len(chunks), PAGE):
            yield tuple(chunks[first : first + PAGE])

    def target_ids(self) -> Iterator[tuple[StoredChunk, ...]]:
        """Ids alone."""
        yield tuple(StoredChunk(key, {}) for key in list(self.target))

    def in_target(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """By id."""
        return {key: self.target[key] for key in ids if key in self.target}

    def in_source(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """By id."""
        return {key: self.source[key] for key in ids if key in self.source}

    def send(self, actions: Sequence[Action], *, pipeline: str) -> list[Item]:
        """Follow the script, else store."""
        self.requests.append((pipeline, len(actions)))
        items = []
        for action in actions:
            waiting = self.verdicts.get(action.id) or []
            verdict = waiting.pop(0) if waiting else Verdict.ACKNOWLEDGED
            if verdict is Verdict.ACKNOWLEDGED and action.kind == "index":
                self.target[action.id] = json.loads(action.source)
            elif verdict is Verdict.ACKNOWLEDGED:
                self.target.pop(action.id, None)
            items.append(Item(action, verdict, 400, "some_code", "some reason"))
        return items


def copier(sides: Sides, **options: Any) -> Copier:
    """A copier that does not wait between tries."""
    quick = partial(Delivery, tries=3, chance=lambda: -9.0)
    return Copier(sides, embedded_by_cluster("embed"), max_batch=5, delivery=quick, **options)


def test_everything_is_copied_once() -> None:
    """A second pass reads and sends nothing."""
    sides = Sides(40)
    assert copier(sides).copy().sent == 40
    assert sides.target == sides.source
    sides.requests.clear()
    assert (copier(sides).copy().sent, sides.requests) == (0, [])


def test_what_changed_is_sent_and_what_is_gone_is_removed() -> None:
    """A catch-up pass."""
    sides = Sides(40)
    copier(sides).copy()
    sides.source["id7"]["content_hash"] = "another"
    del sides.source["id8"]
    assert copier(sides).copy().sent == 1
    assert copier(sides).remove_gone().removed == 1
    assert sides.target == sides.source


def test_chunks_of_others_are_compared_as_a_whole() -> None:
    """Without a hash a changed field is seen, a new time of indexing is not."""
    sides = Sides(3)
    for source in sides.source.values():
        del source["content_hash"]
    copier(sides).copy()
    sides.target["id1"]["indexed_at"] = "later"
    assert copier(sides).copy().sent == 0
    sides.source["id1"]["text"] = "changed"
    assert copier(sides).copy().sent == 1


@pytest.mark.parametrize("seed", range(10))
def test_resumed_where_progress_said_nothing_is_missing(seed: int) -> None:
    """Stopped at any progress, the next pass from there completes the copy."""
    chance = random.Random(seed)
    sides, seen = Sides(60), [""]
    stop_at = chance.randrange(1, 8)

    def show(progress: Progress) -> None:
        seen.append(progress.document)
        if len(seen) > stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copier(sides, on_progress=show).copy()
    copier(sides).copy(from_document=seen[-1])
    assert sides.target.keys() == sides.source.keys()


def test_a_refused_chunk_is_named_after_all_others_went_through() -> None:
    """The new generation must not take over without it."""
    sides = Sides(20)
    sides.verdicts["id3"] = [Verdict.REJECTED]
    with pytest.raises(RejectedError, match="id3: 400 some_code: some reason"):
        copier(sides).copy()
    assert sides.target.keys() == sides.source.keys() - {"id3"}


def test_progress_stops_before_a_refused_chunk() -> None:
    """A later run that begins at the noted document meets the chunk again."""
    sides, seen = Sides(40), [""]
    sides.verdicts["id10"] = [Verdict.REJECTED]

    def show(progress: Progress) -> None:
        seen.append(progress.document)

    with pytest.raises(RejectedError):
        copier(sides, on_progress=show).copy()
    assert max(seen) <= sides.source["id10"]["document_id"]


def test_a_busy_deployment_is_asked_again_and_with_less() -> None:
    """Nothing is lost and nothing is refused."""
    sides = Sides(30)
    sides.verdicts["id2"] = [Verdict.BUSY, Verdict.BUSY]
    assert copier(sides).copy().sent == 30
    assert sides.target == sides.source


def test_a_server_that_does_not_come_back_ends_the_pass() -> None:
    """As an error that the same command can follow."""
    sides = Sides(10)

    def send(actions: Sequence[Action], *, pipeline: str) -> list[Item]:
        raise BulkRefused(Verdict.AGAIN, 503, "down", UnavailableError("down"), lost=True)

    sides.send = send  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match="down"):
        copier(sides).copy()


def test_own_vectors_pass_no_pipeline() -> None:
    """A chunk without one is embedded; both stay what they were otherwise."""
    sides = Sides(4)
    for key in ("id0", "id1", "id2"):
        sides.source[key]["embedding"] = [1.0, 2.0]
    Copier(sides, with_own_vectors(embedded_by_cluster("embed"))).copy()
    assert sorted(sides.requests) == [("_none", 3), ("embed", 1)]
    assert sides.target == sides.source


def test_the_cluster_is_not_sent_old_vectors() -> None:
    """The pipeline makes new ones."""
    sides = Sides(2)
    sides.source["id0"]["embedding"] = [1.0]
    copier(sides).copy()
    assert "embedding" not in sides.target["id0"]


def test_the_rate_holds_over_time() -> None:
    """The first request goes at once, each later one when its turn has come."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace(10, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        pace.take(5)
    assert now[0] == pytest.approx(2.0)
    assert pace.at_once(256) == 10
    assert Pace(None).at_once(256) == 256
