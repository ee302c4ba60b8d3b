"""The running stack: what it shows, whom it lets in, and where it listens."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch


def test_every_member_runs(stack: Stack) -> None:
    """The exit code agrees with the table."""
    answer = stack.esrag("local", "status", "--json")
    found = {one["name"]: one["condition"] for one in json.loads(answer.stdout)}
    assert answer.returncode == 0
    assert found == {"elasticsearch": "running", "mlnode": "running", "tgi": "running"}


def test_all_servers_listen_on_loopback_only(stack: Stack) -> None:
    """Nobody on the network can reach them."""
    members = json.loads(stack.esrag("local", "status", "--json").stdout)
    listening = {
        connection.laddr.ip
        for one in members
        for pid in one["pids"].values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert listening


def test_strangers_are_refused(stack: Stack) -> None:
    """Security is on: the answer is the server's own."""
    answer = httpx.get(f"{stack.elasticsearch_url}/_cluster/health", trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "security_exception"


def test_api_keys_work(stack: Stack, es: Elasticsearch, prefix: str) -> None:
    """A key authenticates, and is refused once it is revoked."""
    key = es.security.create_api_key(name=prefix)
    with_key = es.options(api_key=key["encoded"])
    assert with_key.security.authenticate()["authentication_type"] == "api_key"
    es.security.invalidate_api_key(ids=[key["id"]])
    address = f"{stack.elasticsearch_url}/_security/_authenticate"
    headers = {"Authorization": f"ApiKey {key['encoded']}"}
    assert httpx.get(address, headers=headers, trust_env=False).status_code == 401


def test_the_licence_is_a_trial(es: Elasticsearch) -> None:
    """It allows what a licensed cluster allows, for thirty days."""
    assert es.license.get()["license"]["type"] == "trial"


def test_elasticsearch_does_not_run_as_root(stack: Stack) -> None:
    """It would refuse to; its files belong to its own account."""
    members = json.loads(stack.esrag("local", "status", "--json").stdout)
    server = next(one for one in members if one["name"] == "elasticsearch")["pids"]["server"]
    assert psutil.Process(server).uids().effective != 0


def test_no_secret_is_on_a_command_line_or_readable_for_others(stack: Stack) -> None:
    """The password is in files of mode 0600 and in Elasticsearch's keystore."""
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if stack.password in line]
    for name in ("connection.json", "secrets.json", "stack.json"):
        mode = (stack.data_dir / "local" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("name", ["elasticsearch", "mlnode", "tgi"])
def test_each_member_has_a_log(stack: Stack, name: str) -> None:
    """The end of it goes to standard output."""
    answer = stack.esrag("local", "logs", name, "-n", "3")
    assert (answer.returncode, 1 <= len(answer.stdout.splitlines()) <= 3) == (0, True)
