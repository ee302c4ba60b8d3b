"""Several search templates in one call: each answered or refused on its own."""

from __future__ import annotations

from typing import Any

import pytest

Line = dict[str, Any]
MATCH = {"query": {"match": {"text": "{{word}}"}}}


def test_each_template_is_answered_on_its_own(admin: Any, index: str, prefix: str) -> None:
    """What was found stands beside what failed, in the order asked, each with its status."""
    lines: list[Line] = [
        {"index": index},
        {"source": MATCH, "params": {"word": "dogs"}},
        {"index": index},
        {"source": '{"query": {"match": {'},
        {"index": f"{prefix}-absent"},
        {"source": MATCH, "params": {"word": "dogs"}},
        {},
        {"id": f"{prefix}-absent"},
        {"index": index},
        {"source": '{"query": {"{{type}}": {}}}', "params": {"type": "unknown"}},
    ]
    reply = admin("POST", "/_msearch/template", lines)
    assert reply.status == 200
    responses = reply.body["responses"]
    assert [response["status"] for response in responses] == [200, 400, 404, 404, 400]
    assert {hit["_id"] for hit in responses[0]["hits"]["hits"]} == {"1", "3"}
    assert [response["error"]["root_cause"][0]["type"] for response in responses[1:]] == [
        "x_content_e_o_f_exception",
        "index_not_found_exception",
        "resource_not_found_exception",
        "parsing_exception",
    ]
    assert responses[3]["error"]["reason"] == (
        f"unable to find script [{prefix}-absent] in cluster state"
    )


def test_options_of_the_call_reach_each_search(admin: Any, index: str) -> None:
    """Index in the path, typed keys, totals as plain numbers, and the explain of one template."""
    terms = {"size": 1, "aggs": {"kinds": {"terms": {"field": "kind"}}}}
    options = "rest_total_hits_as_int=true&typed_keys=true&max_concurrent_searches=1"
    lines: list[Line] = [{}, {"source": terms, "explain": True}, {}, {"source": terms}]
    reply = admin("GET", f"/{index}/_msearch/template?{options}", lines)
    first, second = reply.body["responses"]
    assert first["hits"]["total"] == second["hits"]["total"] == 4
    assert "sterms#kinds" in first["aggregations"]
    assert "_explanation" in first["hits"]["hits"][0]
    assert "_explanation" not in second["hits"]["hits"][0]


def test_a_total_that_is_not_exact_is_no_plain_number(admin: Any, index: str) -> None:
    """The template that limits the count fails, and the other does not."""
    lines: list[Line] = [
        {"index": index},
        {"source": '{"track_total_hits": {{n}}}', "params": {"n": 1}},
        {"index": index},
        {"source": "{}"},
    ]
    reply = admin("POST", "/_msearch/template?rest_total_hits_as_int=true", lines)
    failed, found = reply.body["responses"]
    assert failed["error"]["reason"] == (
        "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, "
        "got 1"
    )
    assert found["hits"]["total"] == 4


@pytest.mark.parametrize(
    ("path", "body", "kind", "reason"),
    [
        (
            "",
            {"source": ""},
            "action_request_validation_exception",
            "Validation Failed: 1: template is missing;",
        ),
        ("", {"params": {}}, "illegal_argument_exception", "Malformed search template"),
        (
            "?max_concurrent_searches=0",
            {"source": "{}"},
            "illegal_argument_exception",
            "maxConcurrentSearchRequests must be positive",
        ),
        (
            "",
            {"source": "{}", "x": 1},
            "x_content_parse_exception",
            "[1:18] [search_template] unknown field [x]",
        ),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_as_a_whole(
    admin: Any, path: str, body: Line, kind: str, reason: str
) -> None:
    """No template runs when one of them is not a request at all."""
    reply = admin("POST", f"/_msearch/template{path}", [{}, body])
    assert (reply.status, reply.error_type, reply.reason) == (400, kind, reason)


def test_reading_the_index_is_enough(accounts: Any, index: str, prefix: str) -> None:
    """Each search is authorised as the caller; an index that may not be read fails alone."""
    reader = accounts.key([], [{"names": [index], "privileges": ["read"]}])
    lines: list[Line] = [
        {"index": index},
        {"source": MATCH, "params": {"word": "dogs"}},
        {"index": f"{prefix}-other"},
        {"source": MATCH, "params": {"word": "dogs"}},
    ]
    reply = reader("POST", "/_msearch/template", lines)
    assert reply.status == 200
    assert [response["status"] for response in reply.body["responses"]] == [200, 403]
    assert reply.body["responses"][1]["error"]["type"] == "security_exception"


def test_without_credentials_nothing_runs(accounts: Any) -> None:
    """The call as a whole is refused."""
    assert accounts.anonymous()("POST", "/_msearch/template", [{}, {"source": "{}"}]).status == 401
