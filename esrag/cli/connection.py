"""What most commands share: the flags that name servers and set, and the client made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esrag.errors import PermissionDeniedError
from esrag.sections import ElasticsearchSettings
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


def connect_with(
    settings: Settings, *, connections: int = 10, anonymous: bool = False
) -> Elasticsearch:
    """The client that the settings describe; an ``anonymous`` one brings no credentials."""
    from esrag.cluster.client import connect

    server = settings.elasticsearch
    password = server.password.get_secret_value() if server.password else None
    return connect(
        server.url,
        api_key=None if anonymous else api_key_of(server),
        username=None if anonymous else server.username,
        password=None if anonymous else password,
        ca_certs=server.ca_certs,
        request_timeout=server.request_timeout,
        connections=connections,
    )


def api_key_of(server: ElasticsearchSettings) -> str | None:
    """The key itself, wherever the settings say that it is kept."""
    if server.api_key is not None:
        return server.api_key.get_secret_value()
    if server.api_key_file is not None:
        from esrag.keeping import read_file

        return read_file(server.api_key_file)
    if server.api_key_keyring is not None:
        from esrag.keeping import read_keyring

        found = read_keyring(server.api_key_keyring)
        if found is None:
            raise PermissionDeniedError(
                f"the keyring has no entry {server.api_key_keyring} of esrag",
                hint=f"Make one: esrag keys create --keyring {server.api_key_keyring}",
            )
        return found
    return None
