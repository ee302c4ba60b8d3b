"""The doctor finds what was harmed on purpose, names it, says what to do, and writes nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from ward import Ward

from esrag.bundle import ModelBundle
from esrag.cluster import models
from esrag.doctor.codes import CATALOGUE
from esrag.names import DLQ_INDEX, META_INDEX
from esrag.roles import role
from esrag.state.lock import LOCK
from esrag.testing_elasticsearch import fake_bundle

Seed = Callable[[Ward, ExitStack], None]


@dataclass(frozen=True)
class Fault:
    """How to harm a healthy set, and what the doctor is to say about it.

    ``where`` and ``next`` may hold {set}, {index} and {alias}; the severity is the code's own.
    """

    seed: Seed
    group: str
    code: str
    exit_code: int
    where: str
    next: str


def drop_alias(ward: Ward, _: ExitStack) -> None:
    """The index stays."""
    ward.es.indices.delete_alias(index=ward.index, name=ward.names.alias)


def add_second_index(ward: Ward, _: ExitStack) -> None:
    """A second generation behind the alias, to which no writes go."""
    aliases = {ward.names.alias: {"is_write_index": False}}
    ward.es.indices.create(index=ward.names.index(2), aliases=aliases)


def make_alias_an_index(ward: Ward, _: ExitStack) -> None:
    """What a write without setup makes."""
    ward.es.indices.delete(index=ward.index)
    ward.es.indices.delete_index_template(name=ward.names.index_template)
    ward.es.indices.create(index=ward.names.alias)


def delete_pipeline(ward: Ward, _: ExitStack) -> None:
    """The one that embeds."""
    ward.es.ingest.delete_pipeline(id=ward.names.embed_pipeline(1))


def change_pipeline(ward: Ward, _: ExitStack) -> None:
    """Under our own mark, so that it is drift."""
    name = ward.names.embed_pipeline(1)
    body = ward.es.ingest.get_pipeline(id=name)[name]
    kept = {key: body[key] for key in ("description", "version", "_meta")}
    ward.es.ingest.put_pipeline(id=name, body={**kept, "processors": body["processors"][:-1]})


def delete_template(ward: Ward, _: ExitStack) -> None:
    """Questions fail."""
    ward.es.delete_script(id=ward.names.search_template("hybrid"))


def break_template(ward: Ward, _: ExitStack) -> None:
    """Under our own mark, and no longer JSON."""
    name = ward.names.search_template("lexical")
    source = ward.es.get_script(id=name)["script"]["source"]
    script = {"lang": "mustache", "source": source.rstrip()[:-1]}
    ward.es.put_script(id=name, script=script)


def leave_foreign_template(ward: Ward, _: ExitStack) -> None:
    """Somebody else's, under our name."""
    ward.es.indices.put_index_template(
        name=ward.names.index_template, index_patterns=[ward.names.index_pattern]
    )


def add_field(ward: Ward, _: ExitStack) -> None:
    """An ingest key can do this."""
    ward.es.indices.put_mapping(index=ward.index, properties={"mood": {"type": "keyword"}})


def name_other_model(ward: Ward, _: ExitStack) -> None:
    """The settings name another model than the index has."""
    ward.sections["model"] = {"id": "another-model"}


def block_writes(ward: Ward, _: ExitStack) -> None:
    """As an admin or a full disk sets it."""
    ward.es.indices.put_settings(index=ward.index, settings={"index.blocks.write": True})


def close_index(ward: Ward, _: ExitStack) -> None:
    """Somebody tidied up."""
    ward.es.indices.close(index=ward.index)


def want_a_replica(ward: Ward, _: ExitStack) -> None:
    """One node, and a replica."""
    wanted = {"index.auto_expand_replicas": False, "index.number_of_replicas": 1}
    ward.es.indices.put_settings(index=ward.index, settings=wanted)


def skip_pipeline(ward: Ward, _: ExitStack) -> None:
    """A producer that names no pipeline."""
    ward.put_chunk("whole")
    ward.put_chunk("bare", pipeline="_none")


def stop_refresh(ward: Ward, _: ExitStack) -> None:
    """Left behind by a bulk load."""
    ward.es.indices.put_settings(index=ward.index, settings={"index.refresh_interval": "-1"})


def add_letter(ward: Ward, after: ExitStack) -> None:
    """As the intake pipeline leaves it."""
    letter = {"error": {"index": ward.names.alias, "message": "too long"}}
    made = ward.es.index(index=DLQ_INDEX, document=letter, refresh=True)
    after.callback(ward.es.delete, index=DLQ_INDEX, id=made["_id"], refresh=True)


def leave_lock(ward: Ward, after: ExitStack) -> None:
    """By a setup on a machine that is gone."""
    owner = {"host": "gone.example", "pid": 7, "started": "/1", "token": "t", "command": "setup"}
    lock = {"kind": "lock", "owner": owner, "renewal": 3}
    ward.es.index(index=META_INDEX, id=LOCK, document=lock, refresh=True)
    after.callback(ward.es.delete, index=META_INDEX, id=LOCK, refresh=True)


def mistype_password(ward: Ward, _: ExitStack) -> None:
    """One letter too many."""
    ward.server = {**ward.server, "password": f"{ward.stack.password}x"}


def forget_credentials(ward: Ward, _: ExitStack) -> None:
    """Forgotten."""
    ward.server = {"url": ward.server["url"]}


def garble_key(ward: Ward, _: ExitStack) -> None:
    """The secret alone, not the encoded form."""
    ward.with_key("this-is-not-encoded")


def make_key(ward: Ward, **options: Any) -> tuple[str, str]:
    """The id of a new key and the key itself."""
    key = ward.es.security.create_api_key(name=f"{ward.names.set}-key", **options)
    return key["id"], key["encoded"]


def revoke_key(ward: Ward, _: ExitStack) -> None:
    """The server says of it what it says of a mistyped one."""
    key_id, encoded = make_key(ward)
    ward.es.security.invalidate_api_key(ids=[key_id])
    ward.with_key(encoded)


def mistype_key(ward: Ward, _: ExitStack) -> None:
    """Well formed, and not ours."""
    ward.with_key(base64.b64encode(b"AAAAAAAAAAAAAAAAAAAA:secret").decode())


def end_key_today(ward: Ward, _: ExitStack) -> None:
    """Less than a day."""
    ward.with_key(make_key(ward, expiration="1h")[1])


def end_key_soon(ward: Ward, _: ExitStack) -> None:
    """Less than a fortnight."""
    ward.with_key(make_key(ward, expiration="7d")[1])


def weaken_key(ward: Ward, _: ExitStack) -> None:
    """May read and not put."""
    role = {
        "cluster": ["monitor", "monitor_ml", "read_pipeline"],
        "indices": [{"names": ["esrag-*"], "privileges": ["read", "view_index_metadata"]}],
    }
    ward.with_key(make_key(ward, role_descriptors={"r": role})[1])


def halve_model(ward: Ward, _: ExitStack) -> None:
    """Config and vocabulary, and not one part of the definition."""
    bundle = own_bundle(ward, "half")
    ward.es.ml.put_trained_model(model_id=bundle.model_id, body=models.config_body(bundle))


def forget_deployment(ward: Ward, _: ExitStack) -> None:
    """A model of this test's own, whole and not deployed."""
    models.push(ward.es, own_bundle(ward, "whole"))


def own_bundle(ward: Ward, what: str) -> ModelBundle:
    """A bundle that the settings name; nobody will execute it."""
    model_id = f"{ward.names.set}-{what}"
    ward.sections["model"] = {"id": model_id}
    return fake_bundle(ward.bundle.folder.parent / model_id, model_id, size=1000)


def forget_model(ward: Ward, _: ExitStack) -> None:
    """Named in the settings and never pushed."""
    ward.sections["model"] = {"id": f"{ward.names.set}-model"}


def raise_threads(ward: Ward, _: ExitStack) -> None:
    """The settings changed and setup was not run."""
    ward.sections["model"] = {"threads": 4}


def mistype_port(ward: Ward, _: ExitStack) -> None:
    """Nothing listens there."""
    ward.sections["generator"] = {"url": "http://127.0.0.1:9"}


def mistype_address(ward: Ward, _: ExitStack) -> None:
    """Something answers there, and is no generator."""
    ward.sections["generator"] = {"url": ward.stack.mlnode_url}


def forget_setup(ward: Ward, _: ExitStack) -> None:
    """Another set."""
    ward.sections["index"] = {"set": f"{ward.names.set}-other"}


# these leave the set in the cluster as it is, so that one set serves them all
HARMLESS = {
    add_letter,
    leave_lock,
    forget_setup,
    name_other_model,
    mistype_password,
    forget_credentials,
    garble_key,
    revoke_key,
    mistype_key,
    end_key_today,
    end_key_soon,
    weaken_key,
    forget_model,
    halve_model,
    forget_deployment,
    raise_threads,
    mistype_port,
    mistype_address,
}

SETUP = "esrag setup"
FAULTS = (
    Fault(forget_setup, "objects", "not-set-up", 7, "{set}-other", SETUP),
    Fault(drop_alias, "objects", "alias-missing", 7, "{alias}", SETUP),
    Fault(add_second_index, "objects", "alias-not-writable", 7, "{alias}", SETUP),
    Fault(make_alias_an_index, "objects", "alias-is-index", 7, "{alias}", "DELETE /{alias}"),
    Fault(delete_pipeline, "objects", "pipeline-missing", 7, "esrag-embed-{set}", SETUP),
    Fault(change_pipeline, "objects", "object-drift", 0, "esrag-embed-{set}", "esrag plan"),
    Fault(delete_template, "objects", "search-template-missing", 7, "hybrid-{set}", SETUP),
    Fault(break_template, "objects", "search-template-broken", 7, "lexical-{set}", SETUP),
    Fault(leave_foreign_template, "objects", "foreign-object", 7, "{alias}", "--adopt"),
    Fault(add_field, "objects", "mapping-foreign-fields", 0, "{index}", "esrag reembed"),
    Fault(name_other_model, "objects", "index-other-model", 7, "{index}", "esrag reembed"),
    Fault(leave_lock, "objects", "lock-stale", 0, META_INDEX, "--force-unlock"),
    Fault(block_writes, "cluster", "index-blocked", 4, "{index}", '"index.blocks.write":null'),
    Fault(close_index, "cluster", "index-closed", 4, "{index}", "POST /{index}/_open"),
    Fault(want_a_replica, "cluster", "replica-impossible", 0, "{index}", "number_of_replicas"),
    Fault(skip_pipeline, "documents", "chunks-without-vector", 7, "{index}", "esrag reembed"),
    Fault(stop_refresh, "documents", "refresh-off", 0, "{index}", "refresh_interval"),
    Fault(add_letter, "documents", "dead-letters", 0, DLQ_INDEX, "ingest them again"),
    Fault(mistype_password, "credentials", "credentials-refused", 5, "elastic", "curl -u"),
    Fault(forget_credentials, "credentials", "credentials-missing", 5, "no cred", "API_KEY"),
    Fault(garble_key, "credentials", "key-malformed", 5, "api_key", "encoded"),
    Fault(revoke_key, "credentials", "credentials-refused", 5, "api_key", "esrag keys create"),
    Fault(mistype_key, "credentials", "credentials-refused", 5, "api_key", "esrag keys create"),
    Fault(end_key_today, "credentials", "key-expires-today", 5, "{set}-key", "esrag keys rotate"),
    Fault(end_key_soon, "credentials", "key-expires-soon", 0, "{set}-key", "esrag keys rotate"),
    Fault(weaken_key, "credentials", "privileges-missing", 5, "setup", "--print-roles"),
    Fault(forget_model, "model", "model-missing", 7, "{set}-model", SETUP),
    Fault(halve_model, "model", "model-incomplete", 7, "{set}-half", SETUP),
    Fault(forget_deployment, "model", "deployment-missing", 7, "{set}-whole", "esrag model deploy"),
    Fault(raise_threads, "model", "deployment-settings", 0, "deployment", "esrag plan"),
    Fault(mistype_port, "generator", "generator-unreachable", 4, "127.0.0.1:9", "local status"),
    Fault(mistype_address, "generator", "generator-address", 4, "http://127", "generator.url"),
)


def test_a_healthy_set_has_no_warning(ward: Ward) -> None:
    """All groups; notes only where something is worth knowing."""
    ward.put_chunk("whole")
    report = ward.examine()
    assert [f for f in report.findings if f.severity in ("warning", "error")] == []
    assert {f.code for f in report.of("note")} <= {"calibration-missing", "requests-rejected"}
    assert report.exit_code == 0
    assert len(report.of("ok")) > 25


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.seed.__name__)
def test_a_seeded_fault_is_found(fault: Fault, request: pytest.FixtureRequest) -> None:
    """By its code, with the object's name, the next step and the exit code; nothing is written."""
    ward: Ward = request.getfixturevalue("visitor" if fault.seed in HARMLESS else "ward")
    with ExitStack() as after:
        fault.seed(ward, after)
        report = ward.examine(fault.group)
    found = [finding for finding in report.findings if finding.code == fault.code]
    shown = [(f.code, f.where, f.what) for f in report.findings if f.severity != "ok"]
    assert len(found) == 1, shown
    names = {"set": ward.names.set, "index": ward.index, "alias": ward.names.alias}
    assert fault.where.format(**names) in found[0].where
    assert (fault.next.format(**names) if "/" in fault.next else fault.next) in found[0].next
    assert found[0].severity == CATALOGUE[fault.code].severity
    assert report.exit_code == fault.exit_code, shown
    assert not any(finding.code == "check-failed" for finding in report.findings), shown


def test_the_setup_role_may_look_at_everything(visitor: Ward) -> None:
    """A key with the printed role, and nothing besides, meets no refusal."""
    body = role("setup", visitor.names.set).privileges.as_body()
    visitor.with_key(make_key(visitor, role_descriptors={"setup": body})[1])
    report = visitor.examine()
    refused = [(f.code, f.where, f.what) for f in report.findings if f.code == "not-looked-at"]
    assert refused == []
    assert report.exit_code == 0


def test_one_broken_thing_does_not_hide_the_others(ward: Ward) -> None:
    """Alias and pipeline gone, the generator down: all three are told, and the rest looked at."""
    ward.es.ingest.delete_pipeline(id=ward.names.embed_pipeline(1))
    ward.es.indices.delete_alias(index=ward.index, name=ward.names.alias)
    ward.sections["generator"] = {"url": "http://127.0.0.1:9"}
    report = ward.examine()
    errors = [finding.code for finding in report.of("error")]
    assert errors == ["pipeline-missing", "alias-missing", "generator-unreachable"]
    skipped = [f.where for f in report.of("note") if f.code == "not-looked-at"]
    assert skipped == ["a question", "token budget"]
    assert len(report.of("ok")) > 15
