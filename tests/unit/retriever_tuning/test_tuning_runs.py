"""Whole tunings of a model of a few thousand parameters, in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from esrag.errors import ConflictError, UsageError
from esrag.model_files import check_manifest, check_model_folder, file_sha256
from esrag.retriever_tuning.loop import DivergedError
from esrag.retriever_tuning.material import Material, Question, Text
from esrag.retriever_tuning.recipe import TuningRecipe
from esrag.retriever_tuning.run import Base, Machine, Outcome, tune
from esrag.training.run_folder import RunFolder
from tests.tiny_sentence_model import two_languages, write_tiny_sentence_model

CPU = Machine(torch.device("cpu"), torch.float32)
RECIPE = TuningRecipe(epochs=8, batch=16, learning_rate=1e-2, fewest=15, seed=3)


class Quiet:
    """Hears everything and may stop the run at a step."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.title = ""

    def begin(self, title: str) -> None:
        """Remember which step it is."""
        self.title = title

    def advance(self, done: int, total: int) -> None:
        """Stop as ^C does, if asked to."""
        if self.stop_at and self.title.startswith("train") and done == self.stop_at:
            raise KeyboardInterrupt

    def end(self) -> None:
        """Nothing is kept of it."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of so few numbers are not worth a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The model before it is tuned."""
    return Base("tiny", write_tiny_sentence_model(tmp_path_factory.mktemp("base")))


def material(documents: int = 160) -> Material:
    """Questions in one language about documents in another."""
    rows = two_languages(documents, seed=5)
    return Material(
        tuple(Text(f"{name}-0", name, text) for name, text, _ in rows),
        tuple(Question(f"q-{name}", question, {name: 1}) for name, _, question in rows),
        origin={"from": "a test"},
    )


def tuned(
    base: Base, place: Path, recipe: TuningRecipe = RECIPE, listener: Quiet | None = None
) -> Outcome:
    """A run in ``place``."""
    return tune(
        material(), base, recipe, RunFolder(place), machine=CPU, listener=listener or Quiet()
    )


@pytest.fixture(scope="module")
def undisturbed(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run to the end."""
    return tuned(base, tmp_path_factory.mktemp("runs") / "whole")


def test_a_model_that_learnt_is_accepted_and_published(undisturbed: Outcome) -> None:
    """Held-out questions gain, and the folder holds a model that may be loaded."""
    assert undisturbed.model is not None
    verdict = undisturbed.facts["verdict"]
    assert verdict["difference"]["low"] > 0.2
    check_model_folder(undisturbed.model)
    assert check_manifest(undisturbed.model).facts["verdict"] == verdict
    assert (undisturbed.model.parent / "curves.svg").is_file()


def test_a_run_that_learns_nothing_is_rejected(base: Base, tmp_path: Path) -> None:
    """With steps too small to change a ranking there is no gain, and no model is written."""
    small = TuningRecipe(epochs=1, batch=16, learning_rate=1e-12, fewest=15, seed=3)
    outcome = tuned(base, tmp_path / "small", small)
    assert not outcome.accepted
    assert outcome.facts["status"] == "rejected"
    assert not (tmp_path / "small" / "model").exists()
    assert "rejected" in (tmp_path / "small" / "README.md").read_text()


def test_a_stopped_run_ends_with_the_same_weights(
    base: Base, undisturbed: Outcome, tmp_path: Path
) -> None:
    """Cut off in the third epoch and begun again, it has the undisturbed run's curve and bytes."""
    place = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        tuned(base, place, listener=Quiet(stop_at=15))
    assert json.loads((place / "run.json").read_text())["status"] == "stopped"
    again = tuned(base, place)
    assert again.model is not None
    assert undisturbed.model is not None
    assert weights(again.model) == weights(undisturbed.model)
    assert RunFolder(place).metrics() == RunFolder(undisturbed.model.parent).metrics()
    assert again.facts["verdict"] == undisturbed.facts["verdict"]


def test_a_complete_run_gives_its_outcome_again(base: Base, undisturbed: Outcome) -> None:
    """The same command a second time trains nothing."""
    assert undisturbed.model is not None
    assert tuned(base, undisturbed.model.parent, listener=Quiet(stop_at=1)).facts == (
        undisturbed.facts
    )


def test_another_recipe_in_the_same_folder_is_a_conflict(base: Base, undisturbed: Outcome) -> None:
    """What differs is named."""
    assert undisturbed.model is not None
    other = TuningRecipe(epochs=8, batch=16, learning_rate=1e-2, fewest=15, seed=4)
    with pytest.raises(ConflictError, match="begun with other recipe"):
        tuned(base, undisturbed.model.parent, other)


def test_a_loss_that_is_no_number_ends_the_run(base: Base, tmp_path: Path) -> None:
    """It says at which step, and leaves the weights of the step before."""
    wild = TuningRecipe(epochs=2, batch=16, learning_rate=1e30, fewest=15, seed=3)
    with pytest.raises(DivergedError, match=r"at step \d+"):
        tuned(base, tmp_path / "wild", wild)


def test_margin_needs_scores(base: Base, tmp_path: Path) -> None:
    """The loss margin without a cross-encoder is refused before anything is embedded."""
    with pytest.raises(UsageError, match="belong together"):
        tuned(base, tmp_path / "margin", TuningRecipe(loss="margin"))


def test_margins_of_a_teacher_are_learnt(base: Base, tmp_path: Path) -> None:
    """A teacher that knows both languages teaches the same as the ranking does."""
    meaning = {question: text for _, text, question in two_languages(160, seed=5)}

    def scores(question: str, passages: object) -> list[float]:
        wanted = set(meaning[question].split())
        return [len(wanted & set(text.split())) / len(wanted) for text in passages]  # type: ignore[attr-defined]

    recipe = TuningRecipe(
        loss="margin", epochs=8, batch=16, learning_rate=1e-2, negatives=3, fewest=15, seed=3
    )
    outcome = tune(
        material(),
        base,
        recipe,
        RunFolder(tmp_path / "margin"),
        machine=CPU,
        listener=Quiet(),
        scores=scores,
        scored_by="a test",
    )
    assert outcome.facts["verdict"]["difference"]["low"] > 0.05


def weights(folder: Path) -> str:
    """The sha256 of a folder's weights."""
    return file_sha256(folder / "model.safetensors")
