"""The flags of every command that answers, and the settings they lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from esrag.cli.adapter_choice import model_or_adapter, require_adapter
from esrag.cli.connection import connection_flags, settings_from
from esrag.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--generator-url",), {"metavar": "URL", "help": "Address of the generator."}),
    (("--model",), {"metavar": "NAME", "help": "Model or adapter of the generator."}),
    (
        ("--adapter",),
        {"metavar": "NAME", "help": "Registered adapter to answer with; see esrag adapter."},
    ),
    (("--quote",), {"is_flag": True, "help": "Do not generate; quote the passages."}),
    (
        ("--verify",),
        {
            "type": click.Choice(["remove", "mark", "off"]),
            "help": "What becomes of generated sentences that no passage supports.",
        },
    ),
    (
        ("--allow-degraded",),
        {"is_flag": True, "help": "Search by words alone when the model does not run."},
    ),
    (
        ("--show-context", "context"),
        {"is_flag": True, "help": "Show the passages whole, with the cited words marked."},
    ),
    (
        ("--why",),
        {"is_flag": True, "help": "Show how the answer came about: scores, prompt, verdicts."},
    ),
)


def answer_flags(command: Command) -> Command:
    """Add them, and those of the connection."""
    for names, how in reversed(_OPTIONS):
        command = click.option(*names, **how)(command)
    return connection_flags(command)


def settings_for(given: Mapping[str, Any]) -> Settings:
    """The settings with the flags of a command on top; what other flags mean is not looked at.

    Raises UsageError for an adapter that is not registered, or that the generator does not have.
    """
    model = model_or_adapter(given["model"], given["adapter"])
    generator = {"url": given["generator_url"], "model": model}
    answer = {"verify": given["verify"], "generate": False if given["quote"] else None}
    settings = settings_from(
        elasticsearch_url=given["elasticsearch_url"],
        set_name=given["set_name"],
        generator={name: value for name, value in generator.items() if value},
        answer={name: value for name, value in answer.items() if value is not None},
    )
    if given["adapter"]:
        require_adapter(settings, given["adapter"])
    return settings
