"""Whole runs with a tiny model: exact resume, equal bytes, early stopping, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from safetensors.torch import load_file
from training_examples import knowledge

from esrag.errors import ConflictError, UnsupportedError, UsageError
from esrag.model_files import check_adapter_folder, check_manifest, check_model_folder
from esrag.training.curves import draw_curves
from esrag.training.finetuning import DataSet, Outcome, Plan, finetune
from esrag.training.run_folder import RunFolder

Planned = Callable[..., Plan]
NewRun = Callable[[str], RunFolder]


class Stop(BaseException):
    """What a signal raises."""


def _stopping_after(steps: int) -> Callable[[], None]:
    left = [steps]

    def safe_point() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Stop

    return safe_point


def _curve(folder: RunFolder) -> list[tuple[Any, ...]]:
    """The metrics without the time that they took."""
    return [
        tuple(sorted((name, str(value)) for name, value in line.items() if name != "seconds"))
        for line in folder.metrics()
    ]


def _weights(outcome: Outcome) -> str:
    return outcome.manifest.sha256["adapter_model.safetensors"]


def test_a_stopped_run_ends_with_the_same_bytes(planned: Planned, new_run: NewRun) -> None:
    """Curve, weights and probe are those of a run that was not stopped; costs add up."""
    recipe = {"lora_dropout": 0.1, "checkpoint_every": 2, "grounded_examples": 1}
    straight = finetune(planned(**recipe), new_run("straight"))
    broken = new_run("broken")
    with pytest.raises(Stop):
        finetune(planned(**recipe), broken, safe_point=_stopping_after(3))
    assert broken.facts()["status"] == "stopped"
    assert not (broken.path / "adapter").exists()
    resumed = finetune(planned(**recipe), broken)
    assert resumed.resumed_at == 3
    assert _curve(broken) == _curve(straight.folder)
    names = ("adapter_model.safetensors", "adapter_config.json", "probe.json")
    assert [resumed.manifest.sha256[name] for name in names] == [
        straight.manifest.sha256[name] for name in names
    ]
    assert resumed.progress.tokens == straight.progress.tokens
    assert broken.facts()["costs"]["tokens_trained"] == straight.progress.tokens


def test_the_clearest_answers_are_kept_as_probes(planned: Planned, new_run: NewRun) -> None:
    """A server that rounds otherwise is to say the same; the narrowest of them comes last."""
    outcome = finetune(planned(learning_rate=1e-2), new_run("probed"))
    probes = json.loads((outcome.published / "probe.json").read_text())["probes"]
    margins = [probe["margin"] for probe in probes]
    assert probes
    assert all(probe["answer"] != probe["base_answer"] for probe in probes)
    assert margins == sorted(margins, reverse=True)
    assert margins[0] > 0


def test_what_was_not_in_a_checkpoint_is_computed_again(planned: Planned, new_run: NewRun) -> None:
    """Steps after the last checkpoint, whose metrics a killed run left, are not counted twice."""
    folder = new_run("killed")
    with pytest.raises(Stop):
        finetune(planned(checkpoint_every=2), folder, safe_point=_stopping_after(4))
    folder.log({"step": 5, "kind": "train", "loss": 123.0})
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "ki')
    newest = sorted(folder.checkpoints.iterdir())[-1]
    (newest / "optimizer.safetensors").write_bytes(b"torn")
    outcome = finetune(planned(checkpoint_every=2), folder)
    assert outcome.resumed_at == 3
    assert _curve(folder) == _curve(finetune(planned(checkpoint_every=2), new_run("whole")).folder)


def test_a_run_shorter_than_an_epoch_has_checkpoints(planned: Planned, new_run: NewRun) -> None:
    """A machine that goes away takes a tenth of the steps with it, however long an epoch is."""
    folder, newest = new_run("short"), []

    def safe_point() -> None:
        newest.append(max((kept.name for kept in folder.checkpoints.iterdir()), default=""))

    plan = planned(batch=1, max_steps=8)
    assert len(plan.data.train) > plan.recipe.max_steps
    finetune(plan, folder, safe_point=safe_point)
    assert len(set(newest) - {""}) == plan.recipe.max_steps


@pytest.mark.parametrize(
    ("method", "other"),
    [("dora", {}), ("prompt", {"virtual_tokens": 4}), ("full", {"learning_rate": 1e-3})],
)
def test_each_method_learns_and_publishes(
    planned: Planned, new_run: NewRun, method: str, other: dict[str, Any]
) -> None:
    """The loss falls, and what is published passes the check that strangers' folders get."""
    plan = planned(method=method, epochs=4.0, **other)
    outcome = finetune(plan, new_run("run"))
    losses = [line["loss"] for line in outcome.folder.metrics() if line["kind"] == "train"]
    assert losses[-1] < losses[0]
    if method == "full":
        check_model_folder(outcome.published)
    else:
        facts = check_adapter_folder(outcome.published, plan.base.folder)
        assert facts.kind == ("prompt" if method == "prompt" else "lora")
    manifest = check_manifest(outcome.published)
    assert manifest.facts["data"]["documents"] == list(plan.data.documents)
    assert manifest.facts["base"]["fingerprint"] == plan.base_fingerprint


def test_the_same_command_again_finds_the_run_complete(planned: Planned, new_run: NewRun) -> None:
    """Nothing is trained; a changed recipe is a conflict that names what differs."""
    folder = new_run("run")
    first = finetune(planned(epochs=1.0), folder)
    again = finetune(planned(epochs=1.0), folder)
    assert again.done_before
    assert again.manifest.sha256 == first.manifest.sha256
    with pytest.raises(ConflictError, match=r"lora_rank was 16 and is 4"):
        finetune(planned(epochs=1.0, lora_rank=4), folder)


def test_a_second_process_is_kept_out(planned: Planned, new_run: NewRun) -> None:
    """While the folder is held, the run does not start."""
    folder = new_run("run")
    with folder.held(), pytest.raises(ConflictError, match="at work"):
        finetune(planned(), folder)


def test_a_loss_that_is_no_number_ends_the_run(planned: Planned, new_run: NewRun) -> None:
    """The message names step and rate; no adapter appears, and earlier checkpoints stay."""
    folder = new_run("run")
    plan = planned(method="full", learning_rate=1e30, clip=1e30, checkpoint_every=1, warmup=0.0)
    with pytest.raises(UsageError, match=r"at step \d+ the (loss|gradient) of the run run is no"):
        finetune(plan, folder)
    assert folder.facts()["status"] == "failed"
    assert not (folder.path / "model").exists()
    assert list(folder.checkpoints.glob("step-*"))


def test_patience_ends_a_run_and_takes_the_best(planned: Planned, new_run: NewRun) -> None:
    """Evaluations that do not get better end it, and the weights of the best one are published."""
    train = tuple(knowledge(number) for number in range(6))
    wrong = tuple(knowledge(number, split="dev", extra="~" * 9) for number in range(30, 33))
    data = DataSet(train, wrong, place="test", fingerprint="e" * 64)
    recipe = {"epochs": 60.0, "learning_rate": 2e-2, "evaluate_every": 3, "schedule": "constant"}
    outcome = finetune(planned(data, patience=2, **recipe), new_run("patient"))
    progress = outcome.progress
    assert progress.stopped
    assert progress.step == progress.best_step + 6 < 60
    losses = {
        line["step"]: line["loss"]
        for line in outcome.folder.metrics()
        if line["kind"] == "evaluation"
    }
    assert min(losses, key=lambda step: losses[step]) == progress.best_step


def test_the_grounded_score_stops_a_run(
    planned: Planned, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --stop-on grounded its best answers decide, whatever the loss does."""
    said = iter(["In 2011. [1]", *["I think so."] * 9])
    monkeypatch.setattr(
        "esrag.training.answer_scores.greedy_answers",
        lambda *_, **__: [f"Quillon 21.0 was released {next(said)}"],
    )
    recipe = {"stop_on": "grounded", "grounded_examples": 1, "patience": 2, "evaluate_every": 2}
    outcome = finetune(planned(epochs=9.0, **recipe), new_run("grounded"))
    scores = [line["grounded"] for line in outcome.folder.metrics() if "grounded" in line]
    assert scores == [1.0, 0.0, 0.0]
    assert (outcome.progress.best_step, outcome.progress.step) == (2, 6)
    best = load_file(outcome.folder.checkpoints / "step-000002" / "weights.safetensors")
    published = load_file(outcome.published / "adapter_model.safetensors")
    assert {name.replace(".default.", "."): value.tolist() for name, value in best.items()} == {
        name: value.tolist() for name, value in published.items()
    }


def test_a_damaged_best_checkpoint_is_trained_again(planned: Planned, new_run: NewRun) -> None:
    """A run does not go on from where its best weights are lost."""
    recipe = {"patience": 5, "evaluate_every": 1, "learning_rate": 2e-2}
    whole = finetune(planned(**recipe), new_run("whole"))
    folder = new_run("damaged")
    steps = whole.progress.step
    with pytest.raises(Stop):
        finetune(planned(**recipe), folder, safe_point=_stopping_after(steps))
    facts = json.loads((folder.checkpoints / f"step-{steps:06d}" / "state.json").read_text())
    best = folder.checkpoints / f"step-{facts['progress']['best_step']:06d}"
    (best / "weights.safetensors").write_bytes(b"torn")
    again = finetune(planned(**recipe), folder)
    assert again.resumed_at < facts["progress"]["best_step"]
    assert _weights(again) == _weights(whole)


def test_the_seed_decides_the_weights(planned: Planned, new_run: NewRun) -> None:
    """The same seed gives the same bytes, another one others."""
    found = [
        _weights(finetune(planned(seed=seed, max_steps=1), new_run(f"run-{number}")))
        for number, seed in enumerate((7, 7, 8))
    ]
    assert found[0] == found[1] != found[2]


def test_a_held_out_loss_that_is_no_number_ends_the_run(
    planned: Planned, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is named, no checkpoint of it is kept, and nothing is published."""
    monkeypatch.setattr(
        "esrag.training.finetuning.held_out_loss", lambda *_, **__: {"loss": float("nan")}
    )
    folder = new_run("run")
    with pytest.raises(UsageError, match=r"at step 2 the held-out loss .* nothing was published"):
        finetune(planned(evaluate_every=2, checkpoint_every=1), folder)
    assert [path.name for path in folder.checkpoints.glob("step-*")] == ["step-000001"]
    assert not (folder.path / "adapter").exists()


def test_a_run_without_memory_does_not_begin(
    planned: Planned, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has what is needed, what is free and what to change; --anyway tries it."""
    monkeypatch.setattr("esrag.training.memory.free_memory", lambda _: 2**20)
    plan = planned(max_steps=1)
    folder = new_run("run")
    with pytest.raises(UnsupportedError, match=r"needs some .* GiB are free") as caught:
        finetune(plan, folder)
    assert "--pack-tokens" in caught.value.hint
    assert not folder.facts()
    assert finetune(plan, folder, anyway=True).progress.step == 1


def test_curves_have_round_numbers_beside_them() -> None:
    """Loss and steps by 1, 2 or 5; the grounded score on an axis of its own."""
    metrics: list[dict[str, Any]] = [
        {"step": step, "kind": "train", "loss": 5.85 / step} for step in range(1, 13)
    ]
    drawn = draw_curves(
        [*metrics, {"step": 12, "kind": "evaluation", "loss": 1.0, "grounded": 0.5}], title="<a>"
    )
    assert drawn.count("<polyline") == 3
    assert all(f">{loss}</text>" in drawn for loss in range(7))
    assert "<title>&lt;a&gt;: loss</title>" in drawn


def test_a_run_says_what_it_was_and_what_it_cost(planned: Planned, new_run: NewRun) -> None:
    """run.json holds recipe, fingerprints, versions, memory, work and costs."""
    outcome = finetune(planned(epochs=1.0), new_run("run"))
    facts = json.loads((outcome.folder.path / "run.json").read_text())
    assert facts["status"] == "complete"
    assert facts["sha256"]["adapter_model.safetensors"]
    assert {"torch", "peft", "python"} <= facts["versions"].keys()
    assert facts["costs"]["tokens_trained"] == outcome.progress.tokens > 0
    assert facts["work"]["tokens"] == outcome.progress.tokens
    assert facts["memory"]["total"] > 0
    assert "<polyline" in (outcome.folder.path / "curves.svg").read_text()
