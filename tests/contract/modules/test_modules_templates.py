"""Mustache, stored scripts, ``_render/template`` and ``_search/template``."""

from __future__ import annotations

from typing import Any

import pytest


def render(admin: Any, source: Any, params: dict[str, Any]) -> Any:
    """The body that a template gives."""
    reply = admin("POST", "/_render/template", {"source": source, "params": params})
    assert reply.status == 200, reply.body
    return reply.body["template_output"]


@pytest.mark.parametrize(
    ("source", "params", "expected"),
    [
        ('{"q":"{{x}}"}', {"x": 'say "hi"\n\\ \u0001'}, {"q": 'say "hi"\n\\ \u0001'}),
        ('{"q":{{{x}}}}', {"x": '{"a":1}'}, {"q": {"a": 1}}),
        ('{"q":{{&x}}}', {"x": "[1]"}, {"q": [1]}),
        ('{"q":"{{gone}}"}', {}, {"q": ""}),
        ('{"n":{{n}}{{^n}}10{{/n}}}', {}, {"n": 10}),
        ('{"n":{{n}}{{^n}}10{{/n}}}', {"n": 3}, {"n": 3}),
        (
            '{"q":{{#toJson}}x{{/toJson}}}',
            {"x": [{"term": {"k": 'a"b'}}]},
            {"q": [{"term": {"k": 'a"b'}}]},
        ),
        ('{"q":{{#toJson}}x.y{{/toJson}}}', {"x": {"y": {"z": None}}}, {"q": {"z": None}}),
        ('{"q":{{#tojson}}x{{/tojson}}}', {"x": []}, {"q": []}),
        ('{"q":"{{#join}}x{{/join}}"}', {"x": ["a", "b"]}, {"q": "a,b"}),
        (
            "{\"q\":\"{{#join delimiter='||'}}x{{/join delimiter='||'}}\"}",
            {"x": ["a", "b"]},
            {"q": "a||b"},
        ),
        (
            '{"q":"{{#url}}{{h}}/{{p}}{{/url}}"}',
            {"h": "http://x.y", "p": "a b"},
            {"q": "http%3A%2F%2Fx.y%2Fa+b"},
        ),
        ('{"q":"{{l.0}} {{l.1.a}} {{l.size}}"}', {"l": [1, {"a": 2}]}, {"q": "1 2 2"}),
        ('{"q":[{{#l}}"{{.}}",{{/l}}"end"]}', {"l": ["a", "b"]}, {"q": ["a", "b", "end"]}),
        (
            '{"q":[{{#l}}{{#toJson}}.{{/toJson}},{{/l}}0]}',
            {"l": [{"a": 1}, [2]]},
            {"q": [{"a": 1}, [2], 0]},
        ),
        (
            '{"q":[{{#l}}"{{#join}}a{{/join}}",{{/l}}0]}',
            {"l": [{"a": ["x", "y"]}]},
            {"q": ["x,y", 0]},
        ),
        ('{"q":1{{#f}},"filter":{{#toJson}}f{{/toJson}}{{/f}}}', {}, {"q": 1}),
        ('{"q":"{{#o}}{{a}}-{{b}}{{/o}}"}', {"o": {"a": 1}, "b": 2}, {"q": "1-2"}),
        ('{"q":"{{#t}}yes{{/t}}{{^t}}no{{/t}}"}', {"t": False}, {"q": "no"}),
        ('{"q":"{{! a comment }}x"}', {}, {"q": "x"}),
        ('{{=<% %>=}}{"q":"<%x%>"}', {"x": 1}, {"q": "1"}),
        ({"q": "{{x}}"}, {"x": "a"}, {"q": "a"}),
        ('{"q":"{{x.class}}{{x.length}}"}', {"x": "abc"}, {"q": ""}),
    ],
)
def test_rendering(admin: Any, source: Any, params: dict[str, Any], expected: Any) -> None:
    """The dialect of the reference: escaping, sections, functions, lists, defaults."""
    assert render(admin, source, params) == expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{#x}}", "Failed to close 'x' tag"),
        ("{{x", "Improperly closed variable"),
        ("{{#toJson}}{{a}}{{b}}{{/toJson}}", "must contain one and only one identifier"),
        ("{{>other}}", "partial templates are not supported"),
    ],
)
def test_template_that_does_not_compile(admin: Any, source: str, reason: str) -> None:
    """A mistake in the template is the caller's error and is shown with the template."""
    reply = admin("POST", "/_render/template", {"source": source})
    assert reply.status == 400
    assert reply.error_type == "script_exception"
    assert reason in reply.reason
    assert reply.body["error"]["lang"] == "mustache"
    assert reply.body["error"]["script"] == source


def test_result_that_is_no_json_is_refused(admin: Any, index: str) -> None:
    """A template must give the body of a search."""
    for path in ("/_render/template", f"/{index}/_search/template"):
        reply = admin("POST", path, {"source": '{"query": '})
        assert reply.status == 400, (path, reply.body)


def test_stored_script_lives_in_the_cluster(admin: Any, prefix: str) -> None:
    """Stored through the real service, in either form, and gone once deleted."""
    body = {"script": {"lang": "mustache", "source": {"query": {"match": {"text": "{{q}}"}}}}}
    assert admin("PUT", f"/_scripts/{prefix}", body).body == {"acknowledged": True}
    stored = admin("GET", f"/_scripts/{prefix}").body
    assert stored["script"]["lang"] == "mustache"
    assert stored["script"]["source"] == '{"query":{"match":{"text":"{{q}}"}}}'
    rendered = admin("POST", f"/_render/template/{prefix}", {"params": {"q": "x"}})
    assert rendered.body["template_output"] == {"query": {"match": {"text": "x"}}}
    assert admin("DELETE", f"/_scripts/{prefix}").status == 200
    reply = admin("POST", f"/_render/template/{prefix}", {"params": {}})
    assert reply.status == 404


def test_storing_a_broken_template_is_refused(admin: Any, prefix: str) -> None:
    """With a context to compile it for, the mistake shows when it is stored."""
    body = {"script": {"lang": "mustache", "source": "{{#x}}"}}
    reply = admin("PUT", f"/_scripts/{prefix}/template", body)
    assert reply.status == 400
    assert admin("GET", f"/_scripts/{prefix}").status == 404


def test_search_with_stored_template(admin: Any, index: str, prefix: str) -> None:
    """Id, parameters, and the search's ordinary answer."""
    source = '{"size":{{size}}{{^size}}1{{/size}},"query":{"match":{"text":"{{q}}"}}}'
    admin("PUT", f"/_scripts/{prefix}", {"script": {"lang": "mustache", "source": source}})
    reply = admin(
        "POST", f"/{index}/_search/template", {"id": prefix, "params": {"q": "the dog", "size": 5}}
    )
    assert reply.status == 200
    assert {hit["_id"] for hit in reply.body["hits"]["hits"]} == {"1", "3"}
    reply = admin("GET", f"/{index}/_search/template", {"id": prefix, "params": {"q": "dog"}})
    assert len(reply.body["hits"]["hits"]) == 1


def test_unknown_template(admin: Any, index: str) -> None:
    """404 in the script service's words."""
    reply = admin("POST", f"/{index}/_search/template", {"id": "no-such-template"})
    assert reply.status == 404
    assert reply.error_type == "resource_not_found_exception"
    assert reply.reason == "unable to find script [no-such-template] in cluster state"


def test_missing_template_and_body(admin: Any, index: str) -> None:
    """Each omission has its own message."""
    reply = admin("POST", f"/{index}/_search/template", {})
    assert (reply.status, reply.error_type) == (400, "action_request_validation_exception")
    assert "template is missing" in reply.reason
    reply = admin("POST", f"/{index}/_search/template")
    assert (reply.status, reply.reason) == (400, "request body or source parameter is required")
    reply = admin("POST", f"/{index}/_search/template", {"colour": 1})
    assert (reply.status, reply.reason) == (400, "[1:2] [search_template] unknown field [colour]")


def test_explain_and_profile(admin: Any, index: str) -> None:
    """Both come in the body; a query parameter wins over it."""
    body = {"source": {"query": {"match": {"text": "dog"}}}, "explain": True, "profile": True}
    reply = admin("POST", f"/{index}/_search/template", body)
    assert "_explanation" in reply.body["hits"]["hits"][0]
    assert reply.body["profile"]["shards"]
    reply = admin("POST", f"/{index}/_search/template?explain=false", body)
    assert "_explanation" not in reply.body["hits"]["hits"][0]


def test_total_hits_as_a_number(admin: Any, index: str) -> None:
    """Only a count that is exact may stand as a number."""
    body: dict[str, Any] = {"source": {"query": {"match_all": {}}}}
    reply = admin("POST", f"/{index}/_search/template?rest_total_hits_as_int=true", body)
    assert reply.body["hits"]["total"] == 4
    body = {"source": {"query": {"match_all": {}}, "track_total_hits": 1}}
    reply = admin("POST", f"/{index}/_search/template?rest_total_hits_as_int=true", body)
    assert reply.status == 400
    assert reply.reason == (
        "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate,"
        " got 1"
    )


def test_search_parameters_of_the_url(admin: Any, index: str) -> None:
    """Index expressions, routing and typed keys go to the search as they are."""
    body = {"source": {"size": 0, "aggs": {"kinds": {"terms": {"field": "kind"}}}}}
    reply = admin("POST", f"/{index}/_search/template?typed_keys=true", body)
    assert "sterms#kinds" in reply.body["aggregations"]
    reply = admin("POST", "/no-such-index/_search/template", body)
    assert (reply.status, reply.error_type) == (404, "index_not_found_exception")
    reply = admin("POST", "/no-such-index/_search/template?ignore_unavailable=true", body)
    assert reply.status == 200
    reply = admin("POST", f"/{index}/_search/template?colour=red", body)
    assert reply.status == 400
    assert "unrecognized parameter: [colour]" in reply.reason


def test_scroll_through_a_template(admin: Any, index: str) -> None:
    """The search under a template is a search like any other."""
    body = {"source": {"size": 3, "query": {"match_all": {}}}}
    page = admin("POST", f"/{index}/_search/template?scroll=1m", body).body
    rest = admin("POST", "/_search/scroll", {"scroll_id": page["_scroll_id"]}).body
    assert len(page["hits"]["hits"]) + len(rest["hits"]["hits"]) == 4
