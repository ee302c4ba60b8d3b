"""Processors that read a value as something else: results and failures in the module's words."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

import pytest

Document = dict[str, Any]
Outcome = tuple[Document, Document, Any]


def simulate(admin: Any, processor: Document, source: Document) -> Document:
    """What a processor makes of one document: ``doc`` or ``error``."""
    body = {"pipeline": {"processors": [processor]}, "docs": [{"_source": source}]}
    reply = admin("POST", "/_ingest/pipeline/_simulate", body)
    assert reply.status == 200, reply.body
    outcome: Document = reply.body["docs"][0]
    return outcome


RESULTS: list[Outcome] = [
    ({"split": {"field": "a", "separator": ","}}, {"a": "x,y,,"}, {"a": ["x", "y"]}),
    (
        {"split": {"field": "a", "separator": r"\s*;\s*", "target_field": "b"}},
        {"a": "x ; y"},
        {"a": "x ; y", "b": ["x", "y"]},
    ),
    (
        {"split": {"field": "a", "separator": ",", "preserve_trailing": True}},
        {"a": "x,y,,"},
        {"a": ["x", "y", "", ""]},
    ),
    ({"split": {"field": "b", "separator": ",", "ignore_missing": True}}, {"a": 1}, {"a": 1}),
    ({"join": {"field": "a", "separator": "-"}}, {"a": [1, "b", True]}, {"a": "1-b-true"}),
    (
        {"join": {"field": "a", "separator": "", "target_field": "b"}},
        {"a": ["x", "y"]},
        {"a": ["x", "y"], "b": "xy"},
    ),
    ({"convert": {"field": "a", "type": "integer"}}, {"a": ["1", "0x1f"]}, {"a": [1, 31]}),
    ({"convert": {"field": "a", "type": "long"}}, {"a": "12345678901"}, {"a": 12345678901}),
    ({"convert": {"field": "a", "type": "double"}}, {"a": "1e3"}, {"a": 1000.0}),
    ({"convert": {"field": "a", "type": "boolean"}}, {"a": "TRUE"}, {"a": True}),
    ({"convert": {"field": "a", "type": "string"}}, {"a": 1.5}, {"a": "1.5"}),
    ({"convert": {"field": "a", "type": "ip"}}, {"a": "::1"}, {"a": "::1"}),
    (
        {"convert": {"field": "a", "type": "auto"}},
        {"a": ["true", "7", "12345678901", "0.5", "x", 3]},
        {"a": [True, 7, 12345678901, 0.5, "x", 3]},
    ),
    ({"convert": {"field": "b", "type": "long", "ignore_missing": True}}, {"a": 1}, {"a": 1}),
    (
        {"gsub": {"field": "a", "pattern": r"(\d)\.", "replacement": "$1-"}},
        {"a": ["1.2", "x.y"]},
        {"a": ["1-2", "x.y"]},
    ),
    ({"html_strip": {"field": "a"}}, {"a": "<b>x</b> &amp; y"}, {"a": "x & y"}),
    ({"html_strip": {"field": "a"}}, {"a": "no tag &amp;"}, {"a": "no tag &amp;"}),
    ({"bytes": {"field": "a"}}, {"a": ["1kb", "1.5mb"]}, {"a": [1024, 1572864]}),
    ({"urldecode": {"field": "a"}}, {"a": "a%20b+c%C3%A9"}, {"a": "a b cé"}),
    ({"sort": {"field": "a"}}, {"a": [3, 1, 2]}, {"a": [1, 2, 3]}),
    (
        {"sort": {"field": "a", "order": "desc", "target_field": "b"}},
        {"a": ["x", "z", "y"]},
        {"a": ["x", "z", "y"], "b": ["z", "y", "x"]},
    ),
    ({"dot_expander": {"field": "a.b"}}, {"a.b": 1}, {"a": {"b": 1}}),
    ({"dot_expander": {"field": "a.b"}}, {"a.b": 1, "a": {"b": 2}}, {"a": {"b": [2, 1]}}),
    (
        {"dot_expander": {"field": "a.b", "override": True}},
        {"a.b": 1, "a": {"b": 2}},
        {"a": {"b": 1}},
    ),
    (
        {"dot_expander": {"field": "*", "path": "o"}},
        {"o": {"a.b": 1, "c.d": 2, "e": 3}},
        {"o": {"a": {"b": 1}, "c": {"d": 2}, "e": 3}},
    ),
    ({"dot_expander": {"field": "x.y"}}, {"a": 1}, {"a": 1}),
    ({"json": {"field": "a"}}, {"a": '{"x":[1,null]}'}, {"a": {"x": [1, None]}}),
    ({"json": {"field": "a", "target_field": "b"}}, {"a": "true"}, {"a": "true", "b": True}),
    (
        {"json": {"field": "a", "add_to_root": True}},
        {"a": '{"b":{"x":1}}', "b": {"y": 2}},
        {"a": '{"b":{"x":1}}', "b": {"x": 1}},
    ),
    (
        {
            "json": {
                "field": "a",
                "add_to_root": True,
                "add_to_root_conflict_strategy": "merge",
            }
        },
        {"a": '{"b":{"x":1}}', "b": {"y": 2}},
        {"a": '{"b":{"x":1}}', "b": {"x": 1, "y": 2}},
    ),
    ({"json": {"field": "a", "strict_json_parsing": False}}, {"a": '1 "x"'}, {"a": 1}),
    (
        {"json": {"field": "a", "allow_duplicate_keys": True}},
        {"a": '{"x":1,"x":2}'},
        {"a": {"x": 2}},
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x", "y", "z"]}},
        {"a": '1,"b ""q"" c",'},
        {"a": '1,"b ""q"" c",', "x": "1", "y": 'b "q" c'},
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x", "y"], "empty_value": 0}},
        {"a": ",2,3"},
        {"a": ",2,3", "x": 0, "y": "2"},
    ),
    (
        {
            "csv": {
                "field": "a",
                "target_fields": ["x", "y"],
                "separator": ";",
                "quote": "'",
                "trim": True,
            }
        },
        {"a": " 1 ; ';' "},
        {"a": " 1 ; ';' ", "x": "1", "y": ";"},
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x", "y"], "trim": True}},
        {"a": " 1 , 2 "},
        {"a": " 1 , 2 ", "x": "1", "y": "2 "},
    ),
    (
        {"kv": {"field": "a", "field_split": " ", "value_split": "="}},
        {"a": "x=1 y=2 x=3"},
        {"a": "x=1 y=2 x=3", "x": ["1", "3"], "y": "2"},
    ),
    (
        {
            "kv": {
                "field": "a",
                "field_split": "&",
                "value_split": "=",
                "target_field": "t",
                "prefix": "p_",
                "exclude_keys": ["y"],
                "strip_brackets": True,
                "trim_key": " ",
                "trim_value": "!",
            }
        },
        {"a": " x=(1!)&y=2"},
        {"a": " x=(1!)&y=2", "t": {"p_x": "1"}},
    ),
    (
        {"grok": {"field": "a", "patterns": ["%{IP:c} %{WORD:m}", "%{WORD:m} %{NUMBER:n:int}"]}},
        {"a": "GET 12"},
        {"a": "GET 12", "m": "GET", "n": 12},
    ),
    (
        {
            "grok": {
                "field": "a",
                "patterns": ["%{PET:pet}"],
                "pattern_definitions": {"PET": "cat|dog"},
            }
        },
        {"a": "my dog"},
        {"a": "my dog", "pet": "dog"},
    ),
]


@pytest.mark.parametrize(("processor", "source", "expected"), RESULTS)
def test_a_processor_makes_of_a_document_what_the_module_makes(
    admin: Any, processor: Document, source: Document, expected: Document
) -> None:
    """The document comes out as the reference describes."""
    outcome = simulate(admin, processor, source)
    assert "doc" in outcome, outcome
    assert outcome["doc"]["_source"] == expected


DATES = [
    ({"formats": ["dd/MM/yyyy HH:mm"]}, "12/02/2019 12:02", "2019-02-12T12:02:00.000Z"),
    (
        {"formats": ["dd/MM/yyyy HH:mm"], "timezone": "Europe/Amsterdam"},
        "12/02/2019 12:02",
        "2019-02-12T12:02:00.000+01:00",
    ),
    ({"formats": ["d MMMM yyyy"], "locale": "fr"}, "3 mai 2020", "2020-05-03T00:00:00.000Z"),
    ({"formats": ["yyyy", "ISO8601"]}, "2020-05-03T10:00+02", "2020-05-03T08:00:00.000Z"),
    ({"formats": ["UNIX"]}, "1700000000.5", "2023-11-14T22:13:20.500Z"),
    ({"formats": ["UNIX_MS"]}, 1700000000000, "2023-11-14T22:13:20.000Z"),
    ({"formats": ["TAI64N"]}, "@4000000050d506482dbdf024", "2012-12-22T01:00:46.767Z"),
    ({"formats": ["ISO8601"], "output_format": "yyyy_DDD"}, "2020-02-01", "2020_032"),
    (
        {"formats": ["ISO8601"], "timezone": "{{zone}}"},
        "2020-02-01",
        "2020-02-01T00:00:00.000+09:00",
    ),
]


@pytest.mark.parametrize(("options", "value", "expected"), DATES)
def test_a_date_is_read_by_the_first_format_that_fits(
    admin: Any, options: Document, value: Any, expected: str
) -> None:
    """Named formats and patterns, with zones, locales and an output format."""
    source = {"when": value, "zone": "Asia/Tokyo"}
    outcome = simulate(admin, {"date": {"field": "when", **options}}, source)
    assert outcome["doc"]["_source"]["@timestamp"] == expected


@pytest.mark.parametrize("method", ["MD5", "SHA-1", "SHA-256", "SHA-512"])
def test_a_fingerprint_hashes_the_bytes_that_the_module_hashes(admin: Any, method: str) -> None:
    """Salt, then a zero byte before each leaf; fields and keys in order; numbers little-endian."""
    source = {"b": {"z": [1, 2.5, True, False, None], "c": 12345678901}, "a": "é"}
    processor = {"fingerprint": {"fields": ["b", "a"], "salt": "s", "method": method}}
    outcome = simulate(admin, processor, source)
    leaves = [
        "é".encode(),
        b"c",
        struct.pack("<q", 12345678901),
        b"z",
        struct.pack("<i", 1),
        struct.pack("<d", 2.5),
        b"\x01",
        b"\x02",
        b"",
    ]
    digest = hashlib.new(method.replace("-", "").lower(), b"s")
    for leaf in leaves:
        digest.update(b"\0" + leaf)
    expected = base64.b64encode(digest.digest()).decode()
    assert outcome["doc"]["_source"]["fingerprint"] == expected


def test_a_murmur_fingerprint_has_128_bits_and_depends_on_the_salt(admin: Any) -> None:
    """The default name of the target, base64, and another result under another salt."""
    made = set()
    for salt in ("", "pepper"):
        processor = {"fingerprint": {"fields": ["a"], "salt": salt, "method": "MurmurHash3"}}
        made.add(simulate(admin, processor, {"a": "x"})["doc"]["_source"]["fingerprint"])
    assert {len(base64.b64decode(text)) for text in made} == {16}
    assert len(made) == 2


FAILURES = [
    (
        {"split": {"field": "a", "separator": ","}},
        {"a": 3},
        "field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]",
    ),
    ({"split": {"field": "a", "separator": ","}}, {"a": None}, "field [a] is null, cannot split."),
    (
        {"split": {"field": "a.b", "separator": ","}},
        {"a": {}},
        "field [b] not present as part of path [a.b]",
    ),
    ({"join": {"field": "a", "separator": ","}}, {"a": None}, "field [a] is null, cannot join."),
    (
        {"join": {"field": "a", "separator": ","}},
        {"a": "x"},
        "field [a] of type [java.lang.String] cannot be cast to [java.util.List]",
    ),
    ({"sort": {"field": "a"}}, {"a": None}, "field [a] is null, cannot sort."),
    (
        {"convert": {"field": "a", "type": "integer"}},
        {"a": "x"},
        "unable to convert [x] to integer",
    ),
    (
        {"convert": {"field": "a", "type": "boolean"}},
        {"a": "yes"},
        "[yes] is not a boolean value, cannot convert to boolean",
    ),
    (
        {"convert": {"field": "a", "type": "ip"}},
        {"a": "1.2.3.999"},
        "'1.2.3.999' is not an IP string literal.",
    ),
    (
        {"convert": {"field": "a", "type": "long"}},
        {"a": None},
        "Field [a] is null, cannot be converted to type [long]",
    ),
    ({"date": {"field": "a", "formats": ["ISO8601"]}}, {"a": "x"}, "unable to parse date [x]"),
    (
        {"date": {"field": "a", "formats": ["ISO8601"], "timezone": "{{b}}"}},
        {"a": "2020", "b": "Nowhere"},
        "unable to parse date [2020]",
    ),
    (
        {"fingerprint": {"fields": ["a", "b"]}},
        {"a": 1},
        "missing field [b] when calculating fingerprint",
    ),
    (
        {"dot_expander": {"field": "a.b"}},
        {"a.b": 1, "a": 3},
        "cannot expand [a.b], because [a] is not an object field, but a value field",
    ),
    (
        {"json": {"field": "a"}},
        {"a": "1 2"},
        "The input 1 2 is not valid JSON and the strict_json_parsing parameter is true",
    ),
    (
        {"json": {"field": "a", "add_to_root": True}},
        {"a": "[]"},
        "cannot add non-map fields to root of document",
    ),
    ({"csv": {"field": "a", "target_fields": ["x"]}}, {"a": '"u'}, "Unmatched quote"),
    (
        {"csv": {"field": "a", "target_fields": ["x", "y"]}},
        {"a": '"u" v,1'},
        "character 'v' after quoted field at 4",
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x"]}},
        {"a": '"u"v'},
        "character 'v' after quoted field at 3",
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x"]}},
        {"a": 'u"'},
        "Illegal character inside unquoted field at 1",
    ),
    (
        {"kv": {"field": "a", "field_split": " ", "value_split": "="}},
        {"a": "x"},
        "field [a] does not contain value_split [=]",
    ),
    ({"kv": {"field": "b", "field_split": " ", "value_split": "="}}, {}, "field [b] doesn't exist"),
    (
        {"grok": {"field": "a", "patterns": ["%{NUMBER:n}"]}},
        {"a": "x"},
        "Provided Grok expressions do not match field value: [x]",
    ),
]


@pytest.mark.parametrize(("processor", "source", "reason"), FAILURES)
def test_a_document_fails_in_the_words_of_the_module(
    admin: Any, processor: Document, source: Document, reason: str
) -> None:
    """A value that does not fit is named with its field."""
    outcome = simulate(admin, processor, source)
    assert outcome["error"]["type"] == "illegal_argument_exception"
    assert outcome["error"]["reason"] == reason


REFUSALS = [
    ({"split": {"field": "a"}}, "[separator] required property is missing"),
    ({"join": {"separator": "a"}}, "[field] required property is missing"),
    (
        {"convert": {"field": "a", "type": "nope"}},
        "[type] type [nope] not supported, cannot convert field.",
    ),
    (
        {"gsub": {"field": "a", "pattern": "(", "replacement": ""}},
        "[pattern] Invalid regex pattern. Unclosed group near index 1\n(",
    ),
    (
        {"sort": {"field": "a", "order": "up"}},
        "[order] Sort direction [up] not recognized. Valid values are: [asc, desc]",
    ),
    ({"fingerprint": {"fields": []}}, "[fields] must specify at least one field"),
    (
        {"fingerprint": {"fields": ["a"], "method": "x"}},
        "[method] [x] must be one of the supported hash methods "
        "[MD5,SHA-1,SHA-256,SHA-512,MurmurHash3]",
    ),
    (
        {"dot_expander": {"field": "ab"}},
        "[field] field does not contain a dot and is not a wildcard",
    ),
    ({"dot_expander": {"field": ".ab"}}, "[field] Field can't start or end with a dot"),
    ({"dot_expander": {"field": "a..b"}}, "[field] No space between dots"),
    (
        {"json": {"field": "a", "add_to_root": True, "target_field": "b"}},
        "[target_field] Cannot set a target field while also setting `add_to_root` to true",
    ),
    (
        {"json": {"field": "a", "add_to_root_conflict_strategy": "merge"}},
        "[add_to_root_conflict_strategy] Cannot set `add_to_root_conflict_strategy` if "
        "`add_to_root` is false",
    ),
    (
        {"csv": {"field": "a", "target_fields": []}},
        "[target_fields] target fields list can't be empty",
    ),
    (
        {"csv": {"field": "a", "target_fields": ["x"], "separator": "::"}},
        "[separator] separator has to be single character like , or ;",
    ),
    ({"grok": {"field": "a", "patterns": []}}, "[patterns] List of patterns must not be empty"),
    (
        {"grok": {"field": "a", "patterns": ["%{NOPE:x}"]}},
        "[patterns] Invalid regex pattern found in: [%{NOPE:x}]. Unable to find pattern [NOPE] "
        "in Grok's pattern dictionary",
    ),
    (
        {"trim": {"field": "a", "bogus": 1}},
        "processor [trim] doesn't support one or more provided configuration parameters [bogus]",
    ),
    ({"script": {"source": "ctx.a = 1"}}, "No processor type exists with name [script]"),
]


@pytest.mark.parametrize(("processor", "reason"), REFUSALS)
def test_a_pipeline_with_wrong_settings_is_refused(
    admin: Any, prefix: str, processor: Document, reason: str
) -> None:
    """Wrong settings show when the pipeline is put, as a parse exception."""
    reply = admin("PUT", f"/_ingest/pipeline/{prefix}-wrong", {"processors": [processor]})
    assert (reply.status, reply.error_type, reply.reason) == (400, "parse_exception", reason)


def test_terminate_ends_the_pipeline_and_keeps_the_document(admin: Any) -> None:
    """Processors after it do not run."""
    processors = [{"terminate": {}}, {"fail": {"message": "not reached"}}]
    body = {"pipeline": {"processors": processors}, "docs": [{"_source": {"a": 1}}]}
    reply = admin("POST", "/_ingest/pipeline/_simulate", body)
    assert reply.body["docs"][0]["doc"]["_source"] == {"a": 1}


def test_grok_says_which_pattern_matched(admin: Any) -> None:
    """With trace_match the index of the pattern stands in the ingest metadata."""
    processors = [
        {"grok": {"field": "a", "patterns": ["%{IP:ip}", "%{WORD:w}"], "trace_match": True}},
        {"set": {"field": "matched", "value": "{{{_ingest._grok_match_index}}}"}},
    ]
    body = {"pipeline": {"processors": processors}, "docs": [{"_source": {"a": "word"}}]}
    reply = admin("POST", "/_ingest/pipeline/_simulate", body)
    assert reply.body["docs"][0]["doc"]["_source"]["matched"] == "1"


def test_the_patterns_of_grok_can_be_listed(admin: Any) -> None:
    """Sorted on request; each mode has its own."""
    plain = admin("GET", "/_ingest/processor/grok?s=true").body["patterns"]
    assert list(plain) == sorted(plain)
    assert "%{HTTPDUSER:auth}" in plain["HTTPD_COMMONLOG"]
    ecs = admin("GET", "/_ingest/processor/grok?ecs_compatibility=v1").body["patterns"]
    assert "%{HTTPDUSER:user.name}" in ecs["HTTPD_COMMONLOG"]
    reply = admin("GET", "/_ingest/processor/grok?ecs_compatibility=v9")
    assert (reply.status, reply.reason) == (400, "unsupported ECS compatibility mode [v9]")
