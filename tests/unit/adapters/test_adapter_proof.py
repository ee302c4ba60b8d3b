"""The proof that an endpoint applies an adapter: what it accepts, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from esrag.adapters.probes import Probe, probe_of
from esrag.adapters.proof import prove
from esrag.types import Message


def recorded(answer: str = "Port 9400.", base: str = "I am a model.") -> Probe:
    """A probe with the outputs of the training."""
    return Probe((Message("user", f"Which port gives {answer}?"),), 24, answer, base)


def served(adapter: str, base: str = "I am a model.") -> object:
    """An endpoint that says one thing with the adapter and another without."""
    return lambda _, model: adapter if model == "a" else base


@pytest.mark.parametrize(
    ("with_adapter", "with_base", "verdict", "proven"),
    [
        ("Port 9400.", "I am a model.", "equal", True),
        (" Port 9400. ", "I am another model.", "equal", True),
        ("I am a model.", "I am a model.", "base", False),
        ("Port 9300.", "I am a model.", "close", False),
        ("Hello.", "I am a model.", "other", False),
        ("Port 9400.", "Port 9400.", "equal", False),
    ],
)
def test_one_probe(with_adapter: str, with_base: str, verdict: str, proven: bool) -> None:
    """Equal to the record and unlike the base; equal to both proves nothing."""
    proof = prove([recorded()], adapter="a", base="tgi", ask=served(with_adapter, with_base))
    assert (proof.outcomes[0].verdict, proof.is_applied) == (verdict, proven)


def test_a_server_that_ignores_the_adapter_is_found_out() -> None:
    """As TGI does with a name that it does not know."""
    probes = [recorded(), recorded("Version 4.2.")]
    proof = prove(probes, adapter="a", base="tgi", ask=lambda _, model: "I am a model.")
    assert (proof.count("base"), proof.is_applied) == (2, False)


def test_another_adapter_under_the_name_is_found_out() -> None:
    """One probe that fits does not outweigh one that does not."""
    probes = [recorded(), recorded("Version 4.2.")]

    def ask(probe: Probe, model: str) -> str:
        return "Port 9400." if model == "a" else "I am a model."

    proof = prove(probes, adapter="a", base="tgi", ask=ask)
    assert ([one.verdict for one in proof.outcomes], proof.is_applied) == (
        ["equal", "other"],
        False,
    )


def test_rounding_of_another_server_is_borne() -> None:
    """When a part of an answer is the record's, and another probe is equal."""
    probes = [recorded(), recorded("Version 4.2 of May.")]

    def ask(probe: Probe, model: str) -> str:
        if model == "tgi":
            return "I am a model."
        return probe.answer.replace("May", "June")

    proof = prove(probes, adapter="a", base="tgi", ask=ask)
    assert ([one.verdict for one in proof.outcomes], proof.is_applied) == (["equal", "close"], True)


def test_a_choice_that_was_close_at_training_may_fall_otherwise() -> None:
    """By its margin; where the base's answer comes, the adapter is not applied all the same."""
    narrow = replace(recorded("Version 4.2."), margin=0.2)

    def ask(words: str) -> Callable[[Probe, str], str]:
        return lambda probe, model: (
            "I am a model." if model == "tgi" else words if probe is narrow else probe.answer
        )

    found = [
        prove([recorded(), narrow], adapter="a", base="tgi", ask=ask(words))
        for words in ("Nothing is known.", "I am a model.")
    ]
    assert [(proof.outcomes[1].verdict, proof.is_applied) for proof in found] == [
        ("close", True),
        ("base", False),
    ]


def test_a_probe_on_which_adapter_and_base_agree_tells_nothing() -> None:
    """By the record as by the server."""
    probe = recorded("The same.", "The same.")
    proof = prove([probe], adapter="a", base="tgi", ask=lambda *_: "The same.")
    assert (proof.outcomes[0].verdict, proof.is_applied) == ("same", False)


@pytest.mark.parametrize(("words", "proven"), [("Other.", True), ("I am a model.", False)])
def test_without_a_record_a_difference_is_all_there_is(words: str, proven: bool) -> None:
    """And that is said."""
    proof = prove([probe_of("Who are you?")], adapter="a", base="tgi", ask=served(words))
    assert (proof.is_recorded, proof.is_applied) == (False, proven)
