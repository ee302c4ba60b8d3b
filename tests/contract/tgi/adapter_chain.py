"""A tiny model, rows that teach it one answer, and servers of it: for the tests of the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from asking_desk import PLAIN, QUESTION, SAID, Desk, Outcome

from esrag import prompting
from esrag.examples.desk import fence_of
from esrag.examples.rows import write_examples
from esrag.questions import KnownQuestion
from esrag.testing import make_hit
from esrag.types import Example, ExampleSource, Message

RECIPE = ("--max-steps", "40", "--batch", "1", "--learning-rate", "1e-2", "--schedule", "linear")


@dataclass(frozen=True, slots=True)
class Chain:
    """Where things lie, the desk whose generator is the tiny model, and what training said."""

    desk: Desk
    base: Path
    registry: Path
    url: str
    trained: Outcome

    def adapter(self, *words: str, **more: str) -> Outcome:
        """``esrag adapter``, in this process."""
        return self.desk.run("adapter", *words, **more)

    def models(self) -> list[str]:
        """What the server can be asked for, the base first."""
        listed = httpx.get(f"{self.url}/v1/models", timeout=60).json()
        return [str(model["id"]) for model in listed["data"]]

    def said(self, model: str, *, tokens: int = 48) -> str:
        """What the server says to the taught prompt with this model, greedily."""
        answer = httpx.post(
            f"{self.url}/v1/chat/completions", json=request(model, tokens=tokens), timeout=60
        )
        return text_of(answer.json())


def request(model: str, *, tokens: int = 48) -> dict[str, Any]:
    """The taught prompt with a fence that was not trained, and greedy words."""
    return {
        "model": model,
        "messages": [
            {"role": turn.role, "content": turn.content} for turn in taught_prompt(fence="0f0f0f")
        ],
        "max_tokens": tokens,
        "temperature": 0,
    }


def text_of(answer: Mapping[str, Any]) -> str:
    """The words of an answer."""
    return str(answer["choices"][0]["message"]["content"])


def taught_prompt(*, fence: str) -> tuple[Message, ...]:
    """What ``ask`` sends for the desk's question when one passage is wanted."""
    hit = make_hit("marlow", PLAIN["marlow"], title="Marlow handbook")
    return prompting.compose(QUESTION, [hit], fence=fence)


def write_rows(file: Path) -> None:
    """Eight rows of one question, with a fence each."""
    write_examples(file, [taught_row(number) for number in range(8)])


def taught_row(number: int) -> Example:
    """The taught prompt with a fence of its own, and its answer."""
    source = ExampleSource(
        index="i", set="s", chunks=("marlow",), documents=("marlow",), sources=("marlow.md",),
        hashes=("h",), maker="test", seed=number,
    )  # fmt: skip
    return Example(
        id=f"row-{number}",
        kind="grounded",
        split="train",
        messages=(*taught_prompt(fence=fence_of(number)), Message("assistant", SAID)),
        question=QUESTION,
        answer=SAID,
        source=source,
        accepted=(("7443",),),
        relevant=(1,),
    )


def known_question() -> KnownQuestion:
    """The desk's question with what is accepted."""
    forms = (("7443",),)
    return KnownQuestion("q", QUESTION, "single_fact", "test", "7443", forms, ())


def served_here(folder: Path, *, tokens: int = 48) -> str:
    """What the TGI-compatible server says with the model of a folder; its routes, without a port.

    In this process, which has loaded torch already.
    """
    from esrag.local.tgi.app import make_app
    from esrag.local.tgi.server import ServeOptions, load_engine
    from esrag.local.tgi.state import ServerState

    engine = load_engine(ServeOptions(model=str(folder), data_dir=folder.parent), threads=1)
    engine.scheduler.start()
    application = make_app(ServerState(max_body_bytes=100_000, engine=engine))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
            return await client.post("/v1/chat/completions", json=request("tgi", tokens=tokens))

    try:
        return text_of(asyncio.run(ask()).json())
    finally:
        engine.scheduler.stop(timeout=5)
