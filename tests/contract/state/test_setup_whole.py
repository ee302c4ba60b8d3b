"""Setup and teardown as users run them, on a real server: cut off, repeated, beside others."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from elasticsearch import Elasticsearch, NotFoundError
from fault_proxy import FaultProxy
from recorder import Recorder, is_write, whole_setup, whole_teardown
from tiny_bundles import tiny_bundle

from esrag.bundle import ModelBundle
from esrag.cluster.pipelines import list_pipelines
from esrag.state.desired import Choices
from esrag.state.survey import take_survey

if TYPE_CHECKING:
    from tests.conftest import Stack

SAMPLE = (2, 9, 15)  # of the writing requests; all of them in the long test


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A tiny model that the ML node really executes."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny", "tiny", dims=8, seed=1)


@pytest.fixture
def mine(es: Elasticsearch, prefix: str) -> Iterator[Choices]:
    """A set of this test's own with a model of its own; no lock of a dead run is left behind."""
    yield Choices(
        set=prefix,
        model_id=f"{prefix}-model",
        allocations=1,
        threads=1,
        queue_capacity=64,
        language="english",
        vectors="int8",
    )
    for note in ("lock", f"object:inference endpoint:esrag-embedding-{prefix}"):
        es.options(ignore_status=404).delete(index="esrag-meta", id=note, refresh=True)


def own(bundle: ModelBundle, choices: Choices) -> ModelBundle:
    """The bundle under the model id of these choices."""
    return replace(bundle, model_id=choices.model_id)


def cut_and_complete(
    stack: Stack, es: Elasticsearch, mine: Choices, bundle: ModelBundle, number: int, *, after: bool
) -> bool:
    """Cut a full setup at one request and run it again; False when it had fewer requests."""
    choices = replace(mine, set=f"{mine.set}-c{number}", model_id=f"{mine.model_id}-{number}")
    dying = Recorder(stack)
    dying.die_at, dying.die_after_sending = number, after
    try:
        whole_setup(dying.client, choices, own(bundle, choices))
    except KeyboardInterrupt:
        pass
    finally:
        dying.client.close()
    whole_setup(es, choices, own(bundle, choices))
    assert take_survey(es, choices, own(bundle, choices)).plan.changes == ()
    whole_teardown(es, choices)
    assert left_of(es, choices) == []
    return dying.dead


def left_of(es: Elasticsearch, choices: Choices) -> list[str]:
    """Objects whose names hold the set's or the model's."""
    names = [
        *es.indices.get(index=f"esrag-docs-{choices.set}*"),
        *(t["name"] for t in es.indices.get_index_template()["index_templates"]),
        *(t["name"] for t in es.cluster.get_component_template()["component_templates"]),
        *list_pipelines(es),
        *(m["model_id"] for m in es.ml.get_trained_models(size=1000)["trained_model_configs"]),
        *(e["inference_id"] for e in es.inference.get()["endpoints"]),
        *es.cluster.state(metric="metadata")["metadata"].get("stored_scripts", {}),
    ]
    return [name for name in names if choices.set in name or choices.model_id in name]


@pytest.mark.parametrize("number", SAMPLE)
def test_a_full_setup_cut_at_a_request_is_completed(
    stack: Stack, es: Elasticsearch, mine: Choices, small_bundle: ModelBundle, number: int
) -> None:
    """Upload, deployment and lock included; teardown then leaves nothing of it."""
    after = number % 2 == 0
    assert cut_and_complete(stack, es, mine, small_bundle, number, after=after)


@pytest.mark.long
def test_a_full_setup_cut_at_every_request_is_completed(
    stack: Stack, es: Elasticsearch, mine: Choices, small_bundle: ModelBundle
) -> None:
    """Before and after each of its writing requests."""
    for after in (False, True):
        number = 0
        while cut_and_complete(stack, es, mine, small_bundle, number, after=after):
            number += 1
        assert number > 15


def by_hand(es: Elasticsearch, choices: Choices) -> set[str]:
    """Change one object of every kind; the names of those that were changed."""
    names = choices.set
    meta = {"esrag": {"owner": "esrag", "set": names, "version": "0", "spec_hash": "0"}}
    index, pipeline = f"esrag-docs-{names}-000001", f"esrag-embed-{names}-000001"
    es.ingest.put_pipeline(id=pipeline, processors=[], meta=meta)
    settings = {"number_of_shards": 3}
    es.cluster.put_component_template(
        name=f"esrag-docs-{names}-settings", template={"settings": settings}, meta=meta
    )
    template = es.indices.get_index_template(name=f"esrag-docs-{names}")
    body = template["index_templates"][0]["index_template"]
    es.indices.put_index_template(
        name=f"esrag-docs-{names}",
        body={
            "index_patterns": [f"esrag-docs-{names}-0*", f"{names}-x*"],
            "composed_of": body["composed_of"],
            "_meta": body["_meta"],
        },
    )
    script = es.get_script(id=f"esrag-lexical-{names}")["script"]
    es.put_script(
        id=f"esrag-lexical-{names}",
        script={"lang": "mustache", "source": script["source"].replace("size", "sizes")},
    )
    es.indices.put_mapping(index=index, dynamic="false")
    es.indices.put_settings(index=index, settings={"index.default_pipeline": "_none"})
    es.ml.update_trained_model_deployment(model_id=choices.model_id, number_of_allocations=2)
    es.inference.delete(inference_id=f"esrag-embedding-{names}", force=True)
    return {
        *(index, pipeline, choices.model_id),
        *(f"esrag-docs-{names}-settings", f"esrag-docs-{names}"),
        *(f"esrag-lexical-{names}", f"esrag-embedding-{names}"),
    }


def test_whatever_was_changed_by_hand_is_shown_and_repaired(
    es: Elasticsearch, mine: Choices, small_bundle: ModelBundle
) -> None:
    """One object of every kind at once: each is an action of its own, with its differences."""
    bundle = own(small_bundle, mine)
    whole_setup(es, mine, bundle)
    changed = by_hand(es, mine)
    plan = take_survey(es, mine, bundle).plan
    assert {action.name for action in plan.changes} == changed
    details = {action.name: action.details for action in plan.changes}
    assert details[f"esrag-docs-{mine.set}-000001"] == (
        "dynamic: false -> strict",
        f"index.default_pipeline: _none -> esrag-intake-{mine.set}-000001",
    )
    assert (
        "template.settings.index.number_of_shards: 3 -> 1"
        in (details[f"esrag-docs-{mine.set}-settings"])
    )
    assert whole_setup(es, mine, bundle) == len(changed)
    assert take_survey(es, mine, bundle).plan.changes == ()


def put_neighbours(es: Elasticsearch, name: str) -> dict[str, Any]:
    """Objects of somebody else, named as like ours as can be; how to read each."""
    es.ingest.put_pipeline(id=f"esrag-embed-{name}", processors=[])
    es.ingest.put_pipeline(id=f"esrag-embed-{name}-000007", processors=[])
    es.cluster.put_component_template(name=f"esrag-docs-{name}-mine", template={})
    es.indices.put_index_template(
        name=f"esrag-docs-{name}-mine", index_patterns=[f"{name}-nothing*"], priority=7
    )
    es.put_script(id=f"esrag-hybrid-{name}2", script={"lang": "mustache", "source": '{"size":1}'})
    es.indices.create(index=f"esrag-docs-{name}x-000001")
    return {
        "pipelines": lambda: [
            es.ingest.get_pipeline(id=f"esrag-embed-{name}").body,
            es.ingest.get_pipeline(id=f"esrag-embed-{name}-000007").body,
        ],
        "component": lambda: es.cluster.get_component_template(name=f"esrag-docs-{name}-mine").body,
        "index template": lambda: (
            es.indices.get_index_template(name=f"esrag-docs-{name}-mine").body
        ),
        "script": lambda: es.get_script(id=f"esrag-hybrid-{name}2").body,
        "index": lambda: es.indices.get(index=f"esrag-docs-{name}x-000001").body,
    }


def test_what_others_have_beside_ours_survives(
    es: Elasticsearch, mine: Choices, small_bundle: ModelBundle
) -> None:
    """Setup and teardown touch none of it."""
    neighbours = put_neighbours(es, mine.set)
    before = {kind: read() for kind, read in neighbours.items()}
    whole_setup(es, mine, own(small_bundle, mine))
    whole_teardown(es, mine)
    assert {kind: read() for kind, read in neighbours.items()} == before


def test_two_sets_with_two_models_stand_side_by_side(
    es: Elasticsearch, mine: Choices, small_bundle: ModelBundle, tmp_path: Path
) -> None:
    """One name begins with the other; teardown of one leaves the other whole and its documents."""
    other = replace(mine, set=f"{mine.set}-old", model_id=f"{mine.set}-other")
    second = replace(tiny_bundle(tmp_path / "b", "b", dims=4, seed=2), model_id=other.model_id)
    first = own(small_bundle, mine)
    whole_setup(es, mine, first)
    whole_setup(es, other, second)
    chunk = {"document_id": "d", "position": 0, "text": "bab", "context": ""}
    es.index(index=f"esrag-docs-{other.set}", document=chunk, refresh=True)
    assert take_survey(es, mine, first).plan.changes == ()
    whole_teardown(es, mine)
    assert take_survey(es, other, second).plan.changes == ()
    assert es.count(index=f"esrag-docs-{other.set}")["count"] == 1
    with pytest.raises(NotFoundError):
        es.ml.get_trained_models(model_id=mine.model_id)


def test_documents_stay_and_can_be_searched_until_they_are_named(
    es: Elasticsearch, mine: Choices, small_bundle: ModelBundle
) -> None:
    """After teardown the alias still leads to them; setup makes the set whole again."""
    bundle = own(small_bundle, mine)
    whole_setup(es, mine, bundle)
    alias = f"esrag-docs-{mine.set}"
    chunk = {"document_id": "d", "position": 0, "text": "bab", "context": ""}
    es.index(index=alias, document=chunk, refresh=True)
    whole_teardown(es, mine, documents=False)
    assert es.count(index=alias)["count"] == 1
    whole_setup(es, mine, bundle)
    assert take_survey(es, mine, bundle).plan.changes == ()
    whole_teardown(es, mine)
    assert left_of(es, mine) == []


def command(stack: Stack, *arguments: str) -> subprocess.Popen[str]:
    """A command of esrag in a process that is not waited for."""
    code = "from esrag.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_setups_at_once_end_in_one_state(stack: Stack, es: Elasticsearch, prefix: str) -> None:
    """Each ends with 0; one made the objects, the others found them made."""
    assert stack.esrag("model", "build").returncode == 0
    runs = [command(stack, "setup", "--set", prefix, "--yes", "--json") for _ in range(4)]
    answers = [run.communicate(timeout=240) for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, answers
    applied = [json.loads(out)["applied"] for out, _ in answers]
    whole = [number for number in applied if number > 5]
    assert len(whole) == 1, applied
    assert stack.esrag("plan", "--set", prefix).returncode == 0
    assert not es.exists(index="esrag-meta", id="lock")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.long)],
)
def test_a_stopped_setup_gives_its_lock_back(
    stack: Stack, es: Elasticsearch, prefix: str, number: signal.Signals, code: int
) -> None:
    """After the present request, with the exit code of the signal; the next run completes it."""
    assert stack.esrag("model", "build").returncode == 0
    run = command(stack, "setup", "--set", prefix, "--yes")
    assert run.stderr is not None
    assert "create" in run.stderr.readline()
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, err.splitlines()[-1]) == (code, "Stopped.")
    assert not es.exists(index="esrag-meta", id="lock")
    assert stack.esrag("setup", "--set", prefix, "--yes").returncode == 0
    assert stack.esrag("plan", "--set", prefix).returncode == 0


def test_the_commands_write_only_what_was_reviewed(
    stack: Stack, es: Elasticsearch, prefix: str, tmp_path: Path
) -> None:
    """plan --out 2, setup --plan 0, again 7; repeated runs write nothing; teardown 2, 0 and 0."""
    assert stack.esrag("model", "build").returncode == 0
    file = str(tmp_path / "plan.json")
    assert stack.esrag("plan", "--set", prefix, "--out", file).returncode == 2
    done = stack.esrag("setup", "--plan", file)
    assert done.returncode == 0, done.stderr
    stale = stack.esrag("setup", "--plan", file)
    assert stale.returncode == 7
    assert f"esrag-docs-{prefix}-settings (in the cluster)" in stale.stderr
    with FaultProxy(stack.elasticsearch_url).running() as proxy:
        through = replace(
            stack,
            environment={
                **stack.environment,
                "ESRAG_ELASTICSEARCH_URL": proxy.url,
                "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
                "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
                "ESRAG_ENDPOINTS_GENERATOR_URL": stack.tgi_url,
                "ESRAG_ENDPOINTS_TASKS": '["chat_completion"]',
            },
        )
        for _ in range(2):
            assert through.esrag("setup", "--set", prefix, "--yes").returncode == 0
        assert len(proxy.requests) > 20
        assert [r for r in proxy.requests if is_write(*r.split(" ", 1))] == []
    assert stack.esrag("teardown", "--set", prefix).returncode == 2
    refused = stack.esrag("teardown", "--set", prefix, "--yes", "--with-documents", prefix)
    assert refused.returncode == 2
    assert es.indices.exists(index=f"esrag-docs-{prefix}-000001")
    named = ("--yes", "--with-documents", f"esrag-docs-{prefix}")
    assert stack.esrag("teardown", "--set", prefix, *named).returncode == 0
    assert stack.esrag("teardown", "--set", prefix).returncode == 0
