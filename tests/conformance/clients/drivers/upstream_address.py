"""A plugin for the tests of others: what they send to localhost:9200 goes to the server under test.

``python -m pytest -p upstream_address``; the server is in ES_URL, the login in ES_API_KEY.  Their
tests name that address in many places and log in nowhere, and stay as they are.
"""

import dataclasses
import os
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import AsyncTransport, HttpHeaders, NodeConfig, Transport

SERVER = urlsplit(os.environ["ES_URL"])
LOGIN = {"authorization": f"ApiKey {os.environ['ES_API_KEY']}"}


def led(node: NodeConfig) -> NodeConfig:
    """The node that is meant."""
    if (node.scheme, node.host, node.port) != ("http", "localhost", 9200):
        return node
    headers = HttpHeaders(node.headers or {})
    headers.update(LOGIN)
    return dataclasses.replace(
        node,
        scheme=SERVER.scheme,
        host=SERVER.hostname or "",
        port=SERVER.port or 443,
        headers=headers,
    )


def lead(transport: type[Transport]) -> None:
    """Let a transport's nodes be the ones that are meant."""
    made = transport.__init__

    def make(self: Transport, node_configs: Any, *args: Any, **kwargs: Any) -> None:
        made(self, [led(node) for node in node_configs], *args, **kwargs)

    transport.__init__ = make  # type: ignore[method-assign]


lead(Transport)
lead(AsyncTransport)
