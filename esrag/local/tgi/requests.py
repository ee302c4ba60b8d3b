"""Bodies of TGI's own routes, read into records; nothing is judged here beyond types.

Limits are the business of ``validation``.  The OpenAI chat body is in ``chat_requests`` and
ends as the same GenerateRequest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from esrag.local.tgi.body import I32, U32, U64, USIZE, Fields
from esrag.local.tgi.grammar.reading import Grammar, read_grammar


@dataclass(frozen=True, slots=True)
class GenerateParameters:
    """``parameters`` as TGI knows them."""

    best_of: int | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    typical_p: float | None = None
    do_sample: bool = False
    max_new_tokens: int | None = None
    return_full_text: bool | None = None
    stop: tuple[str, ...] = ()
    truncate: int | None = None
    watermark: bool = False
    details: bool = False
    decoder_input_details: bool = False
    seed: int | None = None
    top_n_tokens: int | None = None
    grammar: Grammar | None = None
    adapter_id: str | None = None


# TGI samples when a request has no parameters at all, and is greedy when it has an empty object
ABSENT_PARAMETERS = GenerateParameters(do_sample=True)


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What is to be continued, and how.  Templated chats bring their own special tokens."""

    inputs: str
    parameters: GenerateParameters = field(default=ABSENT_PARAMETERS)
    add_special_tokens: bool = True


def read_generate(fields: Fields, *, null_parameters: bool = False) -> GenerateRequest:
    """The body of ``/generate``, ``/generate_stream`` and ``/tokenize``."""
    inputs = fields.string("inputs")
    if null_parameters and fields.raw("parameters") is None:
        return GenerateRequest(inputs)
    parameters = fields.section("parameters", "GenerateParameters")
    if parameters is None:
        return GenerateRequest(inputs)
    return GenerateRequest(inputs, _read_parameters(parameters))


def read_compat_generate(fields: Fields) -> tuple[GenerateRequest, bool]:
    """The body of ``/``: the same plus ``stream``."""
    return read_generate(fields), fields.boolean("stream")


def _read_parameters(fields: Fields) -> GenerateParameters:
    return GenerateParameters(
        best_of=fields.optional_integer("best_of", USIZE),
        temperature=fields.optional_float("temperature"),
        repetition_penalty=fields.optional_float("repetition_penalty"),
        frequency_penalty=fields.optional_float("frequency_penalty"),
        top_k=fields.optional_integer("top_k", I32),
        top_p=fields.optional_float("top_p"),
        typical_p=fields.optional_float("typical_p"),
        do_sample=fields.boolean("do_sample"),
        max_new_tokens=fields.optional_integer("max_new_tokens", U32),
        return_full_text=fields.optional_boolean("return_full_text"),
        stop=fields.strings("stop"),
        truncate=fields.optional_integer("truncate", USIZE),
        watermark=fields.boolean("watermark"),
        details=fields.boolean("details"),
        decoder_input_details=fields.boolean("decoder_input_details"),
        seed=fields.optional_integer("seed", U64),
        top_n_tokens=fields.optional_integer("top_n_tokens", U32),
        grammar=read_grammar(fields, "grammar"),
        adapter_id=fields.optional_string("adapter_id"),
    )
