"""What a query asks, as parameters of a search template.  Pure.

The names are those of ``esrag.search_parameters``, which checks what comes out of here.
"""

from __future__ import annotations

from dataclasses import fields

from esrag.errors import UsageError
from esrag.types import Filters, Query

LONGEST_QUESTION = 8_000


def template_params(query: Query, *, size: int) -> dict[str, object]:
    """The parameters of a template that ranks; raises UsageError when it cannot be asked."""
    params: dict[str, object] = {"query": checked(query.text), "size": size}
    only = only_of(query.filters)
    if only:
        params["only"] = only
    wishes = {"facets": query.facets, "highlight": query.highlight, "explain": query.explain}
    return params | {name: True for name, wished in wishes.items() if wished}


def only_of(filters: Filters) -> dict[str, object]:
    """The parameter ``only``; empty when every passage may compete."""
    given = {each.name: getattr(filters, each.name) for each in fields(filters)}
    acl, metadata = given.pop("acl"), given.pop("metadata")
    only: dict[str, object] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value
    }
    if metadata:
        names = dict.fromkeys(name for name, _ in metadata)
        only["metadata"] = [
            {"name": name, "values": [value for each, value in metadata if each == name]}
            for name in names
        ]
    if acl is not None:
        # who is in no group may still read what is everybody's, and nothing else
        only |= {"acl": list(acl)} if acl else {"without_acl": True}
    return only


def checked(question: str) -> str:
    """``question`` without surrounding space; raises UsageError when it cannot be asked."""
    question = question.strip()
    if not question:
        raise UsageError("the question is empty", hint='Ask like this: esrag ask "When …?"')
    if len(question) > LONGEST_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters; {LONGEST_QUESTION:,} are the most",
            hint="Ask the question itself; documents are given to: esrag ingest",
        )
    return question
