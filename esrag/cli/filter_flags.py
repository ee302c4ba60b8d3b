"""The flags that narrow a question to some of the documents, for every command that asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from esrag.types import Filters

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    ("--source", "source", "SOURCE", "Only passages from this source; repeatable."),
    ("--document", "document_id", "ID", "Only passages of this document; repeatable."),
    ("--origin", "origin", "ORIGIN", "Only documents that came from there; repeatable."),
    ("--author", "author", "NAME", "Only documents of this author; repeatable."),
    ("--language", "language", "CODE", "Only documents in this language; repeatable."),
    ("--metadata", "metadata", "NAME=VALUE", "Only documents with this metadata; repeatable."),
    ("--acl", "acl", "NAME", "Only what all may read, or this group or person; repeatable."),
)
_DATES = (
    ("--since", "published_from", "Only documents published on this date or later."),
    ("--until", "published_to", "Only documents published on this date or before."),
    ("--modified-since", "modified_from", "Only documents changed on this date or later."),
    ("--modified-until", "modified_to", "Only documents changed on this date or before."),
)
NAMES = (*(name for _, name, _, _ in _OPTIONS), *(name for _, name, _ in _DATES))


def filter_flags(command: Command) -> Command:
    """Add the options; the command gets them as keyword arguments of the names in ``NAMES``."""
    for flag, name, words in reversed(_DATES):
        command = click.option(flag, name, metavar="DATE", default="", help=words)(command)
    for flag, name, metavar, words in reversed(_OPTIONS):
        command = click.option(flag, name, metavar=metavar, multiple=True, help=words)(command)
    return command


def filters_from(given: Mapping[str, Any]) -> Filters:
    """The filters in a command's keyword arguments; other arguments are not looked at."""
    values = {name: given[name] for name in NAMES}
    values["metadata"] = tuple(_pair(text) for text in values["metadata"])
    values["acl"] = values["acl"] or None
    return Filters(**values)


def taken(given: dict[str, Any]) -> Filters:
    """As ``filters_from``; the arguments that belong to filters are taken out of ``given``."""
    found = filters_from(given)
    for name in NAMES:
        del given[name]
    return found


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found and value):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--metadata")
    return name, value
