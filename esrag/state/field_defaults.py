"""What a field has when nothing is said: Elasticsearch leaves such parameters out of its answers.

Only parameters that somebody could change in a mapping of ours are listed.  One that is not in the
table is taken as agreed where only one side states it, because what a server states besides
differs from version to version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NO_LIMIT = 2**31 - 1
_NUMBER: Mapping[str, Any] = {
    "index": True,
    "doc_values": True,
    "store": False,
    "ignore_malformed": False,
    "coerce": True,
}
_BY_TYPE: Mapping[str, Mapping[str, Any]] = {
    "text": {
        "index": True,
        "store": False,
        "norms": True,
        "fielddata": False,
        "eager_global_ordinals": False,
        "index_options": "positions",
        "index_phrases": False,
        "search_analyzer": None,
        "search_quote_analyzer": None,
    },
    "keyword": {
        "index": True,
        "doc_values": True,
        "store": False,
        "norms": False,
        "index_options": "docs",
        "eager_global_ordinals": False,
        "ignore_above": _NO_LIMIT,
        "normalizer": None,
    },
    "flattened": {
        "index": True,
        "doc_values": True,
        "eager_global_ordinals": False,
        "ignore_above": _NO_LIMIT,
    },
    "integer": _NUMBER,
    "long": _NUMBER,
    "date": {"index": True, "doc_values": True, "store": False, "ignore_malformed": False},
    "boolean": {"index": True, "doc_values": True, "store": False},
    "dense_vector": {"index": True, "element_type": "float"},
    "object": {"enabled": True},
}
_ANY_TYPE: Mapping[str, Any] = {"copy_to": None, "null_value": None}

# parameters that PUT _mapping changes in place; all others a field has for ever
_CHANGEABLE = (
    "meta",
    "ignore_above",
    "ignore_malformed",
    "coerce",
    "search_analyzer",
    "search_quote_analyzer",
    "fielddata",
    "eager_global_ordinals",
    "copy_to",
    "index_options.rescore_vector",
    "index_options.flat_index_threshold",
)


def defaults_of(field_type: str) -> Mapping[str, Any]:
    """The parameters of a field type that are compared when only one side states them."""
    return {**_ANY_TYPE, **_BY_TYPE.get(field_type, {})}


def is_changeable(parameter: str) -> bool:
    """Whether a parameter, as a dotted path below its field, can be changed in place."""
    return any(parameter == name or parameter.startswith(f"{name}.") for name in _CHANGEABLE)
