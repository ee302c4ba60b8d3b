"""Keys on a real server: made by a login with the role security, tried, replaced, kept quiet."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elasticsearch import AuthenticationException, Elasticsearch

from esrag.roles import role

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

PASSWORD = "a-long-password"


def login(stack: Stack, es: Elasticsearch, name: str, roles: list[str]) -> Stack:
    """The stack as a new user sees it."""
    es.security.put_user(username=name, password=PASSWORD, roles=roles)
    account = {
        "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
        "ESRAG_ELASTICSEARCH_USERNAME": name,
        "ESRAG_ELASTICSEARCH_PASSWORD": PASSWORD,
    }
    return replace(stack, environment={**stack.environment, **account})


def key_client(stack: Stack, file: Path) -> Elasticsearch:
    """A client with the key in a file."""
    return Elasticsearch(stack.elasticsearch_url, api_key=file.read_text().strip(), max_retries=0)


@pytest.fixture
def maker(stack: Stack, es: Elasticsearch, prefix: str) -> Stack:
    """Somebody with the tight role security on the test's own set, and nothing else."""
    name = f"{prefix}-maker"
    es.security.put_role(name=name, body=role("security", prefix).body())
    return login(stack, es, name, [name])


@pytest.fixture
def index(es: Elasticsearch, prefix: str) -> str:
    """An index of the set with one document, behind its alias."""
    name = f"esrag-docs-{prefix}-000001"
    es.indices.create(index=name, aliases={f"esrag-docs-{prefix}": {}})
    es.index(index=name, id="1", document={"text": "one", "tenant": "acme"}, refresh=True)
    es.index(index=name, id="2", document={"text": "two", "tenant": "other"}, refresh=True)
    return name


def test_a_key_is_made_replaced_audited_and_withdrawn(
    maker: Stack, es: Elasticsearch, prefix: str, index: str, tmp_path: Path
) -> None:
    """The whole life of a key, with the rights of the role security alone."""
    file = tmp_path / "app.key"
    made = maker.esrag("keys", "create", "--role", "app", "--set", prefix, "--out", str(file))
    assert made.returncode == 0, made.stderr
    with key_client(maker, file) as first:
        assert first.search(index=f"esrag-docs-{prefix}")["hits"]["total"]["value"] == 2
        assert maker.esrag("keys", "audit", "--set", prefix).returncode == 0
        turned = maker.esrag("keys", "rotate", "--out", str(file), "--json")
        assert turned.returncode == 0, turned.stderr
        with pytest.raises(AuthenticationException):
            first.search(index=f"esrag-docs-{prefix}")
    listed = json.loads(maker.esrag("keys", "list", "--set", prefix, "--json").stdout)
    assert [key["id"] for key in listed] == [json.loads(turned.stdout)["id"]]
    assert maker.esrag("keys", "revoke", listed[0]["id"], "--yes").returncode == 0
    with key_client(maker, file) as second, pytest.raises(AuthenticationException):
        second.search(index=f"esrag-docs-{prefix}")


def test_a_weaker_maker_makes_no_key(
    stack: Stack, es: Elasticsearch, prefix: str, tmp_path: Path
) -> None:
    """The server would make it, and cut it; esrag deletes it and names what is missing."""
    lacking = "cluster:monitor/xpack/ml/inference/infer"
    body = role("security", prefix).body()
    body["cluster"].remove(lacking)
    es.security.put_role(name=f"{prefix}-weak", body=body)
    weak = login(stack, es, f"{prefix}-weak", [f"{prefix}-weak"])
    arguments = ("keys", "create", "--role", "app", "--set", prefix, "--out", f"{tmp_path}/k")
    done = weak.esrag(*arguments)
    assert done.returncode == 5, done.stderr
    assert lacking in done.stderr
    assert f"{prefix}-weak" in done.stderr
    assert not (tmp_path / "k").exists()
    assert json.loads(weak.esrag("keys", "list", "--json").stdout) == []


def test_the_audit_finds_what_was_changed_by_hand(
    maker: Stack, es: Elasticsearch, prefix: str
) -> None:
    """A key without an end and wider than its role, and one that only bears our name."""
    admin = replace(maker, environment={**maker.environment, **_admin(maker)})
    wide = {"cluster": ["monitor"], "indices": [{"names": ["*"], "privileges": ["read"]}]}
    metadata = {"managed_by": "esrag", "role": "app", "set": prefix, "version": "0"}
    names = [f"esrag-app-{prefix}", f"esrag-{prefix}-other"]
    es.security.create_api_key(name=names[0], role_descriptors={"r": wide}, metadata=metadata)
    es.security.create_api_key(name=names[1], role_descriptors={"r": wide})
    done = admin.esrag("keys", "audit", "--json")
    found = {(f["name"], f["problem"]) for f in json.loads(done.stdout)}
    assert done.returncode == 2
    assert {
        (names[0], "no expiry"),
        (names[0], "wider than its role"),
        (names[0], "weaker than its role"),
        (names[1], "unknown"),
    } <= found


def test_questions_go_on_while_a_key_is_replaced(
    maker: Stack, prefix: str, index: str, tmp_path: Path
) -> None:
    """With grace, whoever read the old secret and whoever reads the file are both served."""
    file = tmp_path / "app.key"
    assert (
        maker.esrag(
            "keys", "create", "--role", "app", "--set", prefix, "--out", str(file)
        ).returncode
        == 0
    )
    failures: list[str] = []
    done = threading.Event()

    def ask(*, anew: bool) -> None:
        client = key_client(maker, file)
        while not done.is_set():
            try:
                if anew:
                    client.close()
                    client = key_client(maker, file)
                client.search(index=f"esrag-docs-{prefix}", size=1)
            except Exception as error:  # noqa: BLE001
                failures.append(repr(error))
            time.sleep(0.02)
        client.close()

    askers = [threading.Thread(target=ask, kwargs={"anew": anew}) for anew in (False, True)]
    for asker in askers:
        asker.start()
    try:
        turned = maker.esrag("keys", "rotate", "--out", str(file), "--grace", "10m")
    finally:
        done.set()
        for asker in askers:
            asker.join()
    assert turned.returncode == 0, turned.stderr
    assert failures == []


def test_a_filtered_key_sees_its_tenants_documents_alone(
    maker: Stack, prefix: str, index: str, tmp_path: Path
) -> None:
    """Where the licence enforces it; through the alias as well as by the index."""
    file = tmp_path / "acme.key"
    arguments = ("keys", "create", "--role", "app", "--set", prefix, "--out", str(file))
    made = maker.esrag(*arguments, "--filter", '{"term": {"tenant": "acme"}}')
    assert made.returncode == 0, made.stderr
    with key_client(maker, file) as client:
        for name in (f"esrag-docs-{prefix}", index):
            hits = client.search(index=name)["hits"]["hits"]
            assert [hit["_id"] for hit in hits] == ["1"]


def test_on_basic_a_filter_is_refused(
    basic_stack: Stack, basic_es: Elasticsearch, basic_prefix: str, tmp_path: Path
) -> None:
    """Such a key could be made and never used: exit code 6, and the way that works."""
    basic_es.indices.create(index=f"esrag-docs-{basic_prefix}-000001")
    file = tmp_path / "acme.key"
    arguments = ("keys", "create", "--role", "app", "--set", basic_prefix, "--out", str(file))
    done = basic_stack.esrag(*arguments, "--filter", '{"term": {"tenant": "acme"}}')
    assert done.returncode == 6, done.stderr
    assert "a document set of its own" in done.stderr
    assert not file.exists()
    done = basic_stack.esrag(*arguments)
    assert done.returncode == 0, done.stderr


def test_a_key_makes_no_keys(maker: Stack, prefix: str, tmp_path: Path) -> None:
    """Said before anything is tried."""
    file = tmp_path / "app.key"
    arguments = ("keys", "create", "--role", "app", "--set", prefix, "--out")
    assert maker.esrag(*arguments, str(file)).returncode == 0
    named = {k: v for k, v in maker.environment.items() if not k.endswith(("NAME", "PASSWORD"))}
    by_key = replace(maker, environment={**named, "ESRAG_ELASTICSEARCH_API_KEY_FILE": str(file)})
    done = by_key.esrag(*arguments, f"{tmp_path}/other")
    assert done.returncode == 5
    assert "an API key cannot make keys" in done.stderr


def test_the_secret_is_nowhere_but_in_its_file(
    maker: Stack, es: Elasticsearch, prefix: str, index: str, tmp_path: Path
) -> None:
    """Not on the screen, in no report, no error, no log of the server, and in no command line."""
    file = tmp_path / "app.key"
    seen: set[str] = set()
    running = subprocess.Popen(
        [
            *(sys.executable, "-c", "from esrag.cli import main; main()"),
            *("keys", "create", "--role", "app", "--set", prefix, "--out", str(file), "--json"),
        ],
        env=maker.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while running.poll() is None:
        seen |= command_lines()
    told = [running.communicate()[0]]
    secret = file.read_text().strip()
    by_key = {k: v for k, v in maker.environment.items() if not k.endswith(("NAME", "PASSWORD"))}
    holder = replace(maker, environment={**by_key, "ESRAG_ELASTICSEARCH_API_KEY_FILE": str(file)})
    for done in (
        maker.esrag("keys", "list", "--json"),
        maker.esrag("keys", "audit", "--json"),
        holder.esrag("search", "one", "--set", "nothing-there"),
        holder.esrag("doctor", "--only", "credentials", "--set", prefix, "--role", "app"),
        holder.esrag("plan", "--set", prefix),
    ):
        told += [done.stdout, done.stderr]
    logs = [
        path.read_text(errors="replace")
        for path in (maker.data_dir / "local" / "logs").glob("*.log")
    ]
    assert logs
    decoded = base64.b64decode(secret).decode().partition(":")[2]
    for text in (*told, *seen, *logs):
        assert secret not in text
        assert decoded not in text


def command_lines() -> set[str]:
    """What every process of this machine was started with."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.add((entry / "cmdline").read_text(errors="replace").replace("\0", " "))
            except OSError:
                continue  # it has ended, or is not ours to look at
    return found


def _admin(stack: Stack) -> dict[str, str]:
    return {
        "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
        "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
    }
