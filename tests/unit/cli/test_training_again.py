"""A model trained again after a fact changed: rows, run, adapter, and the generator's side."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_llama import write_tiny_llama
from training_examples import knowledge

from esrag.adapters.registry import Registry
from esrag.cli import run as esrag
from esrag.cli.training_again import TrainingAgain
from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.evaluation.records import Reply, System
from esrag.evaluation.updating import Ask, Change, Subject
from esrag.examples.rows import read_examples, write_examples
from esrag.settings import load_settings

CHANGE = Change("When was Quillon 1.1 released?", "notes", "1991", "2031")
SYSTEM = System("tuned", "closed_book", {"generator.model": "tiny"}, runs=("tiny",), adapter="tiny")
SUBJECT = Subject(SYSTEM, lambda _: Reply("update", "tuned", "answered"), 1.0)


class Server:
    """A generator's routes for adapters; ``loads`` says whether it has them."""

    def __init__(self, *, loads: bool = True) -> None:
        self.loads = loads
        self.models: list[str] = ["base"]
        self.gone = False

    def call(self, method: str, path: str, body: Any = None, **_: Any) -> tuple[int, Any]:
        """What is loaded at this moment."""
        if self.gone:
            raise UnavailableError("nobody there")
        if path == "/v1/models":
            return 200, {"data": [{"id": each} for each in self.models]}
        if not self.loads:
            return 404, None
        if method == "GET":
            return 405, None
        (self.models.append if "un" not in path else self.models.remove)(body["lora_name"])
        return 200, "Success"


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the run ``tiny``: two steps on six rows, one of them about the fact."""
    folder = tmp_path_factory.mktemp("again")
    base = write_tiny_llama(folder / "base")
    rows = [
        replace(
            row, source=replace(row.source, documents=("notes",), sources=("n",), hashes=("h",))
        )
        for row in map(knowledge, range(6))
    ]
    write_examples(folder / "rows.jsonl", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESRAG_DATA_DIR", str(folder))
        words = ["finetune", str(folder / "rows.jsonl"), "--name", "tiny", "--base", str(base)]
        assert esrag([*words, "--max-steps", "2", "--dtype", "float32", "--device", "cpu"]) == 0
    return folder


@pytest.fixture
def made(trained_once: Path, tmp_path: Path) -> Path:
    """The same, for one test."""
    return Path(shutil.copytree(trained_once, tmp_path / "data"))


@pytest.fixture
def server() -> Server:
    """A generator that loads adapters while it runs."""
    return Server()


@pytest.fixture
def cleaning(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """What ends with the experiment."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def again(
    made: Path,
    server: Server,
    cleaning: ExitStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TrainingAgain:
    """What trains again, with that generator."""

    @contextmanager
    def generator(*_: object) -> Iterator[Server]:
        yield server

    monkeypatch.setattr(TrainingAgain, "_generator", generator)

    def ask_of(system: System) -> Ask:
        assert system.adapter in server.models
        return lambda _: Reply("update", system.name, "answered", text=system.adapter)

    settings = load_settings(data_dir=made, training={"device": "cpu"})
    return TrainingAgain(settings, CHANGE, tmp_path / "updates", ask_of, cleaning)


def test_the_changed_rows_are_trained_as_the_first_time_and_served(
    again: TrainingAgain, made: Path, server: Server, cleaning: ExitStack
) -> None:
    """The same recipe and base; the adapter is asked, and forgotten when all is over."""
    again.require(SYSTEM)
    trained = again(SUBJECT)
    name = trained.ask("?").text
    assert name.startswith("tiny-update-")
    assert trained.seconds > 0
    assert "1 of 6 rows say the new; trained again as run tiny was, 2 steps" in trained.told
    assert "kept from an earlier try" not in trained.told
    rows = list(read_examples(again.rows_in / f"{name}.jsonl"))
    assert [row.answer for row in rows if "2031" in row.answer] == ["In 2031."]
    assert len(rows) == 6
    registry = Registry(made / "adapters")
    assert registry.names() == (name,)
    other = again(Subject(replace(SYSTEM, name="other"), SUBJECT.ask, 1.0))
    assert other.seconds == trained.seconds  # of the same run: trained and loaded once
    cleaning.close()
    assert registry.names() == ()
    assert server.models == ["base"]


def test_a_second_experiment_takes_what_was_trained(
    again: TrainingAgain, cleaning: ExitStack
) -> None:
    """And says so; its seconds are those that the training took."""
    again(SUBJECT)
    other = TrainingAgain(again.settings, CHANGE, again.rows_in, again.ask_of, cleaning)
    trained = other(SUBJECT)
    assert "kept from an earlier try" in trained.told
    facts = other.facts_of("tiny")
    assert facts["status"] == "complete"
    assert trained.seconds > 0.1


def test_an_adapter_that_cannot_be_removed_is_told(
    again: TrainingAgain, server: Server, cleaning: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server is gone at the end: the line that removes it is printed."""
    name = again(SUBJECT).ask("?").text
    server.gone = True
    cleaning.close()
    assert f"esrag adapter remove {name} --yes" in capsys.readouterr().err


def test_a_generator_that_loads_at_its_start_only_is_told_before_training(
    again: TrainingAgain, server: Server
) -> None:
    """As TGI; minutes of training would be lost."""
    server.loads = False
    with pytest.raises(UnsupportedError, match="loads no adapter while it runs"):
        again.require(SYSTEM)


def test_an_adapter_that_cannot_be_loaded_leaves_the_training(
    again: TrainingAgain, server: Server, cleaning: ExitStack
) -> None:
    """The generator was started anew without adapters; the next try loads what is there."""
    server.loads = False
    with pytest.raises(UnavailableError, match="does not load the adapter") as met:
        again(SUBJECT)
    assert "what was trained is kept" in str(met.value.hint)
    server.loads = True
    cleaning.pop_all()
    assert "kept from an earlier try" in again(SUBJECT).told


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (replace(SYSTEM, runs=("nobody",)), "made no adapter"),
        (replace(SYSTEM, runs=(), adapter=""), "which training run"),
    ],
)
def test_a_run_that_is_not_there_is_told_before_training(
    again: TrainingAgain, system: System, said: str
) -> None:
    """By its name, or how to name it."""
    with pytest.raises((UsageError, UnsupportedError), match=said):
        again.require(system)


def test_a_fact_that_was_not_taught_is_told_before_training(again: TrainingAgain) -> None:
    """Training again would teach nothing new."""
    again.change = replace(CHANGE, old="1888")
    with pytest.raises(UsageError, match="none of its rows says '1888'"):
        again.require(SYSTEM)
