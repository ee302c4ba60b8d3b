"""A set gets another generation while it is searched and written to."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from library import (
    MOVE,
    Library,
    all_answers,
    killed_at,
    require_embedded_by,
)

if TYPE_CHECKING:
    from conftest import Models, Stack


def without_vector(chunks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The chunks as they were written, without what the pipeline adds."""
    added = ("embedding", "indexed_at")
    return {
        key: {name: value for name, value in source.items() if name not in added}
        for key, source in chunks.items()
    }


def test_questions_get_the_answer_of_one_generation_all_the_time(
    library: Library, tiny: Models
) -> None:
    """Vectors of another length; no search fails, none mixes the two models."""
    before, old = library.chunks(library.live), all_answers(library)
    with library.asked_all_the_time() as asked:
        outcome = library.move_to(tiny.longer)
    assert outcome.code == 0, outcome.talk
    assert library.live == library.names.index(2)
    after, new = library.chunks(library.live), all_answers(library)
    asked.require_answers_of(old, new)
    assert without_vector(after) == without_vector(before)
    require_embedded_by(library.es, tiny.longer, list(after.values()))
    assert library.changes_of(tiny.longer) == ()


def test_the_same_model_keeps_vectors_and_ranking(library: Library, tiny: Models) -> None:
    """Copied, not computed again, and nothing is ranked otherwise."""
    before, old = library.chunks(library.live), all_answers(library)
    calls = inferences(library, tiny.first.model_id)
    outcome = library.move_to(tiny.first, "--force", "--json")
    assert outcome.code == 0, outcome.talk
    assert json.loads(outcome.output)["own_vectors"]
    assert inferences(library, tiny.first.model_id) == calls + 1  # the try of the new pipeline
    after = library.chunks(library.live)
    assert without_vector(after) == without_vector(before)
    for key, source in before.items():
        # the server keeps a vector as direction and length, and multiplies them when asked
        assert after[key]["embedding"] == pytest.approx(source["embedding"], rel=1e-6)
    assert all_answers(library) == old
    assert library.move_to(tiny.first).output == "Nothing to do.\n"


def test_killed_at_any_request_it_goes_on(library: Library, tiny: Models, stack: Stack) -> None:
    """Two kills at seeded requests: nothing lost, nothing twice, no search fails meanwhile."""
    chance = random.Random(20261122)
    before, old = library.chunks(library.live), all_answers(library)

    def start(**environment: str) -> subprocess.Popen[str]:
        arguments = (*MOVE, tiny.longer.model_id)
        return library.start(*arguments, ESRAG_MODEL_QUEUE_CAPACITY="1024", **environment)

    with library.asked_all_the_time() as asked:
        for _ in range(2):
            at, answered = chance.randrange(5, 50), chance.random() < 0.5
            assert killed_at(stack.elasticsearch_url, start, at=at, answered=answered)
        assert library.move_to(tiny.longer).code == 0
    after = library.chunks(library.live)
    asked.require_answers_of(old, all_answers(library))
    assert without_vector(after) == without_vector(before)
    require_embedded_by(library.es, tiny.longer, list(after.values()))


def inferences(library: Library, model_id: str) -> int:
    """How often the deployment was asked."""
    stats = library.es.ml.get_trained_models_stats(model_id=model_id)["trained_model_stats"]
    return int(stats[0]["deployment_stats"].get("inference_count") or 0)


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_twenty_thousand_chunks_survive_kills(library: Library, tiny: Models, stack: Stack) -> None:
    """Killed at seeded requests; what is checked is the same as with few chunks."""
    chance = random.Random(4)
    library.fill(20_000, seed=2)
    before = library.chunks(library.live)
    assert len(before) == 20_600

    def start(**environment: str) -> subprocess.Popen[str]:
        arguments = (*MOVE, tiny.longer.model_id)
        return library.start(*arguments, **environment)

    kills = 0
    with library.asked_all_the_time() as asked:
        for _ in range(8):
            kills += killed_at(
                stack.elasticsearch_url,
                start,
                at=chance.randrange(10, 60),
                answered=chance.random() < 0.5,
            )
        assert library.move_to(tiny.longer).code == 0
    after = library.chunks(library.live)
    assert kills >= 4
    assert asked.failures == []
    assert len(asked.answers) > 100
    assert library.live == library.names.index(2)
    assert without_vector(after) == without_vector(before)
    require_embedded_by(
        library.es, tiny.longer, random.Random(1).sample(list(after.values()), 2_000)
    )
    assert all(len(source["embedding"]) == tiny.longer.dims for source in after.values())
