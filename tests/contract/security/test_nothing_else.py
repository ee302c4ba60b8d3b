"""Every role can do nothing else: real calls are refused, but for the few that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import ApiError, Elasticsearch, ElasticsearchWarning
from key_holders import as_holder

from esrag.names import DLQ_INDEX, META_INDEX
from esrag.roles import ROLES, RoleName, role

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

EVERYTHING: dict[str, Any] = {"query": {"match_all": {}}}
FIELD: dict[str, Any] = {"properties": {"extra": {"type": "keyword"}}}
SCRIPT: dict[str, Any] = {"script": {"lang": "mustache", "source": "{}"}}
GENERATOR: dict[str, Any] = {
    "service": "hugging_face",
    "service_settings": {"url": "http://127.0.0.1:9/v1", "api_key": "x"},
}


def calls(prefix: str) -> dict[str, tuple[str, str, dict[str, Any] | None]]:
    """What a role for one set has no business with, by what it is."""
    own, other = f"esrag-docs-{prefix}-000001", f"{prefix}-customers"
    legal = f"esrag-docs-x{prefix}-000001"
    add = {"actions": [{"add": {"index": own, "alias": other + "-alias"}}]}
    copy = {"source": {"index": own}, "dest": {"index": other}}
    steal = {"source": {"index": other}, "dest": {"index": own}}
    role_body: dict[str, Any] = {"cluster": ["all"]}
    user = {"password": "a-long-password", "roles": ["superuser"]}
    return {
        "read a foreign index": ("GET", f"/{other}/_search", None),
        "read a foreign document": ("GET", f"/{other}/_doc/1", None),
        "count a foreign index": ("GET", f"/{other}/_count", None),
        "write to a foreign index": ("PUT", f"/{other}/_doc/2", {"text": "x"}),
        "delete from a foreign index": ("DELETE", f"/{other}/_doc/1", None),
        "create a foreign index": ("PUT", f"/{other}-new", None),
        "delete a foreign index": ("DELETE", f"/{other}", None),
        "map a foreign index": ("PUT", f"/{other}/_mapping", FIELD),
        "read another set": ("GET", f"/{legal}/_search", None),
        "write to another set": ("PUT", f"/{legal}/_doc/2", {"text": "x"}),
        "delete another set": ("DELETE", f"/{legal}", None),
        "read the users": ("GET", "/.security-7/_search", None),
        "copy to a foreign index": ("POST", "/_reindex", copy),
        "copy from a foreign index": ("POST", "/_reindex", steal),
        "give an alias of another name": ("POST", "/_aliases", add),
        "create an own index": ("PUT", f"/esrag-docs-{prefix}-000009", None),
        "map an own index": ("PUT", f"/{own}/_mapping", FIELD),
        "change settings of an own index": (
            "PUT",
            f"/{own}/_settings",
            {"index.refresh_interval": "2s"},
        ),
        "close an own index": ("POST", f"/{own}/_close", None),
        "delete documents by query": ("POST", f"/{own}/_delete_by_query", EVERYTHING),
        "update documents by query": ("POST", f"/{own}/_update_by_query", None),
        "write an own document": ("PUT", f"/{own}/_doc/2", {"text": "x"}),
        "change cluster settings": (
            "PUT",
            "/_cluster/settings",
            {"persistent": {"cluster.routing.allocation.enable": None}},
        ),
        "read cluster settings": ("GET", "/_cluster/settings", None),
        "read the cluster state": ("GET", "/_cluster/state", None),
        "move shards": ("POST", "/_cluster/reroute", None),
        "see nodes": ("GET", "/_nodes", None),
        "see tasks": ("GET", "/_tasks", None),
        "give up the licence": ("DELETE", "/_license", None),
        "make a role": ("PUT", f"/_security/role/{prefix}-role", role_body),
        "make a user": ("PUT", f"/_security/user/{prefix}-user", user),
        "see users": ("GET", "/_security/user", None),
        "see roles": ("GET", "/_security/role", None),
        "invalidate everybody's keys": ("DELETE", "/_security/api_key", {"username": "elastic"}),
        "register a repository": ("PUT", f"/_snapshot/{prefix}", {"type": "fs"}),
        "put a script": ("PUT", f"/_scripts/{prefix}-x", SCRIPT),
        "delete a script": ("DELETE", f"/_scripts/{prefix}-y", None),
        "put a pipeline": ("PUT", f"/_ingest/pipeline/{prefix}-x", {"processors": []}),
        "delete a pipeline": ("DELETE", f"/_ingest/pipeline/{prefix}-y", None),
        "put an index template": (
            "PUT",
            f"/_index_template/{prefix}-x",
            {"index_patterns": [f"{prefix}-nothing-*"]},
        ),
        "put a component template": (
            "PUT",
            f"/_component_template/{prefix}-x",
            {"template": {}},
        ),
        "delete a model": ("DELETE", f"/_ml/trained_models/{prefix}-x", None),
        "start a model": ("POST", f"/_ml/trained_models/{prefix}-x/deployment/_start", None),
        "put an endpoint": ("PUT", f"/_inference/text_embedding/{prefix}-x", GENERATOR),
        "delete an endpoint": ("DELETE", f"/_inference/{prefix}-x", None),
    }


# Index templates, pipelines, scripts, models and endpoints are not scoped by name in Elasticsearch.
MAY: dict[RoleName, set[str]] = {
    "setup": {
        "create an own index",
        "map an own index",
        "change settings of an own index",
        "write an own document",
        "read cluster settings",
        "put a script",
        "delete a script",
        "put a pipeline",
        "delete a pipeline",
        "put an index template",
        "put a component template",
        "delete a model",
        "start a model",
        "put an endpoint",
        "delete an endpoint",
    },
    "security": {"delete documents by query", "write an own document"},
    "ingest": {"write an own document"},
    "search": set(),
    "app": set(),
    "eval": set(),
}


@pytest.fixture
def indices(es: Elasticsearch, prefix: str) -> None:
    """One index of the set, one of another set, one of somebody else."""
    for name in (f"esrag-docs-{prefix}-000001", f"esrag-docs-x{prefix}-000001"):
        es.index(index=name, id="1", document={"text": "own"}, refresh=True)
    es.index(index=f"{prefix}-customers", id="1", document={"text": "secret"}, refresh=True)


def allowed(client: Elasticsearch, prefix: str) -> set[str]:
    """The calls that are not refused, whatever else becomes of them."""
    found = set()
    for name, (method, path, body) in calls(prefix).items():
        headers = {"accept": "application/json", "content-type": "application/json"}
        try:
            client.perform_request(method, path, body=body, headers=headers)
            found.add(name)
        except ApiError as error:
            if error.meta.status != 403:
                found.add(name)
    return found


@pytest.mark.usefixtures("indices")
@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_refused_all_else(
    stack: Stack, es: Elasticsearch, prefix: str, name: RoleName
) -> None:
    """Some forty calls; what is not refused is known, and only on esrag's indices."""
    with as_holder(stack, es, f"{prefix}-key", role(name, prefix).privileges) as client:
        assert allowed(client, prefix) == MAY[name]
        seen = client.search(index="*", expand_wildcards="all", size=100, ignore_unavailable=True)
    own = {f"esrag-docs-{prefix}-000001"} | ({META_INDEX, DLQ_INDEX} if name == "setup" else set())
    assert {hit["_index"] for hit in seen["hits"]["hits"]} <= own


@pytest.mark.usefixtures("indices")
def test_the_documented_ingest_role_may_change_a_mapping(
    stack: Stack, es: Elasticsearch, prefix: str
) -> None:
    """The named privilege `index` holds that as well; setup and doctor see such a change."""
    held = role("ingest", prefix, documented=True).privileges
    with (
        as_holder(stack, es, f"{prefix}-key", held) as client,
        pytest.warns(ElasticsearchWarning, match="allowed the update mapping action"),
    ):
        client.indices.put_mapping(index=f"esrag-docs-{prefix}-000001", body=FIELD)
