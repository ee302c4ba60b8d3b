"""Documented requests to Elasticsearch, with their answers."""

from __future__ import annotations

import httpx
import pytest
from conformance_record import Tally


def test_who_answers(server: httpx.Client, tally: Tally) -> None:
    """Every client asks first."""
    answer = server.get("/")
    assert answer.json()["tagline"] == "You Know, for Search"
    tally.compared(1)


@pytest.mark.known_difference("no-painless")
def test_painless(server: httpx.Client, prefix: str) -> None:
    """A script of the default language."""
    body = {"script": {"lang": "painless", "source": "1"}}
    assert server.put(f"/_scripts/{prefix}", json=body).status_code == 200
