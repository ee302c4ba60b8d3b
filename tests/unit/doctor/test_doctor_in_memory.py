"""Faults that a stack on a desk cannot have: large clusters, ended licences, full queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from patient import (
    ALIAS,
    INDEX,
    Answer,
    Patient,
    block_settings,
    deployment,
    health,
    licence,
    nodes,
)

from esrag.doctor.codes import CATALOGUE
from esrag.testing_calls import Canned
from esrag.testing_elasticsearch import Reply

STATS = "GET _ml/trained_models/.*/_stats"
ROUTED = {"routing_state": {"reason": "no room"}, "number_of_pending_requests": 900}
NOWHERE = {"allocation_count": 0, "target_allocation_count": 1}
PARTLY = {"allocation_count": 1, "target_allocation_count": 3}
ADAPTIVE = {
    "number_of_allocations": 0,
    "adaptive_allocations": {
        "enabled": True,
        "min_number_of_allocations": 0,
        "max_number_of_allocations": 4,
    },
}


def settings(**flat: str) -> Reply:
    """The cluster's settings."""
    return Reply(200, {"persistent": {f"cluster.{k}": v for k, v in flat.items()}})


SERVER_FAULTS: list[tuple[str, str, str, Answer, str]] = [
    # group, code, request, answer, object named
    ("connection", "version-unfit", "GET ", Reply(200, {"version": {"number": "8.19.0"}}), "fake"),
    ("connection", "server-unavailable", "GET ", Reply.error(503, "x", "not ready"), "127.0.0.1"),
    ("licence", "licence-expired", "GET _license", licence(status="expired"), "enterprise"),
    ("licence", "licence-expires-soon", "GET _license", licence(days=3, kind="trial"), "trial"),
    ("cluster", "clock-differs", "GET _nodes/stats/fs", nodes(late=7200), "clock"),
    ("cluster", "disk-flood", "GET _nodes/stats/fs", nodes(free=4), "node-1"),
    ("cluster", "disk-high", "GET _nodes/stats/fs", nodes(free=9), "node-1"),
    ("cluster", "index-red", "GET _cluster/health/.*", health("red"), INDEX),
    ("cluster", "index-yellow", "GET _cluster/health/.*", health("yellow", data_nodes=3), INDEX),
    ("cluster", "replica-impossible", "GET _cluster/health/.*", health("yellow"), INDEX),
    (
        "cluster",
        "index-blocked",
        "GET [^_/]*,.*/_settings",
        block_settings(**{"index.blocks.read_only_allow_delete": "true"}),
        INDEX,
    ),
    (
        "cluster",
        "cluster-blocked",
        "GET _cluster/settings",
        Reply(200, {"persistent": {"cluster.blocks.read_only": "true"}}),
        "cluster",
    ),
    (
        "cluster",
        "shards-nearly-full",
        "GET _cluster/health",
        Reply(200, {"active_shards": 990}),
        "cluster",
    ),
    ("cluster", "ml-upgrade-mode", "GET _ml/info", Reply(200, {"upgrade_mode": True}), "machine"),
    ("model", "deployment-failed", STATS, deployment(state="failed", reason="no"), "model-a"),
    ("model", "deployment-on-no-node", STATS, deployment(allocation_status=NOWHERE), "model-a"),
    (
        "model",
        "deployment-partly",
        STATS,
        deployment(number_of_allocations=3, allocation_status=PARTLY),
        "model-a",
    ),
    ("model", "deployment-scaled-to-zero", STATS, deployment(**ADAPTIVE), "model-a"),
    ("model", "queue-filling", STATS, deployment(nodes=[ROUTED]), "model-a"),
    ("model", "requests-rejected", STATS, deployment(rejected_execution_count=3), "model-a"),
    (
        "model",
        "inference-errors",
        STATS,
        deployment(inference_count=50, error_count=5),
        "model-a",
    ),
    ("model", "deployment-settings", STATS, deployment(queue_capacity=7), "model-a"),
    (
        "model",
        "model-does-not-answer",
        "POST .*/_infer",
        Reply.error(500, "x", "process ended"),
        "model-a",
    ),
    (
        "documents",
        "chunks-without-vector",
        "POST [^/]*/_count",
        lambda request: Reply(200, {"count": 3 if "match_all" in str(request.body) else 1}),
        INDEX,
    ),
]


def test_a_healthy_set_has_no_warning(patient: Patient) -> None:
    """Notes only where something is worth knowing."""
    report = patient.examine()
    worse = [(f.code, f.what) for f in report.findings if f.severity in ("warning", "error")]
    assert worse == []
    assert {finding.code for finding in report.of("note")} == {
        "no-documents",
        "calibration-missing",
    }
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("group", "code", "request_line", "answer", "where"),
    SERVER_FAULTS,
    ids=[f"{fault[1]}-{number}" for number, fault in enumerate(SERVER_FAULTS)],
)
def test_a_fault_of_the_cluster_is_found(
    patient: Patient, group: str, code: str, request_line: str, answer: Answer, where: str
) -> None:
    """By its code and the object's name, with the exit code of the catalogue."""
    patient.answers[request_line] = answer
    found = patient.finding(group, code)
    assert where in found.where or where == "127.0.0.1" or where == "fake"
    assert found.exit_code == CATALOGUE[code].exit_code


@pytest.mark.parametrize("change", ["seed", "missing"])
def test_vectors_of_another_model_are_found(patient: Patient, change: str) -> None:
    """The references tell; without a bundle it is said that nothing was compared."""
    if change == "seed":
        patient.memory.embed = lambda text: [1.0] * 8
        assert patient.finding("model", "vectors-differ").exit_code == 6
    else:
        (patient.bundle.folder / "bundle.json").unlink()
        assert patient.finding("model", "references-missing").severity == "note"


def test_a_model_of_other_content_is_found(patient: Patient) -> None:
    """The bundle here was built anew from another source."""
    metadata = patient.memory.store["models"]["model-a"]["config"]["metadata"]
    metadata["esrag"]["fingerprint"] = "0" * 64
    found = patient.finding("model", "model-other-content")
    assert "0000000000000000" in found.what


def test_a_key_file_that_cannot_be_read_is_found(patient: Patient) -> None:
    """Before anything is sent; whoever may read it besides us is told, too."""
    path = patient.sections["data_dir"] / "key"
    patient.sections["elasticsearch"] = {"url": "http://fake.invalid", "api_key_file": path}
    found = patient.finding("connection", "key-unreadable")
    assert str(path) in found.what
    path.write_text("aWQ6c2VjcmV0")
    path.chmod(0o644)
    assert patient.finding("machine", "secret-readable").where == str(path)


def test_all_missing_privileges_are_listed_at_once(patient: Patient) -> None:
    """Sorted by nothing, each on a line."""
    patient.memory.lacking = frozenset({"cluster:admin/script/put", "cluster:monitor/main"})
    found = patient.finding("credentials", "privileges-missing")
    assert "cluster:admin/script/put" in found.what
    assert "cluster:monitor/main" in found.what
    assert found.exit_code == 5


def tokens(total: int) -> Canned:
    """TGI's answer about a model that takes so many tokens."""
    return Canned.json({"model_id": "m", "max_total_tokens": total})


GENERATOR_FAULTS: list[tuple[str, str, Canned]] = [
    ("generator-refused", "/v1/chat/completions", Canned(401, b'{"error": "no"}')),
    ("generator-busy", "/v1/chat/completions", Canned(429, b'{"error": "overloaded"}')),
    ("generator-unwell", "/v1/chat/completions", Canned(503, b"loading")),
    ("generator-address", "/v1/chat/completions", Canned(404, b"no such route")),
    ("generator-address", "/v1/chat/completions", Canned(200, b"<html>")),
    ("budget-too-small", "/info", tokens(400)),
    ("budget-drops-passages", "/info", tokens(1000)),
    ("answer-too-long", "/info", tokens(100)),
]


@pytest.mark.parametrize(("code", "path", "answer"), GENERATOR_FAULTS)
def test_a_fault_of_the_generator_is_found(
    patient: Patient, code: str, path: str, answer: Canned
) -> None:
    """Key, queue, address, and what fits into its tokens."""
    patient.generator[path] = answer
    assert "http" in patient.finding("generator", code).where


def test_a_generator_without_limits_of_its_own_is_fine(patient: Patient) -> None:
    """vLLM and llama.cpp speak the messages API and have no /info."""
    patient.generator["/info"] = Canned(404)
    patient.generator["/chat_tokenize"] = Canned(404)
    report = patient.examine("generator")
    assert [finding.severity for finding in report.findings] == ["ok", "ok"]
    assert "assumed" in report.findings[1].what


def test_credentials_that_may_not_look_get_a_note(patient: Patient) -> None:
    """A key for questions may not read nodes and settings; that is no fault of the cluster."""
    denied = Reply.error(403, "security_exception", "action [x] is unauthorized")
    patient.answers = {"GET _nodes/stats/fs": denied, "GET _cluster/.*": denied}
    report = patient.examine("cluster")
    assert report.of("error") == ()
    assert {f.where for f in report.of("note")} >= {"index health", "disk", "blocks"}


def test_an_odd_answer_is_told_and_hides_nothing(patient: Patient) -> None:
    """A proxy that cuts the licence out of its answer."""
    patient.answers["GET _nodes/stats/fs"] = Reply(200, {"nodes": {"a": {"name": "x"}}})
    report = patient.examine("cluster")
    assert "check-failed" in {finding.code for finding in report.findings}
    assert any(finding.where == "our indices" for finding in report.of("ok"))


def test_what_needs_a_broken_thing_is_not_looked_at(patient: Patient) -> None:
    """One error at the root, and a note for each check that it keeps from being run."""
    patient.answers["GET _security/_authenticate"] = Reply.error(401, "security_exception", "no")
    report = patient.examine()
    assert [finding.code for finding in report.of("error")] == ["credentials-missing"]
    skipped = [f for f in report.of("note") if f.code == "not-looked-at"]
    assert len(skipped) > 15
    assert all("credentials-missing" in finding.what for finding in skipped)
    assert report.exit_code == 5


def test_only_some_groups_are_examined(patient: Patient) -> None:
    """With what they need; its errors are told, its other findings are not."""
    report = patient.examine("documents")
    assert {finding.group for finding in report.findings} == {"documents"}


def test_an_interrupted_re_embedding_is_found(patient: Patient) -> None:
    """By the note that it left in the cluster."""
    details = {
        **dict.fromkeys(("spec", "pipeline", "document"), ""),
        "set": "default", "source": INDEX, "target": f"{ALIAS}-000002", "dims": 8,
        "own_vectors": False, "returning": False, "asks": {}, "leaving": [],
        "arriving": [{"kind": "search template", "name": "esrag-hybrid-default", "body": {}}],
        "phase": "copying", "since": None, "mark": None, "sent": 7, "later": None,
    }  # fmt: skip
    source = {"_source": {"details": details}}
    patient.answers["GET esrag-meta/_doc/reembed:default"] = Reply(200, source)
    blocked = block_settings(**{"index.blocks.write": "true"})
    patient.answers["GET [^_/]*,.*/_settings"] = blocked
    template = patient.memory.store["_scripts"]["esrag-hybrid-default"]["script"]
    assert "bool" in template["source"]
    template["source"] = template["source"].replace("bool", "boosting")
    found = patient.finding("objects", "reembed-interrupted")
    assert "7 chunks" in found.what
    codes = {finding.code for finding in patient.examine("objects", "cluster").findings}
    assert not codes & {"object-drift", "object-outdated", "index-blocked"}


def test_a_lock_that_is_renewed_is_no_fault(patient: Patient) -> None:
    """Somebody is at work; one that is not renewed was left behind."""
    owner = {"host": "other.example", "pid": 7, "started": "x/1", "token": "t"}
    renewals = iter(range(10))

    def lock(renewal: Callable[[], int]) -> Answer:
        return lambda _: Reply(
            200,
            {
                "_source": {"kind": "lock", "owner": owner, "renewal": renewal()},
                "_seq_no": 1,
                "_primary_term": 1,
            },
        )

    patient.answers["GET esrag-meta/_doc/lock"] = lock(lambda: next(renewals))
    assert patient.finding("objects", "lock-held").severity == "note"
    patient.answers["GET esrag-meta/_doc/lock"] = lock(lambda: 3)
    assert "other.example" in patient.finding("objects", "lock-stale").what


def machine_faults() -> list[tuple[str, Callable[[Patient], Any]]]:
    """Faults of this machine, and how to make them."""

    def damage_bundle(patient: Patient) -> None:
        (patient.bundle.folder / "model.pt").write_bytes(b"x")

    def lose_file(patient: Patient) -> None:
        (patient.bundle.folder / "tokenizer.json").unlink()

    def calibrate_other(patient: Patient) -> None:
        calibrate(patient, json.dumps({"model_id": "other"}))

    def calibrate_badly(patient: Patient) -> None:
        calibrate(patient, "{")

    def calibrate(patient: Patient, text: str) -> None:
        folder = patient.sections["data_dir"] / "calibration"
        folder.mkdir()
        (folder / "default.json").write_text(text)

    def overlap(patient: Patient) -> None:
        patient.sections["chunk"] = {"max_tokens": 32, "overlap_tokens": 40}

    def longer_than_the_model(patient: Patient) -> None:
        patient.sections["chunk"] = {"max_tokens": 300}

    def open_secret(patient: Patient) -> None:
        path = patient.sections["data_dir"] / "esrag.toml"
        path.write_text('[elasticsearch]\nusername = "a"\npassword = "b"\n')
        path.chmod(0o644)

    def file_as_folder(patient: Patient) -> None:
        path = patient.sections["data_dir"] / "file"
        path.write_text("")
        patient.sections["data_dir"] = path

    return [
        ("bundle-damaged", damage_bundle),
        ("bundle-damaged", lose_file),
        ("calibration-other-model", calibrate_other),
        ("calibration-damaged", calibrate_badly),
        ("settings-contradict", overlap),
        ("settings-contradict", longer_than_the_model),
        ("secret-readable", open_secret),
        ("data-folder-unwritable", file_as_folder),
    ]


@pytest.mark.parametrize(
    ("code", "harm"), machine_faults(), ids=[harm.__name__ for _, harm in machine_faults()]
)
def test_a_fault_of_this_machine_is_found(
    patient: Patient, code: str, harm: Callable[[Patient], Any]
) -> None:
    """Bundle, calibration, settings, secrets, data folder."""
    harm(patient)
    report = patient.examine("machine")
    assert code in {finding.code for finding in report.findings}
    if CATALOGUE[code].severity == "error":
        assert report.exit_code == CATALOGUE[code].exit_code


def test_a_calibration_that_the_index_notes_is_found_there(patient: Patient) -> None:
    """Then no file of this machine matters."""
    missing = "calibration-missing"
    assert missing in [finding.code for finding in patient.examine("machine").findings]
    for index in patient.memory.indices.values():
        field = index["mappings"]["properties"].get("embedding")
        if field:
            field["meta"]["calibration"] = "threshold=0.6700 coverage=0.80 n=10+10"
    assert missing not in [finding.code for finding in patient.examine("machine").findings]
