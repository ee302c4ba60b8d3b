"""What works, and what is said, where the extra for training is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_llama import write_tiny_llama

_PROGRAM = """
import importlib.util, sys
GONE = {"torch", "transformers", "peft", "accelerate", "sentence_transformers", "numpy", "gguf"}
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name.split(".")[0] in GONE else find(name, package)
)
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
from esrag.cli import run
for line in sys.argv[1].splitlines():
    print(run(line.split()), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model and a run with an adapter."""
    place = tmp_path_factory.mktemp("bare")
    base = write_tiny_llama(place / "base")
    write_tiny_adapter(place / "data" / "runs" / "one" / "adapter", base)
    return place


def bare(folder: Path, *lines: str) -> str:
    """What the commands say on standard error, each with its exit code behind it."""
    program = [sys.executable, "-c", _PROGRAM, "\n".join(lines)]
    environment = {
        "ESRAG_DATA_DIR": str(folder / "data"),
        "ESRAG_TRAINING_BASE_MODEL": str(folder / "base"),
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    return done.stderr


def test_each_command_of_teaching_names_the_extra_that_it_misses(folder: Path) -> None:
    """Exit code 6 and the line that installs it."""
    (folder / "examples.jsonl").write_text("", encoding="utf-8")
    said = bare(
        folder,
        f"finetune {folder / 'examples.jsonl'}",
        "pretrain",
        "retriever tune",
        "adapter add one --no-load",
    )
    assert said.count("esrag[tune") == 4
    assert said.count("\n6\n") == 4
    assert "Traceback" not in said


def test_names_are_looked_up_without_the_extra(folder: Path) -> None:
    """Lists, and costs that are computed from sizes."""
    said = bare(folder, "adapter list", "dataset list", "cost estimate --tokens 1e6")
    assert said.split("\n").count("0") == 3
