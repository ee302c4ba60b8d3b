"""A tiny base model, and plans and runs with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_llama import write_tiny_llama
from training_examples import grounded, knowledge, unanswerable

from esrag.training.finetuning import Base, DataSet, Plan, plan
from esrag.training.recipe import Recipe
from esrag.training.run_folder import RunFolder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    return write_tiny_llama(tmp_path_factory.mktemp("tiny-base"))


@pytest.fixture(scope="session")
def data_set() -> DataSet:
    """Examples of several kinds, some held out."""
    train = [*map(knowledge, range(10)), *map(grounded, range(10, 12)), unanswerable(13)]
    held_out = [knowledge(20, split="dev"), grounded(21, split="dev")]
    return DataSet(tuple(train), tuple(held_out), place="test", fingerprint="f" * 64)


@pytest.fixture
def planned(tiny_base: Path, data_set: DataSet) -> Callable[..., Plan]:
    """A plan to train the tiny model with a recipe, in float32 unless told otherwise."""

    def made(data: DataSet = data_set, **recipe: Any) -> Plan:
        changes = {"dtype": "float32", "batch": 6, "epochs": 2.0, **recipe}
        base = Base(tiny_base, "test/tiny")
        return plan(base, data, Recipe(**changes), device="cpu")

    return made


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[str], RunFolder]:
    """A run folder by its name."""
    return lambda name: RunFolder.named(name, data_dir=tmp_path)
