"""The OpenAPI document is true: whatever it allows or forbids, no request makes the server fail."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from served import app_of

from esrag.server.callers import Door

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
)
TOKEN = "a-token-that-nobody-guesses"
APP = app_of(door=Door("shared-key", TOKEN))
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
schema = schemathesis.openapi.from_asgi("/openapi.json", APP, headers=HEADERS)
QUIET = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
    "database": None,
}


def check(case: Case) -> None:
    """Send a made-up request and look at the answer."""
    answer = case.call_and_validate(checks=CHECKS, headers=HEADERS)
    assert answer.status_code < 500
    assert "Traceback" not in answer.text


@schema.parametrize()
@settings(max_examples=8, derandomize=True, **QUIET)
def test_no_request_makes_the_server_fail(case: Case) -> None:
    """A few of every route, by form and against it."""
    check(case)


@pytest.mark.long
@schema.parametrize()
@settings(max_examples=1_000, **QUIET)
def test_no_request_of_very_many_makes_the_server_fail(case: Case) -> None:
    """Many of every route."""
    check(case)
