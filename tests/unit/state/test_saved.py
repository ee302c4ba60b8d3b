"""A saved plan holds as long as neither the cluster nor what is wanted has moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from setup_desk import CHOICES, whole_setup

from esrag.bundle import ModelBundle
from esrag.errors import ConflictError, UsageError
from esrag.state.saved import load_plan, require_unmoved, save_plan
from esrag.state.survey import Survey, take_survey
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake


@pytest.fixture
def cluster(bundle: ModelBundle) -> ClusterInMemory:
    """A finished set."""
    cluster = ClusterInMemory()
    whole_setup(ElasticsearchFake(cluster), bundle)
    return cluster


def survey(cluster: ClusterInMemory, bundle: ModelBundle, **choices: Any) -> Survey:
    """A look at the cluster."""
    client = ElasticsearchFake(cluster).client()
    return take_survey(client, replace(CHOICES, **choices), bundle)


@pytest.fixture
def file(cluster: ClusterInMemory, bundle: ModelBundle, tmp_path: Path) -> Path:
    """A plan saved now."""
    file = tmp_path / "plan.json"
    save_plan(survey(cluster, bundle), file, adopt=False)
    return file


def test_it_holds_while_nothing_moved(
    cluster: ClusterInMemory, bundle: ModelBundle, file: Path
) -> None:
    """What the cluster counts and says of itself is no change."""
    require_unmoved(load_plan(file), survey(cluster, bundle))


MOVES: list[tuple[str, Any]] = [
    (
        "ingest pipeline esrag-embed-hr-000001 (in the cluster)",
        lambda c: c.store["_ingest/pipeline"]["esrag-embed-hr-000001"]["processors"].pop(),
    ),
    (
        "search template esrag-lexical-hr (in the cluster)",
        lambda c: c.store["_scripts"].pop("esrag-lexical-hr"),
    ),
    ("deployment model-a (in the cluster)", lambda c: c.deployments.pop("model-a")),
    ("trained model model-a (in the cluster)", lambda c: c.store["models"].pop("model-a")),
    (
        "index esrag-docs-hr-000001 (in the cluster)",
        lambda c: c.indices["esrag-docs-hr-000001"]["mappings"].update(dynamic="true"),
    ),
    (
        "alias esrag-docs-hr (in the cluster)",
        lambda c: c.indices["esrag-docs-hr-000001"].update(aliases={}),
    ),
]


@pytest.mark.parametrize(("moved", "move"), MOVES, ids=[name.split()[0] for name, _ in MOVES])
def test_what_moved_in_the_cluster_is_named(
    cluster: ClusterInMemory, bundle: ModelBundle, file: Path, moved: str, move: Any
) -> None:
    """The refusal says which object."""
    move(cluster)
    with pytest.raises(ConflictError) as caught:
        require_unmoved(load_plan(file), survey(cluster, bundle))
    assert f"  {moved}" in caught.value.message.splitlines()


def test_what_moved_in_the_settings_is_named(
    cluster: ClusterInMemory, bundle: ModelBundle, file: Path
) -> None:
    """Another analyzer is another component template."""
    with pytest.raises(ConflictError, match=r"hr-mappings \(in files or settings\)"):
        require_unmoved(load_plan(file), survey(cluster, bundle, language="german"))


def test_another_cluster_is_refused(
    cluster: ClusterInMemory, bundle: ModelBundle, file: Path
) -> None:
    """Even if it looks the same."""
    cluster.uuid = "another"
    with pytest.raises(ConflictError, match="another cluster"):
        require_unmoved(load_plan(file), survey(cluster, bundle))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_file_that_is_no_plan_is_a_usage_error(tmp_path: Path, text: str) -> None:
    """With the command that makes one."""
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UsageError):
        load_plan(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_plan(tmp_path / "none.json")


def test_it_holds_no_secret(bundle: ModelBundle, tmp_path: Path) -> None:
    """The key of the generator is in no file that people hand around."""
    endpoints = replace(
        CHOICES.endpoints, generator_url="http://tgi.invalid", api_key="canary-secret"
    )
    file = tmp_path / "plan.json"
    save_plan(survey(ClusterInMemory(), bundle, endpoints=endpoints), file, adopt=False)
    assert "canary-secret" not in file.read_text()
    assert json.loads(file.read_text())["plan"]["changes"] > 10
