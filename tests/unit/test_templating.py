"""Bodies: substitution by structure, seals, and what a search template may interpolate where."""

import json
import re
from typing import Any

import pytest

from esrag.errors import UsageError
from esrag.names import ALL_SEARCH_KINDS
from esrag.resources import load_body
from esrag.templating import (
    Vectors,
    for_server,
    renamed,
    seal_of,
    sealed,
    spec_hash,
    template_source,
    unsealed,
    with_field_choices,
    with_parameter_default,
)

PIPELINE = {"description": "d", "processors": [{"inference": {"model_id": "old"}}]}
SCRIPT = {"script": {"lang": "mustache", "source": '{"m":"{{m}}{{^m}}old{{/m}}"}'}}


def test_renamed_replaces_whole_values_only() -> None:
    """A value equal to a name is replaced; one that merely holds it is not."""
    body = {"a": "old", "b": ["old", "older"], "old": {"c": "the old"}}
    assert renamed(body, {"old": "new"}) == {
        "a": "new",
        "b": ["new", "older"],
        "old": {"c": "the old"},
    }
    assert body["a"] == "old"


def test_field_choices_leave_own_choices_alone() -> None:
    """Another analyzer or a flat vector index is the project's own choice and stays."""
    fields: dict[str, Any] = {
        "text": {"type": "text", "analyzer": "english", "fields": {"x": {"analyzer": "english"}}},
        "code": {"type": "text", "analyzer": "whitespace"},
        "v": {"type": "dense_vector", "dims": 384, "index_options": {"type": "int8_hnsw"}},
        "w": {"type": "dense_vector", "dims": 384, "index_options": {"type": "flat"}},
    }
    body = {"template": {"mappings": {"properties": fields}}}
    changed = with_field_choices(body, dims=64, language="german", vectors="bbq")
    found = changed["template"]["mappings"]["properties"]
    assert found["text"]["analyzer"] == found["text"]["fields"]["x"]["analyzer"] == "german"
    assert found["code"]["analyzer"] == "whitespace"
    assert found["v"]["dims"] == 64
    assert found["v"]["index_options"]["type"] == "bbq_hnsw"
    assert found["w"]["index_options"] == {"type": "flat"}
    assert fields["v"]["dims"] == 384


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ("float", {"type": "hnsw"}),
        ("int8", {"type": "int8_hnsw", "rescore_vector": {"oversample": 2}}),
        ("bbq", {"type": "bbq_hnsw", "rescore_vector": {"oversample": 3}}),
    ],
)
def test_each_storage_of_vectors_says_all_its_options(
    vectors: Vectors, expected: dict[str, Any]
) -> None:
    """Elasticsearch changed its defaults twice; oversampling is of the storage, the rest stays."""
    body = load_body("mappings/fields.json")
    changed = with_field_choices(body, dims=64, language="english", vectors=vectors)
    options = changed["template"]["mappings"]["properties"]["embedding"]["index_options"]
    assert options == {
        "m": 16,
        "ef_construction": 100,
        "flat_index_threshold": 5000,
        **expected,
    }


def test_a_projects_own_oversampling_stays() -> None:
    """A file that asks for int8 its own way keeps it."""
    own = {"type": "int8_hnsw", "rescore_vector": {"oversample": 4}}
    field = {"type": "dense_vector", "dims": 8, "index_options": own}
    body = {"template": {"mappings": {"properties": {"v": field}}}}
    assert with_field_choices(body, dims=8, language="english", vectors="int8") == body


def test_vectors_too_short_for_bits_are_refused() -> None:
    """The server would refuse the component template in other words."""
    with pytest.raises(UsageError, match="8 dimensions cannot be stored as bbq"):
        with_field_choices(
            load_body("mappings/fields.json"), dims=8, language="english", vectors="bbq"
        )


@pytest.mark.parametrize(
    ("version", "kept"),
    [
        ("9.0.4", set()),
        ("9.1.0", {"rescore_vector"}),
        ("9.3.2", {"rescore_vector"}),
        ("9.4.0", {"rescore_vector", "flat_index_threshold"}),
        ("10.0.0-SNAPSHOT", {"rescore_vector", "flat_index_threshold"}),
        ("", {"rescore_vector", "flat_index_threshold"}),
    ],
)
def test_an_older_server_gets_no_option_that_it_refuses(version: str, kept: set[str]) -> None:
    """Options came with 9.1 and 9.4; before, the server has its own defaults."""
    body = for_server(load_body("mappings/fields.json"), version)
    options = body["template"]["mappings"]["properties"]["embedding"]["index_options"]
    assert set(options) == {"type", "m", "ef_construction"} | kept


def test_parameter_default_is_replaced_in_every_section() -> None:
    """Only the default section of that parameter changes."""
    source = template_source(with_parameter_default(SCRIPT, "m", "new"))
    assert source == '{"m":"{{m}}{{^m}}new{{/m}}"}'
    assert with_parameter_default(SCRIPT, "other", "new") == SCRIPT


@pytest.mark.parametrize("default", ['a"b', "{{x}}", "a b", "a\n"])
def test_parameter_default_cannot_break_out(default: str) -> None:
    """A default that could end the string it stands in is refused."""
    with pytest.raises(UsageError):
        with_parameter_default(SCRIPT, "m", default)


@pytest.mark.parametrize("body", [PIPELINE, SCRIPT, {**PIPELINE, "_meta": {"team": "search"}}])
def test_seal_comes_off_without_a_trace(body: dict[str, object]) -> None:
    """Sealing and unsealing gives the body back, and the hash does not count the seal."""
    marked = sealed(body, set_name="hr", version="1.2")
    seal = seal_of(marked)
    assert seal is not None
    assert (seal.set, seal.version, seal.spec_hash) == ("hr", "1.2", spec_hash(body))
    assert unsealed(marked) == body
    assert spec_hash(marked) == spec_hash(body)
    assert sealed(marked, set_name="hr", version="1.2") == marked


@pytest.mark.parametrize(
    "body",
    [
        PIPELINE,
        SCRIPT,
        {"_meta": {"esrag": {"owner": "somebody"}}},
        {"script": {"source": "{{! managed by others; owner=esrag }}{}"}},
        {"_meta": None},
    ],
)
def test_unmarked_bodies_have_no_seal(body: dict[str, object]) -> None:
    """What somebody else made is not taken for ours."""
    assert seal_of(body) is None


def _tags_outside_strings(source: str) -> list[str]:
    """Variable tags that stand where a value could add JSON structure."""
    found, in_string = [], False
    for piece in re.split(r"(\{\{.*?\}\}|\\.|\")", source):
        if piece == '"':
            in_string = not in_string
        elif piece.startswith("{{") and piece[2] not in "#/^!" and not in_string:
            found.append(piece)
    return found


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_search_templates_interpolate_only_inside_strings(kind: str) -> None:
    """No raw tags; a variable stands inside quotes, and everything else goes through toJson."""
    source = template_source(load_body(f"pipelines/search/{kind}.json"))
    assert "{{{" not in source
    assert "{{&" not in source
    without_json = re.sub(r"\{\{#toJson\}\}\w+\{\{/toJson\}\}", "[]", source)
    assert _tags_outside_strings(without_json) == []
    assert "\n  " in source, "the source is laid out in lines"


@pytest.mark.parametrize("kind", ALL_SEARCH_KINDS)
def test_search_templates_fetch_what_a_hit_needs(kind: str) -> None:
    """The listed fields are in the mapping, and the vector is not fetched."""
    source = template_source(load_body(f"pipelines/search/{kind}.json"))
    wanted = json.loads(re.search(r'"_source": (\[[^\]]*\])', source)[1])  # type: ignore[index]
    fields = load_body("mappings/fields.json")["template"]["mappings"]["properties"]
    assert set(wanted) <= set(fields)
    assert "embedding" not in wanted
