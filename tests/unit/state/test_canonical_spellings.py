"""Bodies as servers may spell them: never a difference; any real change: always one.

The spellings are made at random from bodies that are: nested or dotted names, with ``index.`` or
without, numbers and booleans as text, one value as a list, other orders, dates and empty parts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esrag.names import ALL_SEARCH_KINDS
from esrag.resources import load_body
from esrag.state.canonical import (
    body_differences,
    field_differences,
    setting_differences,
)
from esrag.templating import sealed, unsealed

FILES = [
    "mappings/fields.json",
    "mappings/settings.json",
    "mappings/index.json",
    "mappings/meta.json",
    "mappings/dead_letters.json",
    "mappings/answers.json",
    "pipelines/ingest/embed.json",
    "pipelines/ingest/stamp.json",
    "pipelines/ingest/intake.json",
    *(f"pipelines/search/{kind}.json" for kind in ALL_SEARCH_KINDS),
]
ADDED = {
    "created_date": "2026-01-01T00:00:00Z",
    "modified_date_millis": 1,
    "composed_of": [],
    "ignore_missing_component_templates": [],
    "data_stream": None,
}

Draw = st.DataObject
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def respelt_scalar(draw: Draw, value: Any) -> Any:
    """A number or a boolean, as itself, as text, or as another form of number."""
    spellings = [value]
    if isinstance(value, bool):
        spellings.append("true" if value else "false")
    elif isinstance(value, int | float):
        spellings += [str(value), float(value)]
    return draw.draw(st.sampled_from(spellings))


def respelt(draw: Draw, value: Any) -> Any:
    """The same in another order and other forms of values."""
    if isinstance(value, Mapping):
        names = draw.draw(st.permutations(sorted(value)))
        return {name: respelt(draw, value[name]) for name in names}
    if isinstance(value, list):
        items = [respelt(draw, item) for item in value]
        one_scalar = len(items) == 1 and not isinstance(items[0], Mapping | list)
        return items[0] if one_scalar and draw.draw(st.booleans()) else items
    return respelt_scalar(draw, value)


def respelt_settings(draw: Draw, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, some names dotted, with ``index`` outside, inside, or left out."""

    def dotted(part: Mapping[str, Any], path: str) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for name, item in part.items():
            here = f"{path}{name}"
            if isinstance(item, Mapping) and draw.draw(st.booleans()):
                flat |= dotted(item, f"{here}.")
            elif isinstance(item, Mapping):
                flat[here] = dotted(item, "")
            else:
                flat[here] = respelt(draw, item)
        return flat

    inner = settings["index"]
    outside = draw.draw(st.sampled_from(["nested", "prefix", "none"]))
    if outside == "nested":
        return {"index": dotted(inner, "")}
    return dotted(inner, "index." if outside == "prefix" else "")


def respelt_body(draw: Draw, body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as a server might give it back."""
    changed = {name: value for name, value in body.items() if name != "template"}
    holder = dict(body["template"]) if "template" in body else changed
    settings, mappings = holder.pop("settings", None), holder.pop("mappings", None)
    rest = respelt(draw, holder if "template" in body else changed)
    if settings is not None:
        rest["settings"] = respelt_settings(draw, settings)
    if mappings is not None:
        inner = respelt(draw, mappings)
        rest["mappings"] = {"_doc": inner} if draw.draw(st.booleans()) else inner
    result = {**respelt(draw, changed), "template": rest} if "template" in body else rest
    for name in draw.draw(st.lists(st.sampled_from(sorted(ADDED)), unique=True)):
        result.setdefault(name, ADDED[name])
    return result


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every scalar."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


def changed_at(body: Any, path: tuple[Any, ...], *, remove: bool) -> Any:
    """A copy with another value in one place, or with nothing there."""
    result = copy.deepcopy(body)
    place = result
    for step in path[:-1]:
        place = place[step]
    if remove:
        del place[path[-1]]
        return result
    value = place[path[-1]]
    if isinstance(value, bool):
        place[path[-1]] = not value
    elif isinstance(value, int | float):
        place[path[-1]] = value + 1
    else:
        place[path[-1]] = f"{value}x"
    return result


@pytest.mark.parametrize("file", FILES)
@FEW
@given(draw=st.data())
def test_no_spelling_is_a_difference(file: str, draw: Draw) -> None:
    """What means the same to a server is the same, sealed or not."""
    body = unsealed(load_body(file))
    spelt = respelt_body(draw, body)
    assert body_differences(sealed(body, set_name="hr", version="1"), spelt) == ()
    assert body_differences(spelt, body) == ()


@pytest.mark.parametrize("file", FILES)
@FEW
@given(draw=st.data())
def test_every_change_of_one_value_is_a_difference(file: str, draw: Draw) -> None:
    """Whatever is changed or taken away in one place is found, and there alone."""
    body = unsealed(load_body(file))
    path = draw.draw(st.sampled_from(sorted(leaves(body), key=str)))
    remove = draw.draw(st.booleans())
    other = respelt_body(draw, changed_at(body, path, remove=remove))
    found = body_differences(body, other)
    assert len(found) == 1, path
    assert found[0].path.startswith(path[0])


@FEW
@given(draw=st.data())
def test_no_spelling_of_an_index_is_a_difference(draw: Draw) -> None:
    """An index states settings and fields its own way and has some besides."""
    template = load_body("mappings/fields.json")["template"]
    settings = respelt_settings(draw, template["settings"])
    settings = {**settings, "index.uuid": "u", "index.version.created": "9050399"}
    assert setting_differences(template["settings"], settings) == ()
    mapping = respelt(draw, template["mappings"])
    mapping["properties"]["own"] = {"type": "keyword"}
    found = field_differences(template["mappings"], mapping)
    assert (found.missing, found.changeable, found.fixed) == ((), (), ())


@FEW
@given(draw=st.data())
def test_every_changed_parameter_of_a_field_is_a_difference(draw: Draw) -> None:
    """Whatever a field has otherwise is found, below the name of the field."""
    mappings = load_body("mappings/fields.json")["template"]["mappings"]
    path = draw.draw(st.sampled_from(sorted(leaves(mappings["properties"]), key=str)))
    other = {**mappings, "properties": changed_at(mappings["properties"], path, remove=False)}
    found = field_differences(mappings, respelt(draw, other))
    (difference,) = (*found.missing, *found.changeable, *found.fixed)
    assert difference.path.startswith(path[0])


def test_names_of_fields_may_be_dotted() -> None:
    """A mapping may be written either way, and is given back nested."""
    dotted = {"properties": {"a.b": {"type": "long"}, "a.c.d": {"type": "date"}}}
    inner = {"b": {"type": "long"}, "c": {"properties": {"d": {"type": "date"}}}}
    nested = {"properties": {"a": {"properties": inner}}}
    assert body_differences({"mappings": dotted}, {"mappings": nested}) == ()
    found = field_differences(dotted, nested)
    assert (found.missing, found.changeable, found.fixed) == ((), (), ())
    del inner["b"]
    assert [item.path for item in field_differences(dotted, nested).missing] == ["a.b"]


def test_an_empty_thing_is_not_nothing() -> None:
    """An alias without options is an alias; what is empty further out a server may add."""
    with_alias = {"template": {"aliases": {"x": {}}}}
    assert body_differences({"template": {"aliases": {}}}, {"template": {}}) == ()
    assert [item.path for item in body_differences({"template": {}}, with_alias)] == [
        "template.aliases"
    ]
