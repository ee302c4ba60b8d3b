"""The servers under test, known differences, and the record of a run; see README.md beside this.

Without an address the local stack is tested.  A test states what the real server does; where the
stack is known to differ, the marker ``known_difference`` names the entry, and the test must fail
as long as the entry stands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from conformance_record import SuiteResult, Tally, merge, notes_of
from servers_under_test import (
    ElasticsearchAddress,
    elasticsearch_of,
    named_elasticsearch,
    named_generator,
)

from esrag.local.differences import Difference, known_differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from elasticsearch import Elasticsearch

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
DIFFERENCES = {one.name: one for one in known_differences()}
ELASTICSEARCH = frozenset(("server", "es", "prefix", "module_prefix", "elasticsearch_address"))

suites_key = pytest.StashKey[dict[str, SuiteResult]]()
versions_key = pytest.StashKey[dict[str, str]]()
left_out_key = pytest.StashKey[int]()


# --- the servers ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def elasticsearch_address(request: pytest.FixtureRequest) -> ElasticsearchAddress:
    """The Elasticsearch under test: the one that was named, else that of the local stack."""
    named = named_elasticsearch(request.config)
    return named or elasticsearch_of(request.getfixturevalue("stack"))


@pytest.fixture(scope="session")
def server(
    elasticsearch_address: ElasticsearchAddress, pytestconfig: pytest.Config
) -> Iterator[httpx.Client]:
    """For raw requests to the Elasticsearch under test, with all rights."""
    with elasticsearch_address.raw_client() as client:
        answer = client.get("/")
        if answer.status_code == httpx.codes.OK:
            versions = pytestconfig.stash.setdefault(versions_key, {})
            versions["elasticsearch"] = answer.json()["version"]["number"]
        yield client


@pytest.fixture
def es(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    """A client of the Elasticsearch under test with all rights."""
    from elasticsearch import Elasticsearch

    with Elasticsearch(**elasticsearch_address.client_options()) as client:
        yield client


@pytest.fixture(scope="module")
def module_prefix(
    elasticsearch_address: ElasticsearchAddress,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[str]:
    """As ``prefix``, for what the tests of one module share."""
    from elasticsearch import Elasticsearch

    name = f"t{uuid4().hex[:10]}"
    yield name
    with Elasticsearch(**elasticsearch_address.client_options()) as client:
        remove_bearers(client, name)


@pytest.fixture(scope="session")
def generator(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """For raw requests to the TGI server under test."""
    url = named_generator(request.config) or request.getfixturevalue("stack").tgi_url
    with httpx.Client(base_url=url, timeout=120) as client:
        answer = client.get("/info")
        if answer.status_code == httpx.codes.OK:
            versions = request.config.stash.setdefault(versions_key, {})
            versions["tgi"] = answer.json()["version"]
        yield client


# --- known differences and suites ----------------------------------------------------------------


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Tells the table what was compared; see README.md."""
    return Tally(request.node.user_properties)


@pytest.fixture
def known_difference() -> Callable[[str], Difference]:
    """Looks an entry up by its name; a name without an entry fails the test."""

    def entry(name: str) -> Difference:
        if name not in DIFFERENCES:
            pytest.fail(f"there is no known difference {name}", pytrace=False)
        return DIFFERENCES[name]

    return entry


def _needs(item: pytest.Item) -> str:
    """What a test wants and this run has not, or nothing."""
    config, fixtures = item.config, frozenset(getattr(item, "fixturenames", ()))
    es_named = bool(config.getoption("--elasticsearch-url"))
    generator_named = bool(config.getoption("--generator-url"))
    if not es_named and not generator_named:
        return ""
    if "stack" in fixtures or item.get_closest_marker("local_stack"):
        return "the local stack itself"
    if fixtures & ELASTICSEARCH and not es_named:
        return "--elasticsearch-url"
    if "generator" in fixtures and not generator_named:
        return "--generator-url"
    return ""


def _on_stack(config: pytest.Config) -> bool:
    return not config.getoption("--elasticsearch-url") and not config.getoption("--generator-url")


def _expect_difference(item: pytest.Item, mark: pytest.Mark) -> None:
    (name,) = mark.args
    if name in DIFFERENCES and _on_stack(item.config):
        raises = mark.kwargs.get("raises", (AssertionError, pytest.fail.Exception))
        item.add_marker(
            pytest.mark.xfail(reason=f"known difference: {name}", raises=raises, strict=True)
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be tested at the addresses given; expect the known differences."""
    kept, left_out = [], []
    for item in items:
        (left_out if item.path.is_relative_to(HERE) and _needs(item) else kept).append(item)
    for item in kept:
        for mark in item.iter_markers("known_difference"):
            _expect_difference(item, mark)
    if left_out:
        config.stash[left_out_key] = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A mark must name an entry, on every target."""
    for mark in item.iter_markers("known_difference"):
        if mark.args[0] not in DIFFERENCES:
            pytest.fail(f"there is no known difference {mark.args[0]}", pytrace=False)


def pytest_report_collectionfinish(config: pytest.Config) -> str:
    """Say what is left out, so that a short run is not taken for a full one."""
    number = config.stash.get(left_out_key, 0)
    return f"{number} tests need the local stack or a server that was not named" if number else ""


# --- the record ----------------------------------------------------------------------------------


def _suite_of(item: pytest.Item) -> tuple[str, str]:
    mark = item.get_closest_marker("suite")
    if mark:
        name, what = mark.args
        return name, what
    folder = item.path.relative_to(HERE).parts[0]
    module = getattr(item, "module", None)
    return folder, ((module.__doc__ if module else "") or folder).strip().splitlines()[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Count a test that has ended in the suite that it belongs to."""
    report = yield
    decided = report.when == "call" or (report.when == "setup" and not report.passed)
    if decided and item.path.is_relative_to(HERE):
        name, what = _suite_of(item)
        suites = item.config.stash.setdefault(suites_key, {})
        suite = suites.setdefault(name, SuiteResult(name=name, what=what))
        mark = item.get_closest_marker("known_difference")
        difference = mark.args[0] if mark else ""
        reason = ""
        outcome = report.outcome
        if outcome == "skipped" and hasattr(report, "wasxfail"):
            outcome = "differs" if difference else "failed"
        elif outcome == "skipped" and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
        suite.add(outcome, notes_of(item.user_properties), difference, reason)
        suite.seconds += report.duration
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With --record-conformance, keep what this run found."""
    config = session.config
    suites = config.stash.get(suites_key, {})
    if not config.getoption("--record-conformance") or not suites:
        return
    run = {
        "date": time.strftime("%Y-%m-%d"),
        "target": "the local stack" if _on_stack(config) else "servers named by address",
        "servers": dict(sorted(config.stash.get(versions_key, {}).items())),
    }
    merge(DOCS / "conformance.json", [suite.as_json(**run) for suite in suites.values()])
    from docs.generate import main

    main()
