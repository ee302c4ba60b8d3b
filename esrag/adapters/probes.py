"""``probe.json``: what an adapter said to a few prompts at temperature 0 when its training ended.

    {"format": 1, "dtype": "float32", "probes": [{"messages": [{"role", "content"}, …],
      "max_tokens": 24, "answer": "…", "base_answer": "…", "margin": 2.5}, …]}

``answer`` is the text with the adapter, ``base_answer`` that of the same prompt without it.
``margin`` is by how many logits the token said led the next one where the choice was closest; older
records lack it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UnsupportedError
from esrag.model_files.reading import read_object, refuse
from esrag.types import Message

PROBES = "probe.json"
_MOST_TOKENS = 512
_MOST = 50
# bfloat16 keeps 8 bits: logits between 16 and 32 are rounded to eighths, and so is every layer
_NARROW = 1.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt, and what was said to it; empty texts where nothing was recorded."""

    messages: tuple[Message, ...]
    max_tokens: int
    answer: str = ""
    base_answer: str = ""
    margin: float = math.inf

    @property
    def is_narrow(self) -> bool:
        """Whether another rounding may have led to another answer."""
        return self.margin < _NARROW

    @property
    def question(self) -> str:
        """The last words of the user."""
        return self.messages[-1].content

    @property
    def is_recorded(self) -> bool:
        """Whether the training-time outputs are known."""
        return bool(self.answer or self.base_answer)


def read_probes(folder: Path) -> tuple[Probe, ...]:
    """The probes of an adapter, none when it has no file of them; UnsupportedError otherwise."""
    file = folder / PROBES
    if not file.exists():
        return ()
    content = read_object(file)
    if content.get("format") != 1:
        refuse(f"{file} has the format {content.get('format')!r}, not 1")
    try:
        probes = tuple(_probe(entry) for entry in content["probes"][:_MOST])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnsupportedError(f"{file} cannot be used: {error!r}") from error
    return probes


def probe_of(question: str, *, max_tokens: int = 32) -> Probe:
    """A probe without a record."""
    return Probe((Message("user", question),), max_tokens)


def _probe(entry: Mapping[str, Any]) -> Probe:
    messages = tuple(Message(turn["role"], str(turn["content"])) for turn in entry["messages"])
    tokens = int(entry["max_tokens"])
    if not messages or not 0 < tokens <= _MOST_TOKENS:
        raise ValueError("a probe without messages, or with too many tokens")
    margin = float(entry.get("margin", math.inf))
    return Probe(messages, tokens, str(entry["answer"]), str(entry["base_answer"]), margin)
