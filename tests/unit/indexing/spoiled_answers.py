"""A server that applies bulk requests, and spoils their answers by chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from memory_index import MemoryIndex

from esrag.cluster.bulk import Action, BulkRefused, Item, Verdict, read_answer
from esrag.errors import PermissionDeniedError, UnavailableError

TARGET = "esrag-docs-set"


class SpoilingIndex(MemoryIndex):
    """``rate`` is how likely each kind of fault is; 0 makes it a quiet index.

    Of one shard, it takes the deletes of a request or refuses all of it; of several, each action
    has its own fate.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rate = 0.0
        self._chance = random.Random(seed)

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """What the server did may be more than its answer says, or can be read from it."""
        self.requests.append(list(actions))
        if self._happens():
            raise self._refusal(len(actions))
        refused = self.is_one_shard and self._happens()
        items = [self._answer(action, refused=refused) for action in actions]
        if self._happens():
            self._spoil(items)
        if self._happens():
            raise BulkRefused(Verdict.AGAIN, 0, "cut", UnavailableError("cut"), lost=True)
        return read_answer(actions, {"items": items}, target=TARGET)

    def _happens(self) -> bool:
        return self._chance.random() < self.rate

    def _refusal(self, count: int) -> BulkRefused:
        error = UnavailableError("no")
        if count > 1 and self._happens():
            return BulkRefused(Verdict.HALVE, self._chance.choice((400, 413)), "too much", error)
        if self._happens() and self._happens():
            return BulkRefused(Verdict.STOP, 403, "forbidden", PermissionDeniedError("no"))
        verdict = self._chance.choice((Verdict.BUSY, Verdict.AGAIN))
        return BulkRefused(verdict, 503, "busy", error, lost=verdict is Verdict.AGAIN)

    def _answer(self, action: Action, *, refused: bool) -> dict[str, Any]:
        """A chunk may fail in the pipeline by itself; a shard refuses all that is for it."""
        fields: dict[str, Any] = {"_index": f"{TARGET}-000001", "_id": action.id}
        alone = action.kind == "index" or not self.is_one_shard
        if refused:
            fields |= {"status": 429, "error": {"type": "rejected", "reason": "queue is full"}}
        elif alone and self._happens():
            statuses = (429, 503, 500) if action.kind == "delete" else (400, 429, 409, 500, 503)
            fields["status"] = self._chance.choice(statuses)
            fields["error"] = {"type": "some_exception", "reason": "by chance"}
        else:
            fields["status"] = self._apply(action).status
            fields["result"] = "done"
        return {action.kind: fields}

    def _spoil(self, items: list[dict[str, Any]]) -> None:
        kind = self._chance.choice(("short", "long", "order", "other"))
        if kind == "short":
            items.pop()
        elif kind == "long":
            items.append(items[0])
        elif kind == "order":
            self._chance.shuffle(items)
        else:
            items[0] = {"index": {"_id": "unknown", "_index": TARGET, "status": 201}}
