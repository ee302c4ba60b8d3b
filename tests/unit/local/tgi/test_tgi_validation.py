"""Limits and the texts that refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esrag.local.tgi.errors import ValidationFailed
from esrag.local.tgi.grammar.reading import Grammar
from esrag.local.tgi.requests import ABSENT_PARAMETERS, GenerateParameters, GenerateRequest
from esrag.local.tgi.text import TextTokens
from esrag.local.tgi.validation import (
    Limits,
    validate,
    validate_best_of,
    validate_stream,
)

LIMITS = Limits(max_input_tokens=10, max_total_tokens=16)


def check(tokens: TextTokens, inputs: str = "hello", **parameters: Any) -> Any:
    """Validate one request."""
    request = GenerateRequest(inputs, GenerateParameters(**parameters))
    return validate(request, limits=LIMITS, tokens=tokens)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"temperature": 0.0}, "`temperature` must be strictly positive"),
        ({"repetition_penalty": 0.0}, "`repetition_penalty` must be strictly positive"),
        ({"frequency_penalty": 2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
        ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
        ({"typical_p": 0.0}, "`typical_p` must be > 0.0 and < 1.0"),
        ({"top_k": 0}, "`top_k` must be strictly positive"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"stop": tuple("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
        ({"top_n_tokens": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
        ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
        ({"best_of": 2, "top_k": 5, "seed": 1}, "`seed` must not be set when `best_of` > 1"),
        ({"truncate": 0}, "`truncate` must be strictly positive and less than 10. Given: 0"),
        ({"truncate": 11}, "`truncate` must be strictly positive and less than 10. Given: 11"),
        (
            {"max_new_tokens": 12},
            "`inputs` tokens + `max_new_tokens` must be <= 16. "
            "Given: 5 `inputs` tokens and 12 `max_new_tokens`",
        ),
        ({"grammar": Grammar("regex", "a+")}, "grammar is not supported"),
    ],
)
def test_a_parameter_outside_its_limits_is_refused_in_the_words_of_tgi(
    tokens: TextTokens, parameters: dict[str, Any], problem: str
) -> None:
    """The text is the whole interface: clients show it."""
    with pytest.raises(ValidationFailed) as caught:
        check(tokens, **parameters)
    assert caught.value.body() == {
        "error": f"Input validation error: {problem}",
        "error_type": "validation",
    }


def test_an_empty_input_is_refused(tokens: TextTokens) -> None:
    """There is nothing to go on from."""
    with pytest.raises(ValidationFailed, match="`inputs` cannot be empty"):
        check(tokens, "")


def test_an_input_that_is_too_long_is_refused_with_its_length(tokens: TextTokens) -> None:
    """Eleven tokens where ten are allowed."""
    with pytest.raises(ValidationFailed, match="must have less than 10 tokens"):
        check(tokens, "x" * 11, max_new_tokens=2)


def test_truncation_keeps_the_end(tokens: TextTokens) -> None:
    """The last three tokens of a text that would be too long."""
    valid = check(tokens, "x" * 20 + "abc", truncate=3)
    assert tokens.decode(valid.input_ids) == "abc"


def test_without_a_number_of_new_tokens_the_rest_is_used(tokens: TextTokens) -> None:
    """Sixteen in all, five for the prompt."""
    assert check(tokens).max_new_tokens == 11


def test_more_new_tokens_than_are_reserved_are_cut_to_the_room(tokens: TextTokens) -> None:
    """TGI checks 1024 of them at most, so a larger wish passes and ends at the limit."""
    limits = Limits(max_input_tokens=10, max_total_tokens=2000)
    request = GenerateRequest("hello", GenerateParameters(max_new_tokens=5000))
    assert validate(request, limits=limits, tokens=tokens).max_new_tokens == 1995


def test_without_parameters_the_request_samples(tokens: TextTokens) -> None:
    """TGI's default differs between no parameters and an empty object."""
    absent = validate(GenerateRequest("hi", ABSENT_PARAMETERS), limits=LIMITS, tokens=tokens)
    assert absent.sampling.samples
    assert not check(tokens).sampling.samples


@pytest.mark.parametrize("parameters", [{"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.9}])
def test_a_filter_implies_sampling(tokens: TextTokens, parameters: dict[str, Any]) -> None:
    """As in TGI, whatever do_sample says."""
    assert check(tokens, **parameters).sampling.samples


def test_a_seed_is_drawn_when_none_is_given(tokens: TextTokens) -> None:
    """Two requests get different ones."""
    assert check(tokens, top_k=3).sampling.seed != check(tokens, top_k=3).sampling.seed
    assert check(tokens, top_k=3, seed=5).sampling.seed == 5


def test_best_of_has_a_limit() -> None:
    """Two; and none where it is switched off."""
    validate_best_of(2, limits=LIMITS)
    with pytest.raises(ValidationFailed, match="`best_of` must be > 0 and <= 2"):
        validate_best_of(3, limits=LIMITS)
    with pytest.raises(ValidationFailed, match="not allowed for this endpoint"):
        validate_best_of(2, limits=replace(LIMITS, max_best_of=1))


@pytest.mark.parametrize("parameters", [{"best_of": 2}, {"decoder_input_details": True}])
def test_a_stream_cannot_choose_or_show_the_prompt(parameters: dict[str, Any]) -> None:
    """Both need the whole answer."""
    with pytest.raises(ValidationFailed, match="is not supported when streaming tokens"):
        validate_stream(GenerateParameters(**parameters))
