"""The fault matrix of ``esrag ask``: the cluster's side, one test a row.

Each names the exit code and what the person who asked reads.  What the generator's faults do is in
``test_ask_generator_faults``; which privilege is missing in the tests of the roles.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from asking_desk import FACT, QUESTION, SAID, Desk, ended, without_model
from fake_generator import FakeGenerator, Script
from fault_proxy import FaultProxy
from tls_servers import tls_server

from esrag.names import Names

DAY = timedelta(days=1)
SEARCH = ("_search", "_render")
EMBED = "_infer"


def first(fault: str, *parts: str) -> Callable[[str], str]:
    """This fault for the first request whose path holds one of the parts."""
    left = [fault]

    def choose(request: str) -> str:
        return left.pop() if left and any(part in request for part in parts) else ""

    return choose


def always(fault: str, *parts: str) -> Callable[[str], str]:
    """This fault for every such request."""
    return lambda request: fault if any(part in request for part in parts) else ""


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        *((SEARCH, fault) for fault in ("gone", "lose", "cut", "429", "503")),
        ((EMBED,), "lose"),
        *(pytest.param((EMBED,), each, marks=pytest.mark.long) for each in ("gone", "cut", "429")),
    ],
)
def test_a_spoiled_answer_is_asked_for_again(
    desk: Desk, proxy: FaultProxy, fault: str, parts: tuple[str, ...]
) -> None:
    """Exit code 0: whoever asked does not notice."""
    proxy.fault_at = first(fault, *parts)
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output


@pytest.mark.parametrize("fault", ["gone", "429", "503"])
def test_a_cluster_that_stays_busy_or_goes_ends_with_4(
    desk: Desk, proxy: FaultProxy, fault: str
) -> None:
    """After a few tries, within seconds; what was asked of it is named."""
    proxy.fault_at = always(fault, *SEARCH)
    began = time.monotonic()
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 4
    assert time.monotonic() - began < 10
    assert "search template" in outcome.talk
    assert outcome.output == ""


def test_a_cluster_that_goes_after_the_search_ends_with_4(desk: Desk, proxy: FaultProxy) -> None:
    """Retrieved, and then nobody there any more to judge the passages."""
    proxy.fault_at = always("gone", EMBED)
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 4
    assert "cannot be reached" in outcome.talk


def test_a_search_that_is_never_answered_ends_at_its_deadline(
    desk: Desk, proxy: FaultProxy
) -> None:
    """Exit code 4, once, and the setting that allows more is named."""
    proxy.fault_at = always("drop", *SEARCH)
    began = time.monotonic()
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url, ESRAG_ELASTICSEARCH_REQUEST_TIMEOUT="0.5")
    assert outcome.code == 4
    assert time.monotonic() - began < 5.5
    assert "elasticsearch.request_timeout" in outcome.talk


def test_a_read_only_index_answers(desk: Desk) -> None:
    """The disk's flood stage stops who writes, not who asks."""
    block = "index.blocks.read_only_allow_delete"
    desk.es.indices.put_settings(index=desk.names.alias, settings={block: True})
    try:
        outcome = desk.ask()
    finally:
        desk.es.indices.put_settings(index=desk.names.alias, settings={block: None})
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output


def test_a_full_disk_of_this_machine_does_not_matter(desk: Desk) -> None:
    """Asking writes nothing that it needs."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    outcome = ended(desk.start("ask", QUESTION, limit=no_room))
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output


def test_a_model_that_does_not_run(desk: Desk) -> None:
    """Exit code 4 and the remedy; on request by words alone, and the answer says so."""
    with without_model(desk):
        refused = desk.ask()
        degraded = desk.ask("--allow-degraded")
        record = json.loads(desk.ask("--allow-degraded", "--json").output)
    assert refused.code == 4
    assert "esrag model deploy" in refused.talk
    assert refused.output == ""
    assert degraded.code == 0, degraded.talk
    assert FACT in degraded.output
    assert "words alone" in degraded.output
    assert "words alone" in record["degraded"]


@pytest.mark.parametrize("fault", ["authority", "expired", "host name"])
def test_a_cluster_that_is_not_trusted_is_told_which_way(
    desk: Desk, tmp_path: Path, fault: str
) -> None:
    """Exit code 4, nothing sent, and which of the three it is."""
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    if fault == "authority":
        leaf = theirs.issue_cert("127.0.0.1")
    elif fault == "expired":
        leaf = ours.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - DAY)
    else:
        leaf = ours.issue_cert("elsewhere.example")
    words = {"authority": "authority", "expired": "expired", "host name": "name"}[fault]
    with tls_server(leaf) as port:
        outcome = desk.ask(
            ESRAG_ELASTICSEARCH_URL=f"https://127.0.0.1:{port}",
            ESRAG_ELASTICSEARCH_CA_CERTS=str(tmp_path / "ca.pem"),
        )
    assert outcome.code == 4, outcome.talk
    assert words in outcome.talk


def test_a_key_that_is_revoked_ends_with_5(desk: Desk) -> None:
    """The server gives one answer for mistyped, expired and revoked keys; the three are named."""
    key = desk.es.security.create_api_key(name=f"revoked-{desk.names.alias}")
    desk.es.security.invalidate_api_key(ids=[key["id"]])
    outcome = desk.ask(**by_key(key["encoded"]))
    assert outcome.code == 5
    assert "mistyped, expired or revoked" in outcome.talk


def test_a_key_without_the_rights_ends_with_5(desk: Desk) -> None:
    """All that is missing is named, not only what was refused first."""
    nothing = {"none": {"indices": [{"names": ["other-*"], "privileges": ["read"]}]}}
    key = desk.es.security.create_api_key(name=f"poor-{desk.names.alias}", role_descriptors=nothing)
    outcome = desk.ask(**by_key(key["encoded"]))
    assert outcome.code == 5
    assert desk.names.alias in outcome.talk
    assert "read" in outcome.talk


def test_a_licence_without_fusion_answers_the_same(desk: Desk) -> None:
    """The cluster refuses RRF; the rankings are fused on this machine, and that is said."""
    desk.es.cluster.put_settings(persistent={"esrag.tier": "platinum"})
    try:
        outcome = desk.ask()
    finally:
        desk.es.cluster.put_settings(persistent={"esrag.tier": None})
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output
    assert "This machine fuses" in outcome.both


def test_a_licence_without_machine_learning_answers_the_same(desk: Desk, proxy: FaultProxy) -> None:
    """The model's bundle lies here, so this machine embeds instead, and that is said."""
    proxy.fault_at = always("licence", EMBED, "_search/template")
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output
    assert "This machine embeds" in outcome.both


def test_a_licence_that_ended_and_no_model_here_ends_with_6(
    desk: Desk, proxy: FaultProxy, tmp_path: Path
) -> None:
    """What the licence refuses, and what would do without it."""
    proxy.fault_at = always("licence", EMBED, "_search/template")
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url, ESRAG_DATA_DIR=str(tmp_path))
    assert outcome.code == 6
    assert "licence" in outcome.talk
    assert "Embedding on this machine is not possible" in outcome.talk


def no_product(headers: dict[str, str], body: bytes) -> bytes:
    """As a server answers that is not Elasticsearch."""
    headers.pop("X-elastic-product", None)
    return body


def test_another_product_ends_with_6(desk: Desk, proxy: FaultProxy) -> None:
    """It is said that this is no Elasticsearch, before anybody wonders about the answer."""
    proxy.alter = no_product
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 6
    assert "not Elasticsearch" in outcome.talk


def test_a_server_that_is_too_old_ends_with_6(desk: Desk, proxy: FaultProxy) -> None:
    """It does not understand requests of version 9."""
    proxy.fault_at = always("old", *SEARCH)
    outcome = desk.ask(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 6, outcome.talk
    assert "version" in outcome.talk


def test_a_set_that_was_not_set_up_ends_with_7(desk: Desk) -> None:
    """The remedy is named."""
    outcome = desk.ask("--set", "never-made")
    assert outcome.code == 7
    assert "esrag setup" in outcome.talk


def test_an_alias_that_leads_elsewhere_ends_with_7(desk: Desk, prefix: str) -> None:
    """Somebody else's index under our name is not answered from."""
    names = Names(prefix)
    foreign = f"others-{prefix}"
    desk.es.indices.create(index=foreign, aliases={names.alias: {}})
    desk.es.index(index=foreign, document={"text": FACT}, refresh=True)
    for kind in ("hybrid", "lexical"):
        script = desk.es.get_script(id=desk.names.search_template(kind))["script"]
        desk.es.put_script(id=names.search_template(kind), script=script)
    for template in ("hybrid", "lexical"):
        outcome = desk.ask("--set", prefix, ESRAG_RETRIEVAL_TEMPLATE=template)
        assert outcome.code == 7, outcome.talk
        assert names.alias in outcome.talk
        assert outcome.output == ""


def test_a_model_that_is_half_uploaded_ends_with_6(desk: Desk, prefix: str) -> None:
    """The set's model is there by name, and not whole."""
    desk.es.ml.put_trained_model(
        model_id=prefix,
        model_type="pytorch",
        inference_config={"text_embedding": {"embedding_size": 8}},
        input={"field_names": ["text_field"]},
    )
    outcome = desk.ask(ESRAG_MODEL_ID=prefix)
    assert outcome.code in (4, 6), outcome.talk
    assert prefix in outcome.talk


@pytest.mark.parametrize("days", [-1, pytest.param(1, marks=pytest.mark.long)])
def test_a_wrong_clock_changes_nothing_in_an_answer(desk: Desk, tmp_path: Path, days: int) -> None:
    """A day early or late."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import time\n_real = time.time\ntime.time = lambda: _real() + {days * 86_400}\n"
    )
    late = ":".join([str(tmp_path), *filter(None, sys.path)])
    outcome = ended(desk.start("ask", QUESTION, PYTHONPATH=late))
    assert outcome.code == 0, outcome.talk
    assert FACT in outcome.output


def test_two_may_ask_at_once(desk: Desk) -> None:
    """Nothing is locked."""
    both = [desk.start("ask", QUESTION) for _ in range(2)]
    for process in both:
        outcome = ended(process)
        assert outcome.code == 0, outcome.talk
        assert FACT in outcome.output


@pytest.mark.parametrize(
    ("number", "code", "as_json"),
    [(signal.SIGINT, 130, False), (signal.SIGTERM, 143, True)],
    ids=["^C", "SIGTERM, as JSON"],
)
def test_a_stop_leaves_the_text_so_far(
    desk: Desk, fake: FakeGenerator, number: int, code: int, as_json: bool
) -> None:
    """What was shown is said to be a part, and the generator is let go within a second."""
    fake.script = Script(
        text=f"{SAID} It was opened on 3 May 2026 [1]. It {'1.5 so on ' * 400}",
        pieces_per_second=40,
    )
    process = desk.start("ask", *(["--json"] if as_json else []), QUESTION)
    assert fake.wait(lambda: fake.open_streams == 1, within=20)
    time.sleep(1.2)  # the first sentence is through by then
    process.send_signal(number)
    assert fake.wait(lambda: fake.open_streams == 0)
    outcome = ended(process)
    assert outcome.code == code
    if as_json:
        record = json.loads(outcome.output)
        assert record["complete"] is False
        assert record["answer"].startswith(FACT)
    else:
        assert FACT in outcome.output
        assert "incomplete" in outcome.output


@pytest.mark.parametrize(
    "parts",
    [SEARCH, pytest.param((EMBED,), marks=pytest.mark.long)],
    ids=["search", "embedding"],
)
def test_a_stop_does_not_wait_for_a_silent_cluster(
    desk: Desk, proxy: FaultProxy, parts: tuple[str, ...]
) -> None:
    """^C ends the command and not the patience of elasticsearch.request_timeout."""
    proxy.fault_at = always("drop", *parts)
    process = desk.start("ask", QUESTION, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert proxy.seen.wait(20)
    began = time.monotonic()
    outcome = ended(process, send=signal.SIGINT)
    assert outcome.code == 130
    assert time.monotonic() - began < 3


def by_key(encoded: str) -> dict[str, str]:
    """The environment of a command that comes with an API key instead of a login."""
    return {
        "ESRAG_ELASTICSEARCH_API_KEY": encoded,
        "ESRAG_ELASTICSEARCH_USERNAME": "",
        "ESRAG_ELASTICSEARCH_PASSWORD": "",
    }
