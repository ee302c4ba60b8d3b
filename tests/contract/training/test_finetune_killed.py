"""``esrag finetune`` as a process: killed, stopped, without room, and twice at once."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_llama import write_tiny_llama
from training_examples import grounded, knowledge

from esrag.examples.rows import write_examples

_MAIN = "from esrag.cli import main; main()"
_RECIPE = ("--batch", "6", "--checkpoint-every", "5", "--lora-dropout", "0.1")

Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny base model, a small data set, and the runs."""
    folder = tmp_path_factory.mktemp("training")
    write_tiny_llama(folder / "tiny")
    examples = [*map(knowledge, range(12)), grounded(12), knowledge(20, split="dev")]
    write_examples(folder / "examples.jsonl", examples)
    return folder


@pytest.fixture
def started(data: Path) -> Command:
    """Starts ``esrag finetune`` with two threads and these arguments."""

    def start(*arguments: str, most_bytes: int = 0) -> subprocess.Popen[str]:
        def limit() -> None:
            if most_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

        return subprocess.Popen(
            [sys.executable, "-c", _MAIN, "finetune", *arguments],
            env={**os.environ, "ESRAG_DATA_DIR": str(data), "OMP_NUM_THREADS": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )

    return start


def _fresh(data: Path, name: str, steps: int) -> list[str]:
    base = ["--base", str(data / "tiny"), "--name", name, "--max-steps", str(steps)]
    return [str(data / "examples.jsonl"), *base, *_RECIPE]


def _metrics(data: Path, name: str) -> list[dict[str, Any]]:
    file = data / "runs" / name / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _wait_for(data: Path, name: str, step: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if any(line["step"] >= step for line in _metrics(data, name)):
            return
        time.sleep(0.02)
    raise AssertionError(f"step {step} was not reached: {process.communicate()}")


def _ended(process: subprocess.Popen[str], codes: Sequence[int] = (0,)) -> tuple[str, str]:
    out, err = process.communicate(timeout=180)
    assert process.returncode in codes, err
    assert "Traceback" not in err
    return out, err


def _adapter(data: Path, name: str) -> dict[str, bytes]:
    folder = data / "runs" / name / "adapter"
    names = ("adapter_model.safetensors", "adapter_config.json", "probe.json")
    return {each: (folder / each).read_bytes() for each in names}


@pytest.mark.long
def test_a_killed_run_ends_as_one_that_was_not(data: Path, started: Command) -> None:
    """After kill -9 in mid-run the same bytes and the same curve come out as without it."""
    killed = started(*_fresh(data, "killed", 25))
    _wait_for(data, "killed", 12, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    whole = started(*_fresh(data, "whole", 25))
    out, _ = _ended(started("--resume", "killed", "--json"))
    _ended(whole)
    assert 10 <= json.loads(out)["resumed_at"] < 25
    assert _adapter(data, "killed") == _adapter(data, "whole")
    curves = [
        [{key: line[key] for key in line if key != "seconds"} for line in _metrics(data, name)]
        for name in ("killed", "whole")
    ]
    assert curves[0] == curves[1]


@pytest.mark.long
def test_a_signal_leaves_a_checkpoint(data: Path, started: Command) -> None:
    """SIGTERM ends a run with 143 after a checkpoint of its last step; a second one got 7."""
    run = started(*_fresh(data, "stopped", 2000))
    _wait_for(data, "stopped", 3, run)
    _, err = _ended(started(*_fresh(data, "stopped", 2000)), codes=(7,))
    assert "at work in another process" in err
    run.send_signal(signal.SIGTERM)
    _ended(run, codes=(143,))
    last = _metrics(data, "stopped")[-1]["step"]
    assert (data / "runs" / "stopped" / "checkpoints" / f"step-{last:06d}").is_dir()


@pytest.mark.long
def test_a_full_disk_ends_a_run_and_leaves_it_whole(data: Path, started: Command) -> None:
    """Exit 4 that names the checkpoint; nothing half written stays, and the run can go on."""
    _, err = _ended(started(*_fresh(data, "full", 10), most_bytes=200_000), codes=(4,))
    assert "the checkpoint of step" in err
    assert "disk is full" in err
    folder = data / "runs" / "full"
    assert not list(folder.rglob("*.new"))
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"
    _ended(started("--resume", "full"))
    assert (folder / "adapter" / "manifest.json").is_file()


@pytest.mark.long
def test_two_processes_compute_what_one_does(data: Path, started: Command) -> None:
    """With torchrun each takes a share of a step; losses agree, and one of them writes."""
    _ended(started(*_fresh(data, "one", 4), "--lora-dropout", "0", "--dtype", "float32"))
    script = data / "main.py"
    script.write_text(_MAIN)
    two = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", str(script), "finetune"),
            *(*_fresh(data, "two", 4), "--lora-dropout", "0", "--dtype", "float32"),
        ],
        env={
            **os.environ,
            "ESRAG_DATA_DIR": str(data),
            "OMP_NUM_THREADS": "1",
            "ACCELERATE_USE_CPU": "true",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("run two is complete") == 1
    losses = [[line["loss"] for line in _metrics(data, name)] for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
