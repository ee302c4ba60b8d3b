"""The oracle of the session, and how many calls are generated from which seed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from oracle_comparing import Condition
from oracle_program import Oracle, pristine_home
from servers_under_test import named_elasticsearch

from esrag.local import distribution, jdk
from esrag.local.progress import Silent

Known = Callable[[dict[str, Condition]], dict[str, Condition]]
Seeded = Callable[[str], random.Random]
Counted = Callable[[int], int]


@pytest.fixture(scope="session")
def oracle(
    shared_software: Path, server: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Oracle]:
    """The Java program over the classes of the version that the server runs."""
    version = server.get("/").json()["version"]["number"]
    if version != distribution.ELASTICSEARCH_VERSION:
        pytest.skip(f"the oracle is of {distribution.ELASTICSEARCH_VERSION}, not of {version}")
    found = jdk.find(os.environ, software=shared_software, for_other_user=False, reporter=Silent())
    program = Oracle(found, pristine_home(shared_software), tmp_path_factory.mktemp("oracle"))
    yield program
    program.close()


@pytest.fixture
def on_stack(pytestconfig: pytest.Config, known_difference: Callable[[str], Any]) -> Known:
    """The exceptions that hold on the local stack; a real server has none."""

    def known(exceptions: dict[str, Condition]) -> dict[str, Condition]:
        for name in exceptions:
            known_difference(name)
        return exceptions if named_elasticsearch(pytestconfig) is None else {}

    return known


@pytest.fixture(scope="session")
def seeded(pytestconfig: pytest.Config) -> Seeded:
    """Makes the random numbers of a test: the same ones for the same ``--oracle-seed``."""
    seed = pytestconfig.getoption("--oracle-seed")
    return lambda name: random.Random(f"{seed} {name}")


@pytest.fixture(scope="session")
def counted(pytestconfig: pytest.Config) -> Counted:
    """How many calls a test makes that wants so many: ``--oracle-count`` multiplies."""
    factor = float(pytestconfig.getoption("--oracle-count"))
    return lambda number: max(1, round(number * factor))
