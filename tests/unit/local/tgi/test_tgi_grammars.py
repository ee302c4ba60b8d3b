"""Grammars: what is refused, in which words, and that text always fits."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from esrag.local.tgi.errors import GenerationFailed, ValidationFailed
from esrag.local.tgi.generation.constraint import ConstraintFailed
from esrag.local.tgi.generation.sampling import SamplingParameters, TokenChooser
from esrag.local.tgi.grammar.dialect import ascii_classes
from esrag.local.tgi.grammar.matching import Grammars
from esrag.local.tgi.grammar.reading import Grammar, NamedSchema
from esrag.local.tgi.grammar.schema import closed
from esrag.local.tgi.text import TextTokens

SPECIAL = ("<|end|>", "<|turn|>")
VOCABULARY = 258 + 6  # and some that the tokenizer does not know, as padded weights have
END = 256
PERSON = {
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


@pytest.fixture(scope="module")
def grammars(tokens: TextTokens) -> Grammars:
    """Over 256 bytes and two markers."""
    return Grammars(tokens.source, end_tokens=[END])


def text_of(
    grammars: Grammars, tokens: TextTokens, grammar: Grammar, *, seed: int, most: int = 400
) -> str:
    """What a model without sense writes under a grammar; it likes to close what is open."""
    chance = np.random.default_rng(seed)
    liked = np.zeros(VOCABULARY, dtype=np.float32)
    for letter in '"}]':
        liked[tokens.encode(letter, add_special_tokens=False)[0]] = 4.0
    liked[END] = 6.0
    chooser = TokenChooser(
        SamplingParameters(do_sample=True, seed=seed), constraint=grammars.matcher(grammar)
    )
    ids: list[int] = [0]
    for _ in range(most):
        logits = (chance.normal(size=VOCABULARY) * 3).astype(np.float32) + liked
        token = chooser.choose(logits, ids).token_id
        if token == END:
            return tokens.decode(ids[1:])
        ids.append(token)
    pytest.fail(f"no end after {most} tokens: {tokens.decode(ids[1:])!r}")


class Schemas:
    """Makes schemas of what TGI can express, nested a little."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def grammar(self) -> dict[str, Any]:
        """A schema with ``properties`` at its top."""
        return self._object(0)

    def _schema(self, depth: int) -> dict[str, Any]:
        simple = [self._string, self._number, self._choice, self._format, self._plain]
        nested = [self._array, self._object, self._union]
        make = self._random.choice(simple if depth >= 2 else [*simple, *nested])
        return make(depth)

    def _string(self, _: int) -> dict[str, Any]:
        low = self._random.randint(0, 3)
        return {"type": "string", "minLength": low, "maxLength": low + self._random.randint(0, 9)}

    def _number(self, _: int) -> dict[str, Any]:
        low = self._random.randint(-50, 50)
        kind = self._random.choice(["integer", "number"])
        return {"type": kind, "minimum": low, "maximum": low + self._random.randint(1, 90)}

    def _choice(self, _: int) -> dict[str, Any]:
        values = ["a", 'quote " here', "ünï", 3, -1.5, True, None, "back\\slash"]
        return self._random.choice(
            [{"enum": self._random.sample(values, 3)}, {"const": self._random.choice(values)}]
        )

    def _format(self, _: int) -> dict[str, Any]:
        return self._random.choice(
            [
                {"type": "string", "format": self._random.choice(["date", "time", "uuid"])},
                {"type": "string", "pattern": "^[a-z]{1,4}-[0-9]{2}$"},
            ]
        )

    def _plain(self, _: int) -> dict[str, Any]:
        return {"type": self._random.choice(["boolean", "null"])}

    def _array(self, depth: int) -> dict[str, Any]:
        low = self._random.randint(0, 2)
        return {
            "type": "array",
            "items": self._schema(depth + 1),
            "minItems": low,
            "maxItems": low + self._random.randint(0, 2),
        }

    def _object(self, depth: int) -> dict[str, Any]:
        names = self._random.sample(["name", "age", "a b", "größe", "_id", "tags"], 3)
        return {
            "type": "object",
            "properties": {name: self._schema(depth + 1) for name in names},
            "required": self._random.sample(names, self._random.randint(0, 3)),
        }

    def _union(self, depth: int) -> dict[str, Any]:
        return {"anyOf": [self._schema(depth + 1), self._schema(depth + 1)]}


@pytest.mark.parametrize("seed", range(60))
def test_text_under_a_schema_parses_and_fits_it(
    grammars: Grammars, tokens: TextTokens, seed: int
) -> None:
    """Whatever the schema and however foolish the model."""
    schema = Schemas(seed).grammar()
    for attempt in range(3):
        text = text_of(grammars, tokens, Grammar("json", schema), seed=100 * seed + attempt)
        jsonschema_rs.validate(schema, json.loads(text))
        assert re.search(r"  |\n", re.sub(r'"([^"\\]|\\.)*"', '""', text)) is None


@pytest.mark.parametrize(
    "expression",
    [
        r"((25[0-5]|2[0-4]\d|[01]?\d\d?)\.){3}(25[0-5]|2[0-4]\d|[01]?\d\d?)",
        r"(yes|no)",
        r"^[A-Z][a-z]{2,8}$",
        r"[\w.]{1,12}@\w{1,9}\.(com|org)",
        r"(refused|[^\[\]\n]{1,40} \[[1-3]\])",
        r"\d{4}-\d{2}-\d{2}( \d\d:\d\d)?",
        r"[^]a]b\]",
    ],
)
def test_text_under_an_expression_matches_all_of_it(
    grammars: Grammars, tokens: TextTokens, expression: str
) -> None:
    """As Python's own engine sees it, with classes of ASCII."""
    for seed in range(8):
        text = text_of(grammars, tokens, Grammar("regex", expression), seed=seed)
        assert re.fullmatch(expression, text, re.ASCII)


def test_a_schema_may_be_a_string_of_json(grammars: Grammars, tokens: TextTokens) -> None:
    """For ``json``; it is parsed again, as in TGI."""
    text = text_of(grammars, tokens, Grammar("json", json.dumps(PERSON)), seed=1)
    assert "name" in json.loads(text)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([1], "grammar is not supported"),
        (5, "grammar is not supported"),
        ("{", "grammar is not valid: expected value at line 1 column 2"),
        ({"type": "object"}, "grammar is not valid: Grammar must have a 'properties' field"),
        (
            {"type": "person", "properties": {}},
            'grammar is not valid: "person" is not valid under any of the schemas listed in the '
            "'anyOf' keyword",
        ),
        ({"properties": []}, 'grammar is not valid: [] is not of type "object"'),
        (
            {"properties": {"a": {"minLength": -1}}},
            "grammar is not valid: -1 is less than the minimum of 0",
        ),
        (NamedSchema("text"), 'grammar is not valid: "text" is not of types "boolean", "object"'),
        (NamedSchema(True), "grammar is not valid: Grammar must have a 'properties' field"),
        (
            {"properties": {"a": {"$ref": "#/nowhere"}}, "required": ["a"]},
            "cannot compile regex from schema: Pointer '/nowhere' does not exist",
        ),
    ],
)
def test_a_bad_schema_is_refused_in_the_words_of_tgi(
    grammars: Grammars, value: Any, problem: str
) -> None:
    """Those after "grammar is not valid" are of the same validator that TGI's router has."""
    with pytest.raises(ValidationFailed) as caught:
        grammars.matcher(Grammar("json", value))
    assert caught.value.body()["error"] == f"Input validation error: {problem}"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [("[a", "unclosed character class"), ("(?=a)b", "look-around"), ("a{3,1}", "repetition")],
)
def test_a_bad_expression_fails_the_generation(
    grammars: Grammars, expression: str, problem: str
) -> None:
    """TGI's router does not look at it; its worker does."""
    with pytest.raises(
        GenerationFailed, match="failed during generation: Server error: "
    ) as caught:
        grammars.matcher(Grammar("regex", expression))
    assert problem in str(caught.value)
    assert (caught.value.status, caught.value.error_type) == (424, "generation")


def test_a_schema_never_fetches_anything(grammars: Grammars) -> None:
    """A reference to elsewhere is refused."""
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}, "required": ["a"]}
    with pytest.raises(ValidationFailed, match="cannot compile regex from schema"):
        grammars.matcher(Grammar("json", schema))


def test_tokens_beyond_the_vocabulary_are_never_allowed(grammars: Grammars) -> None:
    """Weights may be padded."""
    mask = grammars.matcher(Grammar("regex", r"[^a]+")).allowed(VOCABULARY)
    assert mask.any()
    assert not mask[258:].any()


def test_a_token_that_does_not_fit_is_the_end_of_the_matcher(grammars: Grammars) -> None:
    """Only this answer suffers."""
    matcher = grammars.matcher(Grammar("regex", "a"))
    with pytest.raises(ConstraintFailed):
        matcher.accept(END)


@pytest.mark.parametrize(
    ("expression", "spelled"),
    [
        (r"\d\D", "[0-9][^0-9]"),
        (r"[\d\-]\\d", r"[0-9\-]\\d"),
        (r"[]\w]\s", r"[]a-zA-Z0-9_][ \t\n\r\f\v]"),
        (r"[^]\d]", "[^]0-9]"),
        (r"\[\d", r"\[[0-9]"),
        ("\\", "\\"),
    ],
)
def test_classes_mean_ascii(expression: str, spelled: str) -> None:
    """Inside brackets and outside."""
    assert ascii_classes(expression) == spelled


def test_objects_that_name_their_properties_take_no_others() -> None:
    """At every depth, unless the schema says otherwise or combines several."""
    schema = {
        "properties": {
            "open": {"properties": {}, "additionalProperties": {"type": "string"}},
            "both": {"properties": {}, "allOf": [{}]},
            "any": {},
        },
        "$defs": {"inner": {"properties": {"x": True}}},
    }
    result = closed(schema)
    assert result["additionalProperties"] is False
    assert result["type"] == "object"
    assert result["properties"]["open"]["additionalProperties"] == {"type": "string"}
    assert result["properties"]["both"] == {"properties": {}, "allOf": [{}]}
    assert result["properties"]["any"] == {}
    assert result["$defs"]["inner"]["additionalProperties"] is False
    assert "additionalProperties" not in schema
