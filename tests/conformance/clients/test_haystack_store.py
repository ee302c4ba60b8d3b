"""Haystack's own integration tests, unchanged, from the source distribution of its integration.

They are made for a server at localhost without login, and some for a licensed cluster with
inference endpoints; a plugin of pytest and environment variables lead them to the server under
test.  The environment pins elasticsearch-py 8.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_environments import ClientEnvironment
    from conformance_record import Tally
    from elasticsearch import Elasticsearch
    from servers_under_test import ElasticsearchAddress

pytestmark = [
    pytest.mark.suite("haystack", "The integration tests that elasticsearch-haystack ships"),
    pytest.mark.timeout(900),
    pytest.mark.long,
]
VERSION = "7.1.0"
SHA256 = "9dd14a4bede5a5bd52f982d17f0988a231fa193c483cb8688345226bc5d4339c"
DRIVERS = Path(__file__).parent / "drivers"
DIFFERENCES = {  # a known difference by the words that it leaves in a failed test
    "script_lang not supported [painless]": "no-painless",
    "[/_sql]": "missing-modules-are-not-routed",
}


@pytest.fixture
def endpoints(
    session_es: Elasticsearch, prefix: str, dense_model: str, sparse_model: str
) -> dict[str, str]:
    """One endpoint for each kind of vector, by the variables that the tests read."""
    names = {"text_embedding": dense_model, "sparse_embedding": sparse_model}
    for task, model in names.items():
        session_es.inference.put(
            task_type=task,
            inference_id=f"{prefix}-{task}",
            inference_config={
                "service": "elasticsearch",
                "service_settings": {"deployment_id": model, "model_id": model},
            },
        )
    return {
        "ELASTICSEARCH_DENSE_INFERENCE_ID": f"{prefix}-text_embedding",
        "ELASTICSEARCH_DENSE_EMBEDDING_DIMS": "384",
        "ELASTICSEARCH_INFERENCE_ID": f"{prefix}-sparse_embedding",
    }


@pytest.fixture
def _suitable_indices(session_es: Elasticsearch, prefix: str) -> Iterator[None]:
    """Refreshes come soon, and most indices keep vectors in the source.

    Since 9.2 a server leaves vectors out.  Most of the tests are made for an older one; those with
    a pipeline want it so.
    """
    soon = {"index.refresh_interval": "50ms"}
    keep = soon | {"index.mapping.exclude_source_vectors": False}
    wanted = {"test_*": keep, "test_dense_ingest_*": soon, "test_sparse_ingest_*": soon}
    for priority, (pattern, settings) in enumerate(wanted.items(), start=900):
        session_es.indices.put_index_template(
            name=f"{prefix}-{priority}",
            index_patterns=[pattern],
            priority=priority,
            template={"settings": settings},
        )
    yield
    session_es.indices.delete_index_template(name=f"{prefix}-*")
    for index in session_es.indices.get(index="test_*"):
        session_es.indices.delete(index=index)


@pytest.mark.usefixtures("_suitable_indices")
def test_haystacks_own_tests(
    client_environment: Callable[[str], ClientEnvironment],
    client_sources: Callable[[str, str, str], Path],
    elasticsearch_address: ElasticsearchAddress,
    api_key: str,
    endpoints: dict[str, str],
    tally: Tally,
    tmp_path: Path,
) -> None:
    """Each passes, or meets a known difference."""
    sources = client_sources("elasticsearch-haystack", VERSION, SHA256)
    report = tmp_path / "report.xml"
    address = {
        "ES_URL": elasticsearch_address.url,
        "ES_API_KEY": api_key,
        "ELASTICSEARCH_URL": elasticsearch_address.url,
        "ELASTIC_API_KEY": api_key,
        "PYTHONPATH": str(DRIVERS),
    }
    done = client_environment("haystack").run(
        *("-m", "pytest", "-p", "upstream_address", "-p", "no:cacheprovider"),
        *("-m", "integration", "-q", f"--junitxml={report}", "tests"),
        env=address | endpoints,
        cwd=sources,
        timeout=840,
    )
    assert report.exists(), done.stdout + done.stderr
    tests = Xml.parse(report).getroot().iter("testcase")
    outcomes = [outcome(test) for test in tests]
    differences = Counter(name for kind, name, _ in outcomes if kind == "differs")
    passed = sum(kind == "passed" for kind, _, _ in outcomes)
    tally.version("elasticsearch-haystack", VERSION)
    tally.checks(apply=passed + differences.total(), passed=passed)
    for name, number in differences.items():
        tally.difference(name, number)
    others = [f"{kind} {name}: {why}" for kind, name, why in outcomes if kind in OTHER]
    assert not others, "\n".join(others)
    assert passed > 180


OTHER = ("failed", "skipped")


def outcome(test: Xml.Element) -> tuple[str, str, str]:
    """What became of a test: its kind, its name or that of the difference it met, and why."""
    name = f"{test.get('classname')}::{test.get('name')}"
    for kind in ("failure", "error", "skipped"):
        found = test.find(kind)
        if found is None:
            continue
        said = (found.text or "") + (found.get("message") or "")
        for words, difference in DIFFERENCES.items():
            if kind != "skipped" and words in said:
                return "differs", difference, name
        return ("skipped" if kind == "skipped" else "failed"), name, (found.get("message") or "")
    return "passed", name, ""
