"""eland's own command line, unchanged: a trained model from its folder into the cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster_models import eland_import

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch
    from servers_under_test import ElasticsearchAddress

pytestmark = pytest.mark.suite("eland", "Elastic's own Python client for machine learning")
REFERENCE = Path(__file__).parent / "drivers" / "reference_vectors.py"


def test_vectors_are_those_of_sentence_transformers(
    es: Elasticsearch, dense_model: str, tmp_path: Path
) -> None:
    """For 200 texts of many lengths and scripts."""
    reference = tmp_path / "reference.json"
    subprocess.run(
        [sys.executable, str(REFERENCE), str(reference)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    known = json.loads(reference.read_text(encoding="utf-8"))
    docs = [{"text_field": text} for text in known["texts"]]
    answer = es.options(request_timeout=300).ml.infer_trained_model(
        model_id=dense_model, docs=docs, timeout="300s"
    )
    vectors = [result["predicted_value"] for result in answer["inference_results"]]
    assert len(vectors) == 200
    pairs = zip(vectors, known["vectors"], strict=True)
    assert min(cosine(given, expected) for given, expected in pairs) >= 0.9999


@pytest.mark.long
def test_import_again_starts_afresh(
    es: Elasticsearch, elasticsearch_address: ElasticsearchAddress, prefix: str
) -> None:
    """With ``--clear-previous`` eland stops and removes what was there; here, half a model."""
    es.ml.put_trained_model(
        model_id=prefix,
        model_type="pytorch",
        inference_config={"text_embedding": {}},
        input={"field_names": ["text_field"]},
    )
    with pytest.raises(AssertionError, match="already exists"):
        eland_import(elasticsearch_address, prefix)
    said = eland_import(elasticsearch_address, prefix, "--clear-previous", "--start")
    assert "Deleting model" in said
    found = es.ml.get_trained_models(model_id=prefix, include="definition_status")
    assert found["trained_model_configs"][0]["fully_defined"] is True
    stats = es.ml.get_trained_models_stats(model_id=prefix)["trained_model_stats"][0]
    assert stats["deployment_stats"]["state"] == "started"


def cosine(left: list[float], right: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    products = sum(a * b for a, b in zip(left, right, strict=True))
    lengths = sum(a * a for a in left) * sum(b * b for b in right)
    return float(products / lengths**0.5)
