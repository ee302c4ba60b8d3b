"""The fault matrix of ``esrag serve``: cluster, generator and credentials, one test a row.

The application is the command's own, on the session's document set; what its process does is in
``test_serve_process``, what streams do in ``test_serve_streams``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from asking_desk import FACT, QUESTION, Desk, environment, without_model
from fake_generator import FakeGenerator, Script
from fault_proxy import FaultProxy
from served import events_in
from starlette.testclient import TestClient
from tls_servers import tls_server

from esrag.cli.serve import application_from, rules_from
from esrag.roles import role
from esrag.settings import load_settings

ASK = {"question": QUESTION}
SEARCH = ("_search", "_render")
EMBED = "_infer"


@contextmanager
def served(desk: Desk, **more: str) -> Iterator[TestClient]:
    """A client of the command's application, under the desk's settings and others."""
    with environment({**desk.environment, **more}):
        settings = load_settings()
    with (
        application_from(settings, rules_from(settings)) as app,
        TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client,
    ):
        yield client


@pytest.fixture
def desk(asking_set: Desk, fake: FakeGenerator) -> Desk:
    """The set, asked with the scripted generator."""
    return asking_set.with_environment(ESRAG_GENERATOR_URL=fake.url)


def always(fault: str, *parts: str) -> Callable[[str], str]:
    """This fault for every request whose path holds one of the parts."""
    return lambda request: fault if any(part in request for part in parts) else ""


def first(fault: str, *parts: str) -> Callable[[str], str]:
    """This fault for the first such request."""
    left = [fault]

    def choose(request: str) -> str:
        return left.pop() if left and any(part in request for part in parts) else ""

    return choose


def outcome(client: TestClient, **more: Any) -> tuple[int, str]:
    """Status and code of a question; the same with a stream, which must not have begun."""
    whole = client.post("/v1/ask", json=ASK, **more)
    streamed = client.post("/v1/ask", json={**ASK, "stream": True}, **more)
    assert streamed.status_code == whole.status_code
    assert "Traceback" not in whole.text + streamed.text
    return whole.status_code, whole.json().get("error", {}).get("code", "")


def test_a_cluster_that_is_down_is_waited_for(desk: Desk, proxy: FaultProxy) -> None:
    """The server starts, is not ready, answers with 503, and recovers by itself."""
    proxy.fault_at = always("gone", "/")
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert "cannot be reached" in ready.json()["checks"][0]["message"]
        assert client.get("/health").status_code == 200
        assert client.post("/v1/ask", json=ASK).status_code == 503
        proxy.fault_at = lambda request: ""
        found = client.post("/v1/ask", json=ASK)
        assert found.json()["answer"] == FACT
        client.app.state.checks._until = 0.0  # type: ignore[attr-defined]  # looked at again
        assert client.get("/ready").json()["ready"] is True


@pytest.mark.parametrize("fault", ["gone", "lose", "cut", "429"])
def test_a_spoiled_answer_of_the_cluster_is_asked_for_again_by_the_server(
    desk: Desk, proxy: FaultProxy, fault: str
) -> None:
    """Whoever asked does not notice."""
    proxy.fault_at = first(fault, *SEARCH)
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        assert client.post("/v1/ask", json=ASK).json()["answer"] == FACT


def test_a_cluster_that_stays_busy_says_when_to_come_back(desk: Desk, proxy: FaultProxy) -> None:
    """429 with Retry-After, as the cluster said it."""
    proxy.fault_at = always("429", *SEARCH)
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        found = client.post("/v1/ask", json=ASK)
        assert (found.status_code, found.json()["error"]["code"]) == (429, "busy")
        assert int(found.headers["retry-after"]) >= 1


def test_a_cluster_that_goes_after_the_search_ends_the_stream(
    desk: Desk, proxy: FaultProxy
) -> None:
    """The sources are out by then; the error event follows."""
    proxy.fault_at = always("gone", EMBED)
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        found = client.post("/v1/ask", json={**ASK, "stream": True})
        assert [name for name, _ in events_in(found.text)][-1] == "error"
        assert client.post("/v1/ask", json=ASK).status_code == 503


def test_a_search_that_is_never_answered_is_504(desk: Desk, proxy: FaultProxy) -> None:
    """At the deadline of the search."""
    proxy.fault_at = always("drop", *SEARCH)
    short = {"ESRAG_ELASTICSEARCH_REQUEST_TIMEOUT": "0.4"}
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url, **short) as client:
        found = client.post("/v1/ask", json=ASK)
        assert (found.status_code, found.json()["error"]["code"]) == (504, "too_slow")


def test_a_read_only_index_is_served(desk: Desk) -> None:
    """The disk's flood stage stops who writes, not who asks."""
    block = "index.blocks.read_only_allow_delete"
    desk.es.indices.put_settings(index=desk.names.alias, settings={block: True})
    try:
        with served(desk) as client:
            assert client.post("/v1/ask", json=ASK).json()["answer"] == FACT
    finally:
        desk.es.indices.put_settings(index=desk.names.alias, settings={block: None})


def test_a_model_that_does_not_run_is_503(desk: Desk) -> None:
    """Not ready, and the remedy is told to whoever runs the server."""
    with without_model(desk), served(desk) as client:
        assert outcome(client) == (503, "unavailable")
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert "esrag model deploy" in ready.json()["checks"][0]["hint"]


@pytest.mark.parametrize("status", [503, 500])
def test_without_a_generator_sources_and_quotes_are_served(
    desk: Desk, fake: FakeGenerator, status: int
) -> None:
    """The stream has the sources and ends with an error that carries the passages' own words."""
    fake.script = Script(status=status)
    with served(desk) as client:
        streamed = client.post("/v1/ask", json={**ASK, "stream": True})
        events = list(events_in(streamed.text))
        assert (events[0][0], events[-1][0]) == ("sources", "error")
        told = json.loads(events[-1][1])
        assert told["answer"]["kind"] == "quoted"
        assert FACT in told["answer"]["answer"]
        whole = client.post("/v1/ask", json=ASK)
        assert whole.status_code == 502
        assert whole.json()["answer"]["complete"] is False


def test_a_generator_that_never_begins_is_504(desk: Desk, fake: FakeGenerator) -> None:
    """After its deadline, with the passages' own words."""
    fake.script = Script(hold=True)
    with served(desk, ESRAG_GENERATOR_FIRST_TOKEN_TIMEOUT="0.4") as client:
        found = client.post("/v1/ask", json=ASK)
    assert (found.status_code, found.json()["error"]["code"]) == (504, "too_slow")
    assert FACT in found.json()["answer"]["answer"]


def test_a_generator_that_is_down_leaves_the_server_ready(desk: Desk) -> None:
    """Passages are quoted meanwhile; the check says what is missing."""
    with served(desk, ESRAG_GENERATOR_URL="http://127.0.0.1:9") as client:
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        checks = {check["name"]: check for check in ready.json()["checks"]}
        assert (checks["generator"]["ok"], checks["generator"]["needed"]) == (False, False)
        assert client.post("/v1/ask", json=ASK).status_code == 502


@pytest.mark.parametrize("fault", ["authority", "host name"])
def test_a_cluster_that_is_not_trusted_is_not_ready(desk: Desk, tmp_path: Path, fault: str) -> None:
    """Which of the reasons it is stands in the check; the expired one is as in ``ask``."""
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf = theirs.issue_cert("127.0.0.1") if fault == "authority" else ours.issue_cert("x.example")
    with (
        tls_server(leaf) as port,
        served(
            desk,
            ESRAG_ELASTICSEARCH_URL=f"https://127.0.0.1:{port}",
            ESRAG_ELASTICSEARCH_CA_CERTS=str(tmp_path / "ca.pem"),
        ) as client,
    ):
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert fault.split()[-1] in ready.json()["checks"][0]["message"]
        assert client.post("/v1/ask", json=ASK).status_code == 503


def test_a_revoked_key_of_the_server_is_503_and_an_alarm(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Callers cannot mend it; the log says it to whoever can."""
    key = desk.es.security.create_api_key(name=f"revoked-serve-{desk.names.alias}")
    desk.es.security.invalidate_api_key(ids=[key["id"]])
    with caplog.at_level(logging.ERROR), served(desk, **by_key(key["encoded"])) as client:
        assert outcome(client) == (503, "not_ready")
    assert "refused the credentials" in caplog.text
    assert key["encoded"] not in caplog.text


def test_a_key_of_the_server_without_the_rights_is_not_ready(desk: Desk) -> None:
    """The check says what was refused."""
    nothing = {"none": {"indices": [{"names": ["other-*"], "privileges": ["read"]}]}}
    key = desk.es.security.create_api_key(name=f"poor-{desk.names.alias}", role_descriptors=nothing)
    with served(desk, **by_key(key["encoded"])) as client:
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert "not allowed" in ready.json()["checks"][0]["message"]
        assert outcome(client) == (503, "not_ready")


def test_callers_credentials_are_judged_by_the_cluster(desk: Desk, fake: FakeGenerator) -> None:
    """A wrong key is 401, one without the rights 403, a good one answers; none is remembered."""
    nothing = {"none": {"indices": [{"names": ["other-*"], "privileges": ["read"]}]}}
    poor = desk.es.security.create_api_key(name="poor-caller", role_descriptors=nothing)
    login = (desk.environment["ESRAG_ELASTICSEARCH_USERNAME"], _password(desk))
    with served(desk, ESRAG_SERVE_AUTH="pass-through") as client:
        assert client.get("/ready").json()["ready"] is True
        assert outcome(client) == (401, "login_required")
        wrong = {"headers": {"authorization": "ApiKey d3Jvbmc6a2V5"}}
        assert outcome(client, **wrong) == (401, "login_refused")
        assert client.get("/v1/about", **wrong).status_code == 401
        allowed_nothing = {"headers": {"authorization": f"ApiKey {poor['encoded']}"}}
        assert outcome(client, **allowed_nothing) == (403, "not_allowed")
        assert fake.generations == []
        found = client.post("/v1/ask", json=ASK, auth=login)
        assert found.json()["answer"] == FACT
        assert outcome(client, **wrong) == (401, "login_refused")


def test_document_level_security_holds_on_every_route(desk: Desk, fake: FakeGenerator) -> None:
    """A caller whose key shows one document sees no other one, by whichever way he asks."""
    fake.says("The Tarn relay weighs 14 kg [1].")
    descriptor = role("app", desk.names.set).descriptor()
    for entry in next(iter(descriptor.values()))["indices"]:
        if any("docs" in name for name in entry["names"]):
            entry["query"] = {"term": {"document_id": "tarn"}}
    key = desk.es.security.create_api_key(name="tarn-only", role_descriptors=descriptor)
    headers = {"authorization": f"ApiKey {key['encoded']}"}
    chat = {"model": "esrag", "messages": [{"role": "user", "content": QUESTION}]}
    with served(desk, ESRAG_SERVE_AUTH="pass-through") as client:
        client.headers.update(headers)
        texts = [
            client.post("/v1/ask", json={**ASK, "passages": True}),
            client.post("/v1/ask", json={**ASK, "stream": True, "facets": True}),
            client.post("/v1/search", json={**ASK, "size": 50, "facets": True, "explain": True}),
            client.post("/v1/search", json={**ASK, "filters": {"document_id": ["marlow"]}}),
            client.post("/v1/chat/completions", json=chat),
        ]
        assert [one.status_code for one in texts] == [200] * 5
        assert client.get("/v1/documents/marlow").status_code == 404
        assert client.get("/v1/documents/tarn").status_code == 200
    assert not [one.text for one in texts if "7443" in one.text or "opened on 3 May" in one.text]
    assert "tarn" in texts[2].text
    assert not [one for one in fake.generations if "7443" in one.user]


def test_licences_are_made_up_for_or_told(desk: Desk, proxy: FaultProxy, tmp_path: Path) -> None:
    """Without machine learning this machine embeds; where it cannot, callers get 503."""
    proxy.fault_at = always("licence", EMBED, "_search/template")
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        assert client.post("/v1/ask", json=ASK).json()["answer"] == FACT
    elsewhere = {"ESRAG_ELASTICSEARCH_URL": proxy.url, "ESRAG_DATA_DIR": str(tmp_path)}
    with served(desk, **elsewhere) as client:
        found = client.post("/v1/ask", json=ASK)
        assert (found.status_code, found.json()["error"]["code"]) == (503, "not_ready")
        assert "licence" in found.json()["error"]["message"]


def test_another_product_is_not_ready(desk: Desk, proxy: FaultProxy) -> None:
    """And so is a cluster that is too old."""

    def no_product(headers: dict[str, str], body: bytes) -> bytes:
        headers.pop("X-elastic-product", None)
        return body

    proxy.alter = no_product
    with served(desk, ESRAG_ELASTICSEARCH_URL=proxy.url) as client:
        assert outcome(client) == (503, "not_ready")
        assert "not Elasticsearch" in client.get("/ready").text


def test_a_set_that_was_not_set_up_is_not_ready(desk: Desk) -> None:
    """The remedy is told."""
    with served(desk, ESRAG_INDEX_SET="never-made") as client:
        assert "esrag setup" in client.get("/ready").text
        assert outcome(client) == (503, "not_ready")


def test_a_document_is_read_around_a_passage(desk: Desk) -> None:
    """Text and offsets are the document's."""
    with served(desk) as client:
        hit = client.post("/v1/search", json=ASK).json()["hits"][0]
        found = client.get(f"/v1/documents/{hit['document_id']}?position={hit['position']}").json()
        assert found["passages"][0]["text"].startswith(FACT)
        assert (found["more_before"], found["more_after"]) == (False, False)


def test_a_hostile_document_is_served_as_text(desk: Desk) -> None:
    """As JSON that no browser takes for a page."""
    with served(desk, ESRAG_SERVE_REQUESTS_PER_MINUTE="0") as client:
        found = client.post("/v1/search", json={"question": "pump pressure", "size": 50})
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.content.isascii()
    assert len(found.json()["hits"]) > 10


def _password(desk: Desk) -> str:
    return desk.environment["ESRAG_ELASTICSEARCH_PASSWORD"]


def by_key(encoded: str) -> dict[str, str]:
    """The environment of a server that comes with an API key instead of a login."""
    return {
        "ESRAG_ELASTICSEARCH_API_KEY": encoded,
        "ESRAG_ELASTICSEARCH_USERNAME": "",
        "ESRAG_ELASTICSEARCH_PASSWORD": "",
    }
