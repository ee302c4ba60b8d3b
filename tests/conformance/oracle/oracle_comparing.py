"""Sends calls to the server under test and holds the answers against the oracle's opinions.

A known difference is a narrow exception with the name of its entry: a condition on one call, what
was expected and what came.  For each there is a test that fails when it is no longer needed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from oracle_calls import Call
from oracle_program import Opinion, Oracle

_AT_ONCE = 6
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: its status and its body, parsed where it is JSON."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """A call, what was expected and what came."""

    call: Call
    expected: Answer
    got: Answer

    @property
    def agrees(self) -> bool:
        """Whether status and body are the same."""
        return self.expected == self.got


Condition = Callable[[Compared], bool]
#: what the server answers to a call that it can read, from how the oracle shows it
Success = Callable[[Call, Any], Any]


@dataclass(slots=True)
class Verdict:
    """The outcome of many comparisons."""

    compared: int = 0
    accepted: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    unexplained: list[Compared] = field(default_factory=list)

    def __str__(self) -> str:
        """One example of each sort of difference, so that a page shows all of them."""
        sorts: dict[object, list[Compared]] = {}
        for one in self.unexplained:
            sorts.setdefault((_sort(one.expected), _sort(one.got)), []).append(one)
        shown = "\n".join(
            f"  {len(group)} like {group[0].call}\n"
            f"    expected {_text(group[0].expected)}\n    got      {_text(group[0].got)}"
            for group in sorted(sorts.values(), key=len, reverse=True)[:_SHOWN]
        )
        return f"{len(self.unexplained)} of {self.compared} differ, {len(sorts)} sorts:\n{shown}"


def _sort(answer: Answer) -> tuple[object, ...]:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    return answer.status, error.get("type") if isinstance(error, dict) else type(error)


def _text(answer: Answer) -> str:
    return f"{answer.status} {json.dumps(answer.body, ensure_ascii=False)[:900]}"


def acknowledged(call: Call, rendering: Any) -> Any:
    """The answer to most changes."""
    del call, rendering
    return {"acknowledged": True}


def send(client: httpx.Client, calls: Iterable[Call]) -> list[Answer]:
    """Send the calls over a few connections; answers come in the order of the calls."""

    def one(call: Call) -> Answer:
        headers = {"content-type": "application/json"} if call.body is not None else {}
        content = call.body.encode() if call.body is not None else None
        reply = client.request(call.method, call.uri, content=content, headers=headers)
        return Answer(reply.status_code, _body(reply))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, calls))


def _body(reply: httpx.Response) -> Any:
    media_type = reply.headers.get("content-type", "")
    if media_type.startswith("text/event-stream"):
        data = [line[6:] for line in reply.text.splitlines() if line.startswith("data: ")]
        return {"events": [text if text == "[DONE]" else json.loads(text) for text in data]}
    return reply.json() if "json" in media_type and reply.content else reply.text


def expected_answer(call: Call, opinion: Opinion, success: Success) -> Answer:
    """What the real server answers."""
    if opinion.status is not None:
        body = {"events": [opinion.body]} if opinion.events else opinion.body
        return Answer(opinion.status, body)
    return Answer(200, success(call, opinion.rendering))


def compare(
    client: httpx.Client,
    oracle: Oracle,
    calls: list[Call],
    *,
    success: Success = acknowledged,
    view: Callable[[Call, Answer], Answer] = lambda _, answer: answer,
    known: dict[str, Condition] | None = None,
) -> Verdict:
    """Ask both sides about every call; ``view`` leaves out what is the server's own."""
    verdict = Verdict()
    opinions = oracle.opinions(calls)
    for call, opinion, answer in zip(calls, opinions, send(client, calls), strict=True):
        expected = expected_answer(call, opinion, success)
        one = Compared(call, view(call, expected), view(call, answer))
        verdict.compared += 1
        verdict.accepted += opinion.accepted is not None
        if one.agrees:
            continue
        name = next((name for name, holds in (known or {}).items() if holds(one)), None)
        if name is None:
            verdict.unexplained.append(one)
        else:
            verdict.differences[name] += 1
    return verdict
