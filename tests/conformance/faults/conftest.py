"""The scene in which faults are made, and a small stack whose licence can be spoiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from elasticsearch import Elasticsearch
from fault_scene import Scene
from ml_calls import Caller, make_definition

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture(scope="session")
def definition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a tiny TorchScript module."""
    return make_definition(tmp_path_factory.mktemp("tiny") / "module.pt")


@pytest.fixture(scope="module")
def scene(server: httpx.Client, module_prefix: str, definition: bytes) -> Scene:
    """A scene that stays whole; few requests may wait in it."""
    made = Scene(Caller(server), f"{module_prefix}-scene")
    made.build(definition, queue_capacity=2)
    return made


@pytest.fixture(scope="module")
def unlicensed(
    basic_stack: Stack,
    definition: bytes,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[Scene]:
    """A scene made under a trial licence, in a cluster that has only a basic one now.

    A cluster may try the trial once: the one that is kept for the Basic tier does it here.
    """
    name = "licensed-once"
    login = (basic_stack.username, basic_stack.password)
    with httpx.Client(base_url=basic_stack.elasticsearch_url, auth=login, timeout=60) as client:
        scene = Scene(Caller(client), name)
        scene.admin.ok("POST", "/_license/start_trial?acknowledge=true")
        try:
            scene.build(definition)
        finally:
            scene.admin.ok("POST", "/_license/start_basic?acknowledge=true")
        yield scene
    with Elasticsearch(
        basic_stack.elasticsearch_url, basic_auth=login, request_timeout=60
    ) as cleaner:
        remove_bearers(cleaner, name)
