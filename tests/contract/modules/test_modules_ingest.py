"""Ingest processors in the real service: options, failures and what the core does with them."""

from __future__ import annotations

from typing import Any

import pytest

Document = dict[str, Any]


def simulate(admin: Any, processors: list[Document], source: Document) -> Document:
    """What a pipeline makes of one document: the document or the error."""
    body = {"pipeline": {"processors": processors}, "docs": [{"_source": source}]}
    reply = admin("POST", "/_ingest/pipeline/_simulate", body)
    assert reply.status == 200, reply.body
    outcome: Document = reply.body["docs"][0]
    return outcome


def result(admin: Any, processors: list[Document], source: Document) -> Document:
    """The source that a pipeline makes of one document."""
    outcome = simulate(admin, processors, source)
    assert "doc" in outcome, outcome
    made: Document = outcome["doc"]["_source"]
    return made


@pytest.mark.parametrize(
    ("processor", "source", "expected"),
    [
        ({"set": {"field": "a.b", "value": 1}}, {}, {"a": {"b": 1}}),
        ({"set": {"field": "x", "value": "{{{a}}}!"}}, {"a": 'q"q'}, {"a": 'q"q', "x": 'q"q!'}),
        ({"set": {"field": "x", "value": "{{a}}"}}, {"a": 'q"'}, {"a": 'q"', "x": 'q\\"'}),
        (
            {"set": {"field": "x", "value": "{{a}}", "media_type": "text/plain"}},
            {"a": 'q"'},
            {"a": 'q"', "x": 'q"'},
        ),
        ({"set": {"field": "x", "copy_from": "a"}}, {"a": [1, 2]}, {"a": [1, 2], "x": [1, 2]}),
        ({"set": {"field": "{{{a}}}", "value": 1}}, {"a": "z"}, {"a": "z", "z": 1}),
        ({"set": {"field": "a", "value": 2, "override": False}}, {"a": 1}, {"a": 1}),
        ({"set": {"field": "a", "value": 2, "override": False}}, {"a": None}, {"a": 2}),
        (
            {"set": {"field": "x", "value": "{{{gone}}}", "ignore_empty_value": True}},
            {},
            {},
        ),
        ({"set": {"field": "x", "copy_from": "gone", "ignore_empty_value": True}}, {}, {}),
        ({"remove": {"field": "a"}}, {"a": 1, "b": 2}, {"b": 2}),
        ({"remove": {"field": ["a", "b"]}}, {"a": 1, "b": 2}, {}),
        ({"remove": {"field": "gone", "ignore_missing": True}}, {"a": 1}, {"a": 1}),
        ({"remove": {"keep": ["a.b"]}}, {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}}),
        ({"rename": {"field": "a", "target_field": "b.c"}}, {"a": 1}, {"b": {"c": 1}}),
        ({"rename": {"field": "a", "target_field": "a.b"}}, {"a": 1}, {"a": {"b": 1}}),
        ({"rename": {"field": "a", "target_field": "b", "ignore_missing": True}}, {}, {}),
        (
            {"rename": {"field": "a", "target_field": "b", "override": True}},
            {"a": 1, "b": 2},
            {"b": 1},
        ),
        ({"append": {"field": "l", "value": ["b"]}}, {"l": "a"}, {"l": ["a", "b"]}),
        (
            {"append": {"field": "l", "value": "a", "allow_duplicates": False}},
            {"l": ["a"]},
            {"l": ["a"]},
        ),
        (
            {"append": {"field": "l", "copy_from": "m"}},
            {"l": [1], "m": [2]},
            {"l": [1, 2], "m": [2]},
        ),
        ({"lowercase": {"field": "a"}}, {"a": "AB"}, {"a": "ab"}),
        ({"uppercase": {"field": "a", "target_field": "b"}}, {"a": "ab"}, {"a": "ab", "b": "AB"}),
        ({"trim": {"field": "a"}}, {"a": [" x ", "y "]}, {"a": ["x", "y"]}),
        ({"trim": {"field": "gone", "ignore_missing": True}}, {}, {}),
        (
            {"foreach": {"field": "l", "processor": {"uppercase": {"field": "_ingest._value"}}}},
            {"l": ["a", "b"]},
            {"l": ["A", "B"]},
        ),
        (
            {"foreach": {"field": "l", "processor": {"remove": {"field": "_ingest._value.x"}}}},
            {"l": [{"x": 1, "y": 2}, {"x": 3}]},
            {"l": [{"y": 2}, {}]},
        ),
        (
            {
                "foreach": {
                    "field": "o",
                    "processor": {
                        "set": {"field": "_ingest._value", "value": "{{{_ingest._key}}}"}
                    },
                }
            },
            {"o": {"a": 1, "b": 2}},
            {"o": {"a": "a", "b": "b"}},
        ),
        (
            {
                "foreach": {
                    "field": "l",
                    "processor": {
                        "foreach": {
                            "field": "_ingest._value",
                            "processor": {"uppercase": {"field": "_ingest._value"}},
                        }
                    },
                }
            },
            {"l": [["a"], ["b", "c"]]},
            {"l": [["A"], ["B", "C"]]},
        ),
        (
            {"foreach": {"field": "gone", "ignore_missing": True, "processor": {"drop": {}}}},
            {"a": 1},
            {"a": 1},
        ),
    ],
)
def test_processor(admin: Any, processor: Document, source: Document, expected: Document) -> None:
    """Each option does what the reference says."""
    assert result(admin, [processor], source) == expected


def test_foreach_fails_with_its_element(admin: Any) -> None:
    """The first element that fails fails the document, and the field stays as it was."""
    trim = {"trim": {"field": "_ingest._value"}}
    foreach = {"foreach": {"field": "l", "processor": trim, "ignore_failure": True}}
    assert result(admin, [foreach], {"l": [" a", 1]}) == {"l": [" a", 1]}
    del foreach["foreach"]["ignore_failure"]
    error = simulate(admin, [foreach], {"l": [" a", 1]})["error"]
    assert "of type [java.lang.Integer] cannot be cast to [java.lang.String]" in error["reason"]


def test_foreach_runs_an_asynchronous_processor(admin: Any, prefix: str) -> None:
    """A pipeline inside the loop is one, and may drop the document."""
    inner: Document = {"processors": [{"uppercase": {"field": "_ingest._value"}}]}
    assert admin("PUT", f"/_ingest/pipeline/{prefix}-inner", inner).status == 200
    call = {"pipeline": {"name": f"{prefix}-inner"}}
    loop = {"foreach": {"field": "l", "processor": call}}
    assert result(admin, [loop], {"l": ["a"] * 50}) == {"l": ["A"] * 50}
    admin(
        "PUT",
        f"/_ingest/pipeline/{prefix}",
        {"processors": [{"foreach": {"field": "l", "processor": {"drop": {}}}}]},
    )
    reply = admin("PUT", f"/{prefix}-drop/_doc/1?pipeline={prefix}", {"l": [1]})
    assert (reply.status, reply.body["result"]) == (200, "noop")


def test_foreach_takes_a_long_list(admin: Any) -> None:
    """Elements done at once do not pile up calls."""
    processor = {"foreach": {"field": "l", "processor": {"trim": {"field": "_ingest._value"}}}}
    made = result(admin, [processor], {"l": [" x"] * 20_000})
    assert made["l"] == ["x"] * 20_000


@pytest.mark.parametrize(
    ("processor", "source", "error_type", "reason"),
    [
        (
            {"remove": {"field": "a"}},
            {},
            "illegal_argument_exception",
            "field [a] not present as part of path [a]",
        ),
        (
            {"rename": {"field": "a", "target_field": "b"}},
            {},
            "illegal_argument_exception",
            "field [a] doesn't exist",
        ),
        (
            {"rename": {"field": "a", "target_field": "b"}},
            {"a": 1, "b": 2},
            "illegal_argument_exception",
            "field [b] already exists",
        ),
        (
            {"lowercase": {"field": "a"}},
            {},
            "illegal_argument_exception",
            "field [a] not present as part of path [a]",
        ),
        (
            {"lowercase": {"field": "a"}},
            {"a": None},
            "illegal_argument_exception",
            "field [a] is null, cannot process it.",
        ),
        (
            {"lowercase": {"field": "a"}},
            {"a": 1},
            "illegal_argument_exception",
            "field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]",
        ),
        ({"fail": {"message": "no {{{a}}}"}}, {"a": "x"}, "fail_processor_exception", "no x"),
        (
            {"set": {"field": "x", "copy_from": "gone"}},
            {},
            "illegal_argument_exception",
            "field [gone] not present as part of path [gone]",
        ),
        (
            {"foreach": {"field": "a", "processor": {"drop": {}}}},
            {"a": None},
            "illegal_argument_exception",
            "field [a] is null, cannot loop over its elements.",
        ),
    ],
)
def test_failing_document(
    admin: Any, processor: Document, source: Document, error_type: str, reason: str
) -> None:
    """A document that a processor cannot handle fails with type and reason."""
    error = simulate(admin, [processor], source)["error"]
    assert (error["type"], error["reason"]) == (error_type, reason)


@pytest.mark.parametrize(
    ("processor", "reason", "property_name"),
    [
        ({"set": {"value": 1}}, "[field] required property is missing", "field"),
        ({"set": {"field": "a"}}, "[value] required property is missing", "value"),
        (
            {"set": {"field": "a", "value": 1, "copy_from": "b"}},
            "[copy_from] cannot set both `copy_from` and `value` in the same processor",
            "copy_from",
        ),
        ({"remove": {}}, "[keep] or [field] must be specified", "keep"),
        ({"rename": {"field": "a"}}, "[target_field] required property is missing", "target_field"),
        ({"append": {"field": "a"}}, "[value] required property is missing", "value"),
        ({"fail": {}}, "[message] required property is missing", "message"),
        ({"foreach": {"field": "a"}}, "[processor] required property is missing", "processor"),
        ({"pipeline": {}}, "[name] required property is missing", "name"),
        ({"trim": {}}, "[field] required property is missing", "field"),
    ],
)
def test_missing_setting(
    admin: Any, prefix: str, processor: Document, reason: str, property_name: str
) -> None:
    """PUT of a pipeline names the property and the processor."""
    reply = admin("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [processor]})
    assert reply.status == 400
    assert (reply.error_type, reply.reason) == ("parse_exception", reason)
    assert reply.body["error"]["property_name"] == property_name
    assert reply.body["error"]["processor_type"] == next(iter(processor))


def test_unknown_option_and_processor_are_refused(admin: Any, prefix: str) -> None:
    """What a pipeline does not know it does not skip."""
    body: Document = {"processors": [{"set": {"field": "a", "value": 1, "colour": "red"}}]}
    reply = admin("PUT", f"/_ingest/pipeline/{prefix}", body)
    assert reply.status == 400
    assert (
        "processor [set] doesn't support one or more provided configuration parameters [colour]"
        in reply.reason
    )
    reply = admin("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [{"attachment": {}}]})
    assert reply.reason == "No processor type exists with name [attachment]"


def test_conditions_are_refused_as_painless_is_absent(admin: Any, prefix: str) -> None:
    """A condition that could not be evaluated must not be ignored."""
    body = {"processors": [{"set": {"field": "a", "value": 1, "if": "ctx.b == 1"}}]}
    reply = admin("PUT", f"/_ingest/pipeline/{prefix}", body)
    assert reply.status >= 400  # the core's own answer, with a status of its choice
    assert "script_lang not supported [painless]" in str(reply.body)
    assert admin("GET", f"/_ingest/pipeline/{prefix}").status == 404


def test_on_failure_sees_what_failed(admin: Any) -> None:
    """The core gives the handler message, type and tag."""
    handler = [
        {"set": {"field": "why", "value": "{{{_ingest.on_failure_message}}}"}},
        {"set": {"field": "what", "value": "{{{_ingest.on_failure_processor_type}}}"}},
        {"set": {"field": "where", "value": "{{{_ingest.on_failure_processor_tag}}}"}},
    ]
    processor = {"fail": {"message": "broken", "tag": "here", "on_failure": handler}}
    made = result(admin, [processor], {})
    assert made == {"why": "broken", "what": "fail", "where": "here"}


def test_ignore_failure_goes_on(admin: Any) -> None:
    """The next processor runs as if nothing had been."""
    processors = [
        {"fail": {"message": "x", "ignore_failure": True}},
        {"set": {"field": "a", "value": 1}},
    ]
    assert result(admin, processors, {}) == {"a": 1}


def test_pipeline_calls_another_by_template(admin: Any, prefix: str) -> None:
    """The name may come from the document; a missing pipeline may be allowed."""
    inner = {"processors": [{"set": {"field": "inner", "value": True}}]}
    assert admin("PUT", f"/_ingest/pipeline/{prefix}-inner", inner).status == 200
    call = {"pipeline": {"name": prefix + "-{{{kind}}}"}}
    assert result(admin, [call], {"kind": "inner"}) == {"kind": "inner", "inner": True}
    error = simulate(admin, [call], {"kind": "gone"})["error"]
    assert (
        error["reason"]
        == f"Pipeline processor configured for non-existent pipeline [{prefix}-gone]"
    )
    tolerant = {"pipeline": {"name": f"{prefix}-gone", "ignore_missing_pipeline": True}}
    assert result(admin, [tolerant], {"a": 1}) == {"a": 1}


def test_pipelines_that_call_each_other_fail(admin: Any, prefix: str) -> None:
    """A cycle is an error and not an endless loop."""
    for one, other in (("a", "b"), ("b", "a")):
        body = {"processors": [{"pipeline": {"name": f"{prefix}-{other}"}}]}
        assert admin("PUT", f"/_ingest/pipeline/{prefix}-{one}", body).status == 200
    reply = admin("PUT", f"/{prefix}-cycle/_doc/1?pipeline={prefix}-a", {"x": 1})
    assert reply.status == 500 or reply.status == 400
    assert "Cycle detected for pipeline" in str(reply.body)


def test_drop_keeps_a_document_out(admin: Any, prefix: str) -> None:
    """A dropped document is answered as a no-op and not indexed."""
    admin("PUT", f"/_ingest/pipeline/{prefix}", {"processors": [{"drop": {}}]})
    reply = admin("PUT", f"/{prefix}-drop/_doc/1?pipeline={prefix}", {"x": 1})
    assert (reply.status, reply.body["result"]) == (200, "noop")


def test_default_pipeline_runs_on_bulk(admin: Any, prefix: str) -> None:
    """The index's own pipeline sees each document of a bulk, and only the failing ones fail."""
    processors = [
        {"lowercase": {"field": "a"}},
        {"set": {"field": "seen", "value": "{{{_index}}}"}},
    ]
    admin("PUT", f"/_ingest/pipeline/{prefix}", {"processors": processors})
    settings = {"settings": {"index.default_pipeline": prefix, "number_of_replicas": 0}}
    assert admin("PUT", f"/{prefix}-bulk", settings).status == 200
    lines: list[Document] = [{"index": {"_id": "1"}}, {"a": "X"}, {"index": {"_id": "2"}}, {"b": 1}]
    reply = admin("POST", f"/{prefix}-bulk/_bulk?refresh=true", lines)
    first, second = (item["index"] for item in reply.body["items"])
    assert first["status"] == 201
    assert second["status"] == 400
    stored = admin("GET", f"/{prefix}-bulk/_doc/1").body["_source"]
    assert stored == {"a": "x", "seen": f"{prefix}-bulk"}


def test_writer_needs_nothing_but_the_index(accounts: Any, admin: Any, prefix: str) -> None:
    """A pipeline runs for whoever may write; making one needs its own privilege."""
    admin(
        "PUT", f"/_ingest/pipeline/{prefix}", {"processors": [{"set": {"field": "a", "value": 1}}]}
    )
    assert admin("PUT", f"/{prefix}-w", {"settings": {"number_of_replicas": 0}}).status == 200
    writer = accounts.key([], [{"names": [f"{prefix}-w"], "privileges": ["index"]}])
    assert writer("PUT", f"/{prefix}-w/_doc/1?pipeline={prefix}", {}).status == 201
    refused = writer("PUT", f"/_ingest/pipeline/{prefix}", {"processors": []})
    assert refused.status == 403
    assert "cluster:admin/ingest/pipeline/put" in refused.reason
