"""What executes a bundle's model: every runtime that is installed, the choice among them."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_bundles import some_words, tiny_bundle

from esrag.bundle import ModelBundle
from esrag.embedding import measuring
from esrag.embedding.measuring import Measured, choose
from esrag.embedding.process import Embedder
from esrag.errors import UnsupportedError

DIMS = 16


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A small model that a real child executes."""
    return tiny_bundle(tmp_path_factory.mktemp("runtimes") / "tiny", "tiny", dims=DIMS, seed=3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files converted of it lie."""
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(scope="module")
def exact(bundle: ModelBundle) -> Iterator[Embedder]:
    """The model as it was traced."""
    with Embedder(bundle, threads=1) as running:
        yield running


def texts(count: int, seed: int = 5) -> list[str]:
    """Texts of many lengths."""
    chance = random.Random(seed)
    return [some_words(chance, chance.randint(1, 50)) for _ in range(count)]


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each row with the row beside it."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_what_is_converted_gives_the_vectors_of_the_trace(
    bundle: ModelBundle, cache: Path, exact: Embedder, name: str
) -> None:
    """In the order of the texts, whatever order they went through the model in."""
    given = texts(60)
    with Embedder(bundle, runtime=name, cache=cache) as model:
        model.start()
        assert cosines(exact.matrix(given), model.matrix(given)).min() > 0.9999
        assert model.figures().texts == 60
        assert model.figures().padding < 1.2


def test_the_fastest_within_the_bound_is_chosen_and_remembered(
    bundle: ModelBundle, cache: Path, tmp_path: Path
) -> None:
    """Measured once; afterwards known without starting anything."""
    said: list[str] = []
    chosen = choose(bundle, cache, min_cosine=0.9999, threads=1, tell=said.append)
    own = chosen.own
    assert own is not None
    assert own.min_cosine >= 0.9999
    assert {one.runtime for one in chosen.figures} >= {"torch", "torch-bf16", "openvino-bf16"}
    assert all(one.min_cosine > 0.99 for one in chosen.figures)
    fit = [one for one in chosen.figures if not one.failure and one.min_cosine >= 0.9999]
    assert own == max(fit, key=lambda one: one.tokens_per_cpu_second)
    assert len(said) in (1, 2)
    again = choose(bundle, cache, min_cosine=0.9999, threads=1, measure=False)
    assert again == chosen
    nothing_known = choose(bundle, tmp_path, min_cosine=0.9999, threads=1, measure=False)
    assert (nothing_known.runtime, nothing_known.figures) == ("torch", ())


def test_one_that_is_wanted_and_misses_the_bound_is_refused(
    bundle: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6, with the figure and the setting; below the bound it is taken."""
    figures = {
        "torch": Measured("torch", 1.0, 1.0, 100.0, 100.0),
        "openvino-bf16": Measured("openvino-bf16", 0.98, 0.99, 900.0, 900.0),
    }
    monkeypatch.setattr(measuring._Figures, "_measure", lambda _, name: figures[name])
    order = {"wanted": "openvino-bf16", "threads": 1}
    with pytest.raises(UnsupportedError, match=r"cosine of 0\.98000"):
        choose(bundle, tmp_path, min_cosine=0.9999, **order)  # type: ignore[arg-type]
    taken = choose(bundle, tmp_path, min_cosine=0.97, **order)  # type: ignore[arg-type]
    assert taken.runtime == "openvino-bf16"
    assert taken.words() == (
        "openvino-bf16, 9.0 times as fast as torch, cosine with it at least 0.98000"
    )


def test_children_that_are_killed_are_replaced_and_their_texts_embedded_again(
    bundle: ModelBundle, cache: Path, exact: Embedder
) -> None:
    """Two processes, four threads that ask, and the end of both children half way."""
    given = [texts(700, seed) for seed in range(4)]
    found: list[np.ndarray | None] = [None] * 4
    expected = [exact.matrix(one) for one in given]
    with Embedder(bundle, runtime="openvino", cache=cache, processes=2, threads=1) as model:
        model.matrix(["bab"] * 200)  # both are running

        def ask(number: int) -> None:
            found[number] = model.matrix(given[number])

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for asker in askers:
            asker.start()
        for worker in model._workers:
            child = worker._child
            if child is not None:
                os.kill(child._process.pid, signal.SIGKILL)
        for asker in askers:
            asker.join(60)
        assert model.figures().restarts >= 1
    for one, other in zip(found, expected, strict=True):
        assert one is not None
        assert cosines(one, other).min() > 0.99999
