"""The parameters of each search template: names, types and limits.  Pure.

    parameters --(table)--> the same, checked --cluster.search--> the template

A stored template takes whatever it is given, and what is misspelt counts as absent, so a wrong
call would quietly bring other hits.  Kibana users call the templates without this check; there
the templates themselves keep a value from becoming part of the query.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from esrag.errors import UsageError

MOST_HITS = 100  # what a template's rank window can hold
MOST_NEIGHBOURS = 50  # on each side; the context template returns 101 chunks at most
LONGEST_TEXT = 8_191  # characters; the mapping indexes no longer keyword
_DATE = re.compile(r"(?:now|\d{4})[0-9A-Za-z:.+|/-]{0,60}")

ValueKind = Literal[
    "text", "texts", "whole", "date", "flag", "clauses", "vector", "metadata", "members"
]

_WORDS: Mapping[ValueKind, str] = {
    "text": "text of 1 to 8,191 characters",
    "texts": "a list of texts of 1 to 8,191 characters",
    "date": "a date such as 2026-03-31, or Elasticsearch's date math such as now-1y",
    "flag": "true or false",
    "clauses": "a list of query clauses, each an object",
    "vector": "a list of numbers",
    "metadata": 'a list of {"name": text, "values": list of texts}',
    "members": "an object of filters",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a parameter may hold.  ``least`` and ``most`` are of whole numbers."""

    kind: ValueKind
    required: bool = False
    least: int = 0
    most: int = 0

    @property
    def meaning(self) -> str:
        """What it may hold, in words."""
        if self.kind == "whole":
            return f"a whole number from {self.least} to {self.most:,}"
        return _WORDS[self.kind]

    def accepts(self, value: object) -> bool:
        """Whether ``value`` may be sent."""
        match self.kind:
            case "text":
                return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT
            case "date":
                return isinstance(value, str) and _DATE.fullmatch(value) is not None
            case "flag":
                return isinstance(value, bool)
            case "whole":
                if not isinstance(value, int) or isinstance(value, bool):
                    return False
                return self.least <= value <= self.most
            case "clauses":
                return _is_list(value, lambda item: isinstance(item, Mapping))
            case "vector":
                return _is_list(value, _is_number)
            case "texts":
                return _is_list(value, _TEXT.accepts)
            case "metadata":
                return _is_list(value, _is_metadata)
            case "members":
                return isinstance(value, Mapping)


_TEXT = Parameter("text")
_TEXTS = Parameter("texts")
_DATE_BOUND = Parameter("date")
_WINDOW = Parameter("whole", least=1, most=10_000)

# The members of the parameter ``only``: a hit fulfils all that are given.
ONLY: Mapping[str, Parameter] = {
    "source": _TEXTS,
    "document_id": _TEXTS,
    "origin": _TEXTS,
    "author": _TEXTS,
    "language": _TEXTS,
    "published_from": _DATE_BOUND,
    "published_to": _DATE_BOUND,
    "modified_from": _DATE_BOUND,
    "modified_to": _DATE_BOUND,
    "metadata": Parameter("metadata"),
    "acl": _TEXTS,
    "without_acl": Parameter("flag"),
}
_LEXICAL: Mapping[str, Parameter] = {
    "query": Parameter("text", required=True),
    "size": Parameter("whole", least=1, most=MOST_HITS),
    "only": Parameter("members"),
    "filters": Parameter("clauses"),
    "facets": Parameter("flag"),
    "highlight": Parameter("flag"),
    "explain": Parameter("flag"),
    "rerank_endpoint": _TEXT,
    "rerank_window": Parameter("whole", least=1, most=MOST_HITS),
}
_BY_VECTOR: Mapping[str, Parameter] = {
    "model_id": _TEXT,
    "query_vector": Parameter("vector"),
    "num_candidates": _WINDOW,
    "rank_window_size": _WINDOW,
}
TEMPLATE_PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    "lexical": _LEXICAL,
    "semantic": {**_LEXICAL, **_BY_VECTOR},
    "hybrid": {**_LEXICAL, **_BY_VECTOR},
    "linear": {**_LEXICAL, **_BY_VECTOR},
    "sparse": {**_LEXICAL, "model_id": _TEXT},
    "context": {
        "document_id": Parameter("text", required=True),
        "position": Parameter("whole", required=True, most=2**31 - 1),
        "before": Parameter("whole", most=MOST_NEIGHBOURS),
        "after": Parameter("whole", most=MOST_NEIGHBOURS),
        "only": Parameter("members"),
    },
}


def checked_params(params: Mapping[str, object], kind: str = "") -> dict[str, object]:
    """The parameters as sent: absent ones left out, the others of the type they must have.

    ``kind`` names the template.  Of a project's own templates, which are not in the table, only
    those parameters are checked that bear the name of one of ours.  Raises UsageError.
    """
    given = _present(params)
    own = TEMPLATE_PARAMETERS.get(kind)
    table = own if own is not None else _ANY_TEMPLATE
    for name, value in given.items():
        parameter = table.get(name)
        if parameter is None and own is not None:
            raise UsageError(
                f"search template {kind} has no parameter {name!r}",
                hint=f"It has: {', '.join(own)}.",
            )
        if parameter is not None and not parameter.accepts(value):
            raise UsageError(f"{name} must be {parameter.meaning}, not {_short(value)}")
    only = given.get("only")
    if isinstance(only, Mapping):
        given["only"] = _checked_only(only)
    missing = [name for name, each in (own or {}).items() if each.required and name not in given]
    if missing:
        raise UsageError(f"search template {kind} needs {' and '.join(missing)}")
    return given


def _checked_only(only: Mapping[str, object]) -> dict[str, object]:
    """The filters; a misspelt one would count as absent, and all chunks would compete."""
    if only.get("acl") is not None and not only["acl"]:
        # who is in no group may still read what is everybody's, and nothing else
        only = {**only, "without_acl": True}
    given = _present(only)
    for name, value in given.items():
        parameter = ONLY.get(name)
        if parameter is None:
            raise UsageError(f"there is no filter {name!r}", hint=f"There are: {', '.join(ONLY)}.")
        if not parameter.accepts(value):
            raise UsageError(f"only.{name} must be {parameter.meaning}, not {_short(value)}")
    return given


def _present(params: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in params.items() if not _is_absent(value)}


_ANY_TEMPLATE: Mapping[str, Parameter] = {
    name: parameter
    for parameters in TEMPLATE_PARAMETERS.values()
    for name, parameter in parameters.items()
}


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple | dict) and not value)


def _is_list(value: object, holds: Callable[[object], bool]) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
        and all(holds(item) for item in value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_metadata(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"name", "values"}
        and _TEXT.accepts(value["name"])
        and bool(value["values"])
        and _TEXTS.accepts(value["values"])
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
