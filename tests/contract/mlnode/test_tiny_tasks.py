"""Every task, with tiny random models that eland traced, against pipelines of transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CLOSE = 1e-4


class Deployed:
    """One tiny model on the node."""

    def __init__(self, node: Any, folder: Path, model_id: str, config: Any) -> None:
        self._node = node
        self.model_id = model_id
        self.config = config
        [self.task] = self.config
        self.reference = json.loads((folder / "reference.json").read_text())

    def infer(
        self, *texts: str, tokenization: dict[str, Any] | None = None, **options: Any
    ) -> list[Any]:
        """The results for some texts, the model's configuration merged with the call's."""
        own = self.config[self.task]
        [(kind, fields)] = own["tokenization"].items()
        merged = {
            **own,
            **options,
            "tokenization": {kind: {**fields, **(tokenization or {})}},
        }
        response = self._node.infer(self.model_id, *texts, inference_config={self.task: merged})
        response.raise_for_status()
        results: list[Any] = response.json()["results"]
        assert len(results) == len(texts)
        return results


@pytest.fixture(scope="module")
def deployed(
    request: pytest.FixtureRequest, session_node: Any, tiny_models: Path
) -> Iterator[Deployed]:
    """The model named by the test, shared by all tests that name it."""
    folder = tiny_models / request.param
    config = json.loads((folder / "config.json").read_text())
    yield from deploy(session_node, folder, folder.name, config)


def deploy(node: Any, folder: Path, model_id: str, config: Any) -> Iterator[Deployed]:
    """A model of the folder under some configuration, while it is needed."""
    vocabulary = (folder / "vocabulary.json").read_bytes()
    definition = (folder / "definition.pt").read_bytes()
    node.upload(model_id, definition, config=config, vocabulary=vocabulary)
    node.deploy(model_id)
    yield Deployed(node, folder, model_id, config["inference_config"])
    node.client.delete(f"/models/{model_id}", params={"force": "true"}).raise_for_status()


def models(*names: str) -> pytest.MarkDecorator:
    """The test runs once for each of these models."""
    return pytest.mark.parametrize("deployed", names, indirect=True, scope="module")


@models("roberta-text_classification", "deberta_v2-text_classification")
def test_text_classification_gives_the_pipelines_probabilities(deployed: Deployed) -> None:
    """All labels, best first."""
    results = deployed.infer(*(text for text, _ in deployed.reference))
    for result, (_, expected) in zip(results, deployed.reference, strict=True):
        assert result["type"] == "text_classification"
        assert [name for name, _ in result["classes"]] == [one["label"] for one in expected]
        found = [probability for _, probability in result["classes"]]
        assert found == pytest.approx([one["score"] for one in expected], abs=CLOSE)


@models("xlm_roberta-zero_shot_classification")
def test_zero_shot_classification_gives_the_pipelines_probabilities(deployed: Deployed) -> None:
    """Labels that compete, and labels each by itself."""
    for text, multi_label, labels, scores in deployed.reference:
        [result] = deployed.infer(
            text,
            labels=["cat", "bob smith", "paris"],
            multi_label=multi_label,
            hypothesis_template="this is {}",
        )
        assert result["type"] == "zero_shot_classification"
        assert [name for name, _ in result["classes"]] == labels
        assert [p for _, p in result["classes"]] == pytest.approx(scores, abs=CLOSE)


@models("bert-ner", "roberta-ner")
def test_ner_gives_the_pipelines_entities(deployed: Deployed) -> None:
    """Class, mean probability and place of each."""
    results = deployed.infer(*(text for text, _ in deployed.reference))
    compared = 0
    for result, (text, expected) in zip(results, deployed.reference, strict=True):
        assert result["type"] == "ner"
        if not simple(text):
            continue  # the pipeline guesses at words of byte pairs from the spaces around them
        found = result["entities"]
        assert [(e["class_name"], e["start_pos"], e["end_pos"]) for e in found] == [
            (e["entity_group"], e["start"], e["end"]) for e in expected
        ]
        assert [e["class_probability"] for e in found] == pytest.approx(
            [e["score"] for e in expected], abs=CLOSE
        )
        assert [e["entity"] for e in found] == [text[e["start"] : e["end"]] for e in expected]
        compared += len(found)
    assert compared >= 5


def simple(text: str) -> bool:
    """Nothing but words and spaces."""
    return text.isascii() and text.replace(" ", "").isalpha()


@models("bert-ner")
def test_ner_marks_names_in_the_text_and_counts_utf16(deployed: Deployed) -> None:
    """An emoji takes two places; the text between the names is untouched."""
    [plain, shifted] = deployed.infer("bob smith", "😀 bob smith")
    text = "😀 bob smith"
    units = text.encode("utf-16-le")
    assert shifted["entities"] or plain["entities"]
    rebuilt, reached = "", 0
    for entity in shifted["entities"]:
        start, end = entity["start_pos"], entity["end_pos"]
        seen = units[2 * start : 2 * end].decode("utf-16-le")
        assert entity["entity"] == seen
        rebuilt += units[2 * reached : 2 * start].decode("utf-16-le")
        rebuilt += f"[{seen}]({entity['class_name']}&{seen.replace(' ', '+')})"
        reached = end
    rebuilt += units[2 * reached :].decode("utf-16-le")
    assert shifted["annotated"] == rebuilt


@models("bert-fill_mask", "roberta-fill_mask")
def test_fill_mask_gives_the_pipelines_tokens(deployed: Deployed) -> None:
    """Five by default, and the text with the best of them."""
    results = deployed.infer(*(text for text, _ in deployed.reference))
    mask = "[MASK]" if deployed.model_id.startswith("bert-") else "<mask>"
    for result, (text, expected) in zip(results, deployed.reference, strict=True):
        assert result["type"] == "fill_mask"
        names = [name for name, _ in result["classes"]]
        assert names == [one["token_str"].strip() for one in expected]
        found = [probability for _, probability in result["classes"]]
        assert found == pytest.approx([one["score"] for one in expected], abs=CLOSE)
        assert result["sequence"] == text.replace(mask, names[0])


@models("bert-fill_mask")
def test_fill_mask_wants_exactly_one_mask(deployed: Deployed) -> None:
    """Each wrong input in its place, in the server's words."""
    good, none, two = deployed.infer("a [MASK]", "a cat", "[MASK] [MASK]", num_top_classes=0)
    assert len(good["classes"]) == 1
    assert none == {"error": "no [MASK] token could be found"}
    assert two == {"error": "only one [MASK] token should exist in the input"}


@models("bert-question_answering", "xlm_roberta-question_answering")
def test_question_answering_gives_the_pipelines_answer(deployed: Deployed) -> None:
    """Score and, for whole words, place."""
    for text, expected in deployed.reference["short"]:
        [result] = deployed.infer(
            text, question=deployed.reference["question"], max_answer_length=3
        )
        assert result["type"] == "question_answering"
        assert result["prediction_probability"] == pytest.approx(expected["score"], abs=CLOSE)
        place = (result["start_offset"], result["end_offset"])
        if simple(text):
            assert place == (expected["start"], expected["end"])
        assert result["answer"] == text[place[0] : place[1]]


@models("bert-question_answering")
def test_a_long_text_is_answered_from_its_windows(deployed: Deployed) -> None:
    """The best of all places of all windows, as tried one by one."""
    long = deployed.reference["long"]
    [result] = deployed.infer(
        long["text"],
        question=deployed.reference["question"],
        max_answer_length=4,
        num_top_classes=5,
        tokenization={
            "max_sequence_length": long["limit"],
            "span": long["span"],
            "truncate": "none",
        },
    )
    found = [(a["score"], a["start_offset"], a["end_offset"]) for a in result["top"]]
    expected = long["best"][:5]
    assert [score for score, *_ in found] == pytest.approx([e[0] for e in expected], abs=CLOSE)
    assert [place for _, *place in found] == [[start, end] for _, start, end in expected]
    assert result["answer"] == long["text"][expected[0][1] : expected[0][2]]
    assert result["is_truncated"] is False


@models("bert-text_similarity")
def test_text_similarity_gives_the_models_logit(deployed: Deployed) -> None:
    """Of each pair; negative ones stay negative."""
    for first, second, expected in deployed.reference["pairs"]:
        [result] = deployed.infer(second, text=first)
        assert result["type"] == "text_similarity"
        assert result["value"] == pytest.approx(expected, abs=CLOSE)


@models("bert-text_similarity")
@pytest.mark.parametrize("function", ["max", "mean"])
def test_text_similarity_combines_windows(deployed: Deployed, function: str) -> None:
    """The largest of their scores, or the mean."""
    long = deployed.reference["long"]
    [result] = deployed.infer(
        long["text"],
        text=long["question"],
        span_score_combination_function=function,
        tokenization={
            "max_sequence_length": long["limit"],
            "span": long["span"],
            "truncate": "none",
        },
    )
    combine = {"max": max, "mean": np.mean}[function]
    assert result["value"] == pytest.approx(float(combine(long["scores"])), abs=CLOSE)


@models("bert-text_expansion")
def test_text_expansion_gives_the_tokens_above_zero(deployed: Deployed) -> None:
    """Best first; a dot becomes two underscores."""
    results = deployed.infer(*(text for text, _ in deployed.reference))
    for result, (_, expected) in zip(results, deployed.reference, strict=True):
        assert result["type"] == "text_expansion"
        weights = [weight for _, weight in result["tokens"]]
        assert weights == sorted(weights, reverse=True)
        wanted = {token.replace(".", "__"): weight for token, weight in expected.items()}
        assert dict(result["tokens"]) == pytest.approx(wanted, abs=CLOSE)


@models("mpnet-text_embedding")
def test_text_embedding_of_another_family_is_the_mean_of_the_last_layer(
    deployed: Deployed,
) -> None:
    """Two arguments instead of four, another padding."""
    results = deployed.infer(*(text for text, _ in deployed.reference))
    for result, (_, expected) in zip(results, deployed.reference, strict=True):
        assert result["values"] == pytest.approx(expected, abs=CLOSE)


@pytest.fixture(scope="module")
def passed(session_node: Any, tiny_models: Path) -> Iterator[Deployed]:
    """The ner model, deployed to give its tensors as they are."""
    folder = tiny_models / "bert-ner"
    [own] = json.loads((folder / "config.json").read_text())["inference_config"].values()
    config = {"inference_config": {"pass_through": {"tokenization": own["tokenization"]}}}
    yield from deploy(session_node, folder, "passed", config)


def test_pass_through_gives_the_tensor(passed: Deployed) -> None:
    """One row for each token of each text, whatever else is in the request."""
    short, long = passed.infer("bob", "bob smith saw")
    assert np.array(short["tensor"]).shape == (3, 5)
    assert np.array(long["tensor"]).shape == (5, 5)
    assert [short] == passed.infer("bob")
