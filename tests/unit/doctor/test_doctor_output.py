"""What the command prints, and that settings which cannot be used are a finding too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from patient import Patient

from esrag.cli import doctor, run
from esrag.doctor.case import Case
from esrag.testing_elasticsearch import Reply


@pytest.fixture
def command(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """The patient behind the command."""

    def case_from(*_: object) -> Case:
        return patient.case()

    monkeypatch.setattr(doctor, "case_from", case_from)
    return patient


def test_settings_that_cannot_be_used_are_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown key in esrag.toml: exit code 2, and the key by name."""
    monkeypatch.chdir(tmp_path)
    Path("esrag.toml").write_text("[elasticsearch]\nadress = 'http://a'\n")
    assert run(["doctor", "--json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["code"], found["severity"]) == ("settings-unusable", "error")
    assert "elasticsearch.adress" in found["what"]
    assert found["next"]


def test_the_first_cause_is_named_at_the_end(
    command: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    """With how many there are of each sort, and what was not looked at before it."""
    command.answers["GET _security/_authenticate"] = Reply.error(401, "security_exception", "no")
    assert run(["doctor"]) == 5
    out = capsys.readouterr().out
    assert "Begin with credentials-missing: no credentials." in out.replace("\n", " ")
    assert "Not looked at" in out
    assert "→ Set ESRAG_ELASTICSEARCH_API_KEY" in out


def test_several_missing_privileges_stand_on_a_line_each(
    command: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are to be copied into a role."""
    command.memory.lacking = frozenset({"cluster:admin/script/put", "cluster:monitor/health"})
    assert run(["doctor", "--only", "credentials"]) == 5
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert {"cluster:admin/script/put", "cluster:monitor/health"} <= set(lines)


def test_a_missing_privilege_of_the_doctor_itself_is_named(
    command: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a note; nothing is wrong with the cluster."""
    words = (
        "action [cluster:monitor/health] is unauthorized for user [a] with roles [b], "
        "this action is granted by the cluster privileges [monitor,manage,all]"
    )
    command.answers["GET _cluster/health.*"] = Reply.error(403, "security_exception", words)
    assert run(["doctor", "--only", "cluster"]) == 0
    out = capsys.readouterr().out
    assert "index health: because these credentials lack cluster:monitor/health" in out
    assert "Nothing wrong was found" in out
