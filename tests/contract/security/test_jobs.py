"""Every role can do its job: each command with its own key alone, and not one request refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elasticsearch import Elasticsearch
from fault_proxy import FaultProxy
from key_holders import holder, make_key

from esrag.roles import RoleName, role

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

# role, exit codes that are well, arguments; in the order of a set's life
BRIEFLY = (
    "setup --yes",
    "plan",
    "ingest {documents}",
    "ingest verify",
    "ask --quote leave",
    "teardown --yes",
)
JOBS: tuple[tuple[RoleName, tuple[int, ...], str], ...] = (
    ("setup", (0,), "setup --yes"),
    ("setup", (0,), "plan"),
    ("setup", (0,), "status"),
    ("ingest", (0,), "ingest {documents}"),
    ("ingest", (0,), "ingest --prune {documents}"),
    ("ingest", (0,), "ingest verify"),
    ("ingest", (0,), "forget --run none --yes"),
    ("setup", (0,), "dlq ls"),
    ("setup", (0,), "dlq retry --all"),
    ("app", (0,), "search leave"),
    ("app", (0,), "ask --quote leave"),
    ("app", (0,), "ask --retrieve-only leave"),
    ("eval", (0,), "ask --quote leave"),
    ("search", (0,), "search leave"),
    ("setup", (0, 4, 6, 7), "doctor --only cluster --only model --only objects --only documents"),
    ("setup", (0,), "reembed --force --yes"),
    ("setup", (0,), "reembed --prune --yes"),
    ("setup", (0,), "teardown --yes --with-documents {alias}"),
)

# asked once a run by whoever may; the tight role may not, and ingest goes by the answers alone
DONE_WITHOUT = "/_nodes/stats/indexing_pressure"


class Recorder(FaultProxy):
    """Forwards everything and remembers what was refused."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.forwarded = 0
        self.refused: list[str] = []

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        status, kept, answer = super()._forward(method, path, headers, body)
        self.forwarded += 1
        if status in (401, 403) and not path.startswith(DONE_WITHOUT):
            self.refused.append(f"{method} {path} {status}: {answer[:300]!r}")
        return status, kept, answer


@pytest.mark.parametrize(
    "whole",
    [pytest.param(False, id="briefly"), pytest.param(True, id="whole", marks=pytest.mark.long)],
)
def test_every_command_works_with_its_roles_key(
    stack: Stack, es: Elasticsearch, prefix: str, tmp_path: Path, whole: bool
) -> None:
    """From setup to teardown of one set, with the tight roles for that set alone."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "leave.md").write_text("# Leave\n\nParental leave is 20 weeks.\n")
    keys = {
        name: make_key(es, f"{prefix}-{name}", role(name, prefix).privileges)
        for name in {name for name, _, _ in JOBS}
    }
    with Recorder(stack.elasticsearch_url).running() as proxy:
        assert isinstance(proxy, Recorder)
        through = replace(stack, elasticsearch_url=proxy.url)
        for name, well, line in JOBS:
            if not (whole or line.startswith(BRIEFLY)):
                continue
            words = line.format(documents=documents, alias=f"esrag-docs-{prefix}").split()
            before = proxy.forwarded
            done = holder(through, keys[name]).esrag(*words, "--set", prefix)
            assert done.returncode in well, f"{name}: {line}: {done.stderr}{done.stdout}"
            assert proxy.refused == [], f"{name}: {line}"
            assert proxy.forwarded > before, f"{line} asked nobody"
    assert not es.indices.exists(index=f"esrag-docs-{prefix}")


def test_the_doctor_finds_nothing_missing_with_each_roles_key(
    stack: Stack, es: Elasticsearch, prefix: str
) -> None:
    """What the doctor wants of a key is what its role holds."""
    for name in ("setup", "ingest", "search", "app", "eval"):
        key = make_key(es, f"{prefix}-{name}", role(name, prefix).privileges)
        done = holder(stack, key).esrag(
            *("doctor", "--only", "credentials", "--role", name, "--set", prefix, "--json")
        )
        assert "lacks" not in done.stdout, f"{name}: {json.loads(done.stdout)}"
        assert done.returncode == 0, f"{name}: {done.stdout}"
