"""Pre-training beside full disks, damaged folders and hostile texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from deadly_disk import no_file_above

from esrag.errors import EsragError, UnavailableError, UnsupportedError, UsageError
from esrag.training.finetuning import Base
from esrag.training.pretraining import PretrainingOutcome, Request, pretrain
from esrag.training.pretraining_corpus import CorpusPlan
from esrag.training.recipe import Recipe
from esrag.training.run_folder import RunFolder
from esrag.training.texts import Text, read_texts
from tests.tiny_llama import write_tiny_llama

TEXTS = [Text(f"guide-{n}", f"The relay of mast {n} hangs on {n + 2} hooks.") for n in range(24)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A tiny random model."""
    return Base(write_tiny_llama(tmp_path_factory.mktemp("base")), "tiny")


def request_of(base: Base, **recipe: float) -> Request:
    """Three steps."""
    values = {"learning_rate": 5e-3, "checkpoint_every": 1, **recipe}
    made = Recipe(method="full", max_steps=3, batch=4, max_tokens=96, pack_tokens=384, **values)  # type: ignore[arg-type]
    return Request(base, made, CorpusPlan(block=96, held_out=0.25, measured=400), "test", "cpu")


def run(base: Base, folder: Path, texts: list[Text] | None = None) -> PretrainingOutcome:
    """One run in this folder; what is read is read once."""
    return pretrain(request_of(base), RunFolder(folder), lambda: texts or TEXTS, anyway=True)


def stopped_at(base: Base, folder: Path, step: int) -> None:
    """A run that was ended at a step."""
    steps: list[int] = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(request_of(base), RunFolder(folder), lambda: TEXTS, anyway=True, safe_point=stop)


def flipped(file: Path) -> None:
    """One bit of the middle is another."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def cut(file: Path) -> None:
    """The second half is missing."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flipped, cut])
@pytest.mark.parametrize(
    "name", ["corpus/train.tokens", "corpus/train.keys.json", "corpus/corpus.json", "before.json"]
)
def test_a_damaged_corpus_is_not_trained_on(
    base: Base, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    """Exit code 2, with what to remove; a bit that changes no number may pass in before.json."""
    stopped_at(base, tmp_path / "run", 1)
    damage(tmp_path / "run" / name)
    if name == "before.json" and damage is flipped:
        (tmp_path / "run" / name).write_text("[[1], {}]")
    with pytest.raises(UsageError, match=r"damaged|cannot be read") as raised:
        run(base, tmp_path / "run")
    assert "Remove" in raised.value.hint


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"status": "complete"}'])
def test_a_damaged_run_is_told(base: Base, tmp_path: Path, content: str) -> None:
    """run.json that is empty, cut, or says what is not so."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(content)
    with pytest.raises(EsragError) as raised:
        run(base, tmp_path / "run")
    assert raised.value.exit_code in (2, 7)


def test_a_disk_that_is_full_at_any_size_leaves_a_run_that_goes_on(
    base: Base, tmp_path: Path
) -> None:
    """Corpus, checkpoint and model: exit code 4, and the same weights when there is room."""
    run(base, tmp_path / "whole")
    whole = (tmp_path / "whole" / "model" / "model.safetensors").read_bytes()
    for size in (0, 400, 3_000, len(whole) // 2, 2 * len(whole) - 5_000):
        with no_file_above(size), pytest.raises(UnavailableError, match="disk is full"):
            run(base, tmp_path / "full")
        assert not (tmp_path / "full" / "model").exists()
    run(base, tmp_path / "full")
    assert (tmp_path / "full" / "model" / "model.safetensors").read_bytes() == whole


def test_a_base_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """Before anything is read."""
    folder = write_tiny_llama(tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "m.M"}}))
    with pytest.raises(UnsupportedError):
        run(Base(folder, "tiny"), tmp_path / "run")


def test_a_loss_that_is_no_number_ends_pre_training(base: Base, tmp_path: Path) -> None:
    """Nothing is published."""
    with pytest.raises(EsragError, match="no number"):
        pretrain(
            request_of(base, learning_rate=1e30),
            RunFolder(tmp_path / "run"),
            lambda: TEXTS,
            anyway=True,
        )
    assert not (tmp_path / "run" / "model").exists()


def test_odd_texts_are_read(base: Base, tmp_path: Path) -> None:
    """Halves of characters, NUL, 100,000 tokens at once, one text under two names."""
    odd = [Text("nul", "a\0b"), Text("long", "hook " * 20_000), Text("again", TEXTS[0].text)]
    (tmp_path / "odd.jsonl").write_text('{"id": "half", "text": "mast \\ud800 relay"}\n')
    outcome = run(base, tmp_path / "run", [*TEXTS, *odd, *read_texts(tmp_path / "odd.jsonl")])
    assert outcome.published.is_dir()


def test_a_hostile_folder_of_texts_is_not_followed(tmp_path: Path) -> None:
    """A link out of it is refused; a pipe, which would be waited for, is no text."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("A text.")
    os.mkfifo(folder / "b.txt")
    (folder / "c.txt").mkdir()
    assert [text.text for text in read_texts(folder)] == ["A text."]
    with pytest.raises(UsageError, match="no text"):
        list(read_texts(folder / "b.txt"))
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "d.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UsageError, match="leads out of its folder"):
        list(read_texts(folder))


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"text": 7}', '{"text": "a"', "null", "\\", "9" * 9_999]
)
def test_a_line_that_is_no_text_is_named(tmp_path: Path, line: str) -> None:
    """Exit code 2 with the number of the line."""
    (tmp_path / "texts.jsonl").write_text(f'{{"text": "fine"}}\n{line}\n')
    with pytest.raises(UsageError, match="line 2"):
        list(read_texts(tmp_path / "texts.jsonl"))
