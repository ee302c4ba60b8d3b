"""Two tenants in one document set: neither meets a word of the other's, whichever way is taken.

Every document of a tenant bears a word of its own in every field that holds text, and the
generator repeats all that it is given; so a leak anywhere shows in what comes back, or in a prompt.
The cluster's document-level security divides the set, or the filter ``acl`` where esrag's own key
sees all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from asking_desk import Desk, chunk, environment, open_desk
from elasticsearch import Elasticsearch, helpers
from fake_generator import FakeGenerator, Request
from starlette.testclient import TestClient
from tiny_bundles import tiny_bundle

from esrag.bundle import bundle_folder
from esrag.cli.serve import application_from, rules_from
from esrag.keeping import NewFile
from esrag.keys import create
from esrag.names import Names
from esrag.settings import load_settings

if TYPE_CHECKING:
    from conftest import Stack

QUESTION = "Which port does the gateway use?"
SECRETS = {"red": "quillfire", "blue": "brackenloch"}
OTHER = {"red": "blue", "blue": "red"}
EVERYBODYS = "Everybody's gateway uses port 1000."
KINDS = ("hybrid", "linear", "lexical", "semantic")


@dataclass(frozen=True, slots=True)
class Shared:
    """The set, and the key of each tenant."""

    desk: Desk
    keys: dict[str, str]

    def tenant(self, name: str, **more: str) -> Desk:
        """The desk with nothing but the tenant's key."""
        own = {"ESRAG_ELASTICSEARCH_API_KEY": self.keys[name], **more}
        logins = ("ESRAG_ELASTICSEARCH_USERNAME", "ESRAG_ELASTICSEARCH_PASSWORD")
        kept = {key: value for key, value in self.desk.environment.items() if key not in logins}
        return Desk(self.desk.es, self.desk.names, {**kept, **own})


def documents(set_name: str, tenant: str) -> Iterator[dict[str, Any]]:
    """Three documents of a tenant, each with a neighbour in the same document of the other."""
    secret = SECRETS[tenant]
    for number in range(3):
        one = chunk(
            set_name,
            f"{secret}-{number}",
            f"The gateway of {secret} uses port 7{number}43.",
            title=f"Gateways of {secret}",
            heading=f"Ports at {secret}",
            url=f"https://docs.example/{secret}/{number}",
            metadata={"team": secret},
        )
        yield one | {"acl": [tenant], "author": secret, "origin": f"file:///{secret}"}
    # one document, of which each tenant may read a part
    part = chunk(set_name, f"both-{tenant}", f"Ports, as {secret} keeps them: the gateway, 7000.")
    position = 0 if tenant == "red" else 1
    yield part | {"document_id": "both", "position": position, "acl": [tenant], "author": secret}


@pytest.fixture(scope="module")
def shared(
    stack: Stack,
    tmp_path_factory: pytest.TempPathFactory,
    remove_bearers: Callable[[Elasticsearch, str], None],
) -> Iterator[Shared]:
    """A set that two tenants share, and keys that see one half of it each."""
    name = f"tn{uuid4().hex[:8]}"
    root = tmp_path_factory.mktemp("tenants")
    with Elasticsearch(
        stack.elasticsearch_url,
        basic_auth=(stack.username, stack.password),
        request_timeout=60,
        max_retries=0,
    ) as es:
        try:
            folder = bundle_folder(root, name)
            desk = open_desk(es, stack, name, tiny_bundle(folder, name, dims=8, seed=1))
            alias = Names(name).alias
            found = [one for tenant in SECRETS for one in documents(name, tenant)]
            found.append(chunk(name, "everybody", EVERYBODYS))
            es.delete_by_query(index=alias, query={"match_all": {}}, refresh=True)
            helpers.bulk(es, ({"_index": alias, **one} for one in found), refresh=True)
            yield Shared(desk, {tenant: _key(es, name, tenant, root) for tenant in SECRETS})
        finally:
            remove_bearers(es, name)


def _key(es: Elasticsearch, set_name: str, tenant: str, root: Any) -> str:
    """A key of the role that answers questions."""
    query = {
        "bool": {
            "should": [
                {"term": {"acl": tenant}},
                {"bool": {"must_not": {"exists": {"field": "acl"}}}},
            ]
        }
    }
    path = root / f"{tenant}.key"
    create(es, "app", set_name, expires="1h", place=NewFile(path), query=query)
    return path.read_text().strip()


def repeated(asked: Request) -> str:
    """All that the generator was told, as a generator says it that obeys no rule."""
    return asked.user.replace("\n", " ")


@pytest.fixture
def repeating(fake: FakeGenerator) -> FakeGenerator:
    """A generator that gives away its prompt."""
    fake.says(repeated)
    return fake


@contextmanager
def served(desk: Desk) -> Iterator[TestClient]:
    """The command's application under the desk's settings."""
    with environment(desk.environment):
        settings = load_settings()
    with (
        application_from(settings, rules_from(settings)) as app,
        TestClient(app, base_url="http://127.0.0.1") as client,
    ):
        yield client


def all_ways(
    client: TestClient, tenant: str, headers: dict[str, str], acl: list[str] | None = None
) -> Iterator[str]:
    """What each way of asking brings; foreign names are asked for as well as own ones."""
    foreign = SECRETS[OTHER[tenant]]
    narrow: dict[str, Any] = {} if acl is None else {"acl": acl}
    for filters in ({}, {"document_id": [f"{foreign}-0"]}, {"author": [foreign]}):
        asked = {"question": QUESTION, "filters": {**filters, **narrow}}
        for more in (
            {"passages": True, "facets": True},
            {"stream": True, "facets": True},
            {"generate": False, "passages": True},
            {"history": [{"question": f"What of {foreign}?", "answer": "…"}]},
        ):
            found = client.post("/v1/ask", json={**asked, **more}, headers=headers)
            yield found.text.replace(f"What of {foreign}?", "")
        wishes = {"size": 50, "facets": True, "explain": True, "highlight": True}
        yield client.post("/v1/search", json={**asked, **wishes}, headers=headers).text
    around = {"position": 0, "before": 20, "after": 20, **narrow}
    for document in (f"{foreign}-0", "both"):
        yield client.get(f"/v1/documents/{document}", params=around, headers=headers).text
    for stream in (False, True):
        body = {
            "model": "esrag",
            "stream": stream,
            "messages": [{"role": "user", "content": QUESTION}],
        }
        if acl is None:  # OpenAI's shapes have no place for it
            yield client.post("/v1/chat/completions", json=body, headers=headers).text


def own_words(text: str, tenant: str) -> str:
    """``text`` without the filter and the address in which the tenant himself named the other."""
    foreign = SECRETS[OTHER[tenant]]
    for said in (f'["{foreign}-0"]', f'["{foreign}"]', f'"{foreign}-0"'):
        text = text.replace(said, "")
    return text


def prompts(fake: FakeGenerator) -> str:
    """All prompts that were sent."""
    return json.dumps([asked.messages for asked in fake.generations])


@pytest.mark.parametrize("tenant", SECRETS)
@pytest.mark.parametrize("kind", KINDS)
def test_nobody_meets_the_other_with_his_own_credentials(
    shared: Shared, repeating: FakeGenerator, tenant: str, kind: str
) -> None:
    """Every route, with every template, in pass-through mode."""
    desk = shared.desk.with_environment(
        ESRAG_GENERATOR_URL=repeating.url,
        ESRAG_SERVE_AUTH="pass-through",
        ESRAG_RETRIEVAL_TEMPLATE=kind,
        ESRAG_RETRIEVAL_NEIGHBOURS="1",
        ESRAG_ANSWER_VERIFY="off",
        ESRAG_ANSWER_REFUSE="false",
    )
    headers = {"authorization": f"ApiKey {shared.keys[tenant]}"}
    with served(desk) as client:
        texts = [own_words(text, tenant) for text in all_ways(client, tenant, headers)]
    assert any(SECRETS[tenant] in text for text in texts)
    assert [text for text in texts if SECRETS[OTHER[tenant]] in text] == []
    assert SECRETS[tenant] in prompts(repeating)
    assert SECRETS[OTHER[tenant]] not in prompts(repeating).replace(
        f"What of {SECRETS[OTHER[tenant]]}?", ""
    )


@pytest.mark.parametrize("tenant", SECRETS)
def test_nobody_meets_the_other_behind_the_filter(
    shared: Shared, repeating: FakeGenerator, tenant: str
) -> None:
    """With esrag's own key, which sees both, and ``acl`` on each request."""
    desk = shared.desk.with_environment(
        ESRAG_GENERATOR_URL=repeating.url, ESRAG_ANSWER_VERIFY="off", ESRAG_ANSWER_REFUSE="false"
    )
    with served(desk) as client:
        texts = [own_words(text, tenant) for text in all_ways(client, tenant, {}, [tenant])]
        unfiltered = client.post("/v1/search", json={"question": QUESTION, "size": 50}).text
    assert all(secret in unfiltered for secret in SECRETS.values())
    assert any(SECRETS[tenant] in text for text in texts)
    assert [text for text in texts if SECRETS[OTHER[tenant]] in text] == []


def test_nobody_meets_the_other_in_a_crowd(shared: Shared, repeating: FakeGenerator) -> None:
    """Both ask one server at the same time, many times: what it keeps is nobody's words."""
    desk = shared.desk.with_environment(
        ESRAG_GENERATOR_URL=repeating.url,
        ESRAG_SERVE_AUTH="pass-through",
        ESRAG_SERVE_REQUESTS_PER_MINUTE="0",
        ESRAG_ANSWER_VERIFY="off",
        ESRAG_ANSWER_REFUSE="false",
    )
    with served(desk) as client:

        def ask(number: int) -> tuple[str, str]:
            tenant = ("red", "blue")[number % 2]
            headers = {"authorization": f"ApiKey {shared.keys[tenant]}"}
            body = {"question": QUESTION, "passages": True, "facets": True}
            return tenant, client.post("/v1/ask", json=body, headers=headers).text

        with ThreadPoolExecutor(8) as crowd:
            found = list(crowd.map(ask, range(60)))
    assert all(SECRETS[tenant] in text for tenant, text in found)
    assert [text for tenant, text in found if SECRETS[OTHER[tenant]] in text] == []


@pytest.mark.parametrize("tenant", SECRETS)
def test_nobody_meets_the_other_at_the_terminal(
    shared: Shared, repeating: FakeGenerator, tenant: str
) -> None:
    """search, ask and chat with a tenant's key."""
    desk = shared.tenant(tenant, ESRAG_GENERATOR_URL=repeating.url, ESRAG_ANSWER_VERIFY="mark")
    told = [
        desk.run("ask", "--why", "--show-context", QUESTION),
        desk.run("ask", "--json", QUESTION),
        desk.run("ask", "--quote", QUESTION),
        *(desk.run("search", "-k", "50", "--template", kind, QUESTION) for kind in KINDS),
        desk.run("search", "-k", "50", "--json", QUESTION),
    ]
    chat = desk.run("chat", given=f"{QUESTION}\n/sources\nWhat of the other port?\n")
    assert [each.code for each in (*told, chat)] == [0] * (len(told) + 1)
    assert [each.both for each in told if SECRETS[tenant] not in each.both] == []
    assert [each.both for each in (*told, chat) if SECRETS[OTHER[tenant]] in each.both] == []


def test_the_log_of_answers_is_closed_to_tenants(shared: Shared, repeating: FakeGenerator) -> None:
    """It holds everybody's questions and passages; a key that answers may add to it only."""
    desk = shared.tenant("red", ESRAG_GENERATOR_URL=repeating.url, ESRAG_ANSWER_LOG="true")
    told = json.loads(desk.run("ask", "--json", QUESTION).output)
    explained = desk.run("explain", told["id"])
    assert explained.code == 5
    assert "quillfire" not in explained.both
