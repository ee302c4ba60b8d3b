"""Lends the stack to somebody who holds one API key and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elasticsearch import Elasticsearch

from esrag.privileges import Privileges

if TYPE_CHECKING:
    from tests.contract.conftest import Stack


def make_key(es: Elasticsearch, name: str, held: Privileges, **more: Any) -> str:
    """A key with exactly these privileges, encoded; it can be used before it can be listed."""
    descriptors = {"tested": held.as_body()}
    more = {"refresh": False} | more
    return str(
        es.security.create_api_key(name=name, role_descriptors=descriptors, **more)["encoded"]
    )


def holder(stack: Stack, key: str) -> Stack:
    """The stack as the holder of a key sees it."""
    login = {
        "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
        "ESRAG_ELASTICSEARCH_API_KEY": key,
    }
    return replace(stack, environment={**stack.environment, **login})


@contextmanager
def as_holder(
    stack: Stack, es: Elasticsearch, name: str, held: Privileges
) -> Iterator[Elasticsearch]:
    """A client with a new key of exactly these privileges."""
    key = make_key(es, name, held)
    with Elasticsearch(
        stack.elasticsearch_url, api_key=key, request_timeout=60, max_retries=0
    ) as client:
        yield client
