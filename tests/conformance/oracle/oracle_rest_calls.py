"""Every REST call of the stack's plugins, harmless and well formed, with the name of its action.

What a call is about bears the prefix, so that whatever is made can be removed again.
"""

from __future__ import annotations

from oracle_calls import Call

_MODEL = "/_ml/trained_models/{model_id}"
_ENDPOINT = "/_inference/completion/{model_id}"
_CONFIG = '{"model_type":"pytorch","inference_config":{"pass_through":{}}}'
_PART = '{"definition":"AAAA","total_definition_length":3,"total_parts":1}'
_SERVICE = '{"service":"hugging_face","service_settings":{}}'
_TEMPLATE = '{"source":"{}","params":{}}'
_QUERY = '{"query":{"match_all":{}}}'
_CHAT = '{"messages":[{"role":"user","content":"a"}]}'

_CALLS: tuple[tuple[str, str, str, str | None], ...] = (
    ("put_trained_model", "PUT", _MODEL, _CONFIG),
    ("put_definition_part", "PUT", f"{_MODEL}/definition/0", _PART),
    ("put_vocabulary", "PUT", f"{_MODEL}/vocabulary", '{"vocabulary":["a"]}'),
    ("get_trained_models", "GET", "/_ml/trained_models", None),
    ("get_trained_models", "GET", _MODEL, None),
    ("get_trained_models", "GET", "/_cat/ml/trained_models", None),
    ("get_trained_models", "GET", "/_cat/ml/trained_models/{model_id}", None),
    ("get_trained_models_stats", "GET", "/_ml/trained_models/_stats", None),
    ("get_trained_models_stats", "GET", f"{_MODEL}/_stats", None),
    ("delete_trained_model", "DELETE", _MODEL, None),
    ("start_deployment", "POST", f"{_MODEL}/deployment/_start", None),
    ("stop_deployment", "POST", f"{_MODEL}/deployment/_stop", None),
    ("update_deployment", "POST", f"{_MODEL}/deployment/_update", '{"number_of_allocations":2}'),
    ("clear_deployment_cache", "POST", f"{_MODEL}/deployment/cache/_clear", None),
    ("put_model_alias", "PUT", f"{_MODEL}/model_aliases/{{model_id}}-alias", None),
    ("delete_model_alias", "DELETE", f"{_MODEL}/model_aliases/{{model_id}}-alias", None),
    ("infer", "POST", f"{_MODEL}/_infer", '{"docs":[{"text_field":"a"}]}'),
    ("infer", "POST", f"{_MODEL}/deployment/_infer", '{"docs":[{"text_field":"a"}]}'),
    ("ml_info", "GET", "/_ml/info", None),
    ("put_inference", "PUT", _ENDPOINT, _SERVICE),
    ("put_inference", "PUT", "/_inference/{model_id}", _SERVICE),
    ("update_inference", "PUT", "/_inference/{model_id}/_update", '{"task_settings":{"a":1}}'),
    ("update_inference", "PUT", f"{_ENDPOINT}/_update", '{"task_settings":{"a":1}}'),
    ("get_inference", "GET", "/_inference", None),
    ("get_inference", "GET", "/_inference/_all", None),
    ("get_inference", "GET", "/_inference/{model_id}", None),
    ("get_inference", "GET", _ENDPOINT, None),
    ("get_inference", "GET", "/_inference/completion/_all", None),
    ("delete_inference", "DELETE", "/_inference/{model_id}", None),
    ("delete_inference", "DELETE", f"{_ENDPOINT}?dry_run=true", None),
    ("inference_services", "GET", "/_inference/_services", None),
    ("inference_services", "GET", "/_inference/_services/completion", None),
    ("inference", "POST", _ENDPOINT, '{"input":"a"}'),
    ("inference", "POST", "/_inference/{model_id}", '{"input":"a"}'),
    ("inference", "POST", f"{_ENDPOINT}/_stream", '{"input":"a"}'),
    ("inference", "POST", "/_inference/chat_completion/{model_id}/_stream", _CHAT),
    ("inference", "POST", "/_inference/rerank/{model_id}", '{"query":"q","input":["a"]}'),
    ("inference", "POST", "/_inference/embedding/{model_id}", '{"input":["a"]}'),
    ("main", "GET", "/", None),
    ("xpack_info", "GET", "/_xpack", None),
    ("search_template", "POST", "/_render/template", _TEMPLATE),
    ("search_template", "POST", "/{model_id}/_search/template", _TEMPLATE),
    ("multi_search_template", "POST", "/{model_id}/_msearch/template", '{}\n{"source":"{}"}\n'),
    ("reindex", "POST", "/_reindex", '{"source":{"index":"a"},"dest":{"index":"b"}}'),
    ("update_by_query", "POST", "/{model_id}/_update_by_query", _QUERY),
    ("delete_by_query", "POST", "/{model_id}/_delete_by_query", _QUERY),
)  # fmt: skip


def rest_calls(name: str) -> list[Call]:
    """All of them, about something of this name."""
    return [
        Call(
            kind=kind,
            method=method,
            route=route,
            path={"model_id": name} if "{model_id}" in route else {},
            body=body,
        )
        for kind, method, route, body in _CALLS
    ]
