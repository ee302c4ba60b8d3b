"""One privilege less: the preflight names it, and the command could not have done without it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from elasticsearch import Elasticsearch, NotFoundError
from key_holders import as_holder, holder, make_key

from esrag.bundle import ModelBundle, load_bundle
from esrag.cluster.security import missing_privileges
from esrag.errors import EsragError
from esrag.privileges import Command, needed
from esrag.state.desired import Choices
from esrag.state.lock import Terms
from esrag.state.setting_up import set_up
from esrag.state.smoke import smoke_test
from esrag.state.survey import Survey, take_survey

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

COMMANDS: tuple[Command, ...] = get_args(Command)
# What a new set on a model that runs already does without: each needs another situation, which
# the tests of models, endpoints and changes in place bring about.
OTHER_SITUATIONS = {
    "cluster:monitor/xpack/ml/info/get": "refused, it is taken for no machine learning",
    "cluster:monitor/xpack/ml/memory/stats/get": "refused, memory is not checked",
    "cluster:monitor/xpack/ml/inference/infer": "vectors are compared when a model was deployed",
    "cluster:admin/xpack/ml/inference/put": "a model is uploaded",
    "cluster:admin/xpack/ml/trained_models/part/put": "a model is uploaded",
    "cluster:admin/xpack/ml/trained_models/vocabulary/put": "a model is uploaded",
    "cluster:admin/xpack/ml/inference/delete": "a model is replaced",
    "cluster:admin/xpack/ml/trained_models/deployment/start": "a model is deployed",
    "cluster:admin/xpack/ml/trained_models/deployment/update": "allocations are changed",
    "cluster:admin/xpack/ml/trained_models/deployment/stop": "threads are changed",
    "indices:admin/mapping/put": "a field is added",
    "indices:admin/settings/update": "a setting is changed in place",
}


@pytest.fixture(scope="module")
def full_bundle(stack: Stack) -> ModelBundle:
    """The bundle of the packaged model, built once by the command line."""
    done = stack.esrag("model", "build", "--json")
    assert done.returncode == 0, done.stderr
    return load_bundle(Path(json.loads(done.stdout)["folder"]))


@pytest.mark.parametrize(
    "command",
    [
        command if command in ("setup", "ingest") else pytest.param(command, marks=pytest.mark.long)
        for command in COMMANDS
    ],
)
def test_each_missing_privilege_is_named(
    stack: Stack, es: Elasticsearch, prefix: str, command: Command
) -> None:
    """A key with all that the command needs lacks nothing; with one less, exactly that."""
    wanted = needed(command, prefix)
    with as_holder(stack, es, f"{prefix}-all", wanted) as client:
        assert not missing_privileges(client, wanted)
    for name in dict.fromkeys(privilege for privilege, _ in wanted.flat()):
        with as_holder(stack, es, f"{prefix}-less", wanted.without(name)) as client:
            lacking = missing_privileges(client, wanted)
        assert {privilege for privilege, _ in lacking.flat()} == {name}


@pytest.mark.long
def test_a_new_set_cannot_do_without_any_of_its_privileges(
    stack: Stack, es: Elasticsearch, prefix: str, full_bundle: ModelBundle
) -> None:
    """Setup without its preflight is refused once one privilege is taken away."""
    wanted = needed("setup", prefix, endpoints=False)
    new_set(es, f"{prefix}-admin", full_bundle)  # from here on the model runs
    spared = set()
    for number, name in enumerate(dict.fromkeys(privilege for privilege, _ in wanted.flat())):
        own = f"{prefix}-{number + 1}"
        less = needed("setup", own, endpoints=False).without(name)
        with as_holder(stack, es, f"{own}-key", less) as client:
            try:
                new_set(client, own, full_bundle)
                spared.add(name)
            except EsragError:
                pass
        with suppress(NotFoundError):  # who may not delete leaves the lock
            es.delete(index="esrag-meta", id="lock", refresh=True)
    assert spared == set(OTHER_SITUATIONS)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("setup", ("setup", "--yes")),
        ("plan", ("plan",)),
        ("search", ("search", "anything")),
    ],
)
def test_a_refused_command_names_all_that_is_missing(
    stack: Stack, es: Elasticsearch, prefix: str, command: Command, arguments: tuple[str, ...]
) -> None:
    """A key without any right on the set: exit code 5, and all of them in one message."""
    wanted = needed(command, prefix)
    bare = wanted
    for entry in wanted.indices:
        for name in entry.privileges:
            bare = bare.without(name)
    key = make_key(es, f"{prefix}-bare", bare)
    done = holder(stack, key).esrag(*arguments, "--set", prefix)
    assert done.returncode == 5, done.stderr
    on_the_set = [name for entry in wanted.indices for name in entry.privileges]
    assert [name for name in on_the_set if name not in done.stderr] == []


def new_set(client: Elasticsearch, name: str, bundle: ModelBundle) -> None:
    """What setup does once its preflight has passed, for a set that is not there."""
    choices = Choices(
        set=name,
        model_id=bundle.model_id,
        allocations=1,
        threads=2,
        queue_capacity=1024,
        language="english",
        vectors="int8",
    )

    def look() -> Survey:
        return take_survey(client, choices, bundle)

    survey = look()
    set_up(client, survey, look, Terms(command="test", wait=5))
    look()  # now the mapping is there to be read
    smoke_test(
        client,
        survey.desired.names,
        generation=survey.desired.generation,
        dims=bundle.dims,
        fields=survey.desired.mapping["properties"],
    )
