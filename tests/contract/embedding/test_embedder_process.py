"""The embedding child: what the parent makes of one that dies, lies, or takes too long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from esrag.embedding.process import Embedder
from esrag.errors import UnavailableError, UnsupportedError
from esrag.testing_elasticsearch import fake_bundle

CHILD = Path(__file__).with_name("embedding_child.py")


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """Where the children count how many of them were started."""
    return tmp_path / "starts"


def embedder(tmp_path: Path, behaviour: str, *, seconds: float = 20.0) -> Embedder:
    """An embedder whose child is the scripted one."""
    return Embedder(
        fake_bundle(tmp_path / "bundle", size=10),
        answer_seconds=seconds,
        command=(sys.executable, str(CHILD), behaviour, str(tmp_path / "starts")),
    )


def test_vectors_come_in_the_order_of_the_texts(tmp_path: Path) -> None:
    """Also when they are more than one request carries."""
    with embedder(tmp_path, "well") as model:
        vectors = model.embed(["x" * (1 + n % 7) for n in range(1_100)])
    assert [vector[0] for vector in vectors] == [1.0 + n % 7 for n in range(1_100)]
    assert {len(vector) for vector in vectors} == {8}


def test_a_child_that_dies_is_started_once_more(tmp_path: Path, counter: Path) -> None:
    """And the same texts are sent again."""
    with embedder(tmp_path, "dies once") as model:
        assert model.embed(["ab"])[0] == [2.0] * 8
    assert counter.read_text() == "2"


def test_one_that_dies_again_is_told_with_its_last_words(tmp_path: Path, counter: Path) -> None:
    """Exit code 4, what it said, and how it ended."""
    with embedder(tmp_path, "dies early") as model, pytest.raises(UnavailableError) as caught:
        model.embed(["ab"])
    assert "out of memory" in caught.value.message
    assert "exit status 9" in caught.value.message
    assert counter.read_text() == "2"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("nonsense", "makes no sense"),
        ("other id", "makes no sense"),
        ("short", "makes no sense"),
        ("infinite", "makes no sense"),
        ("zeros", "vector of zeros"),
        ("fails", "shape"),
    ],
)
def test_what_is_no_vector_is_not_taken_for_one(tmp_path: Path, behaviour: str, words: str) -> None:
    """Exit code 4; the next call starts another child."""
    with embedder(tmp_path, behaviour) as model, pytest.raises(UnavailableError, match=words):
        model.embed(["ab"])


def test_a_slow_child_is_not_waited_for_forever(tmp_path: Path) -> None:
    """It is ended at the deadline."""
    model = embedder(tmp_path, "sleeps", seconds=0.3)
    with model, pytest.raises(UnavailableError, match="no answer within"):
        model.embed(["ab"])


def test_what_the_child_cannot_do_is_exit_code_6(tmp_path: Path) -> None:
    """In its own words, with what to do."""
    with embedder(tmp_path, "refuses") as model, pytest.raises(UnsupportedError) as caught:
        model.embed(["ab"])
    assert (caught.value.message, caught.value.hint) == ("will not", "do this")


def test_a_changed_definition_is_not_executed(tmp_path: Path) -> None:
    """The real child compares the sha256 of what it loads with the manifest's."""
    bundle = fake_bundle(tmp_path / "bundle", size=10)
    bundle.tokenizer.write_text('{"other": true}')
    with (
        Embedder(bundle) as model,
        pytest.raises(UnsupportedError, match=r"tokenizer\.json changed"),
    ):
        model.embed(["ab"])
