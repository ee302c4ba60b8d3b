"""``esrag retriever tune``: a cluster that is not to be had, a killed process."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from asking_desk import Desk
from elasticsearch import Elasticsearch

from esrag.model_files import file_sha256
from esrag.names import Names
from tests.tiny_sentence_model import write_judged_folder, write_tiny_sentence_model

if TYPE_CHECKING:
    from conftest import Stack

TUNE = ("retriever", "tune", "--name", "birds", "--json")


@pytest.fixture
def desk(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A set without an index, and a data folder of one's own."""
    return Desk(
        es,
        Names(prefix),
        {
            "ESRAG_DATA_DIR": str(tmp_path / "data"),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
            "ESRAG_INDEX_SET": prefix,
            "ESRAG_TRAINING_THREADS": "1",
        },
    )


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"ESRAG_ELASTICSEARCH_URL": "http://127.0.0.1:9"}, 4, "cannot be reached"),
        ({"ESRAG_ELASTICSEARCH_PASSWORD": "wrong"}, 5, "password"),
        ({}, 7, "there is no index"),
    ],
)
def test_an_index_that_cannot_be_read_is_told_at_once(
    desk: Desk, environment: dict[str, str], code: int, words: str
) -> None:
    """Before a model is loaded or a folder is made, and without the patience of a scan."""
    done = desk.run(*TUNE, **environment)
    assert done.code == code
    assert words in done.talk
    assert not (Path(desk.environment["ESRAG_DATA_DIR"]) / "runs").exists()


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    """A run that needs no index and would be accepted."""
    model = write_tiny_sentence_model(tmp_path / "tiny")
    judged = write_judged_folder(tmp_path / "judged", 160, test=40)
    return (
        *("retriever", "tune", "--json", "--without-index", "--judged", str(judged)),
        *("--model-source", str(model), "--dtype", "float32"),
        *("--epochs", "8", "--batch", "16", "--learning-rate", "1e-2"),
    )


@pytest.mark.long
def test_a_killed_run_ends_as_an_undisturbed_one(
    desk: Desk, words: tuple[str, ...], tmp_path: Path
) -> None:
    """kill -9 in the middle of training; the same command again gives the same bytes and curve."""
    whole = desk.run(*words, "--name", "whole")
    assert whole.code == 0, whole.talk
    runs = tmp_path / "data" / "runs"
    curve = (runs / "whole" / "metrics.jsonl").read_text().splitlines()
    process = desk.start(*words, "--name", "killed")
    metrics = runs / "killed" / "metrics.jsonl"
    until = time.monotonic() + 240
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) > len(curve) // 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (runs / "killed" / "model").exists()
    again = desk.run(*words, "--name", "killed")
    assert again.code == 0, again.talk
    assert metrics.read_text().splitlines() == curve
    weights = [runs / name / "model" / "model.safetensors" for name in ("whole", "killed")]
    assert file_sha256(weights[0]) == file_sha256(weights[1])
    assert json.loads(again.output)["verdict"] == json.loads(whole.output)["verdict"]
