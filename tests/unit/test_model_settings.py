"""Settings of models and endpoints: what fits together, and whose generator an endpoint gets."""

import json
from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.settings import CONNECTION_FILE, load_settings

LOCAL = {
    "elasticsearch": {"url": "http://127.0.0.1:1", "username": "elastic", "password": "x"},
    "generator": {"url": "http://127.0.0.1:2"},
    "endpoints": {"generator_url": "http://127.0.0.1:2", "tasks": ["chat_completion"]},
}


@pytest.fixture
def with_local_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a running local stack leaves."""
    file = tmp_path / CONNECTION_FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(LOCAL))
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"threads": 3}, "power of two"),
        ({"search_threads": 6}, "power of two"),
        ({"allocations": 4, "adaptive_max": 2}, "adaptive_max"),
    ],
)
def test_sizes_that_the_server_would_refuse_are_refused(
    section: dict[str, int], words: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError, match=words):
        load_settings(model=section)


@pytest.mark.usefixtures("with_local_stack")
def test_a_local_stack_gives_its_generator_to_its_own_cluster() -> None:
    """Chats only, as a completion is tried to its end."""
    found = load_settings().endpoints
    assert (found.generator_url, found.tasks) == ("http://127.0.0.1:2", ("chat_completion",))


@pytest.mark.usefixtures("with_local_stack")
@pytest.mark.parametrize("section", ["elasticsearch", "generator"])
def test_no_other_cluster_is_pointed_to_the_local_generator(section: str) -> None:
    """Nor does the local cluster get an endpoint to it when another generator was named."""
    found = load_settings(**{section: {"url": "https://elsewhere:1"}})
    assert found.endpoints.generator_url == ""


def test_the_token_of_the_generator_is_kept_out_of_sight() -> None:
    """A representation of the settings does not have it."""
    found = load_settings(endpoints={"api_key": "sesame"})
    assert found.endpoints.api_key is not None
    assert "sesame" not in repr(found)
