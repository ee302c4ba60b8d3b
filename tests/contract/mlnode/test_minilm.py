"""The packaged model, traced by eland, against sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MODEL = "sentence-transformers__all-minilm-l6-v2"


@pytest.fixture
def deployed(node: Any, traced_minilm: Path) -> Any:
    """The node with the model deployed."""
    client = node.client
    definition = (traced_minilm / "definition.pt").read_bytes()
    config = json.loads((traced_minilm / "config.json").read_text())
    client.put(f"/models/{MODEL}", json=config).raise_for_status()
    size = 8 << 20
    parts = [definition[i : i + size] for i in range(0, len(definition), size)]
    for number, part in enumerate(parts):
        client.put(
            f"/models/{MODEL}/definition/{number}",
            params={"total_parts": len(parts), "total_definition_length": len(definition)},
            content=part,
        ).raise_for_status()
    vocabulary = (traced_minilm / "vocabulary.json").read_bytes()
    client.put(f"/models/{MODEL}/vocabulary", content=vocabulary).raise_for_status()
    node.deploy(MODEL, threads_per_allocation=2)
    yield node
    client.delete(f"/models/{MODEL}", params={"force": "true"}).raise_for_status()


def test_vectors_equal_those_of_sentence_transformers(deployed: Any, traced_minilm: Path) -> None:
    """Cosine of at least 0.9999 on 200 texts, sent together."""
    reference = json.loads((traced_minilm / "reference.json").read_text())
    config = json.loads((traced_minilm / "config.json").read_text())["inference_config"]
    response = deployed.infer(
        MODEL, *reference["texts"], inference_config=config, timeout_ms=120_000
    )
    results = response.json()["results"]
    assert not any(result["is_truncated"] for result in results)
    found = np.array([result["values"] for result in results])
    expected = np.array(reference["vectors"])
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / norms).min() >= 0.9999
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(found)), abs=1e-5)
