"""Which servers a run of the conformance tests is about: named by address, or the local stack."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest


class RunningStack(Protocol):
    """What is needed of the local stack."""

    elasticsearch_url: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class ElasticsearchAddress:
    """Where the Elasticsearch under test is, and how one logs in."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    ca_certs: str | None = None

    def raw_client(self) -> httpx.Client:
        """For requests as they go over the wire, with all rights."""
        headers = {"authorization": f"ApiKey {self.api_key}"} if self.api_key else {}
        return self._client(headers=headers, auth=self.login)

    def client_of(self, login: tuple[str, str] | None) -> httpx.Client:
        """The same for somebody else, or for nobody."""
        return self._client(auth=login)

    def _client(self, **options: Any) -> httpx.Client:
        trust = ssl.create_default_context(cafile=self.ca_certs) if self.ca_certs else True
        return httpx.Client(base_url=self.url, verify=trust, timeout=120, **options)

    def client_options(self) -> dict[str, Any]:
        """For ``elasticsearch.Elasticsearch``."""
        options: dict[str, Any] = {"hosts": self.url, "request_timeout": 60, "max_retries": 0}
        if self.api_key:
            options["api_key"] = self.api_key
        if self.login:
            options["basic_auth"] = self.login
        if self.ca_certs:
            options["ca_certs"] = self.ca_certs
        return options


def named_elasticsearch(config: pytest.Config) -> ElasticsearchAddress | None:
    """The Elasticsearch that the options name, if they name one."""
    url = config.getoption("--elasticsearch-url")
    if not url:
        return None
    user = config.getoption("--elasticsearch-user")
    return ElasticsearchAddress(
        url=_allowed(config, url),
        api_key=config.getoption("--elasticsearch-api-key"),
        login=(user, config.getoption("--elasticsearch-password") or "") if user else None,
        ca_certs=config.getoption("--elasticsearch-ca-certs"),
    )


def named_generator(config: pytest.Config) -> str | None:
    """The TGI server that the options name, if they name one."""
    url = config.getoption("--generator-url")
    return _allowed(config, url) if url else None


def elasticsearch_of(stack: RunningStack) -> ElasticsearchAddress:
    """The Elasticsearch of the local stack."""
    return ElasticsearchAddress(url=stack.elasticsearch_url, login=(stack.username, stack.password))


def _allowed(config: pytest.Config, url: str) -> str:
    host = urlsplit(url).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not config.getoption("--foreign-cluster"):
        raise pytest.UsageError(
            f"{url} is not on this machine, and the tests write there: "
            "add --foreign-cluster if that is meant"
        )
    return str(url)
