"""Bundles, uploads, deployments and healing against a real server, with a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch

from esrag.bundle import ModelBundle
from esrag.cluster import deployments, models
from esrag.cluster.model_users import users_of
from esrag.errors import ConflictError, UnavailableError, UnsupportedError
from esrag.state import healing
from esrag.state.apply import apply_plan
from esrag.state.desired import Choices
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from tests.conftest import Stack

WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "eland", "transformers", "sentence_transformers"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, NoTorch())
from esrag.cli import main
main()
"""


def set_up(client: Elasticsearch, choices: Choices, bundle: ModelBundle, **how: bool) -> int:
    """One run of setup; the number of steps taken."""
    found = take_survey(client, choices, bundle, adopt=how.pop("adopt", False))
    return apply_plan(client, found.desired, found.observed, found.plan, **how)


def test_an_upload_that_was_cut_anywhere_is_completed_and_never_deployed_half(
    es: Elasticsearch,
    choices: Choices,
    bundle: ModelBundle,
    dying: Callable[[int], Elasticsearch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After config, after vocabulary, and after the first, a middle and the last part but one."""
    monkeypatch.setattr(models, "PART_BYTES", 1500)
    (spec,) = choices.deployments
    parts = len(list(models.definition_parts(bundle)))
    assert parts >= 4
    for sent in (1, 2, 3, 2 + parts // 2, 1 + parts):
        with pytest.raises(KeyboardInterrupt):
            models.push(dying(sent), bundle)
        with pytest.raises(ConflictError, match="half uploaded"):
            healing.start(es, spec)
        assert models.push(es, bundle).resumed
        healing.start(es, spec)
        assert models.verify_vectors(es, spec.deployment_id, bundle.references) > 0.9999
        models.delete_model(es, bundle.model_id)


def test_half_of_another_model_is_never_completed_with_ours(
    es: Elasticsearch,
    choices: Choices,
    bundle: ModelBundle,
    other_bundle: ModelBundle,
    dying: Callable[[int], Elasticsearch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan says so, and what runs in the end is ours."""
    monkeypatch.setattr(models, "PART_BYTES", 1500)
    with pytest.raises(KeyboardInterrupt):
        models.push(dying(4), other_bundle)
    found = take_survey(es, choices, bundle)
    (step,) = [action for action in found.plan.changes if action.kind == "trained model"]
    assert (step.verb, step.destructive) == ("replace", False)
    set_up(es, choices, bundle)
    assert models.verify_vectors(es, choices.model_id, bundle.references) > 0.9999


def test_a_bundle_is_pushed_from_a_machine_without_torch(
    stack: Stack, es: Elasticsearch, bundle: ModelBundle, bundle_on_disk: Path
) -> None:
    """Build once, push to many: in a process where importing torch fails."""
    command = [sys.executable, "-c", WITHOUT_TORCH, "model"]
    for arguments in (
        ["push", "--bundle", str(bundle_on_disk)],
        ["deploy", "--model-id", bundle.model_id, "--bundle", str(bundle_on_disk), "--json"],
    ):
        done = subprocess.run(
            [*command, *arguments],
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["lowest_cosine"] > 0.9999
    found = models.read_model(es, bundle.model_id)
    assert found is not None
    assert found.fingerprint == bundle.fingerprint


def test_a_model_with_vectors_in_use_is_not_replaced(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle, other_bundle: ModelBundle
) -> None:
    """Not by push, and not by the setup of another document set."""
    set_up(es, choices, bundle)
    users = users_of(es, bundle.model_id)
    assert users == (f"esrag-docs-{choices.set}-000001",)
    with pytest.raises(ConflictError, match=users[0]):
        models.push(es, other_bundle, replace=True, users=users)
    neighbour = replace(choices, set=f"{choices.set}-b")
    with pytest.raises(ConflictError, match=users[0]):
        set_up(es, neighbour, other_bundle, allow_destructive=True)
    assert models.verify_vectors(es, choices.model_id, bundle.references) > 0.9999
    models.push(es, other_bundle, replace=True)
    set_up(es, choices, other_bundle, allow_destructive=True)
    assert models.verify_vectors(es, choices.model_id, other_bundle.references) > 0.9999


def test_questions_get_a_deployment_of_their_own(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle
) -> None:
    """It runs beside the other, adaptive allocations too, and the second plan is empty."""
    wanted = replace(choices, search_allocations=1, adaptive_max=2)
    set_up(es, wanted, bundle)
    found = {name.deployment_id: name for name in deployments.list_deployments(es)}
    assert found[wanted.deployment_id].range == deployments.AllocationRange(1, 2)
    assert found[wanted.search_deployment_id].range is None
    assert take_survey(es, wanted, bundle).plan.changes == ()
    changed = replace(wanted, adaptive_max=0, allocations=2)
    steps = take_survey(es, changed, bundle).plan.changes
    assert [(step.verb, step.destructive) for step in steps] == [("update", False)]
    set_up(es, changed, bundle)
    assert take_survey(es, changed, bundle).plan.changes == ()


def test_memory_that_lacks_stops_the_plan(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle
) -> None:
    """A model that says it takes a terabyte; nothing is there afterwards."""
    metadata = {"per_deployment_memory_bytes": 0, "per_allocation_memory_bytes": 2**40}
    huge = replace(bundle, config={**bundle.config, "metadata": metadata})
    with pytest.raises(UnavailableError, match="needs 1048576 MiB") as caught:
        take_survey(es, choices, huge)
    assert "larger ML node" in caught.value.hint
    assert models.read_model(es, bundle.model_id) is None


def test_a_deployment_that_vanished_is_healed(
    stack: Stack, es: Elasticsearch, choices: Choices, bundle: ModelBundle
) -> None:
    """Reported by --check with 2, brought back by heal, well afterwards."""
    set_up(es, choices, bundle)
    deployments.undeploy(es, choices.deployment_id, force=True)
    (spec,) = choices.deployments
    finding = healing.examine(es, spec)
    assert (finding.remedy, finding.found) == ("start", None)
    environment = {"ESRAG_MODEL_ID": choices.model_id, "ESRAG_MODEL_THREADS": "1"}
    stack = replace(stack, environment={**stack.environment, **environment})
    checked = stack.esrag("model", "heal", "--check", "--set", choices.set)
    assert checked.returncode == 2, checked.stderr
    assert "to do: start" in checked.stdout
    assert healing.heal(es, finding).well
    assert healing.examine(es, spec).well


def test_a_model_of_others_is_adopted_only_with_the_same_vectors(
    es: Elasticsearch, choices: Choices, bundle: ModelBundle, other_bundle: ModelBundle
) -> None:
    """As eland would have left it: no mark of ours."""
    es.ml.put_trained_model(model_id=bundle.model_id, body=dict(bundle.config))
    es.ml.put_trained_model_vocabulary(model_id=bundle.model_id, body=bundle.vocabulary())
    for part, body in models.definition_parts(bundle):
        es.ml.put_trained_model_definition_part(model_id=bundle.model_id, part=part, body=body)
    with pytest.raises(ConflictError, match=bundle.model_id):
        take_survey(es, choices, bundle)
    with pytest.raises(UnsupportedError, match="cosine"):
        set_up(es, choices, other_bundle, adopt=True)
    with pytest.raises(ConflictError, match=bundle.model_id):
        take_survey(es, choices, bundle)
    set_up(es, choices, bundle, adopt=True)
    assert take_survey(es, choices, bundle).plan.changes == ()
