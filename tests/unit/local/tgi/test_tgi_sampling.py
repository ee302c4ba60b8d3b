"""Choosing the next token from logits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.local.tgi.generation.sampling import (
    Choice,
    SamplingParameters,
    TokenChooser,
    log_softmax,
)

LOGITS = np.array([1.0, 3.0, 2.0, -1.0, 0.0], dtype=np.float32)


def draws(parameters: SamplingParameters, count: int = 400) -> Counter[int]:
    """How often each token comes out."""
    chooser = TokenChooser(parameters)
    return Counter(chooser.choose(LOGITS, [0]).token_id for _ in range(count))


def test_without_parameters_the_likeliest_token_is_chosen() -> None:
    """Greedy, with the log-probability of the plain softmax, and no seed to report."""
    chooser = TokenChooser(SamplingParameters())
    choice = chooser.choose(LOGITS, [0])
    assert choice.token_id == 1
    assert choice.logprob == pytest.approx(3 - np.log(np.exp(LOGITS).sum()), abs=1e-6)
    assert chooser.seed is None


def test_the_logits_that_are_passed_in_stay_as_they_are() -> None:
    """Penalties and filters work on a copy: rows of a batch share one array."""
    before = LOGITS.copy()
    wanted = SamplingParameters(repetition_penalty=2.0, top_k=1, watermark=True, temperature=0.5)
    TokenChooser(wanted).choose(LOGITS, [1, 2])
    assert np.array_equal(before, LOGITS)


def test_the_same_seed_gives_the_same_tokens() -> None:
    """Chance belongs to the request alone."""
    wanted = SamplingParameters(do_sample=True, seed=7)
    first, second = TokenChooser(wanted), TokenChooser(wanted)
    assert [first.choose(LOGITS, [0]) for _ in range(50)] == [
        second.choose(LOGITS, [0]) for _ in range(50)
    ]
    assert first.seed == 7


def test_different_seeds_give_different_tokens() -> None:
    """A seed matters."""
    runs = {
        tuple(
            chooser.choose(LOGITS, [0]).token_id
            for chooser in [TokenChooser(SamplingParameters(do_sample=True, seed=seed))]
            for _ in range(30)
        )
        for seed in range(5)
    }
    assert len(runs) == 5


def test_sampling_follows_the_probabilities() -> None:
    """Four thousand draws come near the softmax."""
    counts = draws(SamplingParameters(do_sample=True, seed=1), count=4000)
    wanted = np.exp(log_softmax(LOGITS))
    for token, probability in enumerate(wanted):
        assert counts[token] / 4000 == pytest.approx(probability, abs=0.03)


def test_top_k_leaves_k_tokens() -> None:
    """Only the two likeliest ever come."""
    assert set(draws(SamplingParameters(top_k=2))) == {1, 2}


def test_top_p_leaves_the_smallest_set_that_reaches_p() -> None:
    """0.63 for the first token and 0.23 for the second reach 0.8 together."""
    assert set(draws(SamplingParameters(top_p=0.8))) == {1, 2}


def test_a_tiny_top_p_leaves_the_likeliest_token() -> None:
    """There is always one token left."""
    assert set(draws(SamplingParameters(top_p=1e-6))) == {1}


def test_typical_p_leaves_the_tokens_nearest_to_the_expected_surprise() -> None:
    """Of two tokens, one is nearer to the entropy than the other."""
    counts = draws(SamplingParameters(typical_p=0.2))
    assert len(counts) == 1


def test_a_low_temperature_sharpens() -> None:
    """At 0.05 nothing but the likeliest token is left in practice."""
    assert set(draws(SamplingParameters(temperature=0.05))) == {1}


def test_a_repetition_penalty_makes_seen_tokens_less_likely() -> None:
    """Positive logits are divided, negative ones multiplied, as in the paper."""
    choice = TokenChooser(SamplingParameters(repetition_penalty=4.0)).choose(LOGITS, [1, 1, 3])
    assert choice.token_id == 2
    penalised = np.array([1.0, 0.75, 2.0, -4.0, 0.0], dtype=np.float32)
    assert choice.logprob == pytest.approx(float(log_softmax(penalised)[2]), abs=1e-6)


def test_a_frequency_penalty_grows_with_the_share_of_a_token() -> None:
    """A token that makes up all of the text loses the whole penalty."""
    assert TokenChooser(SamplingParameters(frequency_penalty=1.5)).choose(LOGITS, [1]).token_id == 2
    assert TokenChooser(SamplingParameters(frequency_penalty=0.5)).choose(LOGITS, [1]).token_id == 1


def test_a_watermark_favours_half_of_the_tokens_by_the_one_before() -> None:
    """On flat logits the choice is always a favoured token, and depends on its predecessor."""
    flat = np.zeros(1000, dtype=np.float32)
    chooser = TokenChooser(SamplingParameters(watermark=True), top_n=2)
    favoured = chooser.choose(flat, [3])
    assert favoured.top[0][1] == favoured.top[1][1] > -np.log(1000)
    assert favoured != chooser.choose(flat, [4])


def test_top_tokens_are_the_likeliest_in_order() -> None:
    """Two of them, with their log-probabilities."""
    choice = TokenChooser(SamplingParameters(), top_n=2).choose(LOGITS, [0])
    assert [token for token, _ in choice.top] == [1, 2]
    assert choice.top[0][1] == choice.logprob


@given(
    logits=st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=40),
    temperature=st.floats(0.01, 5),
    top_k=st.integers(0, 50),
    top_p=st.floats(0.001, 1),
    typical_p=st.floats(0.001, 1),
    seed=st.integers(0, 2**64 - 1),
)
def test_every_combination_of_filters_yields_a_possible_token(
    logits: list[float], temperature: float, top_k: int, top_p: float, typical_p: float, seed: int
) -> None:
    """The chosen token is in the vocabulary and has not been filtered out."""
    wanted = SamplingParameters(
        temperature=temperature, top_k=top_k, top_p=top_p, typical_p=typical_p, seed=seed
    )
    choice: Choice = TokenChooser(wanted).choose(np.array(logits, dtype=np.float32), [0])
    assert 0 <= choice.token_id < len(logits)
    assert np.isfinite(choice.logprob)
