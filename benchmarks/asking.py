"""Asks a generator many things at once, and keeps what it said, so that a rerun goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from esrag.examples.teacher import Request, teacher_at
from esrag.generation.places import Place
from esrag.types import Message


def ask_all(
    prompts: Sequence[Sequence[Message]],
    *,
    url: str,
    model: str,
    folder: Path,
    max_tokens: int,
    concurrent: int,
) -> list[str]:
    """An answer to each prompt, in order; ``folder`` keeps them and belongs to one model."""
    place = Place(url, model=model, first_token_timeout=600.0, total_timeout=900.0)
    requests = [Request(tuple(prompt), max_tokens=max_tokens) for prompt in prompts]
    told = Console(stderr=True)
    with teacher_at(place, folder, concurrent=concurrent, tell=told.print) as asked:
        replies = track(
            asked.ask(requests), f"Asking {model}", len(requests), console=told, transient=True
        )
        return [reply.text for reply in replies]


def models_of(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """LABEL=NAME, or NAME alone, as (label, name)."""
    found = []
    for argument in arguments:
        label, _, name = argument.partition("=")
        found.append((label, name or label))
    if len({label for label, _ in found}) != len(found):
        raise click.UsageError("two models have the same label")
    return found
