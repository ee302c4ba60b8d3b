"""Model aliases: names that can be moved to another model while they are used."""

from __future__ import annotations

from typing import Any

from ml_calls import CONFIG, Caller, upload, vector_of

MODELS = "/_ml/trained_models"


def alias_of(prefix: str) -> str:
    """A name that ends as aliases must: not with a number."""
    return f"{prefix}-name"


def test_an_alias_finds_the_model_and_is_told_with_it(admin: Caller, prefix: str) -> None:
    """Models are found by aliases, also by wildcards, and tell their aliases."""
    alias = alias_of(prefix)
    admin.ok("PUT", f"{MODELS}/{prefix}", CONFIG)
    assert admin.ok("PUT", f"{MODELS}/{prefix}/model_aliases/{alias}") == {"acknowledged": True}
    for name in (alias, f"{prefix}-na*", prefix):
        (found,) = admin.ok("GET", f"{MODELS}/{name}")["trained_model_configs"]
        assert found["model_id"] == prefix
        assert found["metadata"]["model_aliases"] == [alias]
    assert admin.ok("DELETE", f"{MODELS}/{prefix}/model_aliases/{alias}") == {"acknowledged": True}
    assert admin("GET", f"{MODELS}/{alias}").status == 404


def test_wrong_aliases_are_refused(admin: Caller, prefix: str) -> None:
    """Names, models that are not there, ids of models, and aliases that refer elsewhere."""
    alias = alias_of(prefix)
    for name in ("a", "b"):
        admin.ok("PUT", f"{MODELS}/{prefix}-{name}", CONFIG)
    path = f"{MODELS}/{prefix}-a/model_aliases"
    reply = admin("PUT", f"{path}/Name9")
    assert reply.error[:2] == (400, "action_request_validation_exception")
    assert "Invalid model_alias; 'Name9' can contain lowercase" in reply.error[2]
    assert admin("PUT", f"{path}/{prefix}-b").error[::2] == (
        400,
        "model_alias cannot be the same as an existing trained model_id",
    )
    reply = admin("PUT", f"{MODELS}/{prefix}-nope/model_aliases/{alias}")
    assert reply.error[:2] == (404, "resource_not_found_exception")
    assert reply.error[2].startswith(f"No known trained model with model_id [{prefix}-nope]")
    assert admin("DELETE", f"{path}/{alias}").error[::2] == (
        404,
        f"model_alias [{alias}] could not be found",
    )
    admin.ok("PUT", f"{path}/{alias}")
    assert admin("DELETE", f"{MODELS}/{prefix}-b/model_aliases/{alias}").error[::2] == (
        409,
        f"model_alias [{alias}] does not refer to provided model_id [{prefix}-b]",
    )
    assert admin("PUT", f"{MODELS}/{alias}", CONFIG).error[::2] == (
        400,
        f"requested model_id [{alias}] is the same as an existing model_alias. Model"
        " model_aliases and ids must be unique",
    )


def test_an_alias_moves_when_that_is_asked_for(admin: Caller, prefix: str) -> None:
    """`reassign` moves it between models of one task; without, the second model is refused."""
    alias = alias_of(prefix)
    other: dict[str, Any] = CONFIG | {"inference_config": {"ner": {}}}
    for name, config in (("a", CONFIG), ("b", CONFIG), ("c", other)):
        admin.ok("PUT", f"{MODELS}/{prefix}-{name}", config)
    admin.ok("PUT", f"{MODELS}/{prefix}-a/model_aliases/{alias}")
    path = f"{MODELS}/{prefix}-b/model_aliases/{alias}"
    assert admin("PUT", path).error[::2] == (
        400,
        f"cannot assign model_alias [{alias}] to model_id [{prefix}-b] as model_alias already"
        f" refers to [{prefix}-a]. Set parameter [reassign] to [true] if model_alias should be"
        " reassigned.",
    )
    admin.ok("PUT", f"{path}?reassign=true")
    (found,) = admin.ok("GET", f"{MODELS}/{alias}")["trained_model_configs"]
    assert found["model_id"] == f"{prefix}-b"
    reply = admin("PUT", f"{MODELS}/{prefix}-c/model_aliases/{alias}?reassign=true")
    assert reply.error[::2] == (
        400,
        f"cannot reassign model_alias [{alias}] to model [{prefix}-c] with inference config type"
        f" [ner] from model [{prefix}-b] with type [text_embedding]",
    )


def test_an_alias_is_used_and_protected_like_its_model(
    admin: Caller, prefix: str, definition: bytes
) -> None:
    """Inference, pipelines and statistics take it; a pipeline that names it protects all of it."""
    alias = alias_of(prefix)
    upload(admin, prefix, definition)
    admin.ok("PUT", f"{MODELS}/{prefix}-b", CONFIG)
    admin.ok("PUT", f"{MODELS}/{prefix}/model_aliases/{alias}")
    start = f"{MODELS}/{alias}/deployment/_start?timeout=60s&deployment_id={prefix}-d"
    started = admin.ok("POST", start)["assignment"]["task_parameters"]
    assert (started["model_id"], started["deployment_id"]) == (prefix, f"{prefix}-d")
    assert vector_of(admin, alias, "a") == vector_of(admin, prefix, "a")
    move = admin("PUT", f"{MODELS}/{prefix}-b/model_aliases/{alias}?reassign=true")
    assert move.error[::2] == (
        400,
        f"cannot reassign model_alias [{alias}] to model [{prefix}-b] from model [{prefix}] as it"
        " is not yet deployed",
    )
    inputs = {"input_field": "text", "output_field": "vector"}
    processor = {"inference": {"model_id": alias, "input_output": inputs}}
    admin.ok("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [processor]})
    documents = {"docs": [{"_source": {"text": "a"}}]}
    answer = admin.ok("POST", f"/_ingest/pipeline/{prefix}/_simulate", documents)
    assert answer["docs"][0]["doc"]["_source"]["model_id"] == prefix
    (stats,) = admin.ok("GET", f"{MODELS}/{alias}/_stats")["trained_model_stats"]
    assert (stats["model_id"], stats["pipeline_count"]) == (prefix, 1)
    assert stats["deployment_stats"]["deployment_id"] == f"{prefix}-d"
    told = f"it has a model_alias [{alias}] that is still referenced by ingest processors"
    for method, path, what in (
        ("POST", f"{MODELS}/{prefix}-d/deployment/_stop", "stop deployment"),
        ("DELETE", f"{MODELS}/{prefix}", "delete model"),
    ):
        status, _, reason = admin(method, path).error
        assert status == 409
        assert reason.startswith(f"Cannot {what}")
        assert told in reason
    assert admin("DELETE", f"{MODELS}/{prefix}/model_aliases/{alias}").error[::2] == (
        409,
        f"Cannot delete model_alias [{alias}] as it is still referenced by ingest processors",
    )
    admin.ok("DELETE", f"{MODELS}/{prefix}?force=true")
    assert admin("GET", f"{MODELS}/{alias}").status == 404
