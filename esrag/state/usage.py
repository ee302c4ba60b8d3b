"""Who uses what several may share: the document sets of a cluster, and the users of a model.

Whoever removes something asks here first; nothing is concluded from what the credentials cannot
see.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrag.cluster import endpoints, indices, pipelines, templates
from esrag.cluster.indices import own_meta
from esrag.names import Names
from esrag.templating import seal_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_EVERY_SET = "esrag-docs-*"
_MODEL_KEYS = ("model_id", "deployment_id")


@dataclass(frozen=True, slots=True)
class Users:
    """For each model or deployment id, who uses it, in words; and the other document sets."""

    of: Mapping[str, tuple[str, ...]]
    other_sets: tuple[str, ...]

    def users_of(self, ids: Collection[str]) -> tuple[str, ...]:
        """Whoever uses one of these ids."""
        return tuple(dict.fromkeys(user for name in ids for user in self.of.get(name, ())))


def find_users(
    client: Elasticsearch,
    *,
    except_set: str,
    except_pipelines: Collection[str],
    except_endpoints: Collection[str],
    has_endpoints: bool,
) -> Users:
    """Everything that uses a model, apart from what one document set has of its own."""
    users: dict[str, list[str]] = {}
    sets: list[str] = []
    for name, body in templates.list_component_templates(client, _EVERY_SET).items():
        seal = seal_of(body)
        if seal is None or seal.set == except_set:
            continue
        sets.append(seal.set)
        mapping = (body.get("template") or {}).get("mappings") or {}
        _note(users, own_meta(mapping).get("model_id"), f"document set {seal.set} ({name})")
    for index, mapping in indices.read_mappings(client, _EVERY_SET).items():
        if not fnmatch.fnmatchcase(index, Names(except_set).index_pattern):
            _note(users, own_meta(mapping).get("model_id"), f"index {index}")
    for name, body in pipelines.list_pipelines(client).items():
        if name not in except_pipelines:
            for model_id in set(_values(body)):
                _note(users, model_id, f"ingest pipeline {name}")
    for endpoint in endpoints.list_endpoints(client) if has_endpoints else ():
        if endpoint.inference_id not in except_endpoints:
            for model_id in set(_values(endpoint.settings)):
                _note(users, model_id, f"inference endpoint {endpoint.inference_id}")
    found = {name: tuple(dict.fromkeys(each)) for name, each in users.items()}
    return Users(found, tuple(sorted(set(sets))))


def _note(users: dict[str, list[str]], model_id: Any, user: str) -> None:
    if isinstance(model_id, str) and model_id:
        users.setdefault(model_id, []).append(user)


def _values(body: Any) -> Iterator[str]:
    """Every text that names a model or a deployment, at any depth."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            if name in _MODEL_KEYS and isinstance(value, str):
                yield value
            else:
                yield from _values(value)
    elif isinstance(body, list):
        for value in body:
            yield from _values(value)
