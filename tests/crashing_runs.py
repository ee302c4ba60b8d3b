"""Fine-tuning that dies by SIGKILL at its n-th operation on the disk, for tests of exact resume.

Runs in children of a server that has torch loaded, because a process of its own for each would
take seconds.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from training_examples import grounded, knowledge

from esrag.training.finetuning import Base, DataSet, finetune, plan
from esrag.training.recipe import Recipe
from esrag.training.run_folder import RunFolder

_SERVER = get_context("forkserver")
_SERVER.set_forkserver_preload(["esrag.training.finetuning", "esrag.training.loading", "peft"])
RECIPE = Recipe(
    dtype="float32",
    batch=4,
    max_steps=6,
    checkpoint_every=1,
    evaluate_every=2,
    patience=2,
    lora_dropout=0.1,
    learning_rate=5e-2,
)


def trained(base: Path, folder: Path, *, dies_at: int = 0) -> tuple[int, int]:
    """Train in ``folder`` in a process of its own; returns its exit code and its operations.

    Operations are counted in the file ``operations`` beside the run; 0 lets it live.
    """
    folder.parent.mkdir(exist_ok=True)
    child = _SERVER.Process(target=_train, args=(base, folder, dies_at))
    child.start()
    child.join(120)
    assert child.exitcode is not None, "the run hangs"
    return child.exitcode, int(folder.with_suffix(".operations").read_text())


def _train(base: Path, folder: Path, dies_at: int) -> None:
    torch.set_num_threads(1)
    counter = _Deadly(folder.with_suffix(".operations"), dies_at)
    for place, name in (
        (os, "fsync"),
        (Path, "rename"),
        (Path, "replace"),
        (Path, "mkdir"),
        (safetensors.torch, "save_file"),
    ):
        setattr(place, name, counter.around(getattr(place, name)))
    train = (*map(knowledge, range(9)), grounded(10))
    data = DataSet(train, (knowledge(20, split="dev"),), place="test", fingerprint="f" * 64)
    planned = plan(Base(base, "test/tiny"), data, RECIPE, device="cpu")
    finetune(planned, RunFolder(folder), anyway=True)


class _Deadly:
    """Counts calls, and dies in the one that it was told."""

    def __init__(self, record: Path, dies_at: int) -> None:
        self._record, self._dies_at, self._count = record, dies_at, 0
        self._record.write_text("0")

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._count += 1
            self._record.write_text(str(self._count))
            if self._count == self._dies_at:
                if call.__name__ == "save_file":  # a part of it is on the disk
                    Path(arguments[1]).write_bytes(b"\x40" + bytes(40))
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counted
