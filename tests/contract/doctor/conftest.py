"""A healthy document set for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from ward import Ward

from esrag.bundle import ModelBundle, load_bundle

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="session")
def packaged_bundle(stack: Stack) -> ModelBundle:
    """The bundle of the packaged model, built once by the command line."""
    done = stack.esrag("model", "build", "--json")
    assert done.returncode == 0, done.stderr
    return load_bundle(Path(json.loads(done.stdout)["folder"]))


@pytest.fixture(scope="session")
def lasting_set(
    stack: Stack,
    packaged_bundle: ModelBundle,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[str]:
    """A set that is set up once, for tests that leave it as it is."""
    name = f"t{uuid4().hex[:10]}"
    login = (stack.username, stack.password)
    with Elasticsearch(stack.elasticsearch_url, basic_auth=login, request_timeout=60) as client:
        Ward(stack, client, name, packaged_bundle).set_up()
        yield name
        remove_bearers(client, name)


@pytest.fixture
def visitor(
    stack: Stack, es: Elasticsearch, lasting_set: str, packaged_bundle: ModelBundle
) -> Ward:
    """The lasting set, with settings of this test's own."""
    return Ward(stack, es, lasting_set, packaged_bundle)


@pytest.fixture
def ward(stack: Stack, es: Elasticsearch, prefix: str, packaged_bundle: ModelBundle) -> Ward:
    """A set of this test's own, whole; it shares the default model."""
    ward = Ward(stack, es, prefix, packaged_bundle)
    ward.set_up()
    return ward
