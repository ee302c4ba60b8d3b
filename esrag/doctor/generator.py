"""The generator: does it answer, and does our prompt fit into its limits?

TGI tells its limits; other servers that speak the messages API need not, and are fine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing

from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import EsragError, PermissionDeniedError, UnavailableError
from esrag.generation.pieces import BusyError, FailedError
from esrag.prompting import compose
from esrag.types import Message

# A generator may cut a passage into more tokens than the embedding model does, and each passage
# stands in a fence under its heading.
_MORE_TOKENS = 1.25
_TOKENS_AROUND_PASSAGE = 40
_QUESTION = "What changed between the last two versions, and since when does it hold? " * 2


def answers(case: Case) -> Iterator[Finding]:
    """Does it answer a real request of one token, streamed as answers are?"""
    generator = case.generator
    where = f"generator {generator.place.url}"
    try:
        with closing(generator.stream([Message("user", "Say yes.")], max_tokens=1)) as pieces:
            for _ in pieces:
                pass
    except EsragError as error:
        yield found(_code(error), where, error.message, error.hint)
        return
    yield well(where, "it answers")


def budget(case: Case) -> Iterator[Finding]:
    """Do rules, passages, question and answer fit into its token limit?"""
    generator, choices = case.generator, case.settings
    longest, wanted = choices.generator.max_new_tokens, choices.generator.passages
    where = f"generator {generator.place.url}"
    limits = generator.limits()
    overhead = generator.count_tokens(compose(_QUESTION, (), fence="0" * 8))
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


def _code(error: EsragError) -> str:
    """Which fault an error speaks of."""
    if isinstance(error, PermissionDeniedError):
        return "generator-refused"
    if isinstance(error, BusyError):
        return "generator-busy" if error.status == 429 else "generator-unwell"
    if isinstance(error, FailedError) and error.status:
        return "generator-unwell"
    if isinstance(error, UnavailableError):
        return "generator-unreachable"
    return "generator-address"
