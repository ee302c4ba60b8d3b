"""Documents that come in while a set moves, and the way back."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from library import Library, made_chunks, require_embedded_by

from esrag.cluster import models
from esrag.cluster.bulk import Action, Verdict
from esrag.cluster.chunk_index import ChunkIndex
from esrag.cluster.delivery import Delivery
from esrag.cluster.pressure import Window
from esrag.privileges import needed

if TYPE_CHECKING:
    from conftest import Models


@dataclass
class Writer:
    """Adds, changes and deletes chunks as ingest does, and knows what must be there."""

    library: Library
    held: dict[str, dict[str, Any]]
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[Exception] = field(default_factory=list)
    rounds: int = 0

    def loop(self) -> None:
        """Write until told to stop; every chunk must be acknowledged."""
        index = ChunkIndex(self.library.es, self.library.names)
        index.require()
        delivery = Delivery(index.send, Window(64))
        chance = random.Random(5)
        try:
            while not self.stop.is_set():
                items = delivery.deliver(self._batch(chance))
                assert {item.verdict for item in items} == {Verdict.ACKNOWLEDGED}, items
                self.rounds += 1
        except Exception as error:  # noqa: BLE001 - shown by the test
            self.errors.append(error)

    def _batch(self, chance: random.Random) -> list[Action]:
        new = list(made_chunks(self.library.set, 10, seed=1000 + self.rounds))
        changed = [
            {**each, "_id": key, "document_id": self.held[key]["document_id"]}
            for key, each in zip(chance.sample(sorted(self.held), 5), new, strict=False)
        ]
        written = {each.pop("_id"): each for each in (*new, *changed)}
        gone = [key for key in chance.sample(sorted(self.held), 3) if key not in written]
        self.held = {key: each for key, each in self.held.items() if key not in gone} | written
        actions = [
            Action("index", key, 0, json.dumps(each).encode()) for key, each in written.items()
        ]
        return actions + [Action("delete", key, 0) for key in gone]


@contextmanager
def written_to(library: Library, held: Mapping[str, Any]) -> Iterator[Writer]:
    """A writer in a thread for the time of the block."""
    writer = Writer(library, {key: dict(each) for key, each in held.items()})
    thread = threading.Thread(target=writer.loop, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop.set()
        thread.join(120)


def originals(library: Library) -> dict[str, dict[str, Any]]:
    """What the set was filled with."""
    return {each.pop("_id"): each for each in made_chunks(library.set, 600, 1)}


def require_held(library: Library, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """The set holds exactly these chunks."""
    found = library.chunks(library.live)
    assert found.keys() == wanted.keys()
    for key, source in wanted.items():
        assert {name: found[key].get(name) for name in source} == source


def test_what_is_written_meanwhile_is_in_the_new_generation(library: Library, tiny: Models) -> None:
    """Vectors of the same length: one that went the wrong way would be noticed by nobody else."""
    with written_to(library, originals(library)) as writer:
        outcome = library.move_to(tiny.other)
    assert outcome.code == 0, outcome.talk
    assert not writer.errors
    assert writer.rounds > 10
    require_held(library, writer.held)
    require_embedded_by(library.es, tiny.other, list(library.chunks(library.live).values()))


def test_a_rollback_brings_later_writes_along(library: Library, tiny: Models) -> None:
    """New, changed and deleted after the move; then everything is as before it, and pruned."""
    assert library.move_to(tiny.longer).code == 0
    held = originals(library)
    with written_to(library, held) as writer:
        writer.stop.wait(1)
    outcome = library.run("reembed", "--rollback", "--yes", "--grace", "0.5")
    assert outcome.code == 0, outcome.talk
    assert (library.live, writer.errors) == (library.names.index(1), [])
    require_held(library, writer.held)
    require_embedded_by(library.es, tiny.first, list(library.chunks(library.live).values()))
    assert library.changes_of(tiny.first) == ()
    assert library.run("reembed", "--prune", "--yes").code == 0
    assert not library.es.indices.exists(index=library.names.index(2))
    assert library.changes_of(tiny.first) == ()
    assert models.read_model(library.es, tiny.longer.model_id) is None


def test_the_privileges_that_are_asked_for_suffice(library: Library, tiny: Models) -> None:
    """To move, to go back, and to prune, with a key that may do nothing else."""
    held = needed("reembed", library.set).as_body()
    made = library.es.security.create_api_key(
        name=f"{library.set}-key", role_descriptors={"reembed": held}
    )
    key = {"ESRAG_ELASTICSEARCH_API_KEY": made["encoded"]}
    outcome = library.move_to(tiny.other, **key)
    assert outcome.code == 0, outcome.talk
    back = library.run("reembed", "--rollback", "--yes", "--grace", "0.5", **key)
    assert back.code == 0, back.talk
    pruned = library.run("reembed", "--prune", "--yes", **key)
    assert pruned.code == 0, pruned.talk
