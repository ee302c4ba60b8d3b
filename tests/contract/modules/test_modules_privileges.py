"""Who may run a search template, and what else such a caller may do."""

from __future__ import annotations

from typing import Any

import pytest

# The least that runs a template: its search, and what a compound retriever does underneath.
TEMPLATE_ONLY = [
    "indices:data/read/search",
    "indices:data/read/open_point_in_time",
    "indices:data/read/open_reader_context",
    "indices:data/read/msearch",
]

HYBRID = """{"retriever":{"rrf":{"retrievers":[
  {"standard":{"query":{"match":{"text":"{{q}}"}}}},
  {"knn":{"field":"vector","query_vector":[1,1],"k":3,"num_candidates":10}}]}}}"""


@pytest.fixture
def template(admin: Any, prefix: str) -> str:
    """A stored hybrid template."""
    body = {"script": {"lang": "mustache", "source": HYBRID}}
    assert admin("PUT", f"/_scripts/{prefix}", body).status == 200
    return prefix


def test_template_key_runs_the_template(accounts: Any, index: str, template: str) -> None:
    """Four raw action names on one index are enough, without any cluster privilege."""
    key = accounts.key([], [{"names": [index], "privileges": TEMPLATE_ONLY}])
    reply = key("POST", f"/{index}/_search/template", {"id": template, "params": {"q": "dog"}})
    assert reply.status == 200, reply.body
    assert reply.body["hits"]["hits"]


@pytest.mark.parametrize("missing", TEMPLATE_ONLY)
def test_template_key_needs_each_of_its_privileges(
    accounts: Any, index: str, template: str, missing: str
) -> None:
    """With one fewer the server refuses, naming an action of that kind."""
    fewer = [name for name in TEMPLATE_ONLY if name != missing]
    key = accounts.key([], [{"names": [index], "privileges": fewer}])
    reply = key("POST", f"/{index}/_search/template", {"id": template, "params": {"q": "dog"}})
    assert reply.status == 403
    assert missing in str(reply.body)


def other_calls(index: str, template: str) -> list[tuple[str, str, dict[str, Any] | None]]:
    """What an application with a key for templates has no business with."""
    everything: dict[str, Any] = {"query": {"match_all": {}}}
    mustache: dict[str, Any] = {"script": {"lang": "mustache", "source": "{}"}}
    copy: dict[str, Any] = {"source": {"index": index}, "dest": {"index": f"{index}-copy"}}
    return [
        ("GET", "/", None),
        ("GET", f"/{index}/_doc/1", None),
        ("POST", f"/{index}/_mget", {"ids": ["1"]}),
        ("GET", f"/{index}/_mapping", None),
        ("GET", f"/{index}/_settings", None),
        ("GET", f"/{index}/_field_caps?fields=*", None),
        ("POST", f"/{index}/_explain/1", everything),
        ("GET", f"/{index}/_termvectors/1", None),
        ("PUT", f"/{index}/_doc/9", {"text": "x"}),
        ("POST", f"/{index}/_update/1", {"doc": {"text": "x"}}),
        ("DELETE", f"/{index}/_doc/1", None),
        ("POST", f"/{index}/_delete_by_query", everything),
        ("POST", f"/{index}/_update_by_query", None),
        ("POST", "/_reindex", copy),
        ("DELETE", f"/{index}", None),
        ("PUT", f"/{index}-more", None),
        ("POST", f"/{index}/_refresh", None),
        ("GET", f"/_scripts/{template}", None),
        ("PUT", f"/_scripts/{template}", mustache),
        ("DELETE", f"/_scripts/{template}", None),
        ("GET", "/_ingest/pipeline", None),
        ("GET", "/_cluster/settings", None),
        ("GET", "/_cluster/health", None),
        ("GET", "/_nodes", None),
        ("GET", "/_tasks", None),
        ("GET", "/_security/user", None),
        ("POST", "/_security/api_key", {"name": "more", "role_descriptors": {}}),
    ]


def test_template_key_does_nothing_else(accounts: Any, index: str, template: str) -> None:
    """Reading documents, writing, managing, and looking around are all refused."""
    key = accounts.key([], [{"names": [index], "privileges": TEMPLATE_ONLY}])
    allowed = [
        f"{method} {path}"
        for method, path, body in other_calls(index, template)
        if key(method, path, body).status != 403
    ]
    assert allowed == []


def test_template_key_sees_no_other_index(
    accounts: Any, admin: Any, index: str, template: str, prefix: str
) -> None:
    """Neither by name nor through a search over everything."""
    admin("PUT", f"/{prefix}-secret/_doc/1?refresh=true", {"text": "dog"})
    key = accounts.key([], [{"names": [index], "privileges": TEMPLATE_ONLY}])
    call = {"id": template, "params": {"q": "dog"}}
    assert key("POST", f"/{prefix}-secret/_search/template", call).status == 403
    everything = key("POST", "/_search/template", {"source": {"query": {"match": {"text": "dog"}}}})
    assert {hit["_index"] for hit in everything.body["hits"]["hits"]} == {index}


def test_elasticsearch_does_not_part_a_template_from_its_search(
    accounts: Any, index: str, template: str
) -> None:
    """The server authorises the inner search on its own: who may run one may run the other.

    The security module lists the template's action among those that it checks by name only. So a
    key for templates can search, and one that must not needs field or document security as well.
    """
    key = accounts.key([], [{"names": [index], "privileges": TEMPLATE_ONLY}])
    assert key("POST", f"/{index}/_search", {"query": {"match_all": {}}}).status == 200
    outer_only = ["indices:data/read/search/template"]
    key = accounts.key([], [{"names": [index], "privileges": outer_only}])
    reply = key("POST", f"/{index}/_search/template", {"id": template, "params": {"q": "dog"}})
    assert reply.status == 403
    assert "action [indices:data/read/search] is unauthorized" in reply.reason


def test_template_key_reads_only_what_field_and_document_security_leave(
    accounts: Any, index: str, template: str
) -> None:
    """This narrows a template key to the fields and documents that its answers may show."""
    key = accounts.key(
        [],
        [
            {
                "names": [index],
                "privileges": TEMPLATE_ONLY,
                "field_security": {"grant": ["text", "vector"]},
                "query": {"term": {"_id": "1"}},
            }
        ],
    )
    reply = key("POST", f"/{index}/_search/template", {"id": template, "params": {"q": "dog"}})
    assert reply.status == 200, reply.body
    assert [hit["_id"] for hit in reply.body["hits"]["hits"]] == ["1"]
    assert set(reply.body["hits"]["hits"][0]["_source"]) == {"text"}


def test_read_privilege_is_enough(accounts: Any, index: str, template: str) -> None:
    """The named privilege that people are given covers templates and their rendering."""
    reader = accounts.user([], [{"names": [index], "privileges": ["read"]}])
    call = {"id": template, "params": {"q": "dog"}}
    assert reader("POST", f"/{index}/_search/template", call).status == 200
    assert reader("POST", "/_render/template", call).status == 200


def test_without_any_index_privilege_nothing_renders(accounts: Any, template: str) -> None:
    """Rendering is the same action, so it needs it on some index."""
    key = accounts.key(["monitor"], [])
    reply = key("POST", "/_render/template", {"id": template, "params": {}})
    assert reply.status == 403
    assert "action [indices:data/read/search/template] is unauthorized for API key" in reply.reason


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/{index}/_search/template"),
        ("POST", "/_render/template"),
        ("POST", "/{index}/_delete_by_query"),
        ("POST", "/{index}/_update_by_query"),
        ("POST", "/_reindex"),
    ],
)
def test_anonymous_callers_get_401(accounts: Any, index: str, method: str, path: str) -> None:
    """Before anything is parsed, in the security module's words."""
    path = path.format(index=index)
    reply = accounts.anonymous()(method, path, {"query": {"match_all": {}}})
    assert reply.status == 401
    assert reply.reason == f"missing authentication credentials for REST request [{path}]"
