"""kill -9 in pre-training: the same command ends with the same bytes.

In children of a server that has torch loaded, because a process of its own for each would take
seconds.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_llama import write_tiny_llama

_SERVER = get_context("forkserver")
_SERVER.set_forkserver_preload(["esrag.training.finetuning", "esrag.training.loading", "peft"])


def in_a_child(work: Callable[..., None], *arguments: Any) -> int:
    """The exit code of a process that does the work."""
    child = _SERVER.Process(target=work, args=arguments)
    child.start()
    child.join(200)
    assert child.exitcode is not None, "the run hangs"
    return child.exitcode


class Killer:
    """Kills its process at the n-th step; 0 lets it live."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self) -> None:
        """A step was done."""
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def pretrained(base: Path, folder: Path, dies_at: int) -> None:
    """Pre-train in this process, which dies at a step."""
    import torch

    from esrag.training.finetuning import Base
    from esrag.training.pretraining import Request, pretrain
    from esrag.training.pretraining_corpus import CorpusPlan
    from esrag.training.recipe import Recipe
    from esrag.training.run_folder import RunFolder
    from esrag.training.texts import Text

    torch.set_num_threads(1)
    texts = [Text(f"guide-{n}", f"The relay of mast {n} has {n} hooks.") for n in range(24)]
    recipe = Recipe(
        method="full", max_steps=6, batch=4, max_tokens=96, pack_tokens=384,
        learning_rate=5e-3, checkpoint_every=2,
    )  # fmt: skip
    plan = CorpusPlan(block=96, held_out=0.25, measured=400)
    request = Request(Base(base, "tiny"), recipe, plan, "test", "cpu")
    pretrain(
        request, RunFolder(folder), lambda: texts, anyway=True, safe_point=Killer(dies_at).step
    )


@pytest.mark.long
@pytest.mark.parametrize("step", [1, 4, 6])
def test_pre_training_that_is_killed_ends_with_the_same_bytes(tmp_path: Path, step: int) -> None:
    """Before the first checkpoint, between two, and after the last."""
    base = write_tiny_llama(tmp_path / "base")
    assert in_a_child(pretrained, base, tmp_path / "whole", 0) == 0
    assert in_a_child(pretrained, base, tmp_path / "run", step) == -signal.SIGKILL
    assert not (tmp_path / "run" / "model").exists()
    assert in_a_child(pretrained, base, tmp_path / "run", 0) == 0
    weights = [tmp_path / name / "model" / "model.safetensors" for name in ("whole", "run")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert not (tmp_path / "run" / "corpus").exists()
