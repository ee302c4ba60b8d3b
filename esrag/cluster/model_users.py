"""Which indices hold vectors of which trained model, told from the mark in their mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from elasticsearch import ApiError

from esrag.cluster.client import explained

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_EVERY_SET = "esrag-docs-*"


def read_model_users(client: Elasticsearch) -> Mapping[str, str] | None:
    """The model of each index of any document set; None when these may not be looked at."""
    with explained("reading which indices use which model"):
        try:
            answer = client.indices.get_mapping(
                index=_EVERY_SET, filter_path="*.mappings._meta.esrag", allow_no_indices=True
            )
        except ApiError as error:
            if error.meta.status == 403:
                return None
            raise
    marks = {
        index: ((found.get("mappings") or {}).get("_meta") or {}).get("esrag") or {}
        for index, found in answer.body.items()
    }
    return {index: str(mark.get("model_id", "")) for index, mark in sorted(marks.items())}


def users_of(client: Elasticsearch, model_id: str) -> tuple[str, ...]:
    """The indices with vectors of one model, as far as they may be looked at."""
    users = read_model_users(client) or {}
    return tuple(index for index, model in users.items() if model == model_id)
