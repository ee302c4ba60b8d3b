"""The body of ``/v1/completions``, what it becomes, and the JSON of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esrag.local.tgi.answers import Answer
from esrag.local.tgi.body import U32, U64, Fields
from esrag.local.tgi.chat_answers import finish_reason, head, usage
from esrag.local.tgi.chat_requests import BASE_MODEL
from esrag.local.tgi.errors import BatchTooLarge, SuffixRefused
from esrag.local.tgi.generation.events import Finished
from esrag.local.tgi.requests import GenerateParameters, GenerateRequest
from esrag.local.tgi.running import Streamed

_OBJECT = {"object": "text_completion"}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Prompts that are continued under the same parameters."""

    prompts: tuple[str, ...]
    parameters: GenerateParameters
    stream: bool
    suffix: str | None


def read_completion(fields: Fields) -> CompletionRequest:
    """Read the body; raises BodyRejected where TGI's deserialiser would.

    Fields of OpenAI that TGI does not know, ``echo``, ``n`` and ``logprobs`` among them, are
    ignored.
    """
    prompts = _read_prompts(fields)
    streamed = fields.boolean("stream")
    temperature = fields.optional_float("temperature")
    model = fields.optional_string("model")
    parameters = GenerateParameters(
        temperature=None if temperature == 0 else temperature,
        do_sample=temperature != 0,
        repetition_penalty=fields.optional_float("repetition_penalty"),
        frequency_penalty=fields.optional_float("frequency_penalty"),
        top_p=fields.optional_float("top_p"),
        max_new_tokens=fields.optional_integer("max_tokens", U32),
        stop=fields.optional_strings("stop"),
        details=True,
        decoder_input_details=not streamed,
        seed=fields.optional_integer("seed", U64),
        adapter_id=None if model == BASE_MODEL else model,
    )
    return CompletionRequest(prompts, parameters, streamed, fields.optional_string("suffix"))


def to_generate(wanted: CompletionRequest, *, most: int) -> list[GenerateRequest]:
    """One request for each prompt; raises SuffixRefused or BatchTooLarge."""
    if wanted.suffix is not None:
        raise SuffixRefused
    if len(wanted.prompts) > most:
        raise BatchTooLarge(most)
    return [GenerateRequest(prompt, wanted.parameters) for prompt in wanted.prompts]


def completion(answers: Sequence[Answer], *, model: str) -> dict[str, Any]:
    """The answer that is not streamed."""
    prompt_tokens = sum(answer.input_length for answer in answers)
    choices = [
        _choice(place, answer.end.text, finish_reason(answer.end.finish_reason))
        for place, answer in enumerate(answers)
    ]
    tokens = sum(answer.end.generated_tokens for answer in answers)
    return {**_OBJECT, **head(model), "choices": choices, "usage": usage(prompt_tokens, tokens)}


def chunk(place: int, one: Streamed, *, model: str) -> dict[str, Any]:
    """One token of a stream.  As in TGI the end token shows its text and keeps its own name."""
    end = one.event
    text = end.token.text
    if not isinstance(end, Finished):
        name = head(model)
        return {
            **_OBJECT,
            "id": name["id"],
            "created": name["created"],
            "choices": [_choice(place, text, "")],
            "model": name["model"],
            "system_fingerprint": name["system_fingerprint"],
        }
    return {
        **_OBJECT,
        **head(model),
        "choices": [_choice(place, text, end.finish_reason)],
        "usage": usage(one.input_length, end.generated_tokens),
    }


def added_headers(all_headers: Sequence[dict[str, str]]) -> dict[str, str]:
    """The headers of several answers as one: what can be added is added, as in TGI."""
    result = {"x-compute-type": all_headers[0]["x-compute-type"]}
    for name in all_headers[0]:
        if name not in ("x-compute-type", "x-compute-time"):
            result[name] = str(sum(int(headers[name]) for headers in all_headers))
    return result


def _choice(place: int, text: str, reason: str) -> dict[str, Any]:
    return {"index": place, "text": text, "logprobs": None, "finish_reason": reason}


def _read_prompts(fields: Fields) -> tuple[str, ...]:
    if "prompt" not in fields:
        raise fields.rejected("", "missing field `prompt`")
    prompt = fields.raw("prompt")
    if isinstance(prompt, str):
        return (prompt,)
    if not isinstance(prompt, list) or not all(isinstance(one, str) for one in prompt):
        raise fields.rejected(
            "prompt", "data did not match any variant of untagged enum PromptDeserializer"
        )
    if not prompt:
        raise fields.rejected(
            "prompt", "Empty array detected. Do not use an empty array for the prompt."
        )
    return tuple(prompt)
