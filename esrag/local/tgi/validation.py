"""Holds requests against the server's limits; texts and order of the checks are TGI's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from esrag.local.tgi.errors import ValidationFailed
from esrag.local.tgi.generation.constraint import Constraint
from esrag.local.tgi.generation.sampling import SamplingParameters
from esrag.local.tgi.grammar.reading import Grammar
from esrag.local.tgi.requests import GenerateParameters, GenerateRequest
from esrag.local.tgi.text import TextTokens

# TGI checks and reserves this many new tokens at most, even where a request asks for more
RESERVED_NEW_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server allows; ``/info`` shows most of it."""

    max_input_tokens: int
    max_total_tokens: int
    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_top_n_tokens: int = 5
    max_client_batch_size: int = 4
    max_body_bytes: int = 2_000_000


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """A request that can be generated from as it stands."""

    input_ids: tuple[int, ...]
    max_new_tokens: int
    sampling: SamplingParameters
    stop: tuple[str, ...] = ()
    top_n_tokens: int = 0
    prefill_details: bool = False
    constraint: Constraint | None = None
    # weights as the runner takes them: who has begun with them ends with them, whatever is
    # unloaded or loaded anew meanwhile
    adapter: Any = None


class ConstraintMaker(Protocol):
    """Turns a grammar into what sampling obeys; see ``grammar.matching``."""

    def matcher(self, grammar: Grammar) -> Constraint:
        """A fresh one; raises WireError where the grammar is bad."""


def validate(
    request: GenerateRequest,
    *,
    limits: Limits,
    tokens: TextTokens,
    grammars: ConstraintMaker | None = None,
    adapter: Any = None,
) -> ValidRequest:
    """Check everything and tokenise; raises ValidationFailed with TGI's text."""
    parameters = request.parameters
    sampling = _sampling(parameters)
    if parameters.max_new_tokens == 0:
        raise ValidationFailed("`max_new_tokens` must be strictly positive")
    if len(parameters.stop) > limits.max_stop_sequences:
        raise ValidationFailed(
            f"`stop` supports up to {limits.max_stop_sequences} stop sequences. "
            f"Given: {len(parameters.stop)}"
        )
    if parameters.seed is not None and (parameters.best_of or 1) > 1:
        raise ValidationFailed("`seed` must not be set when `best_of` > 1")
    top_n = parameters.top_n_tokens or 0
    if top_n > limits.max_top_n_tokens:
        raise ValidationFailed(
            f"`top_n_tokens` must be >= 0 and <= {limits.max_top_n_tokens}. Given: {top_n}"
        )
    if not request.inputs:
        raise ValidationFailed("`inputs` cannot be empty")
    input_ids = _input_ids(request, limits=limits, tokens=tokens)
    max_new_tokens = _new_tokens(parameters, len(input_ids), limits=limits)
    return ValidRequest(
        input_ids=input_ids,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        stop=parameters.stop,
        top_n_tokens=top_n,
        prefill_details=parameters.decoder_input_details,
        constraint=_constraint(parameters.grammar, grammars),
        adapter=adapter,
    )


def validate_best_of(best_of: int, *, limits: Limits) -> None:
    """More than one answer to choose from: checked apart, and first."""
    if limits.max_best_of == 1 and best_of != 1:
        raise ValidationFailed("`best_of` != 1 is not allowed for this endpoint")
    if best_of > limits.max_best_of:
        raise ValidationFailed(
            f"`best_of` must be > 0 and <= {limits.max_best_of}. Given: {best_of}"
        )


def validate_stream(parameters: GenerateParameters) -> None:
    """What a stream cannot do."""
    if parameters.best_of not in (None, 1):
        raise ValidationFailed("`best_of` != 1 is not supported when streaming tokens")
    if parameters.decoder_input_details:
        raise ValidationFailed(
            "`decoder_input_details` == true is not supported when streaming tokens"
        )


def _sampling(parameters: GenerateParameters) -> SamplingParameters:
    filters = (
        parameters.temperature,
        parameters.top_k,
        parameters.top_p,
        parameters.typical_p,
    )
    samples = parameters.do_sample or any(value is not None for value in filters)
    if (parameters.best_of or 1) > 1 and not samples:
        raise ValidationFailed("you must use sampling when `best_of` is > 1")
    if parameters.temperature is not None and parameters.temperature <= 0:
        raise ValidationFailed("`temperature` must be strictly positive")
    if parameters.repetition_penalty is not None and parameters.repetition_penalty <= 0:
        raise ValidationFailed("`repetition_penalty` must be strictly positive")
    if not -2.0 <= (parameters.frequency_penalty or 0.0) <= 2.0:
        raise ValidationFailed("`frequency_penalty` must be >= -2.0 and <= 2.0")
    for name, value in (("top_p", parameters.top_p), ("typical_p", parameters.typical_p)):
        if value is not None and not 0.0 < value < 1.0:
            raise ValidationFailed(f"`{name}` must be > 0.0 and < 1.0")
    if parameters.top_k is not None and parameters.top_k <= 0:
        raise ValidationFailed("`top_k` must be strictly positive")
    return SamplingParameters(
        temperature=1.0 if parameters.temperature is None else parameters.temperature,
        top_k=parameters.top_k or 0,
        top_p=1.0 if parameters.top_p is None else parameters.top_p,
        typical_p=1.0 if parameters.typical_p is None else parameters.typical_p,
        repetition_penalty=(
            1.0 if parameters.repetition_penalty is None else parameters.repetition_penalty
        ),
        frequency_penalty=parameters.frequency_penalty or 0.0,
        do_sample=parameters.do_sample,
        watermark=parameters.watermark,
        seed=secrets.randbits(64) if parameters.seed is None else parameters.seed,
    )


def _input_ids(request: GenerateRequest, *, limits: Limits, tokens: TextTokens) -> tuple[int, ...]:
    truncate = request.parameters.truncate
    if truncate is not None and not 0 < truncate <= limits.max_input_tokens:
        raise ValidationFailed(
            "`truncate` must be strictly positive and less than "
            f"{limits.max_input_tokens}. Given: {truncate}"
        )
    ids = tokens.encode(request.inputs, add_special_tokens=request.add_special_tokens)
    return tuple(ids if truncate is None else ids[-truncate:])


def _constraint(grammar: Grammar | None, grammars: ConstraintMaker | None) -> Constraint | None:
    if grammar is None:
        return None
    if grammars is None:
        raise ValidationFailed("grammar is not supported")
    return grammars.matcher(grammar)


def _new_tokens(parameters: GenerateParameters, input_length: int, *, limits: Limits) -> int:
    room = max(limits.max_total_tokens - input_length, 0)
    wanted = room if parameters.max_new_tokens is None else parameters.max_new_tokens
    reserved = min(wanted, RESERVED_NEW_TOKENS)
    if input_length + reserved > limits.max_total_tokens:
        raise ValidationFailed(
            f"`inputs` tokens + `max_new_tokens` must be <= {limits.max_total_tokens}. "
            f"Given: {input_length} `inputs` tokens and {reserved} `max_new_tokens`"
        )
    if input_length > limits.max_input_tokens:
        raise ValidationFailed(
            f"`inputs` must have less than {limits.max_input_tokens} tokens. Given: {input_length}"
        )
    return min(wanted, room)
