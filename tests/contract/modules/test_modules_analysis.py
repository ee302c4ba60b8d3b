"""Analyzers, token filters, tokenizers, char filters and normalizers, in the real service."""

from __future__ import annotations

from typing import Any

import pytest

LANGUAGES = """arabic armenian basque bengali brazilian bulgarian catalan cjk czech danish dutch
english estonian finnish french galician german greek hindi hungarian indonesian irish italian
latvian lithuanian norwegian persian portuguese romanian russian serbian sorani spanish swedish
turkish thai""".split()


def tokens(admin: Any, body: dict[str, Any], index: str | None = None) -> list[str]:
    """The terms that a piece of text is analysed into."""
    reply = admin("POST", f"/{index}/_analyze" if index else "/_analyze", body)
    assert reply.status == 200, reply.body
    return [token["token"] for token in reply.body["tokens"]]


@pytest.mark.parametrize(
    ("analyzer", "text", "expected"),
    [
        ("english", "The running dogs' houses", ["run", "dog", "hous"]),
        ("german", "Die schönen Häuser", ["schon", "haus"]),
        ("french", "L'avion des généraux", ["avion", "general"]),
        ("spanish", "las casas rojas", ["cas", "roj"]),
        ("italian", "dell'amico le case", ["amico", "case"]),
        ("russian", "красивые дома", ["красив", "дом"]),
        ("cjk", "東京都", ["東京", "京都"]),
        ("pattern", "foo-bar_baz Qux", ["foo", "bar_baz", "qux"]),
        ("fingerprint", "zebra Ápple zebra", ["apple zebra"]),
        ("simple", "One2Two", ["one", "two"]),
        ("whitespace", "One two-Three", ["One", "two-Three"]),
        ("keyword", "One two", ["One two"]),
        ("stop", "the one thing", ["one", "thing"]),
    ],
)
def test_ready_made_analyzer(admin: Any, analyzer: str, text: str, expected: list[str]) -> None:
    """Analyzers work by name alone."""
    assert tokens(admin, {"analyzer": analyzer, "text": text}) == expected


def test_every_language_takes_stopwords_and_exclusions(admin: Any, prefix: str) -> None:
    """One index may define an analyzer of each language with settings."""
    analyzers = {
        f"my_{name}": {"type": name, "stopwords": ["stopme"], "stem_exclusion": ["running"]}
        for name in LANGUAGES
    }
    settings = {"settings": {"number_of_replicas": 0, "analysis": {"analyzer": analyzers}}}
    reply = admin("PUT", f"/{prefix}-languages", settings)
    assert reply.status == 200, reply.body
    for name in LANGUAGES:
        body = {"analyzer": f"my_{name}", "text": "stopme"}
        assert tokens(admin, body, f"{prefix}-languages") == [], name
    body = {"analyzer": "my_english", "text": "running jumping"}
    assert tokens(admin, body, f"{prefix}-languages") == ["running", "jump"]


@pytest.mark.parametrize(
    ("filters", "text", "expected"),
    [
        (["lowercase", "asciifolding"], "Größe Ápple", ["grosse", "apple"]),
        ([{"type": "asciifolding", "preserve_original": True}], "né", ["ne", "né"]),
        ([{"type": "stemmer", "language": "light_german"}], "häuser", ["haus"]),
        ([{"type": "stemmer", "language": "possessive_english"}], "dog's", ["dog"]),
        ([{"type": "snowball", "language": "Portuguese"}], "casas", ["cas"]),
        ([{"type": "edge_ngram", "min_gram": 1, "max_gram": 3}], "quick", ["q", "qu", "qui"]),
        ([{"type": "ngram", "min_gram": 2, "max_gram": 2}], "abc", ["ab", "bc"]),
        ([{"type": "length", "min": 3}], "a quick ox", ["quick"]),
        ([{"type": "limit", "max_token_count": 2}], "a b c", ["a", "b"]),
        ([{"type": "truncate", "length": 3}], "quick", ["qui"]),
        (["unique"], "a b a", ["a", "b"]),
        (["reverse"], "abc", ["cba"]),
        ([{"type": "elision", "articles_case": True, "articles": ["l"]}], "L'avion", ["avion"]),
        ([{"type": "keep", "keep_words": ["a"]}], "a b", ["a"]),
        ([{"type": "keep_types", "types": ["<NUM>"]}], "a 1", ["1"]),
        ([{"type": "stop", "stopwords": "_english_"}], "the dog", ["dog"]),
        ([{"type": "pattern_replace", "pattern": "(\\d+)", "replacement": "#"}], "a12", ["a#"]),
        (
            [{"type": "pattern_capture", "patterns": ["([a-z]+)-(\\d+)"]}],
            "ab-12",
            ["ab", "12"],
        ),
        (["word_delimiter_graph"], "PowerShot500", ["Power", "Shot", "500"]),
        ([{"type": "stemmer_override", "rules": ["mice => mouse"]}], "mice", ["mouse"]),
        (["keyword_repeat", "porter_stem", "remove_duplicates"], "running", ["running", "run"]),
        (["decimal_digit"], "١٢", ["12"]),
        ([{"type": "common_grams", "common_words": ["the"]}], "the dog", ["the", "the_dog", "dog"]),
        (
            [{"type": "dictionary_decompounder", "word_list": ["dampf", "schiff"]}],
            "dampfschiff",
            ["dampfschiff", "dampf", "schiff"],
        ),
    ],
)
def test_token_filter(admin: Any, filters: list[Any], text: str, expected: list[str]) -> None:
    """Filters by name, or with settings in place."""
    assert tokens(admin, {"tokenizer": "standard", "filter": filters, "text": text}) == expected


@pytest.mark.parametrize(
    ("tokenizer", "text", "expected"),
    [
        (
            "uax_url_email",
            "mail me@x.org at http://x.org/a",
            ["mail", "me@x.org", "at", "http://x.org/a"],
        ),
        ("letter", "You're 2nd", ["You", "re", "nd"]),
        ("lowercase", "You're 2ND", ["you", "re", "nd"]),
        ("whitespace", "a-b c", ["a-b", "c"]),
        ("classic", "AT&T x", ["AT&T", "x"]),
        ("pattern", "a,b c", ["a", "b", "c"]),
        ({"type": "pattern", "pattern": ",", "group": -1}, "a b,c", ["a b", "c"]),
        ({"type": "simple_pattern", "pattern": "[0-9]{2}"}, "a12b34", ["12", "34"]),
        ({"type": "simple_pattern_split", "pattern": "_"}, "a_b", ["a", "b"]),
        (
            {"type": "ngram", "min_gram": 2, "max_gram": 2, "token_chars": ["letter"]},
            "ab1cd",
            ["ab", "cd"],
        ),
        ({"type": "edge_ngram", "min_gram": 1, "max_gram": 2}, "abc", ["a", "ab"]),
        (
            {"type": "char_group", "tokenize_on_chars": ["whitespace", "-"]},
            "a-b c",
            ["a", "b", "c"],
        ),
        ("path_hierarchy", "/a/b", ["/a", "/a/b"]),
        ({"type": "path_hierarchy", "reverse": True, "delimiter": "."}, "a.b", ["a.b", "b"]),
        ("thai", "ภาษาไทย", ["ภาษา", "ไทย"]),
    ],
)
def test_tokenizer(admin: Any, tokenizer: Any, text: str, expected: list[str]) -> None:
    """Tokenizers by name, or with settings in place."""
    assert tokens(admin, {"tokenizer": tokenizer, "text": text}) == expected


@pytest.mark.parametrize(
    ("char_filter", "text", "expected"),
    [
        ("html_strip", "<p>I&apos;m <b>so</b> happy</p>", ["\nI'm so happy\n"]),
        ({"type": "mapping", "mappings": ["٠ => 0", ":) => _happy_"]}, "٠ :)", ["0 _happy_"]),
        (
            {"type": "pattern_replace", "pattern": "(\\d+)-(?=\\d)", "replacement": "$1_"},
            "1-2",
            ["1_2"],
        ),
    ],
)
def test_char_filter(admin: Any, char_filter: Any, text: str, expected: list[str]) -> None:
    """Char filters change the text before it is tokenized."""
    body = {"tokenizer": "keyword", "char_filter": [char_filter], "text": text}
    assert tokens(admin, body) == expected


def test_normalizer_folds_keywords(admin: Any, prefix: str) -> None:
    """A keyword field with a normalizer of ours is found under either spelling."""
    name = f"{prefix}-normalized"
    normalizer = {"type": "custom", "filter": ["lowercase", "asciifolding"]}
    body = {
        "settings": {"number_of_replicas": 0, "analysis": {"normalizer": {"fold": normalizer}}},
        "mappings": {"properties": {"k": {"type": "keyword", "normalizer": "fold"}}},
    }
    assert admin("PUT", f"/{name}", body).status == 200
    assert admin("PUT", f"/{name}/_doc/1?refresh=true", {"k": "Größe"}).status == 201
    found = admin("POST", f"/{name}/_search", {"query": {"term": {"k": "GRÖSSE"}}})
    assert found.body["hits"]["total"]["value"] == 1


@pytest.mark.parametrize("kind", ["synonym", "synonym_graph"])
def test_synonyms_are_analysed_with_what_stands_before_them(
    admin: Any, prefix: str, kind: str
) -> None:
    """Rules written in upper case match lower-cased tokens, phrases included."""
    analysis = {
        "filter": {"syn": {"type": kind, "synonyms": ["NYC, new york city", "cat => feline"]}},
        "analyzer": {
            "a": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "syn"]}
        },
    }
    body = {
        "settings": {"number_of_replicas": 0, "analysis": analysis},
        "mappings": {
            "properties": {"t": {"type": "text", "search_analyzer": "a", "analyzer": "standard"}}
        },
    }
    name = f"{prefix}-{kind}"
    assert admin("PUT", f"/{name}", body).status == 200
    assert "york" in tokens(admin, {"analyzer": "a", "text": "NYC"}, name)
    assert tokens(admin, {"analyzer": "a", "text": "Cat"}, name) == ["feline"]
    admin("PUT", f"/{name}/_doc/1?refresh=true", {"t": "New York City is large"})
    if kind == "synonym_graph":
        found = admin("POST", f"/{name}/_search", {"query": {"match_phrase": {"t": "nyc"}}})
        assert found.body["hits"]["total"]["value"] == 1


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (
            {"type": "synonym"},
            "synonym requires either `synonyms`, `synonyms_set` or `synonyms_path`",
        ),
        ({"type": "keep"}, "keep requires either `keep_words` or `keep_words_path`"),
        (
            {"type": "pattern_capture"},
            "required setting 'patterns' is missing for token filter [f]",
        ),
        (
            {"type": "ngram", "min_gram": 1, "max_gram": 5},
            "must be less than or equal to: [1] but was [4]",
        ),
        ({"type": "no_such_filter"}, "Unknown filter type [no_such_filter] for [f]"),
    ],
)
def test_bad_filter_settings_are_refused(
    admin: Any, prefix: str, definition: dict[str, Any], reason: str
) -> None:
    """Creating the index fails with the reason."""
    analysis = {
        "filter": {"f": definition},
        "analyzer": {"a": {"type": "custom", "tokenizer": "standard", "filter": ["f"]}},
    }
    reply = admin("PUT", f"/{prefix}-bad", {"settings": {"analysis": analysis}})
    assert reply.status == 400
    assert reason in str(reply.body)


def test_filter_that_multiplies_tokens_cannot_stand_before_synonyms(
    admin: Any, prefix: str
) -> None:
    """Rules could not be analysed through such a filter."""
    analysis = {
        "filter": {"syn": {"type": "synonym_graph", "synonyms": ["a, b"]}},
        "analyzer": {
            "a": {"type": "custom", "tokenizer": "standard", "filter": ["edge_ngram", "syn"]}
        },
    }
    reply = admin("PUT", f"/{prefix}-bad", {"settings": {"analysis": analysis}})
    assert reply.status == 400
    assert "Token filter [edge_ngram] cannot be used to parse synonyms" in str(reply.body)


def test_unique_filter_keeps_the_place_of_what_it_drops(admin: Any) -> None:
    """Positions count dropped tokens, so that phrases stay apart."""
    text = "the quick fox jumps the lazy fox"
    body = {"tokenizer": "whitespace", "filter": ["unique"], "text": text}
    found = admin("POST", "/_analyze", body).body["tokens"]
    assert [token["position"] for token in found] == [0, 1, 2, 3, 5]
