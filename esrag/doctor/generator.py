"""The generator: does it answer, and does our prompt fit into its limits?

TGI tells its limits; other servers that speak the messages API need not, and are fine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import httpx

from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import EsragError, UnavailableError
from esrag.generation.endpoint import error_text, explained
from esrag.generation.limits import Tokenizer, read_limits
from esrag.generation.messages import request_body
from esrag.prompting import compose
from esrag.types import Message

# A generator may cut a passage into more tokens than the embedding model does, and each passage
# stands in a fence under its heading.
_MORE_TOKENS = 1.25
_TOKENS_AROUND_PASSAGE = 40
_QUESTION = "What changed between the last two versions, and since when does it hold? " * 2


def answers(case: Case) -> Iterator[Finding]:
    """Does it answer a real request of one token?"""
    endpoint = case.generator
    where = f"generator {endpoint.url}"
    body = {
        **request_body([Message("user", "Say yes.")], model=endpoint.model, max_tokens=1),
        "stream": False,
    }
    del body["stream_options"]
    try:
        with endpoint.client() as http, explained(endpoint, "asking it for one token"):
            answer = http.post("v1/chat/completions", json=body)
    except UnavailableError as error:
        yield found("generator-unreachable", where, error.message, error.hint)
        return
    except EsragError as error:
        yield found("generator-address", where, error.message, error.hint)
        return
    yield _judged(where, endpoint.model, answer)


def budget(case: Case) -> Iterator[Finding]:
    """Do rules, passages, question and answer fit into its token limit?"""
    endpoint, choices = case.generator, case.settings
    longest, wanted = choices.generator.max_new_tokens, choices.generator.passages
    where = f"generator {endpoint.url}"
    with endpoint.client() as http:
        limits = read_limits(endpoint, http)
        overhead = Tokenizer(endpoint, http).count(compose(_QUESTION, (), fence="0" * 8))
    name = limits.model_id or "a server that tells no limits"
    told = f"{limits.total_tokens} tokens" + ("" if limits.model_id else ", assumed")
    room = limits.input_budget(longest) - overhead
    each = math.ceil(choices.chunk.max_tokens * _MORE_TOKENS) + _TOKENS_AROUND_PASSAGE
    if limits.input_budget(longest) <= 0:
        words = f"generator.max_new_tokens is {longest}, and {name} takes {told} in all"
        yield found("answer-too-long", where, words)
        return
    fitting = max(0, room // each)
    sums = (
        f"{name} takes {told}: {overhead} for rules and question, {longest} for the answer, "
        f"room for {fitting} passages of up to {choices.chunk.max_tokens} tokens"
    )
    if fitting == 0:
        yield found("budget-too-small", where, sums)
    elif fitting < wanted:
        yield found(
            "budget-drops-passages",
            where,
            f"{sums}; generator.passages is {wanted}",
            f"Set generator.passages to {fitting}, or serve with a larger --max-total-tokens.",
        )
    else:
        yield well(where, sums)


def _judged(where: str, model: str, answer: httpx.Response) -> Finding:
    status, words = answer.status_code, error_text(answer.content)
    if status == 200:
        return _is_answer(where, answer)
    if status in (401, 403):
        return found("generator-refused", where, f"it refuses the key ({status}): {words}")
    if status == 429:
        return found("generator-busy", where, f"its queue is full: {words}")
    if status >= 500:
        return found("generator-unwell", where, f"it answers {status}: {words}")
    return found(
        "generator-address", where, f"it answers {status} for model {model!r}: {words[:200]}"
    )


def _is_answer(where: str, answer: httpx.Response) -> Finding:
    try:
        choice = answer.json()["choices"][0]["message"]
    except (ValueError, KeyError, IndexError, TypeError):
        return found("generator-address", where, "its answer is not that of the messages API")
    del choice
    return well(where, "it answers")
