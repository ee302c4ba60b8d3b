"""Every task of a trained model: by `_infer`, with wishes for one call, and in a pipeline.

The modules are those of ``task_modules``; what they answer can be told from their rules by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from ml_calls import Caller, upload


@dataclass(frozen=True, slots=True)
class Task:
    """A deployed model of one task."""

    admin: Caller
    model_id: str
    name: str

    def infer(self, text: str, /, **wishes: Any) -> dict[str, Any]:
        """The result of one text."""
        (result,) = self.call(text, **wishes).ok_body()["inference_results"]
        found: dict[str, Any] = result
        return found

    def call(self, text: str, /, **wishes: Any) -> Any:
        """The answer to a request of one text."""
        body: dict[str, Any] = {"docs": [{"text_field": text}]}
        if wishes:
            body["inference_config"] = {self.name: wishes}
        return self.admin("POST", f"/_ml/trained_models/{self.model_id}/_infer", body)

    def simulate(self, text: str, options: dict[str, Any], /, **wishes: Any) -> dict[str, Any]:
        """What a pipeline of one inference processor adds to a document."""
        if wishes:
            options = {**options, "inference_config": {self.name: wishes}}
        processor = {"inference": {"model_id": self.model_id, **options}}
        body = {"pipeline": {"processors": [processor]}, "docs": [{"_source": {"text": text}}]}
        (entry,) = self.admin.ok("POST", "/_ingest/pipeline/_simulate", body)["docs"]
        found: dict[str, Any] = entry["doc"]["_source"]
        return found


FIELDS = {"input_output": {"input_field": "text", "output_field": "out"}}
DOCUMENT = {"field_map": {"text": "text_field"}, "target_field": "ml"}


@pytest.fixture
def task(
    request: pytest.FixtureRequest,
    admin: Caller,
    prefix: str,
    task_definitions: dict[str, bytes],
) -> Task:
    """The task that the test names as its parameter, with the options of its config."""
    name, options = request.param
    upload(admin, prefix, task_definitions[name], inference_config={name: options})
    admin.ok("POST", f"/_ml/trained_models/{prefix}/deployment/_start?timeout=60s")
    return Task(admin, prefix, name)


def of(name: str, **options: Any) -> pytest.MarkDecorator:
    """Give a test a deployed model of this task."""
    return pytest.mark.parametrize("task", [(name, options)], indirect=True, ids=[name])


@of("text_classification", classification_labels=["bad", "good"])
def test_text_classification_names_the_best_class_and_as_many_as_asked(task: Task) -> None:
    """`num_top_classes` is none by default; a negative number asks for all; labels may change."""
    result = task.infer("a b b")
    assert list(result) == ["predicted_value", "prediction_probability"]
    assert result["predicted_value"] == "good"
    assert result["prediction_probability"] == pytest.approx(0.731, abs=0.001)
    every = task.infer("a b b", num_top_classes=-1)["top_classes"]
    assert [entry["class_name"] for entry in every] == ["good", "bad"]
    assert every[0]["class_probability"] == every[0]["class_score"]
    renamed = task.infer("a", classification_labels=["one", "two"], results_field="mine")
    assert renamed["mine"] == "one"
    document = task.simulate("b", DOCUMENT, num_top_classes=1)["ml"]
    assert document["predicted_value"] == "good"
    assert [entry["class_name"] for entry in document["top_classes"]] == ["good"]


@of("ner", classification_labels=["O", "B_PER", "I_PER"])
def test_ner_groups_words_and_marks_them_in_the_text(task: Task) -> None:
    """Words of one class are one entity; positions are those of the text."""
    result = task.infer("c a b d")
    assert result["predicted_value"] == "c [a b](PER&a+b) d"
    (entity,) = result["entities"]
    assert entity.pop("class_probability") > 0.99
    assert entity == {"entity": "a b", "class_name": "PER", "start_pos": 2, "end_pos": 5}
    document = task.simulate("c a b d", DOCUMENT)["ml"]
    assert document["predicted_value"] == result["predicted_value"]
    assert document["entities"][0]["entity"] == "a b"


@of("fill_mask")
def test_fill_mask_ranks_words_and_completes_the_sentence(task: Task) -> None:
    """The best word stands in the sentence; five are named by default."""
    result = task.infer("a [MASK] b")
    assert result["predicted_value"] == "slow"
    assert result["predicted_value_sequence"] == "a slow b"
    assert [entry["class_name"] for entry in result["top_classes"]] == ["slow", "j", "i", "h", "g"]
    assert len(task.infer("a [MASK] b", num_top_classes=2)["top_classes"]) == 2
    assert task.simulate("a [MASK] b", DOCUMENT)["ml"]["predicted_value_sequence"] == "a slow b"
    refused = task.call("a b")
    assert refused.status == 400
    assert "no [MASK] token could be found" in refused.text


@of(
    "zero_shot_classification",
    classification_labels=["contradiction", "neutral", "entailment"],
    hypothesis_template="{}",
)
def test_zero_shot_classification_weighs_the_labels_of_the_call(task: Task) -> None:
    """The labels come with the call; of several each may be right by itself."""
    result = task.infer("b", labels=["a", "j"])
    assert result["predicted_value"] == "j"
    assert [entry["class_name"] for entry in result["top_classes"]] == ["j", "a"]
    assert sum(entry["class_probability"] for entry in result["top_classes"]) == pytest.approx(1)
    each = task.infer("b", labels=["a", "j"], multi_label=True)["top_classes"]
    assert sum(entry["class_probability"] for entry in each) > 1.5
    assert task.call("b").error == (
        400,
        "status_exception",
        "zero_shot_classification requires non-empty [labels]",
    )
    assert task.simulate("b", DOCUMENT, labels=["a", "j"])["ml"]["predicted_value"] == "j"


@of("text_similarity")
def test_text_similarity_gives_the_raw_score_of_a_pair(task: Task) -> None:
    """The other text comes with the call; the score may be negative."""
    assert task.infer("b", text="a") == {"predicted_value": pytest.approx(0.5)}
    assert task.infer("a", text="a") == {"predicted_value": pytest.approx(-3.0)}
    assert task.simulate("b", FIELDS, text="a")["out"] == pytest.approx(0.5)
    refused = task.call("b", span_score_combination_function="mean")
    assert refused.status == 400
    assert "[text]" in refused.text


@of("text_expansion")
def test_text_expansion_weighs_words_of_the_vocabulary(task: Task) -> None:
    """The result is an object of words and weights, as `sparse_vector` fields take it."""
    weights = task.infer("a a b")["predicted_value"]
    assert weights["a"] > weights["b"] > 0
    assert "c" not in weights
    document = task.simulate("a a b", FIELDS)
    assert document["out"] == weights
    assert document["model_id"] == task.model_id


@of("pass_through")
def test_pass_through_gives_the_tensor_as_it_is(task: Task) -> None:
    """Nothing is done with what the module answers."""
    assert task.infer("a b") == {"predicted_value": [[1.0, 2.0]]}
    assert task.simulate("a b", FIELDS)["out"] == [[1.0, 2.0]]


@of("question_answering")
def test_question_answering_finds_the_span(task: Task) -> None:
    """The question comes with the call; others are named when asked for."""
    result = task.infer("b c d a", question="a")
    assert result.pop("prediction_probability") > 0.99
    assert result == {"predicted_value": "c d", "start_offset": 2, "end_offset": 5}
    top = task.infer("b c d a", question="a", num_top_classes=2)["top_classes"]
    assert (top[0]["answer"], top[0]["start_offset"], len(top)) == ("c d", 2, 2)
    assert task.infer("b c d a", question="a", max_answer_length=1)["predicted_value"] == "c"
    assert task.simulate("b c d a", FIELDS, question="a")["out"] == "c d"


def test_a_call_for_another_task_is_refused(admin: Caller, deployed: str) -> None:
    """A model does what its config says; the processor reads the wishes of known tasks only."""
    body = {"docs": [{"text_field": "a"}], "inference_config": {"ner": {}}}
    assert admin("POST", f"/_ml/trained_models/{deployed}/_infer", body).error == (
        403,
        "status_exception",
        f"Trained model [{deployed}] is configured for task [text_embedding] but called with task"
        " [ner]",
    )
    processor = {"inference": {"model_id": deployed, "inference_config": {"nope": {}}}}
    reply = admin("PUT", "/_ingest/pipeline/never-stored", {"processors": [processor]})
    assert reply.status == 400
    assert "unrecognized inference configuration type [nope]. Supported types [" in reply.text
    processor["inference"]["inference_config"] = {"ner": {}, "fill_mask": {}}
    reply = admin("PUT", "/_ingest/pipeline/never-stored", {"processors": [processor]})
    assert "must be an object with one inference type mapped to an object." in reply.text


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"text_classification": {"classification_labels": ["a"]}}, "requires at least 2"),
        (
            {"zero_shot_classification": {"classification_labels": ["x", "y", "z"]}},
            "must contain exactly the three values [contradiction, entailment, neutral]",
        ),
        ({"fill_mask": {"mask_token": "<mask>"}}, "but must be [[MASK]] for this model"),
        (
            {"text_embedding": {"tokenization": {"bert": {"truncate": "first", "span": 10}}}},
            "[span] must not be provided when [truncate] is [first]",
        ),
        ({"nope": {}}, "unknown field [nope]"),
    ],
)
def test_a_config_that_no_task_allows_is_refused(
    admin: Caller, prefix: str, config: dict[str, Any], reason: str
) -> None:
    """x-pack-core's own config classes read what is stored."""
    body = {"model_type": "pytorch", "inference_config": config}
    reply = admin("PUT", f"/_ml/trained_models/{prefix}", body)
    assert reply.status == 400
    assert reason in reply.text


@pytest.mark.parametrize(
    ("tokenization", "vocabulary", "reason"),
    [
        ("roberta", {"vocabulary": ["a"]}, "merges"),
        ("xlm_roberta", {"vocabulary": ["a"]}, "scores"),
    ],
)
def test_a_tokenization_says_what_its_vocabulary_needs(
    admin: Caller, prefix: str, tokenization: str, vocabulary: dict[str, Any], reason: str
) -> None:
    """Byte pairs need merges and unigrams scores; their vocabulary is refused without."""
    config = {"pass_through": {"tokenization": {tokenization: {}}}}
    body = {"model_type": "pytorch", "inference_config": config}
    admin.ok("PUT", f"/_ml/trained_models/{prefix}", body)
    reply = admin("PUT", f"/_ml/trained_models/{prefix}/vocabulary", vocabulary)
    assert reply.status == 400
    assert reason in reply.error[2]
