"""x-pack-core's own parsers and validators, asked beside the server about generated requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from oracle_calls import Call
from oracle_comparing import Answer, Compared, Condition, compare, send
from oracle_judging import judge
from oracle_model_bodies import (
    MODELS,
    aliases,
    infers,
    lists,
    put_models,
    put_parts,
    put_vocabularies,
    removals,
    start_deployments,
    stop_deployments,
    update_deployments,
)
from oracle_program import Oracle

Calls = Callable[[random.Random, str, int], list[Call]]
pytestmark = pytest.mark.suite("oracle", "x-pack-core's own classes, run beside the server")


def config_shown(call: Call, rendering: Any) -> Any:
    """The config as it was stored."""
    return rendering


def without_time(call: Call, answer: Answer) -> Answer:
    """The time of creation is the server's own."""
    if answer.status != 200:
        return answer
    return Answer(200, {key: value for key, value in answer.body.items() if key != "create_time"})


def _is_no_pytorch_model(one: Compared) -> bool:
    return one.expected.status == 200 and one.expected.body.get("model_type") != "pytorch"


EXCEPTIONS: dict[str, Condition] = {"only-pytorch-models": _is_no_pytorch_model}


@pytest.mark.known_difference("only-pytorch-models")
def test_storing_other_models(server: httpx.Client, oracle: Oracle, module_prefix: str) -> None:
    """A model that is no PyTorch model is stored like any other."""
    call = Call(
        kind="put_trained_model",
        method="PUT",
        route=f"{MODELS}/{{model_id}}",
        path={"model_id": f"{module_prefix}-trees"},
        body='{"model_type":"tree_ensemble","inference_config":{"pass_through":{}},'
        '"input":{"field_names":["a"]}}',
    )
    verdict = compare(server, oracle, [call], success=config_shown, view=without_time)
    assert not verdict.unexplained


def test_storing_models(
    server: httpx.Client,
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    seeded: Callable[[str], random.Random],
    counted: Callable[[int], int],
    on_stack: Callable[[dict[str, Condition]], dict[str, Condition]],
) -> None:
    """Each task, tokenization and option, and each way to get one wrong."""
    calls = put_models(seeded("models"), module_prefix, counted(600))
    known = on_stack(EXCEPTIONS)
    verdict = compare(server, oracle, calls, success=config_shown, view=without_time, known=known)
    _remove(server, module_prefix)
    judge(verdict, tally)
    assert verdict.accepted > verdict.compared / 5


@pytest.mark.parametrize(
    ("generate", "number"),
    [
        pytest.param(put_parts, 200, id="definition parts"),
        pytest.param(put_vocabularies, 150, id="vocabularies"),
        pytest.param(start_deployments, 350, id="starts"),
        pytest.param(stop_deployments, 80, id="stops"),
        pytest.param(update_deployments, 150, id="updates"),
        pytest.param(infers, 350, id="inferences"),
        pytest.param(aliases, 80, id="aliases"),
        pytest.param(removals, 120, id="removals"),
        pytest.param(lists, 160, id="lists"),
    ],
)
def test_calls_about_a_model_that_is_not_there(
    server: httpx.Client,
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    seeded: Callable[[str], random.Random],
    counted: Callable[[int], int],
    generate: Calls,
    number: int,
) -> None:
    """What cannot be read is refused as such, what can be read as a 404."""
    calls = generate(seeded(generate.__name__), module_prefix, counted(number))
    verdict = compare(server, oracle, calls)
    judge(verdict, tally)
    assert verdict.accepted < verdict.compared


def test_stored_models_are_listed_as_they_were_answered(
    server: httpx.Client, oracle: Oracle, module_prefix: str, tally: Tally
) -> None:
    """GET shows the config that the oracle renders, apart from the time of creation."""
    calls = [
        call
        for call in put_models(random.Random("listed"), f"{module_prefix}-listed", 80)
        if call.query == {}
    ]
    opinions = oracle.opinions(calls)
    stored = {}
    for call, opinion in zip(calls, opinions, strict=True):
        if opinion.accepted and opinion.rendering["model_type"] == "pytorch":
            assert server.put(call.uri, content=call.body, headers=_JSON).status_code == 200
            stored[call.path["model_id"]] = opinion.rendering
    shown = server.get(f"{MODELS}/{module_prefix}-listed*?size=1000").json()
    assert shown["count"] == len(stored)
    for config in shown["trained_model_configs"]:
        expected = stored[config["model_id"]]
        assert {**config, "create_time": 0} == expected
    _remove(server, module_prefix)
    tally.compared(len(stored), "generated requests")


def _remove(server: httpx.Client, prefix: str) -> None:
    """At once: the fewer models there are, the quicker is every other call."""
    stored = server.get(f"{MODELS}/{prefix}*?size=10000").json()["trained_model_configs"]
    send(
        server,
        [
            Call(
                kind="delete_trained_model",
                method="DELETE",
                route=f"{MODELS}/{{model_id}}",
                path={"model_id": config["model_id"]},
            )
            for config in stored
        ],
    )


_JSON = {"content-type": "application/json"}
