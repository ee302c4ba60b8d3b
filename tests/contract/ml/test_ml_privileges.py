"""Who may do what: the bodies of 401 and 403 are the server's own."""

from __future__ import annotations

from typing import Any

import pytest
from ml_calls import CONFIG, Accounts, Caller

CALLS: list[tuple[str, str, dict[str, Any] | None, str, str]] = [
    (
        "PUT",
        "/_ml/trained_models/x",
        CONFIG,
        "cluster:admin/xpack/ml/inference/put",
        "manage_ml,manage,all",
    ),
    (
        "POST",
        "/_ml/trained_models/x/deployment/_start",
        None,
        "cluster:admin/xpack/ml/trained_models/deployment/start",
        "manage_inference,manage_ml,manage,all",
    ),
    (
        "GET",
        "/_ml/trained_models",
        None,
        "cluster:monitor/xpack/ml/inference/get",
        "monitor_ml,manage_ml,monitor,manage,all",
    ),
    (
        "POST",
        "/_ml/trained_models/x/_infer",
        {"docs": [{"text_field": "a"}]},
        "cluster:monitor/xpack/ml/inference/infer",
        "",
    ),
    (
        "PUT",
        "/_inference/completion/x",
        {"service": "hugging_face"},
        "cluster:admin/xpack/inference/put",
        "manage_inference,manage,all",
    ),
    (
        "POST",
        "/_inference/completion/x",
        {"input": "a"},
        "cluster:monitor/xpack/inference/post",
        "monitor_inference,manage_inference,monitor,manage,all",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "action", "granting"), CALLS)
def test_a_call_without_the_privilege_is_a_403(
    accounts: Accounts,
    prefix: str,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    action: str,
    granting: str,
) -> None:
    """The reason names the action, the user, the roles and what would grant it."""
    reply = accounts.user()(method, path, body)
    assert reply.status == 403
    name = f"{prefix}-user-0"
    start = f"action [{action}] is unauthorized for user [{name}] with effective roles [{name}]"
    assert reply.error[1] == "security_exception"
    assert reply.error[2].startswith(start)
    assert f"granted by the cluster privileges [{granting}" in reply.error[2]


@pytest.mark.parametrize(("method", "path", "body", "action", "granting"), CALLS)
def test_a_call_without_credentials_is_a_401(
    accounts: Accounts,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    action: str,
    granting: str,
) -> None:
    """Nobody gets as far as the action."""
    del action, granting
    reply = accounts.nobody()(method, path, body)
    assert reply.error[:2] == (401, "security_exception")
    assert reply.error[2].startswith("missing authentication credentials for REST request")


def test_small_privileges_suffice(accounts: Accounts, admin: Caller, deployed: str) -> None:
    """Reading models needs monitor_ml, inferring monitor_inference."""
    path = f"/_ml/trained_models/{deployed}"
    body = {"docs": [{"text_field": "a"}]}
    watcher = accounts.user(cluster=["monitor_ml"])
    assert watcher.ok("GET", path)["count"] == 1
    assert watcher.ok("GET", f"{path}/_stats")["count"] == 1
    assert watcher("DELETE", path).status == 403
    assert accounts.user(cluster=["monitor_inference"])("GET", "/_inference").status == 200
    assert admin.ok("POST", f"{path}/_infer", body)
