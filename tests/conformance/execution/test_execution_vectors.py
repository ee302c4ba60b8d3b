"""The vectors of the packaged model: the server's against sentence-transformers and ONNX Runtime.

The server executes the TorchScript that eland made.  Both references start from the weights and
share no code with the stack; ONNX Runtime shares none with torch either.  Equal means a cosine
of at least 0.9999 and no number further apart than 0.00001 in vectors of length 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from execution_texts import SCRIPTS, texts

COSINE = 0.9999
FURTHEST = 1e-5
PART = 4 << 20
DIMS = 384

pytestmark = pytest.mark.suite(
    "execution", "Vectors of the packaged model, by sentence-transformers and by ONNX Runtime"
)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the traced model and the vectors made without a server."""
    folder = tmp_path_factory.mktemp("execution")
    script = Path(__file__).with_name("execution_references.py")
    quiet = {"OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    made = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, **quiet},
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr.decode()[-3000:]
    return folder


@pytest.fixture(scope="module")
def expected(references: Path) -> dict[str, Any]:
    """What sentence-transformers and ONNX Runtime say."""
    read: dict[str, Any] = json.loads((references / "references.json").read_text())
    return read


@pytest.fixture(scope="module")
def model(server: Any, module_prefix: str, references: Path) -> Iterator[str]:
    """The model on the server, with prefix strings, deployed."""
    model_id = f"{module_prefix}_minilm"
    path = f"/_ml/trained_models/{model_id}"
    config = json.loads((references / "config.json").read_text())
    definition = (references / "definition.pt").read_bytes()
    put(server, path, config)
    parts = [definition[at : at + PART] for at in range(0, len(definition), PART)]
    for number, part in enumerate(parts):
        body = {
            "definition": b64encode(part).decode(),
            "total_definition_length": len(definition),
            "total_parts": len(parts),
        }
        put(server, f"{path}/definition/{number}", body)
    put(server, f"{path}/vocabulary", json.loads((references / "vocabulary.json").read_text()))
    started = server.post(
        f"{path}/deployment/_start", params={"wait_for": "started", "timeout": "120s"}, timeout=150
    )
    assert started.status_code == 200, started.text
    yield model_id
    server.post(f"{path}/deployment/_stop", params={"force": "true"}, timeout=60)
    server.delete(path, params={"force": "true"}, timeout=60)


def put(server: Any, path: str, body: Any) -> None:
    """Send, and be told that it was taken."""
    answer = server.put(path, json=body, timeout=120)
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def inferred(server: Any, model: str) -> dict[str, Any]:
    """What the server makes of each text, all sent in one call."""
    answer = server.post(
        f"/_ml/trained_models/{model}/_infer",
        params={"timeout": "300s"},
        json={"docs": [{"text_field": text} for text in texts().values()]},
        timeout=330,
    )
    assert answer.status_code == 200, answer.text
    return dict(zip(texts(), answer.json()["inference_results"], strict=True))


def differing(found: dict[str, Any], expected: dict[str, Any], by: str) -> dict[str, Any]:
    """Names of the vectors that are not equal to those of a reference, with how far they are."""
    wrong = {}
    for name, vector in found.items():
        theirs = np.array(expected[by][expected["names"].index(name)])
        ours = np.array(vector)
        cosine = float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))
        furthest = float(np.abs(ours - theirs).max())
        if cosine < COSINE or furthest > FURTHEST:
            wrong[name] = (cosine, furthest)
    return wrong


@pytest.mark.parametrize("by", ["sentence_transformers", "onnx_runtime"])
def test_vectors_equal_those_made_without_the_server(
    inferred: dict[str, Any], expected: dict[str, Any], tally: Any, by: str
) -> None:
    """Six scripts, odd characters, one token to five thousand."""
    found = {name: result["predicted_value"] for name, result in inferred.items()}
    assert differing(found, expected, by) == {}
    tally.compared(len(found), "vectors")


def test_what_is_beyond_the_window_is_cut_and_said(
    inferred: dict[str, Any], expected: dict[str, Any]
) -> None:
    """From the first token that does not fit; what is cut changes nothing."""
    tokens = dict(zip(expected["names"], expected["tokens"], strict=True))
    cut = {name for name, result in inferred.items() if result.get("is_truncated")}
    assert cut == {name for name in inferred if tokens[name] > expected["longest"]}
    assert {"5000 words", "1500 words"} <= cut
    assert max(tokens.values()) >= 5000


def test_the_ingest_prefix_stands_before_what_a_pipeline_embeds(
    server: Any, model: str, expected: dict[str, Any], tally: Any
) -> None:
    """The inference processor, on one text of each script."""
    processor = {
        "model_id": model,
        "input_output": [{"input_field": "text", "output_field": "vector"}],
    }
    answer = server.post(
        "/_ingest/pipeline/_simulate",
        json={
            "pipeline": {"processors": [{"inference": processor}]},
            "docs": [{"_source": {"text": text}} for text in SCRIPTS.values()],
        },
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    docs = [doc["doc"]["_source"]["vector"] for doc in answer.json()["docs"]]
    found = {f"ingest {name}": vector for name, vector in zip(SCRIPTS, docs, strict=True)}
    for by in ("sentence_transformers", "onnx_runtime"):
        assert differing(found, expected, by) == {}
    tally.compared(2 * len(found), "vectors")


def test_the_search_prefix_stands_before_a_question(
    server: Any, model: str, module_prefix: str, expected: dict[str, Any]
) -> None:
    """A vector made without the server is as good as the same; the score says so."""
    index = f"{module_prefix}-vectors"
    field = {"type": "dense_vector", "dims": DIMS, "similarity": "cosine"}
    field["index_options"] = {"type": "flat"}
    put(server, f"/{index}", {"mappings": {"properties": {"vector": field}}})
    for name in SCRIPTS:
        place = expected["names"].index(f"search {name}")
        put_document(server, index, name, expected["onnx_runtime"][place])
    for name, text in SCRIPTS.items():
        builder = {"text_embedding": {"model_id": model, "model_text": text}}
        knn = {"field": "vector", "query_vector_builder": builder, "k": 1, "num_candidates": 10}
        answer = server.post(f"/{index}/_search", json={"knn": knn}, timeout=60)
        assert answer.status_code == 200, answer.text
        [hit] = answer.json()["hits"]["hits"]
        assert hit["_id"] == name
        assert hit["_score"] >= (1 + COSINE) / 2
    server.delete(f"/{index}")


def put_document(server: Any, index: str, name: str, vector: list[float]) -> None:
    """Index one vector, to be found at once."""
    answer = server.put(f"/{index}/_doc/{name}?refresh=true", json={"vector": vector})
    assert answer.status_code == 201, answer.text
