"""``--adapter``: a registered adapter to answer with; to the generator it is a model's name."""

from __future__ import annotations

import click

from esrag.errors import EsragError, UsageError
from esrag.settings import Settings


def model_or_adapter(model: str | None, adapter: str | None) -> str | None:
    """What the generator is asked for; raises UsageError when both are named."""
    if model and adapter:
        raise UsageError(
            "--model and --adapter both name what the generator is asked for",
            hint="Give --adapter for a registered adapter, --model for anything else.",
        )
    return adapter or model


def require_adapter(settings: Settings, name: str) -> None:
    """Raise UsageError unless the adapter is registered and the generator may have it.

    What the generator does not tell is said on standard error: TGI answers with the base for a name
    that it does not know.  A generator that is down is left to the answering itself.
    """
    from esrag.adapters.registry import Registry
    from esrag.adapters.serving import standing
    from esrag.generation.generator import Generator
    from esrag.generator_place import messages_place

    Registry(settings.data_dir / "adapters").find(name)
    if settings.generator.protocol == "elasticsearch" or not settings.answer.generate:
        return
    try:
        with Generator(messages_place(settings)) as generator:
            there = standing(generator).has(name)
    except EsragError:
        return
    if there is False:
        raise UsageError(
            f"the generator at {settings.generator.url} does not have the adapter {name}",
            hint=f"Load it: esrag adapter load {name}",
        )
    if there is None:
        click.echo(
            f"The generator does not tell its adapters. To prove that it applies this one: "
            f"esrag adapter verify {name}",
            err=True,
        )
