"""The inference endpoints that a document set should have, as bodies by name.  Pure.

    esrag-embedding-<set>            the deployment that embeds questions
    esrag-rerank-<set>               a cross-encoder, when one is given
    esrag-chat-<set>[_<adapter>]     the generator: base model, and each adapter
    esrag-completion-<set>[_…]       the same for a single prompt

The address is the one at which the cluster reaches the generator, which is not always ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from esrag.cluster.endpoints import Body, deployed_model_body, generator_body
from esrag.errors import UsageError
from esrag.names import Names

GeneratorTask = Literal["chat_completion", "completion"]

_PURPOSES: dict[GeneratorTask, str] = {"chat_completion": "chat", "completion": "completion"}


@dataclass(frozen=True, slots=True)
class EndpointChoices:
    """What the settings say about inference endpoints; no ``generator_url``, none to it."""

    generator_url: str = ""
    api_key: str = field(default="", repr=False)
    model: str = "tgi"
    adapters: tuple[str, ...] = ()
    tasks: tuple[GeneratorTask, ...] = ("chat_completion", "completion")
    rerank_model: str = ""


def endpoint_bodies(
    choices: EndpointChoices, names: Names, *, deployment_id: str
) -> dict[str, Body]:
    """All of them, those first that depend on nothing but the cluster.

    Raises UsageError when two adapters would have one name.
    """
    found = {names.endpoint("embedding"): deployed_model_body("text_embedding", deployment_id)}
    if choices.rerank_model:
        found[names.endpoint("rerank")] = deployed_model_body("rerank", choices.rerank_model)
    for name, body in _to_generator(choices, names):
        if name in found:
            raise UsageError(
                f"two adapters of endpoints.adapters would be called {name} in the cluster",
                hint="Give one of them another name where the generator is started.",
            )
        found[name] = body
    return found


def _to_generator(choices: EndpointChoices, names: Names) -> Iterator[tuple[str, Body]]:
    if not choices.generator_url:
        return
    for task in choices.tasks:
        for adapter in ("", *choices.adapters):
            yield (
                names.endpoint(_PURPOSES[task], adapter),
                generator_body(
                    task,
                    url=choices.generator_url,
                    model=adapter or choices.model,
                    api_key=choices.api_key,
                ),
            )
