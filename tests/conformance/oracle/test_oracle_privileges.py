"""x-pack-core's privileges, held against what users with one privilege each may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conformance_record import Tally
from oracle_calls import Call
from oracle_comparing import Answer, send
from oracle_program import Oracle
from oracle_rest_calls import rest_calls
from servers_under_test import ElasticsearchAddress

pytestmark = pytest.mark.suite("oracle", "x-pack-core's own classes, run beside the server")

PRIVILEGES = (
    "none", "monitor_ml", "manage_ml", "monitor_inference", "manage_inference", "monitor",
    "manage", "read_pipeline", "manage_ingest_pipelines", "manage_index_templates",
    "manage_own_api_key", "read_security",
)  # fmt: skip
_PASSWORD = "a-long-password"


@pytest.fixture(scope="module")
def users(
    elasticsearch_address: ElasticsearchAddress, server: httpx.Client, module_prefix: str
) -> Iterator[dict[str, httpx.Client]]:
    """A user for each privilege, who has that one and no other."""
    clients = {}
    for privilege in PRIVILEGES:
        name = f"{module_prefix}-{privilege.replace('_', '-')}"
        role = {"cluster": [privilege]}
        assert server.put(f"/_security/role/{name}", json=role).status_code == 200
        account = {"password": _PASSWORD, "roles": [name]}
        assert server.put(f"/_security/user/{name}", json=account).status_code == 200
        clients[name] = httpx.Client(
            base_url=elasticsearch_address.url, auth=(name, _PASSWORD), timeout=120
        )
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("privilege", PRIVILEGES)
def test_who_may_do_what(
    users: dict[str, httpx.Client],
    oracle: Oracle,
    module_prefix: str,
    tally: Tally,
    privilege: str,
) -> None:
    """Each REST call of the plugins is allowed, or refused with what would grant it."""
    user = f"{module_prefix}-{privilege.replace('_', '-')}"
    calls = rest_calls(f"{user}-x")
    lines = [
        {"id": "", "kind": "privilege", "args": {"call": call.kind, "held": [privilege]}}
        for call in calls
    ]
    problems = []
    for call, ruling, answer in zip(
        calls, oracle.ask(lines), send(users[user], calls), strict=True
    ):
        expected = None if ruling["allowed"] else _refusal(user, call, ruling)
        if _refused(answer) != expected:
            problems.append(f"{call}\n  expected {expected or 'no 403'}\n  got      {answer}")
    tally.compared(len(calls), "generated requests")
    if problems:
        pytest.fail(f"{len(problems)} of {len(calls)} differ:\n" + "\n".join(problems))


def _refusal(user: str, call: Call, ruling: dict[str, Any]) -> dict[str, Any]:
    """The whole answer, as the security plugin writes it around the names of the privileges."""
    indices = f" on indices [{call.path['model_id']}]" if ruling["names_indices"] else ""
    reason = (
        f"action [{ruling['action']}] is unauthorized for user [{user}] with effective roles"
        f" [{user}]{indices}, this action is granted by the {ruling['scope']} privileges"
        f" [{','.join(ruling['granting'])}]"
    )
    said = {"type": "security_exception", "reason": reason}
    return {"error": {"root_cause": [said], **said}, "status": 403}


def _refused(answer: Answer) -> Any:
    """The body of a 403; a stream says it in its first event."""
    if answer.status != 403:
        return None
    body = answer.body
    return body["events"][0] if isinstance(body, dict) and "events" in body else body


def test_the_calls_are_all_that_the_plugins_route(oracle: Oracle) -> None:
    """Every action has a name that the oracle knows."""
    lines = [
        {"id": "", "kind": "privilege", "args": {"call": kind, "held": ["all"]}}
        for kind in sorted({call.kind for call in rest_calls("x")})
    ]
    assert all(ruling["granting"] for ruling in oracle.ask(lines))
