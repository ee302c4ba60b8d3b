"""Valid bodies for trained models and deployments, in all their variety, and calls made of them."""

from __future__ import annotations

import base64
import random
from typing import Any

from oracle_calls import Call, State
from oracle_mutations import Tree, mutated, text_of

MODELS = "/_ml/trained_models"
TOKENIZATIONS = ("bert", "bert_ja", "mpnet", "roberta", "xlm_roberta", "deberta_v2")
TASKS = (
    "text_embedding", "text_similarity", "text_expansion", "text_classification", "ner",
    "fill_mask", "zero_shot_classification", "question_answering", "pass_through",
)  # fmt: skip
NER_LABELS = ["O", "B_PER", "I_PER", "B_LOC", "I_LOC"]
ENTAILMENT = ["entailment", "neutral", "contradiction"]
_TRUNCATIONS = ["none", "first", "second", "balanced"]
_BAD_IDS = (
    "UPPER", "a b", "-a", "a-", "_a", "a_", ".a", "a.", "a" * 80, "ä", "a$b", "a:b", "a..b", "a\tb",
)  # fmt: skip

CONFIG_VALUES: dict[str, list[Tree]] = {
    "model_type": ["pytorch", "PyTorch", "nope", "tree_ensemble", "lang_ident", None, 1],
    "inference_config": [{}, {"nope": {}}, {"ner": {}, "fill_mask": {}}, {"regression": {}}, []],
    "tokenization": [{}, {"nope": {}}, {"bert": {}, "mpnet": {}}, {"bert": 1}, {"roberta": {}}],
    "truncate": [*_TRUNCATIONS, "FIRST", "third", "", 1, None],
    "span": [-2, -1, 0, 1, 10, 511, 512, 513, "7", 1.5, None],
    "max_sequence_length": [-1, 0, 1, 2, 512, 100_000, "8", None],
    "embedding_size": [-1, 0, 1, 384, "384", None],
    "num_top_classes": [-1, 0, 1, 10, "2", None],
    "max_answer_length": [-1, 0, 1, 15, None],
    "classification_labels": [[], ["a"], ["a", "b"], ["a", "a"], ["O", "B-PER"], ENTAILMENT, "a"],
    "hypothesis_template": ["{}", "{} {}", "none", "", None],
    "span_score_combination_function": ["max", "mean", "MAX", "min", 1],
    "mask_token": ["[MASK]", "<mask>", "", 1],
    "results_field": ["", "a.b", "predicted_value", 1],
    "input": [{}, {"field_names": []}, {"field_names": ["a"]}, {"field_names": [1]}, None],
    "field_names": [[], ["a", "b"], ["a", "a"], "a", None],
    "tags": [[], ["a"], ["Bad Tag!"], ["a", "a"], "a", [1], ["x" * 80]],
    "metadata": [{}, {"a": {"b": [1]}}, [], 1],
    "prefix_strings": [{}, {"ingest": None}, {"search": 1}, {"nope": "a"}],
    "description": ["", 1, None, "x" * 2000],
    "definition": [{}, {"trained_model": {}}, {"preprocessors": []}],
    "compressed_definition": ["", "AAAA"],
    "estimated_operations": [-1, 0, 5],
    "model_size_bytes": [-1, 0, 5],
    "license_level": ["basic", "nope"],
    "platform_architecture": ["linux-x86_64", "nope", ""],
}


def model_config(rng: random.Random) -> dict[str, Any]:
    """A valid config: one of the tasks, one of the tokenizations, some options."""
    task = rng.choice(TASKS)
    config: dict[str, Any] = {"model_type": "pytorch", "inference_config": {task: _task(rng, task)}}
    if rng.random() < 0.7:
        config["input"] = {"field_names": [rng.choice(("text_field", "text", "ünï"))]}
    if rng.random() < 0.3:
        config["description"] = rng.choice(("d", "漢字", "two\nlines"))
    if rng.random() < 0.3:
        config["tags"] = rng.choice(([], ["one"], ["one", "two"]))
    if rng.random() < 0.3:
        config["metadata"] = {"per_deployment_memory_bytes": rng.choice((0, 90.5, 10**10))}
    if rng.random() < 0.3:
        config["prefix_strings"] = rng.choice(
            ({"ingest": "passage: "}, {"search": "query: "}, {"ingest": "a ", "search": "b "})
        )
    return config


def _task(rng: random.Random, task: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if rng.random() < 0.7:
        fields["tokenization"] = {(kind := rng.choice(TOKENIZATIONS)): _tokenization(rng, kind)}
    if rng.random() < 0.2:
        fields["results_field"] = "result"
    if task == "text_embedding" and rng.random() < 0.6:
        fields["embedding_size"] = rng.choice((1, 8, 384))
    if task in ("text_classification", "fill_mask", "question_answering") and rng.random() < 0.5:
        fields["num_top_classes"] = rng.choice((1, 3))
    if task == "text_classification":
        fields["classification_labels"] = rng.choice((["a", "b"], ["pos", "neg", "neutral"]))
    if task == "ner":
        fields["classification_labels"] = NER_LABELS
    if task == "zero_shot_classification":
        fields["classification_labels"] = rng.sample(ENTAILMENT, 3)
        if rng.random() < 0.5:
            fields |= {"multi_label": True, "hypothesis_template": "This is {}."}
    if task == "question_answering" and rng.random() < 0.5:
        fields["max_answer_length"] = rng.choice((1, 30))
    if task == "text_similarity" and rng.random() < 0.5:
        fields["span_score_combination_function"] = rng.choice(("max", "mean"))
    return fields


def _tokenization(rng: random.Random, kind: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if rng.random() < 0.4:
        options["do_lower_case"] = rng.choice((True, False))
    if rng.random() < 0.3:
        options["with_special_tokens"] = rng.choice((True, False))
    if rng.random() < 0.5:
        options["max_sequence_length"] = rng.choice((16, 128, 512, 8192))
    if rng.random() < 0.4:
        options["truncate"] = rng.choice(_TRUNCATIONS)
    if kind == "roberta" and rng.random() < 0.5:
        options["add_prefix_space"] = True
    return options


def put_models(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Calls that store models: a third with valid bodies, a few with ids that are not allowed."""
    calls = []
    for number in range(count):
        valid = model_config(rng)
        body = text_of(valid) if rng.random() < 0.3 else mutated(rng, valid, CONFIG_VALUES)
        model_id = f"{prefix}-{number}"
        if rng.random() < 0.08:
            model_id = f"{prefix}{number}{rng.choice(_BAD_IDS)}"
        query = (
            rng.choice(({"foo": "1"}, {"wait_for_completion": "x"})) if rng.random() < 0.03 else {}
        )
        calls.append(_model_call("put_trained_model", "PUT", "", model_id, body, query=query))
    return calls


def _absent(rng: random.Random, prefix: str, number: int) -> str:
    """The id of no model; now and then one that no model could have."""
    return f"{prefix}-no{number}" + (rng.choice(_BAD_IDS) if rng.random() < 0.05 else "")


def _model_call(
    kind: str,
    method: str,
    rest: str,
    model_id: str,
    body: str | None,
    *,
    state: str | None = None,
    query: dict[str, str] | None = None,
    **path: str,
) -> Call:
    return Call(
        kind=kind,
        method=method,
        route=f"{MODELS}/{{model_id}}{rest}",
        path={"model_id": model_id, **path},
        query=query or {},
        body=body,
        state=State(state, (model_id,)) if state else None,
    )


PART_VALUES: dict[str, list[Tree]] = {
    "definition": ["", "AAAA", "@@@", "AAA", "AA==", 1, None],
    "total_definition_length": [-1, 0, 1, 2**40, "3", 2**63, None],
    "total_parts": [-1, 0, 1, 2, 10_000, 10_001, "2", None],
}


def put_parts(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Parts of definitions, for a model that does not exist."""
    calls = []
    for number in range(count):
        parts = rng.choice((1, 2, 10))
        valid = {
            "definition": base64.b64encode(rng.randbytes(rng.choice((1, 3, 100)))).decode(),
            "total_definition_length": rng.choice((1, 3, 1000)),
            "total_parts": parts,
        }
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, PART_VALUES)
        part = str(rng.choice((0, 0, 0, parts - 1, parts, -1, 10_000, 2**31, "x", "1.5")))
        calls.append(
            _model_call(
                "put_definition_part",
                "PUT",
                "/definition/{part}",
                _absent(rng, prefix, number),
                body,
                state="model_not_found",
                part=part,
            )
        )
    return calls


VOCABULARY_VALUES: dict[str, list[Tree]] = {
    "vocabulary": [[], ["a"], ["a", "a"], [1], [None], ["a", ["b"]], "a", {}],
    "merges": [[], ["a b"], [1], "a", None],
    "scores": [[], [0.5], [0.5, 1], ["x"], [None], 1],
}


def put_vocabularies(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Vocabularies, for a model that does not exist."""
    calls = []
    for number in range(count):
        words = ["a", "b", "ünï", "漢"][: rng.randint(1, 4)]
        valid: dict[str, Any] = {"vocabulary": words}
        if rng.random() < 0.4:
            valid["merges"] = ["a b"]
        if rng.random() < 0.4:
            valid["scores"] = [0.5] * len(words)
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, VOCABULARY_VALUES)
        model_id = _absent(rng, prefix, number)
        calls.append(
            _model_call(
                "put_vocabulary", "PUT", "/vocabulary", model_id, body, state="model_not_found"
            )
        )
    return calls


START_VALUES: dict[str, list[Tree]] = {
    "number_of_allocations": [-1, 0, 1, 2, 32, 33, 2**31, "2", 1.5, None],
    "threads_per_allocation": [-1, 0, 1, 2, 3, 32, 64, "2", None],
    "queue_capacity": [-1, 0, 1, 99_999, 100_000, 100_001, 1_000_001, "5"],
    "priority": ["low", "normal", "LOW", "high", "", 1],
    "wait_for": ["starting", "started", "fully_allocated", "STARTED", "stopped", "", 1],
    "timeout": ["0s", "-1", "1s", "1", "x", 30, "1d", ""],
    "cache_size": ["0", "0b", "10kb", "1gb", "x", "-1", 10, "1.5mb", None],
    "deployment_id": ["UPPER", "a b", "", "x", 1],
    "model_id": ["x", "UPPER", 1, None],
    "adaptive_allocations": [
        {}, {"enabled": True}, {"enabled": False}, {"enabled": "x"}, None, 1, {"nope": 1},
        {"enabled": True, "min_number_of_allocations": 5, "max_number_of_allocations": 4},
        {"enabled": True, "min_number_of_allocations": -1},
        {"enabled": True, "max_number_of_allocations": 0},
        {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 0},
    ],
}  # fmt: skip


def start_deployments(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Starts of a model that does not exist; options in the body, the address, or both."""
    options: dict[str, list[Tree]] = {
        "number_of_allocations": [1, 2, 32],
        "threads_per_allocation": [1, 2, 4, 32],
        "queue_capacity": [1, 1000],
        "priority": ["normal", "low"],
        "wait_for": ["starting", "started", "fully_allocated"],
        "timeout": ["30s", "1m"],
        "cache_size": ["0", "10mb"],
        "adaptive_allocations": [
            {"enabled": True, "min_number_of_allocations": 1, "max_number_of_allocations": 4}
        ],
    }
    calls = []
    for number in range(count):
        valid = {name: rng.choice(values) for name, values in options.items() if rng.random() < 0.3}
        body = text_of(valid) if rng.random() < 0.3 else mutated(rng, valid, START_VALUES)
        query = {}
        for name in options:
            if name != "adaptive_allocations" and rng.random() < 0.06:
                query[name] = str(rng.choice(START_VALUES[name]))
        if rng.random() < 0.03:
            query["nope"] = "1"
        calls.append(
            _model_call(
                "start_deployment",
                "POST",
                "/deployment/_start",
                _absent(rng, prefix, number),
                None if rng.random() < 0.1 else body,
                state="unknown_model",
                query=query,
            )
        )
    return calls


def update_deployments(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Updates of a deployment that does not exist."""
    calls = []
    for number in range(count):
        valid = rng.choice(
            (
                {"number_of_allocations": 2},
                {"adaptive_allocations": {"enabled": True, "max_number_of_allocations": 3}},
            )
        )
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, START_VALUES)
        query = {"number_of_allocations": rng.choice(("2", "0", "x"))} if rng.random() < 0.1 else {}
        calls.append(
            _model_call(
                "update_deployment",
                "POST",
                "/deployment/_update",
                _absent(rng, prefix, number),
                body,
                state="unknown_deployment",
                query=query,
            )
        )
    return calls


def stop_deployments(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Stops of a deployment that does not exist, most of them without allowing that."""
    values: dict[str, list[Tree]] = {"allow_no_match": [True, "false", 1], "force": [False, "x"]}
    calls = []
    for number in range(count):
        valid = {"force": rng.choice((True, False))} if rng.random() < 0.5 else {}
        body = mutated(rng, valid, values) if rng.random() < 0.8 else None
        flag = rng.choice(("false", "false", "false", "nope", "FALSE"))
        query = {"allow_no_match": flag}
        if rng.random() < 0.2:
            query["force"] = rng.choice(("true", "x", ""))
        if rng.random() < 0.1:
            query["timeout"] = "1s"
        calls.append(
            _model_call(
                "stop_deployment",
                "POST",
                "/deployment/_stop",
                _absent(rng, prefix, number),
                body,
                state="unknown_deployment",
                query=query,
            )
        )
    return calls


INFER_VALUES: dict[str, list[Tree]] = {
    "docs": [[], {}, [{}], [1], "a", {"text_field": "a"}, [{"text_field": 1}], [[]], None],
    "inference_config": [
        {}, {"nope": {}}, {"ner": {}, "fill_mask": {}}, 1, {"regression": {}},
        {"text_similarity": {}}, {"question_answering": {}}, {"classification": {}},
        {"zero_shot_classification": {}}, {"zero_shot_classification": {"labels": []}},
        {"text_embedding": {"embedding_size": 1}}, {"ner": {"tokenization": {"bert": {"span": 1}}}},
    ],
    "tokenization": [
        {}, {"nope": {}}, {"bert": {"span": -5}}, {"bert": {"truncate": "x"}},
        {"mpnet": {"span": 1}}, {"bert": {"do_lower_case": True}},
        {"roberta": {"truncate": "first", "span": 3}},
    ],
    "num_top_classes": [-1, 0, 3, "x", None],
    "text": ["", "q", 1, None],
    "question": ["", "q", 1, None],
    "labels": [[], ["a"], "a", [1], None],
    "timeout": ["0s", "-1", "1s", "1", "x", 30, ""],
    "classification_labels": [[], ["a"], ["a", "b"], "a"],
    "results_field": ["", "x", 1],
}  # fmt: skip


def _update(rng: random.Random) -> dict[str, Any]:
    task = rng.choice(TASKS)
    fields: dict[str, Any] = {}
    if rng.random() < 0.5:
        fields["results_field"] = "x"
    if rng.random() < 0.5:
        kind = rng.choice(TOKENIZATIONS)
        fields["tokenization"] = {kind: {"truncate": rng.choice(_TRUNCATIONS)}}
    if task in ("text_classification", "fill_mask", "question_answering"):
        fields["num_top_classes"] = 2
    if task == "text_similarity":
        fields["text"] = "q"
    if task == "question_answering":
        fields["question"] = "q?"
    if task == "zero_shot_classification":
        fields |= {"labels": ["a", "b"], "multi_label": True}
    return {task: fields}


def infers(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Inferences with a model that does not exist."""
    calls = []
    for number in range(count):
        docs: Tree = [{"text_field": "a"}, {"text_field": "漢字", "other": 1}][: rng.randint(1, 2)]
        valid: dict[str, Any] = {"docs": docs}
        if rng.random() < 0.7:
            valid["inference_config"] = _update(rng)
        if rng.random() < 0.2:
            valid["timeout"] = "3s"
        body = text_of(valid) if rng.random() < 0.2 else mutated(rng, valid, INFER_VALUES)
        query = {"timeout": rng.choice(("5s", "x", "0"))} if rng.random() < 0.1 else {}
        model_id = _absent(rng, prefix, number)
        calls.append(
            _model_call(
                "infer", "POST", "/_infer", model_id, body, state="model_not_found", query=query
            )
        )
    return calls


def aliases(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Aliases, good and bad, for a model that does not exist."""
    calls = []
    for number in range(count):
        alias = f"{prefix}-alias" + rng.choice(("", "", "0", "-9", *_BAD_IDS))
        query = {"reassign": rng.choice(("true", "false", "x", ""))} if rng.random() < 0.4 else {}
        calls.append(
            _model_call(
                "put_model_alias",
                "PUT",
                "/model_aliases/{model_alias}",
                _absent(rng, prefix, number) if rng.random() < 0.9 else alias,
                None,
                state="unknown_model",
                query=query,
                model_alias=alias,
            )
        )
    return calls


def removals(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """What is removed or emptied, though it is not there: models, aliases, caches."""
    calls = []
    for number in range(count):
        model_id = _absent(rng, prefix, number)
        query = {}
        if rng.random() < 0.4:
            name = rng.choice(("force", "timeout", "nope"))
            query = {name: rng.choice(("true", "", "x", "5s", "-1"))}
        sort = rng.randrange(3)
        if sort == 0:
            calls.append(
                _model_call(
                    "delete_trained_model",
                    "DELETE",
                    "",
                    model_id,
                    None,
                    state="model_not_found",
                    query=query,
                )
            )
        elif sort == 1:
            calls.append(
                _model_call(
                    "clear_deployment_cache",
                    "POST",
                    "/deployment/cache/_clear",
                    model_id,
                    rng.choice((None, None, "{}")),
                    state="unknown_deployment",
                )
            )
        else:
            alias = f"{prefix}-alias{rng.choice(('', *_BAD_IDS))}"
            calls.append(
                Call(
                    kind="delete_model_alias",
                    method="DELETE",
                    route=f"{MODELS}/{{model_id}}/model_aliases/{{model_alias}}",
                    path={"model_id": model_id, "model_alias": alias},
                    state=State("unknown_alias", (alias,)),
                )
            )
    return calls


def lists(rng: random.Random, prefix: str, count: int) -> list[Call]:
    """Lists of models that do not exist, without allowing that."""
    values = {
        "from": ["0", "1", "-1", "x", "10000"],
        "size": ["0", "1", "-1", "10001", "x", ""],
        "include": ["definition", "hyperparameters", "nope", "nope,total_feature_importance", ""],
        "tags": ["a", "a,b", ""],
        "allow_no_match": ["false"],
        "decompress_definition": ["true", "false"],
        "exclude_generated": ["true", "x"],
        "nope": ["1"],
        "tag": ["1"],
    }
    calls = []
    for number in range(count):
        query = {name: rng.choice(v) for name, v in values.items() if rng.random() < 0.3}
        if rng.random() < 0.7:
            query.pop("nope", None)
            query.pop("tag", None)
        query["allow_no_match"] = rng.choice(("false", "false", "false", "nope"))
        kind, rest = rng.choice(
            (("get_trained_models", ""), ("get_trained_models_stats", "/_stats"))
        )
        model_id = _absent(rng, prefix, number)
        calls.append(
            _model_call(kind, "GET", rest, model_id, None, state="unknown_model", query=query)
        )
    return calls
