"""eland's Python client and every task: what the cluster says is what the model says.

The models are tiny BERTs with seeded weights, as no trained ones can be had here: they have no
sense, but opinions, and the same everywhere.  They are saved as from the hub, traced and uploaded
by eland, and asked through the cluster; beside that, transformers runs them on the same tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance_record import Tally
    from servers_under_test import ElasticsearchAddress

pytestmark = [
    pytest.mark.suite("eland", "Elastic's own Python client for machine learning"),
    pytest.mark.long,
]
DRIVER = Path(__file__).parent / "drivers" / "eland_tasks.py"
TEXTS = ["The quick brown fox lives in Berlin.", "Maria works for a bank near the river."]


@pytest.fixture(scope="module")
def seen(
    elasticsearch_address: ElasticsearchAddress, api_key: str, module_prefix: str
) -> dict[str, Any]:
    """What cluster and model said of each task; one process for all."""
    trust = [elasticsearch_address.ca_certs] if elasticsearch_address.ca_certs else []
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", str(DRIVER)),
            *(elasticsearch_address.url, api_key, module_prefix, *trust),
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def _version(tally: Tally) -> None:
    tally.version("eland", version("eland"))


def said(seen: dict[str, Any], task: str) -> tuple[Any, Any]:
    """What the cluster said, and what the model."""
    assert "error" not in seen[task], seen[task]["error"]
    return seen[task]["cluster"], seen[task]["own"]


def probabilities(result: dict[str, Any]) -> dict[str, float]:
    """The classes of a result with their probabilities, best first."""
    classes = result["top_classes"]
    assert all(one["class_score"] == one["class_probability"] for one in classes)
    return {one["class_name"]: one["class_probability"] for one in classes}


def test_text_classification(seen: dict[str, Any]) -> None:
    """All classes of both texts."""
    results, own = said(seen, "text_classification")
    for result, expected in zip(results, own, strict=True):
        assert probabilities(result) == pytest.approx(expected, abs=1e-5)
        assert result["predicted_value"] == max(expected, key=expected.__getitem__)
        assert result["prediction_probability"] == result["top_classes"][0]["class_probability"]


def test_ner(seen: dict[str, Any]) -> None:
    """Each entity begins at a word that the model labels so, and stands in the annotated text."""
    results, own = said(seen, "ner")
    for text, result, words in zip(TEXTS, results, own, strict=True):
        labels = [(word, label.partition("_")[2]) for word, label in words[1:-1]]
        found = result["entities"]
        assert found
        for entity in found:
            start, end = entity["start_pos"], entity["end_pos"]
            first = text[start:end].lower().split()[0]
            assert (first, entity["class_name"]) in labels
            assert f"[{text[start:end]}]({entity['class_name']}&" in result["predicted_value"]
        assert sum(label != "" for _, label in labels) >= len(found)


def test_fill_mask(seen: dict[str, Any]) -> None:
    """The three likeliest words, and the text with the first of them."""
    (result,), own = said(seen, "fill_mask")
    assert probabilities(result) == pytest.approx(dict(own), abs=1e-5)
    assert result["predicted_value"] == own[0][0]
    assert result["predicted_value_sequence"] == f"Paris is the {own[0][0]} of France."


def test_zero_shot_classification(seen: dict[str, Any]) -> None:
    """The candidates of the call, as likely as the model finds that the text entails them."""
    (result,), own = said(seen, "zero_shot_classification")
    assert probabilities(result) == pytest.approx(own, abs=1e-5)


def test_question_answering(seen: dict[str, Any]) -> None:
    """The same span, with its words."""
    (result,), (start, end) = said(seen, "question_answering")
    assert [result["start_offset"], result["end_offset"]] == [start, end]
    assert result["predicted_value"] == TEXTS[0][start:end]
    assert 0.0 < result["prediction_probability"] < 1.0


def test_text_similarity(seen: dict[str, Any]) -> None:
    """The model's number for each pair."""
    results, own = said(seen, "text_similarity")
    assert [one["predicted_value"] for one in results] == pytest.approx(own, abs=1e-4)


def test_text_expansion(seen: dict[str, Any]) -> None:
    """Words with positive weights, those of the first position, as of a model without a head."""
    results, own = said(seen, "text_expansion")
    for result, rows in zip(results, own["weights"], strict=True):
        expected = {
            word: weight for word, weight in zip(own["words"], rows[0], strict=True) if weight > 0.0
        }
        given = result["predicted_value"]
        assert list(given.values()) == sorted(given.values(), reverse=True)
        assert {word: given[word] for word in own["words"] if word in given} == pytest.approx(
            expected, rel=1e-4, abs=1e-4
        )


def test_pass_through(seen: dict[str, Any]) -> None:
    """The whole tensor."""
    (result,), own = said(seen, "pass_through")
    given = result["predicted_value"]
    assert [len(row) for row in given] == [len(row) for row in own]
    for row, expected in zip(given, own, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)
