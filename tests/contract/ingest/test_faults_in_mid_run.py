"""What changes under a run, or meets it late: the index, the model, the licence, the disk, a stop.

Each test brings the run to a chosen moment, holds it there, does the damage and lets it go on.
In the end the same command, without the fault, must leave exactly the documents of the folder.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from fault_proxy import FaultProxy
from ingest_desk import Desk, Outcome, ended
from ml_calls import CONFIG, Caller, make_definition, part_body, upload

from esrag.cli import run
from esrag.cluster import chunk_index

if TYPE_CHECKING:
    from conftest import Stack

SMALL_BATCHES = {"ESRAG_MODEL_QUEUE_CAPACITY": "8"}
VECTOR = [1.0, *[0.0] * 383]
Damage = Callable[[], object]


@pytest.fixture
def admin(stack: Stack) -> Iterator[Caller]:
    """A caller with all rights."""
    login = httpx.BasicAuth(stack.username, stack.password)
    with httpx.Client(base_url=stack.elasticsearch_url, auth=login, timeout=60) as client:
        yield Caller(client)


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a tiny TorchScript module."""
    return make_definition(tmp_path_factory.mktemp("tiny") / "module.pt")


@pytest.fixture
def model(admin: Caller, desk: Desk, prefix: str, definition: bytes) -> str:
    """A deployed model that the set's pipeline uses."""
    upload(admin, prefix, definition)
    admin.ok("POST", f"/_ml/trained_models/{prefix}/deployment/_start?timeout=60s")
    infer(desk, prefix)
    return prefix


def infer(desk: Desk, model_id: str) -> None:
    """Let the pipeline ask the model; its few dimensions are replaced by those of the index."""
    fields = {"input_field": "text", "output_field": "small"}
    desk.es.ingest.put_pipeline(
        id=desk.pipeline,
        processors=[
            {"inference": {"model_id": model_id, "input_output": [fields]}},
            {"remove": {"field": ["small", "model_id", "is_truncated"], "ignore_missing": True}},
            {"set": {"field": "embedding", "value": VECTOR}},
        ],
    )


def fill(desk: Desk, *, documents: int = 6) -> dict[str, list[int]]:
    """Documents of four chunks, and the positions that the index must hold in the end."""
    for number in range(documents):
        desk.write(f"{number}.md", 4)
    return {f"{number}.md": [0, 1, 2, 3] for number in range(documents)}


def hit_at_second_request(desk: Desk, proxy: FaultProxy, damage: Damage) -> Outcome:
    """How a run ends whose first request got through before the damage was done."""
    proxy.fault = lambda number: "hold" if number >= 2 else ""
    process = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    wait_for(proxy, process)
    damage()
    proxy.release.set()
    outcome = ended(process)
    assert "Traceback" not in outcome.talk
    return outcome


@pytest.mark.parametrize("fault", ["closed", "blocked", "deleted"])
def test_an_index_that_is_taken_away_in_mid_run(desk: Desk, proxy: FaultProxy, fault: str) -> None:
    """Exit code 4 or 7 and which index; nothing is made by accident; later the run goes on."""
    expected = fill(desk)
    index = f"{desk.alias}-000001"
    was = desk.es.indices.get(index=index)[index]
    block = {"index.blocks.write": True}
    damages: dict[str, Damage] = {
        "closed": lambda: desk.es.indices.close(index=index),
        "blocked": lambda: desk.es.indices.put_settings(index=index, settings=block),
        "deleted": lambda: desk.es.indices.delete(index=index),
    }
    outcome = hit_at_second_request(desk, proxy, damages[fault])
    assert outcome.code == (7 if fault == "deleted" else 4), outcome.talk
    assert desk.alias in outcome.talk
    assert outcome.counts.get("open")
    if fault == "deleted":
        assert not desk.es.indices.exists(index=desk.alias)
        desk.es.indices.create(index=index, mappings=was["mappings"], aliases=was["aliases"])
        settings = {"index.default_pipeline": desk.pipeline}
        desk.es.indices.put_settings(index=index, settings=settings)
    elif fault == "closed":
        desk.es.indices.open(index=index, wait_for_active_shards="1")
    else:
        desk.es.indices.put_settings(index=index, settings={"index.blocks.write": None})
    assert desk.ingest().code == 0
    assert desk.chunks() == expected


def test_a_deployment_that_is_stopped_in_mid_run(
    desk: Desk, proxy: FaultProxy, admin: Caller, model: str
) -> None:
    """Exit code 6 with the remedy, no document half there; after its start the run goes on."""
    expected = fill(desk)
    path = f"/_ml/trained_models/{model}/deployment"
    stop = f"{path}/_stop?force=true"
    outcome = hit_at_second_request(desk, proxy, lambda: admin.ok("POST", stop))
    assert outcome.code == 6, outcome.talk
    assert "not ready" in outcome.talk
    assert outcome.counts.get("open")
    admin.ok("POST", f"{path}/_start?timeout=60s")
    assert desk.ingest().code == 0
    assert desk.chunks() == expected


def test_a_licence_that_is_lowered_in_mid_run(desk: Desk, proxy: FaultProxy) -> None:
    """Exit code 6 and the other way to embed; with the model's licence back the run goes on."""
    expected = fill(desk)
    proxy.fault = lambda number: "items-licence" if number > 1 else ""
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    assert outcome.code == 6, outcome.talk
    assert "embedding on this machine" in outcome.talk
    assert outcome.counts.get("open")
    assert desk.ingest().code == 0
    assert desk.chunks() == expected


def test_a_model_that_is_half_uploaded(
    desk: Desk, admin: Caller, definition: bytes, prefix: str
) -> None:
    """Exit code 6, "not ready", and nothing is in the index."""
    desk.write("a.md", 2)
    path = f"/_ml/trained_models/{prefix}"
    admin.ok("PUT", path, CONFIG)
    admin.ok("PUT", f"{path}/definition/0", part_body(definition[:1000], definition))
    infer(desk, prefix)
    outcome = desk.ingest()
    assert outcome.code == 6, outcome.talk
    assert "not ready" in outcome.talk
    assert "esrag setup" in outcome.talk
    assert desk.chunks() == {}


def test_a_full_queue_is_waited_for(desk: Desk, proxy: FaultProxy) -> None:
    """Every action of the first two requests is refused with 429."""
    expected = fill(desk)
    proxy.fault = lambda number: "items-full" if number <= 2 else ""
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    assert (outcome.code, outcome.counts) == (0, {"listed": 6, "indexed": 6}), outcome.talk
    assert desk.chunks() == expected


def test_a_queue_that_stays_full_ends_the_run(desk: Desk, proxy: FaultProxy) -> None:
    """Exit code 4 after the tries that the settings allow, everything open."""
    expected = fill(desk)
    proxy.fault = lambda number: "items-full"
    few = {"ESRAG_INGEST_RETRY_TRIES": "2", "ESRAG_INGEST_RETRY_SECONDS": "3"}
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **few)
    assert (outcome.code, outcome.counts) == (4, {"listed": 6, "open": 6}), outcome.talk
    assert "says the proxy" in outcome.talk
    assert desk.ingest().code == 0
    assert desk.chunks() == expected


def test_a_server_that_is_too_slow_is_asked_again(
    desk: Desk,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bulk request has a deadline of its own; what it left behind is not doubled."""
    expected = fill(desk)
    monkeypatch.setattr(chunk_index, "BULK_TIMEOUT", 3.0)
    proxy.fault = lambda number: "keep" if number == 1 else ""
    for name, value in {**desk.environment, "ESRAG_ELASTICSEARCH_URL": proxy.url}.items():
        monkeypatch.setenv(name, value)
    code = run(["ingest", str(desk.docs), "--set", desk.set_name, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["counts"]["indexed"]) == (0, 6)
    assert report["sending"]["chunks_sent_again"] > 0
    assert desk.chunks() == expected


def test_a_server_that_never_answers_is_told(desk: Desk, proxy: FaultProxy) -> None:
    """Exit code 4 at the first request, within its deadline."""
    desk.write("a.md", 1)
    proxy.hold_at = lambda request: True
    slow = {"ESRAG_ELASTICSEARCH_REQUEST_TIMEOUT": "1"}
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url, **slow)
    assert outcome.code == 4, outcome.talk
    assert "in time" in outcome.talk


def no_product(headers: dict[str, str], body: bytes) -> bytes:
    """As an old version or a careless proxy answers."""
    for name in [name for name in headers if name.lower() == "x-elastic-product"]:
        del headers[name]
    return body


def opensearch(headers: dict[str, str], body: bytes) -> bytes:
    """As the fork answers."""
    return no_product(headers, body).replace(b"You Know, for Search", b"The OpenSearch Project")


def of_version(number: str) -> Callable[[dict[str, str], bytes], bytes]:
    """The same server under another number."""

    def alter(headers: dict[str, str], body: bytes) -> bytes:
        if b'"cluster_uuid"' not in body or b"tagline" not in body:
            return body
        banner: dict[str, Any] = json.loads(body)
        banner["version"]["number"] = number
        return json.dumps(banner).encode()

    return alter


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (no_product, "Elasticsearch"),
        (opensearch, "Elasticsearch"),
        (of_version("7.17.0"), "7.17.0"),
    ],
    ids=["no product header", "another product", "too old"],
)
def test_a_server_that_does_not_fit(desk: Desk, proxy: FaultProxy, alter: Any, words: str) -> None:
    """Exit code 6, and nothing is sent."""
    desk.write("a.md", 1)
    proxy.alter = alter
    outcome = desk.ingest(ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 6, outcome.talk
    assert words in outcome.talk
    assert proxy.bulks == 0


def wait_for(proxy: FaultProxy, process: subprocess.Popen[str]) -> None:
    """Return when the proxy holds the process's request."""
    until = time.monotonic() + 60
    while not proxy.seen.is_set():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            outcome = ended(process)
            raise AssertionError(f"{outcome}\n{proxy.requests}")
        time.sleep(0.02)


def stop_a_parser(process: subprocess.Popen[str]) -> None:
    """Let the first parser child hang for ever."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "esrag.parsing" in " ".join(child.cmdline()):
                    child.suspend()
                    return
        time.sleep(0.02)
    raise AssertionError("no parser was started")


def small_files(size: int) -> Callable[[], None]:
    """As if the disk had room for files of this size only."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_no_room_for_what_comes_from_elsewhere(desk: Desk, tmp_path: Path) -> None:
    """Exit code 4 or a rejection that says so; the books are in order."""
    big = tmp_path / "big"
    big.write_text("words " * 500_000)
    words = ("ingest", "--name", "big.md", "-")
    outcome = ended(desk.begin(*words, stdin=big, limit=small_files(1_000_000)))
    assert outcome.code == 4, outcome.talk
    assert "cannot be written" in outcome.talk
    assert "Traceback" not in outcome.talk
    assert desk.chunks() == {}


def test_no_room_for_dead_letters(desk: Desk) -> None:
    """Exit code 4: nothing counts as rejected that has no letter; then the same command ends it."""
    text = "Words of a letter. " * 30_000
    (desk.docs / "bad.md").write_text(f"---\nurl: https://no.address\n---\n{text}")
    process = desk.start("--dlq-with-content", limit=small_files(450_000))
    outcome = ended(process)
    assert outcome.code == 4, outcome.talk
    assert "disk full" in outcome.talk
    assert "Traceback" not in outcome.talk
    again = desk.ingest("--dlq-with-content")
    assert (again.code, again.counts) == (3, {"listed": 1, "rejected": 1}), again.talk
    assert desk.chunks() == {}


def test_two_runs_from_two_places(desk: Desk, proxy: FaultProxy, tmp_path: Path) -> None:
    """Each with its own books: both end well, and no chunk is there twice."""
    expected = fill(desk)
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "data" / "bundles", other / "bundles")
    proxy.fault = lambda number: "hold" if number == 1 else ""
    first = desk.start(ESRAG_ELASTICSEARCH_URL=proxy.url, **SMALL_BATCHES)
    wait_for(proxy, first)
    second = desk.ingest(ESRAG_DATA_DIR=str(other))
    proxy.release.set()
    outcome = ended(first)
    assert (outcome.code, second.code) == (0, 0), outcome.talk + second.talk
    assert outcome.counts["listed"] == second.counts["listed"] == 6
    assert desk.chunks() == expected


@pytest.mark.parametrize(
    "moment",
    [pytest.param("looking up", marks=pytest.mark.long), "reading", "verifying", "pruning"],
)
def test_a_stop_at_any_stage(desk: Desk, proxy: FaultProxy, moment: str) -> None:
    """SIGTERM: 143, the identity holds, and the same command finishes."""
    expected = fill(desk)
    assert desk.ingest().code == 0
    (desk.docs / "5.md").unlink()
    expected.pop("5.md")
    desk.write("0.md", 4, "other")
    at: dict[str, Callable[[str], bool]] = {
        "looking up": lambda request: "/_search" in request,
        "reading": lambda request: False,
        "verifying": lambda request: "/_refresh" in request and proxy.bulks > 0,
        "pruning": lambda request: "/_bulk" in request and proxy.bulks > 1,
    }
    proxy.hold_at = at[moment]
    process = desk.start("--prune", ESRAG_ELASTICSEARCH_URL=proxy.url)
    if moment == "reading":
        stop_a_parser(process)
    else:
        wait_for(proxy, process)
    process.send_signal(signal.SIGTERM)
    proxy.release.set()
    outcome = ended(process)
    assert outcome.code == 143, outcome.talk
    assert "Traceback" not in outcome.talk
    assert outcome.counts.get("indexed", 0) == (1 if moment == "pruning" else 0)
    again = desk.ingest("--prune")
    assert again.code == 0, again.talk
    assert desk.chunks() == expected
    assert desk.command("ingest", "verify").code == 0


def test_a_stop_while_a_list_is_being_written(desk: Desk, tmp_path: Path) -> None:
    """SIGTERM in the middle of a listing that does not end: 143 at once."""
    expected = fill(desk)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = desk.begin("ingest", "--list", str(pipe))
    with pipe.open("w") as names:
        names.write(f"{desk.docs / '0.md'}\n")
        names.flush()
        time.sleep(2)
        outcome = ended(process, send=signal.SIGTERM)
    assert outcome.code == 143, outcome.talk
    assert "Traceback" not in outcome.talk
    assert desk.ingest().code == 0
    assert set(desk.chunks()) >= set(expected)


def test_a_reader_of_the_messages_that_leaves(desk: Desk) -> None:
    """As after ``2>&1 | head -1``: the run goes on to its end."""
    expected = fill(desk)
    process = desk.start()
    assert process.stderr
    process.stderr.close()
    assert process.stdout
    with process.stdout as output:
        report = json.loads(output.read())
    assert (process.wait(60), report["counts"]["indexed"]) == (0, 6)
    assert desk.chunks() == expected


@pytest.mark.parametrize("words", [("ingest", "--prune"), ("forget",), ("dlq", "retry", "--all")])
def test_a_kill_while_documents_go_or_come_back(
    desk: Desk, proxy: FaultProxy, words: tuple[str, ...]
) -> None:
    """SIGKILL when the server has done the work and nobody has heard of it; then once more."""
    expected = fill(desk)
    if words == ("dlq", "retry", "--all"):
        (desk.docs / "0.md").write_bytes(b"\xff\xff")
        assert desk.ingest().code == 3
        desk.write("0.md", 4)
        arguments = words
    else:
        assert desk.ingest().code == 0
        (desk.docs / "5.md").unlink()
        expected.pop("5.md")
        arguments = (*words, str(desk.docs))
        if words == ("forget",):
            arguments = ("forget", "--origin", desk.docs.as_uri(), "--yes")
            expected = {}
    proxy.fault = lambda number: "keep"
    process = desk.begin(*arguments, ESRAG_ELASTICSEARCH_URL=proxy.url)
    wait_for(proxy, process)
    assert ended(process, send=signal.SIGKILL).code == -signal.SIGKILL
    again = desk.command(*arguments)
    assert again.code == 0, again.talk
    assert desk.chunks() == expected
    verified = desk.command("ingest", "verify")
    assert verified.code == 0, verified.talk
    assert json.loads(verified.output)["known"] == len(expected)
