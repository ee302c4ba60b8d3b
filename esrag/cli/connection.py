"""What most commands share: the flags that name servers and set, and the client made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esrag.settings import Settings, load_settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Command = TypeVar("Command", bound=Callable[..., Any])


def connection_flags(command: Command) -> Command:
    """Add ``--elasticsearch-url`` and ``--set``; secrets come from settings, never from argv."""
    for option in (
        click.option("--set", "set_name", metavar="NAME", help="Document set to work on."),
        click.option("--elasticsearch-url", metavar="URL", help="Address of the cluster."),
    ):
        command = option(command)
    return command


def settings_from(
    *, elasticsearch_url: str | None = None, set_name: str | None = None, **sections: Any
) -> Settings:
    """Settings with these flags on top; ``sections`` are further sections as dicts."""
    if elasticsearch_url:
        sections["elasticsearch"] = {"url": elasticsearch_url, **sections.get("elasticsearch", {})}
    if set_name:
        sections["index"] = {"set": set_name, **sections.get("index", {})}
    return load_settings(**sections)


def connect_with(settings: Settings) -> Elasticsearch:
    """The client that the settings describe."""
    from esrag.cluster.client import connect

    server = settings.elasticsearch
    return connect(
        server.url,
        api_key=server.api_key.get_secret_value() if server.api_key else None,
        username=server.username,
        password=server.password.get_secret_value() if server.password else None,
        ca_certs=server.ca_certs,
        request_timeout=server.request_timeout,
    )
