"""An endpoint's side of adapters: loading by name while it runs, and the lines to start it with.

vLLM's routes (``/v1/load_lora_adapter``, ``/v1/unload_lora_adapter``; esrag's server has them too)
load while the server runs; TGI loads at its start only.  The endpoint is told a path: it has to see
the registry's folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from esrag.adapters.probes import Probe
from esrag.adapters.registry import Adapter
from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.generation.generator import Generator
from esrag.generation.refusals import error_text
from esrag.model_files import AdapterFacts

_LOAD = "/v1/load_lora_adapter"
_UNLOAD = "/v1/unload_lora_adapter"
# a large adapter onto a large model takes longer than any answer of a server about itself
_SECONDS = 180.0
Loading = Literal["loaded", "reloaded", "at start only"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What an endpoint says of adapters: the models it lists, and whether it loads at run time."""

    models: tuple[str, ...]
    loads: bool

    def has(self, name: str) -> bool | None:
        """Whether it has this adapter; None when it does not tell, as TGI."""
        if name in self.models:
            return True
        return False if self.loads else None


def standing(generator: Generator) -> Standing:
    """Ask the endpoint; raises UnavailableError when nobody is there."""
    status, listed = generator.call("GET", "/v1/models")
    data = listed.get("data") if status == 200 and isinstance(listed, dict) else None
    names = [str(one.get("id")) for one in data or () if isinstance(one, dict)]
    # asked with the wrong method, a route that is there says 405
    status, _ = generator.call("GET", _LOAD)
    return Standing(tuple(names), loads=status == 405)


def load(generator: Generator, adapter: Adapter) -> Loading:
    """Have the endpoint load ``adapter`` under its name; one that it has of the name is replaced.

    Raises UnsupportedError with the endpoint's own reason when it refuses.
    """
    now = standing(generator)
    if not now.loads:
        return "at start only"
    there = adapter.name in now.models
    body: dict[str, object] = {
        "lora_name": adapter.name,
        "lora_path": str(adapter.folder.resolve()),
    }
    if there:
        body["load_inplace"] = True  # no moment in which the base would answer under its name
    status, answer = generator.call("POST", _LOAD, body, seconds=_SECONDS)
    if there and status == 400:  # a server that cannot do so at once
        unload(generator, adapter.name)
        status, answer = generator.call("POST", _LOAD, body, seconds=_SECONDS)
    if status != 200:
        raise UnsupportedError(
            f"the generator does not load the adapter {adapter.name}: {_words(answer) or status}",
            hint="It has to see the folder under the same path, and to be started with adapters "
            "allowed (vLLM: --enable-lora, a --max-lora-rank that suffices).",
        )
    if adapter.name not in standing(generator).models:
        raise UnavailableError(
            f"the generator says that it loaded {adapter.name}, and does not list it",
            hint="Look into its log.",
        )
    return "reloaded" if there else "loaded"


def unload(generator: Generator, name: str) -> bool:
    """Have the endpoint forget an adapter; False when it had none of the name, or cannot."""
    status, answer = generator.call("POST", _UNLOAD, {"lora_name": name}, seconds=_SECONDS)
    if status in (404, 405):
        return False
    if status != 200:
        raise UnsupportedError(
            f"the generator does not unload the adapter {name}: {_words(answer) or status}",
            hint="Start it again without the adapter.",
        )
    return True


def answer_of(generator: Generator, probe: Probe, model: str) -> str:
    """What the endpoint says to a probe with this model, greedily."""
    body = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in probe.messages],
        "max_tokens": probe.max_tokens,
        "temperature": 0,
        "stream": False,
    }
    status, answer = generator.call("POST", "/v1/chat/completions", body, seconds=_SECONDS)
    if status == 404:
        raise UsageError(
            f"the generator has no model {model}: {_words(answer)}",
            hint=f"Load it: esrag adapter load {model}",
        )
    try:
        return str(answer["choices"][0]["message"]["content"] or "")
    except (TypeError, KeyError, IndexError) as error:
        raise UnavailableError(
            f"the generator gave no answer to a probe ({status}): {_words(answer)}",
            hint="Is generator.url the address of a generator that speaks the messages API?",
        ) from error


def start_lines(adapters: Sequence[tuple[Adapter, AdapterFacts]]) -> dict[str, str]:
    """The line by which each kind of server has the adapters from its start.

    Left out are those that the kind of server would serve wrongly: neither TGI nor vLLM knows
    DoRA, and both scale every module alike.
    """
    plain = [(adapter, facts) for adapter, facts in adapters if not unserved(facts)]
    named = [f"{adapter.name}={adapter.folder.resolve()}" for adapter, _ in plain]
    if not named:
        return {}
    rank = max(facts.rank for _, facts in plain)
    # the sizes that vLLM has kernels for
    room = next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)
    return {
        "TGI": f"LORA_ADAPTERS={','.join(named)}",
        "vLLM": f"--enable-lora --max-lora-rank {room} --lora-modules {' '.join(named)}",
    }


def unserved(facts: AdapterFacts) -> str:
    """Why servers other than a merged model's cannot serve an adapter; "" when they can."""
    if facts.kind != "lora":
        return "a tuned prompt is no LoRA adapter"
    if facts.dora:
        return "it is a DoRA adapter: merge it"
    if len({round(shape.scale, 6) for shape in facts.modules.values()}) > 1:
        return "its modules have scales of their own, which TGI and vLLM do not apply: merge it"
    return ""


def _words(answer: object) -> str:
    return error_text(json.dumps(answer).encode()) if answer else ""
