"""The gate: who gets in, under which name, from which page, how often and with how much."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from served import ScriptedService, app_of, client_of
from starlette.testclient import TestClient

from esrag.errors import UsageError
from esrag.server.callers import Door, cluster_credentials, door_for
from esrag.server.gate import is_loopback
from esrag.server.places import Rate
from esrag.server.problems import Problem

TOKEN = "a-token-that-nobody-guesses"
BEYOND = Door("shared-key", TOKEN, open_here=False)
OWN = Door("pass-through", open_here=False)
ASK = {"question": "When was it released?"}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path of the application."""
    for route in app.routes:
        path = getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            yield method, path.replace("{document_id:path}", "notes")


def all_routes() -> list[tuple[str, str]]:
    """Those of an application, with FastAPI's included ones."""
    app = app_of()
    listed = set(routes_of(app))
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            listed.add((method.upper(), path.replace("{document_id}", "notes")))
    return sorted(listed - {("HEAD", "/openapi.json")})


OPEN = {("GET", "/health"), ("GET", "/ready"), ("GET", "/v1/about")}


@pytest.mark.parametrize("door", [BEYOND, OWN], ids=["shared-key", "pass-through"])
@pytest.mark.parametrize(("method", "path"), all_routes())
def test_no_route_is_open_beyond_loopback(method: str, path: str, door: Door) -> None:
    """Without a login nothing is told but that there is a server, and which login it wants."""
    service = ScriptedService()
    found = client_of(service, door=door).request(method, path, json=ASK)
    if (method, path) in OPEN:
        assert found.status_code == 200
        told = {"status", "ready", "name", "version", "auth", "login", "authenticated"}
        assert set(found.json()) <= told
    else:
        assert found.status_code == 401
        assert found.json()["error"]["code"] == "login_required"
    assert service.asked == []
    assert service.queries == []


def test_the_sweep_knows_the_routes() -> None:
    """A sweep over nothing would prove nothing."""
    assert {path for _, path in all_routes()} >= {"/v1/ask", "/metrics", "/openapi.json"}


@pytest.mark.parametrize(
    "given", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"bearer{TOKEN}", "Bearer ä"]
)
def test_a_wrong_token_is_refused(given: str) -> None:
    """Whatever is wrong about it."""
    headers = {"authorization": given.encode()} if given else {}
    assert client_of(door=BEYOND).post("/v1/ask", json=ASK, headers=headers).status_code == 401


def test_the_token_opens() -> None:
    """For answers, figures and checks."""
    client = client_of(door=BEYOND)
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert client.post("/v1/ask", json=ASK, headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/ready", headers=headers).json()["checks"]
    assert client.get("/v1/about", headers=headers).json()["authenticated"] is True


def test_guessing_is_limited() -> None:
    """After 30 refused logins an address waits, also with the right token's neighbours."""
    client = client_of(door=BEYOND)
    wrong = {"authorization": "Bearer guess"}
    answers = [client.get("/v1/models", headers=wrong).status_code for _ in range(40)]
    assert answers[:30] == [401] * 30
    assert set(answers[30:]) == {429}


def test_credentials_are_handed_on() -> None:
    """A caller's own go to the cluster, in the form it wants; callers are told apart by a hash."""
    service = ScriptedService()
    client = client_of(service, door=OWN)
    for given in ("ApiKey aWQ6a2V5", "Basic dTpw"):
        client.post("/v1/ask", json=ASK, headers={"authorization": given})
    first, second = (caller for caller, _, _ in service.asked)
    assert (first.authorization, second.authorization) == ("ApiKey aWQ6a2V5", "Basic dTpw")
    assert first.key != second.key
    assert "aWQ6a2V5" not in repr(first)


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        ("ApiKey abc", "ApiKey abc"),
        ("apikey   abc", "ApiKey abc"),
        ("Basic dTpw", "Basic dTpw"),
        (f"Bearer {base64.b64encode(b'VuaCfGcBCdbkQm:ui2lp2axTNmsyak').decode()}", "ApiKey "),
        ("Bearer essu_abc", "ApiKey essu_abc"),
        ("Bearer dGVzdA==", "Bearer dGVzdA=="),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Bearer eyJ"),
    ],
)
def test_bearer_tokens_may_be_api_keys(given: str, handed_on: str) -> None:
    """OpenAI's clients know nothing else; real bearer tokens stay what they are."""
    assert cluster_credentials(given).startswith(handed_on)


@pytest.mark.parametrize("given", ["Digest x", "Basic", "ApiKey a b", "Bearer \x7f", "x" * 9_000])
def test_what_cannot_be_credentials_is_refused(given: str) -> None:
    """Before anything is sent."""
    with pytest.raises(Problem):
        cluster_credentials(given)


def test_a_login_can_be_tried() -> None:
    """``/v1/about`` asks the cluster who it is."""
    service = ScriptedService(users={"ApiKey good": "anna"})
    client = client_of(service, door=OWN)
    good = client.get("/v1/about", headers={"authorization": "ApiKey good"})
    assert (good.json()["caller"], good.json()["authenticated"]) == ("anna", True)
    bad = client.get("/v1/about", headers={"authorization": "ApiKey bad"})
    assert (bad.status_code, bad.json()["error"]["code"]) == (401, "login_refused")


def test_a_server_that_others_reach_needs_a_token() -> None:
    """It does not start without one, and not with one that can be guessed."""
    with pytest.raises(UsageError, match="login"):
        door_for("shared-key", None, "0.0.0.0", loopback=False)
    with pytest.raises(UsageError, match="16"):
        door_for("shared-key", "short", "127.0.0.1", loopback=True)
    assert door_for("pass-through", None, "0.0.0.0", loopback=False).login == "elasticsearch"
    assert door_for("shared-key", None, "127.0.0.1", loopback=True).login == "none"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("answers.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    """A name that is not known to be this machine's alone is not."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8600",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "user@127.0.0.1",
        "127.0.0.1:8600@evil.example",
        "[::1",
        "127.0.0.1, evil.example",
        "",
        "2130706433",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("path", ["/", "/v1/ask", "/metrics", "/openapi.json"])
def test_a_foreign_name_is_refused(host: str, path: str) -> None:
    """A page whose name was pointed at this machine reaches nothing, not even the page."""
    found = client_of().post(path, json=ASK, headers={"host": host})
    assert (found.status_code, found.json()["error"]["code"]) == (400, "bad_host")


def test_probes_may_call_by_any_name() -> None:
    """An orchestrator knows an address only, and nothing is told but that it lives."""
    client = client_of(door=BEYOND)
    for path in ("/health", "/ready"):
        found = client.get(path, headers={"host": "10.1.2.3:8600"})
        assert found.status_code == 200
        assert set(found.json()) <= {"status", "ready"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8600", "127.0.0.1:1", "[::1]:8600", "answers.example.org:443"]
)
def test_own_names_are_known(host: str) -> None:
    """Those of loopback and of the settings, on any port."""
    client = client_of(hosts=("Answers.Example.org",))
    assert client.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://testserver.evil.example", "http://testserver:81", "x"],
)
def test_a_foreign_page_is_refused(origin: str) -> None:
    """Whatever it sends, and its preflight."""
    service = ScriptedService()
    client = client_of(service)
    for method in ("POST", "OPTIONS"):
        found = client.request(method, "/v1/ask", json=ASK, headers={"origin": origin})
        assert (found.status_code, found.json()["error"]["code"]) == (403, "bad_origin")
        assert "access-control-allow-origin" not in found.headers
    assert service.asked == []


def test_a_request_across_sites_without_origin_is_refused() -> None:
    """As a script element of another page sends it."""
    crossing = {"sec-fetch-site": "cross-site"}
    assert client_of().get("/v1/documents/notes", headers=crossing).status_code == 403
    assert client_of().get("/metrics", headers=crossing).status_code == 403


def test_the_own_page_may_call() -> None:
    """Its origin is the host it was loaded from."""
    for origin in ("http://testserver", "https://testserver"):
        found = client_of().post("/v1/ask", json=ASK, headers={"origin": origin})
        assert found.status_code == 200


def test_an_allowed_page_may_call() -> None:
    """With a preflight, and without cookies."""
    origin = "https://intranet.example.org"
    client = client_of(origins=(origin,))
    before = client.options("/v1/ask", headers={"origin": origin})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, origin)
    assert "access-control-allow-credentials" not in before.headers
    found = client.post("/v1/ask", json=ASK, headers={"origin": origin})
    assert found.headers["access-control-allow-origin"] == origin
    assert found.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/v1/ask", "/nothing", "/v1/models", "/openapi.json", "/metrics"])
def test_every_answer_is_guarded(path: str) -> None:
    """By headers, whatever its status."""
    found = client_of().get(path)
    assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
    assert "unsafe" not in found.headers["content-security-policy"]
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "no-referrer"
    assert found.headers["x-request-id"]
    assert "set-cookie" not in found.headers
    assert "server" not in found.headers


def test_a_large_body_is_refused() -> None:
    """By its announced length, and by what arrives."""
    client = client_of(most_bytes=1_000)
    told = client.post("/v1/ask", content=b"x" * 1_001)
    arriving = client.post("/v1/ask", content=iter([b"x" * 600, b"x" * 600]))
    assert [told.status_code, arriving.status_code] == [413, 413]


def test_one_caller_is_limited_and_others_are_not() -> None:
    """By login in pass-through mode."""
    client = client_of(door=OWN, requests=Rate(3))

    def ask(key: str) -> int:
        headers = {"authorization": f"ApiKey {key}"}
        found = client.post("/v1/ask", json=ASK, headers=headers)
        if found.status_code == 429:
            assert int(found.headers["retry-after"]) >= 1
            assert found.json()["error"]["code"] == "too_many_requests"
        return found.status_code

    assert [ask("one") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert ask("two") == 200


def test_the_schema_names_the_login() -> None:
    """As the mode wants it."""
    assert "securitySchemes" not in app_of().openapi()["components"]
    schemes = app_of(door=OWN).openapi()["components"]["securitySchemes"]
    assert set(schemes) == {"bearer", "basic", "apiKey"}


def test_figures_are_counted_by_route() -> None:
    """Paths that callers make up have no line of their own, and neither has a question."""
    client = client_of()
    client.post("/v1/ask", json={"question": "a secret question", "stream": True})
    for number in range(5):
        client.get(f"/made/up/{number}")
        client.get(f"/v1/documents/id-{number}")
    text = client.get("/metrics").text
    assert 'esrag_http_requests_total{method="POST",route="/v1/ask",status="200"} 1.0' in text
    assert 'esrag_http_streams_total{end="answer"} 1.0' in text
    assert "made" not in text
    assert "id-3" not in text
    assert "secret" not in text


def test_methods_are_those_of_the_route() -> None:
    """Others are refused in the same form."""
    client = TestClient(app_of(), raise_server_exceptions=False)
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "FOO"):
        found = client.request(method, "/v1/ask")
        assert (found.status_code, found.json()["error"]["code"]) == (405, "method_not_allowed")
