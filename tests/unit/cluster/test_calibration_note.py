"""The note of a calibration: written beside the model's, carried along with its vectors."""

from typing import Any

import pytest

from esrag.calibration import Calibration, note_of, read_note
from esrag.cluster.calibration_note import carry_calibration, with_calibration_of, write_calibration
from esrag.errors import ConflictError
from esrag.testing_elasticsearch import ElasticsearchFake, Reply

NOTE = note_of(Calibration(threshold=0.6931, coverage=0.8, answerable=67, unanswerable=15))


def mapping(model: str = "a", **meta: str) -> dict[str, Any]:
    """The mapping of an index whose vectors are of ``model``."""
    field = {"type": "dense_vector", "dims": 3, "meta": {"model": model, **meta}}
    return {"properties": {"embedding": field, "text": {"type": "text"}}}


def cluster(**mappings: dict[str, Any]) -> ElasticsearchFake:
    """A cluster that has these indices and takes changes of their mappings."""

    found = {name.replace("_", "-"): {"mappings": it} for name, it in mappings.items()}

    def answer(request: Any) -> Reply:
        if request.method != "GET":
            return Reply(200, {"acknowledged": True})
        asked = {name: it for name, it in found.items() if name in request.path}
        return Reply(200, asked or found)

    return ElasticsearchFake(answer)


def written(fake: ElasticsearchFake) -> dict[str, Any]:
    """The meta that each changed index has now."""
    return {
        request.path.split("/")[0]: request.body["properties"]["embedding"]["meta"]
        for request in fake.requests
        if request.method == "PUT"
    }


def test_a_note_says_what_was_fitted_in_fifty_characters() -> None:
    """Elasticsearch takes no longer value, and what is read is what was written."""
    assert len(NOTE) <= 50
    assert read_note(NOTE) == Calibration(0.6931, 0.8, answerable=67, unanswerable=15)
    longest = Calibration(1.0, 1.0, answerable=99_999, unanswerable=99_999)
    assert len(note_of(longest)) <= 50


@pytest.mark.parametrize(
    "note", ["", "0.7", "threshold=9.9 coverage=0.8 n=1+1", "threshold=0.7 coverage=0.0 n=1+1"]
)
def test_what_is_no_note_counts_as_none(note: str) -> None:
    """A note of a later version, or one that somebody made by hand, does not stop an answer."""
    assert read_note(note) is None


def test_the_note_stands_beside_what_the_field_says_already() -> None:
    """The model's mark stays, and the field is given whole, as the server wants it."""
    fake = cluster(docs_000001=mapping("a", embedding="cluster"))
    write_calibration(fake.client(), "alias", NOTE)
    assert written(fake) == {
        "docs-000001": {"model": "a", "embedding": "cluster", "calibration": NOTE}
    }


def test_an_index_without_vectors_is_named() -> None:
    """There is nothing to note it in."""
    fake = cluster(docs_000001={"properties": {}})
    with pytest.raises(ConflictError, match="alias"):
        write_calibration(fake.client(), "alias", NOTE)


def test_a_changed_mapping_keeps_the_note() -> None:
    """What setup puts says nothing of calibration, and must not take it away."""
    kept = with_calibration_of(mapping("a"), mapping("a", calibration=NOTE))
    assert kept["properties"]["embedding"]["meta"]["calibration"] == NOTE


def test_another_model_does_not_inherit_the_note() -> None:
    """A threshold says nothing about vectors that it was not fitted on."""
    assert with_calibration_of(mapping("b"), mapping("a", calibration=NOTE)) == mapping("b")


def test_a_new_generation_of_the_same_model_gets_the_note() -> None:
    """And one that has nothing to inherit is left as it is."""
    fake = cluster(docs_000001=mapping("a", calibration=NOTE), docs_000002=mapping("a"))
    carry_calibration(fake.client(), "docs-000001", "docs-000002")
    assert written(fake)["docs-000002"]["calibration"] == NOTE
    fake = cluster(docs_000001=mapping("a"), docs_000002=mapping("a"))
    carry_calibration(fake.client(), "docs-000001", "docs-000002")
    assert written(fake) == {}
