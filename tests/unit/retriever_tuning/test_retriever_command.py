"""``esrag retriever tune`` at the command line, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.bundle import load_bundle, verify_bundle
from esrag.cli import run
from tests.tiny_sentence_model import write_judged_folder, write_tiny_sentence_model


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A model and a judged folder; the data folder is the test's own."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ESRAG_TRAINING_THREADS", "1")
    model = write_tiny_sentence_model(tmp_path / "tiny")
    return model, write_judged_folder(tmp_path / "judged", 160, test=40)


def command(model: Path, judged: Path, *more: str) -> list[str]:
    """The command line of a run without an index."""
    return [
        *("retriever", "tune", "--judged", str(judged), "--without-index", "--name", "tiny"),
        *("--model-source", str(model), "--dtype", "float32", "--json", *more),
    ]


def test_a_rejected_run_ends_with_3_and_prints_what_was_measured(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The outcome is data, the reason is talk, and there is no bundle."""
    few = ("--epochs", "1", "--learning-rate", "1e-12")
    assert run(command(*folders, *few)) == 3
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["status"] == "rejected"
    assert found["bundle"] is None
    assert found["verdict"]["questions"] == 40
    assert "the gate rejected the run tiny" in err
    assert not (tmp_path / "data" / "bundles").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--loss", "margin"), "needs the scores of a --cross-encoder"),
        (("--made",), "goes with --judged alone"),
        (("--name", "../x"), "cannot name a run"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    folders: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    words: str,
) -> None:
    """With exit code 2 and what is wrong."""
    assert run(command(*folders, *more)) == 2
    assert words in capsys.readouterr().err


def test_a_model_with_code_of_its_own_is_refused(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 6, before it is loaded."""
    model, judged = folders
    config = json.loads((model / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Model"}
    (model / "config.json").write_text(json.dumps(config))
    assert run(command(model, judged)) == 6
    assert "auto_map" in capsys.readouterr().err


@pytest.mark.long
def test_an_accepted_model_becomes_a_bundle(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """What reembed rolls out computes what was judged: the trace agrees with the tuned model."""
    assert run(command(*folders, "--epochs", "8", "--batch", "16", "--learning-rate", "1e-2")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["accepted"]
    bundle = load_bundle(Path(found["bundle"]["folder"]))
    verify_bundle(bundle)
    assert bundle.dims == 32
    assert bundle.model_id.endswith("-tiny")
