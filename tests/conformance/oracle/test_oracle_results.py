"""x-pack-core's own writers of results, held against what tiny models of every task answer.

The models are made here from seeds and have learnt nothing: what is compared is how an answer is
written, not whether it is right.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from oracle_program import Oracle
from oracle_results import VALUES_OF, Read

pytestmark = pytest.mark.suite("oracle", "x-pack-core's own classes, run beside the server")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijkl"]
TEXTS = ["a b c", "d [MASK] e", "f g", "h i j k l " * 40]
CONFIGS: dict[str, dict[str, Any]] = {
    "text_embedding": {"embedding_size": 4},
    "text_similarity": {},
    "text_classification": {"classification_labels": ["x", "y", "z"]},
    "zero_shot_classification": {
        "classification_labels": ["entailment", "neutral", "contradiction"]
    },
    "text_expansion": {},
    "fill_mask": {},
    "ner": {"classification_labels": ["O", "B_PER", "I_PER"]},
    "pass_through": {},
    "question_answering": {},
}
TRUNCATIONS: dict[str, dict[str, Any]] = {
    "text_similarity": {"truncate": "second"},
    "question_answering": {"truncate": "none", "span": 8},
}
UPDATES: dict[str, list[dict[str, Any]]] = {
    "text_similarity": [{"text": "a b"}, {"text": "c", "results_field": "other"}],
    "text_classification": [{}, {"num_top_classes": 2}, {"num_top_classes": 9}],
    "zero_shot_classification": [
        {"labels": ["good", "bad"]},
        {"labels": ["good"], "multi_label": True},
    ],
    "fill_mask": [{}, {"num_top_classes": 1}, {"num_top_classes": 0}],
    "question_answering": [
        {"question": "a b"},
        {"question": "c", "num_top_classes": 2, "max_answer_length": 3},
    ],
}


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the modules, made in a process of its own."""
    folder = tmp_path_factory.mktemp("heads")
    script = Path(__file__).with_name("tiny_heads.py")
    subprocess.run([sys.executable, "-W", "ignore", str(script), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def deployed(
    server: httpx.Client, module_prefix: str, heads: Path
) -> Iterator[Callable[[str], str]]:
    """Deploys the tiny model of a task when it is asked for; one at a time."""
    running: list[str] = []

    def stop() -> None:
        for model_id in running:
            server.delete(f"/_ml/trained_models/{model_id}?force=true")
        running.clear()

    def deploy(task: str) -> str:
        stop()
        model_id = f"{module_prefix}-{task.replace('_', '-')}"
        _upload(server, model_id, task, (heads / f"{task}.pt").read_bytes())
        running.append(model_id)
        return model_id

    yield deploy
    stop()


def _upload(server: httpx.Client, model_id: str, task: str, definition: bytes) -> None:
    path = f"/_ml/trained_models/{model_id}"
    windows = TRUNCATIONS.get(task, {"truncate": "first"})
    tokenization = {"bert": {"max_sequence_length": 64, **windows}}
    config = {
        "model_type": "pytorch",
        "inference_config": {task: CONFIGS[task] | {"tokenization": tokenization}},
        "input": {"field_names": ["text_field"]},
    }
    part = {
        "definition": base64.b64encode(definition).decode(),
        "total_definition_length": len(definition),
        "total_parts": 1,
    }
    for method, rest, body in (
        ("PUT", "", config),
        ("PUT", "/definition/0", part),
        ("PUT", "/vocabulary", {"vocabulary": WORDS}),
        ("POST", "/deployment/_start?timeout=60s", None),
    ):
        answer = server.request(method, path + rest, json=body)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("task", list(CONFIGS))
def test_answers_of_infer(
    server: httpx.Client,
    oracle: Oracle,
    deployed: Callable[[str], str],
    tally: Tally,
    task: str,
) -> None:
    """The values of an answer, written by x-pack-core, are the answer: names, order, numbers."""
    model_id = deployed(task)
    texts = [text for text in TEXTS if "[MASK]" in text or task != "fill_mask"]
    for update in UPDATES.get(task, [{}, {"results_field": "other"}]):
        body = {
            "docs": [{"text_field": text} for text in texts],
            "inference_config": {task: update},
        }
        answer = server.post(f"/_ml/trained_models/{model_id}/_infer", json=body)
        assert answer.status_code == 200, answer.text
        compare_texts(oracle, task, answer.text, update.get("results_field", "predicted_value"))
        tally.compared(len(texts), "generated requests")


def compare_texts(oracle: Oracle, task: str, text: str, field: str) -> None:
    """The text of an answer is the text that x-pack-core writes for its values."""
    read: Read = VALUES_OF[task]
    results = [read(result, field) for result in json.loads(text)["inference_results"]]
    line = {"id": "", "kind": "result", "args": {"task": task, "results": results}}
    (written,) = oracle.ask([line])
    assert text == written["accepted"]


def test_answers_of_a_sparse_endpoint(
    server: httpx.Client,
    oracle: Oracle,
    deployed: Callable[[str], str],
    module_prefix: str,
    tally: Tally,
) -> None:
    """Weighted tokens of an endpoint that uses a deployment, as x-pack-core writes them."""
    path = f"/_inference/sparse_embedding/{module_prefix}-sparse"
    settings = {"deployment_id": deployed("text_expansion"), "num_threads": 1}
    made = server.put(path, json={"service": "elasticsearch", "service_settings": settings})
    assert made.status_code == 200, made.text
    answer = server.post(path, json={"input": ["a b", TEXTS[-1]]})
    server.delete(f"{path}?force=true")
    results = [
        {
            "is_truncated": result["is_truncated"],
            "tokens": [{"token": t, "weight": w} for t, w in result["embedding"].items()],
        }
        for result in answer.json()["sparse_embedding"]
    ]
    line = {"id": "", "kind": "result", "args": {"task": "sparse", "results": results}}
    (written,) = oracle.ask([line])
    assert answer.text == written["accepted"]
    assert [result["is_truncated"] for result in results] == [False, True]
    tally.compared(2, "generated requests")
