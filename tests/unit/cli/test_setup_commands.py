"""The commands around setup: exit codes, what goes to which stream, and who is asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from esrag.bundle import bundle_folder
from esrag.cli import run
from esrag.cluster import retry
from esrag.names import SEARCH_KINDS
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake, fake_bundle

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ElasticsearchFake:
    """A cluster in memory behind every command, and a small bundle in the data folder."""
    fake = ElasticsearchFake(ClusterInMemory())
    commands = ("setup", "teardown", "model", "model_deployments")
    for module in (f"esrag.cli.{name}" for name in commands):
        monkeypatch.setattr(f"{module}.connect_with", lambda settings: fake.client())
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.0)
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ESRAG_MODEL_ID", "model-a")
    monkeypatch.chdir(tmp_path)
    fake_bundle(bundle_folder(tmp_path, "model-a"), "model-a", size=1_500_000)
    return fake


@pytest.fixture
def esrag(fake: ElasticsearchFake, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code, standard output and standard error."""

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        return code, *capsys.readouterr()

    return command


def test_plan_changes_nothing_and_tells_by_its_exit_code(
    fake: ElasticsearchFake, esrag: Run
) -> None:
    """2 while there is something to do, 0 afterwards."""
    code, out, _ = esrag("plan")
    assert code == 2
    assert "+ trained model model-a  upload 1 MiB" in out
    assert out.splitlines()[-1] == "Plan: 16 to create."
    assert fake.writes == []
    assert esrag("setup", "--yes")[0] == 0
    code, out, _ = esrag("plan")
    assert (code, out) == (0, "Nothing to do: all 16 objects are as wanted.\n")


def test_plan_as_json_is_for_programs(esrag: Run) -> None:
    """Standard output is JSON and nothing else."""
    code, out, _ = esrag("plan", "--json")
    assert code == 2
    assert json.loads(out)["changes"] == 16


def test_setup_asks_before_it_changes_anything(fake: ElasticsearchFake, esrag: Run) -> None:
    """Without --yes and without a person there is nobody to ask."""
    code, _, err = esrag("setup")
    assert code == 2
    assert "esrag setup --yes" in err
    assert fake.writes == []


def test_setup_twice_writes_once(fake: ElasticsearchFake, esrag: Run) -> None:
    """The second run shows that nothing is to do, tries it, and says what is next."""
    code, out, err = esrag("setup", "--yes")
    assert code == 0
    assert "create index esrag-docs-default-000001" in err
    fake.requests.clear()
    code, out, err = esrag("setup", "--yes")
    assert (code, fake.writes) == (0, [])
    assert out.startswith("Nothing to do")
    assert "esrag ingest" in err


def test_setup_as_json_says_what_was_done(esrag: Run) -> None:
    """Plan, number of steps and the try-out in one object."""
    code, out, _ = esrag("setup", "--yes", "--json", "--set", "hr")
    facts = json.loads(out)
    assert code == 0
    assert facts["applied"] == 16
    assert facts["smoke"] == {
        "dims": 8,
        "hits": {f"esrag-{kind}-hr": 0 for kind in SEARCH_KINDS},
    }


def test_missing_privileges_stop_before_the_first_change(
    fake: ElasticsearchFake, esrag: Run
) -> None:
    """Exit code 5, all of them named."""
    fake.handler = ClusterInMemory(lacking=frozenset({"cluster:admin/script/put"}))
    code, _, err = esrag("setup", "--yes")
    assert code == 5
    assert "cluster:admin/script/put" in err
    assert fake.writes == []


def test_an_unfit_cluster_is_exit_code_6(fake: ElasticsearchFake, esrag: Run) -> None:
    """Neither plan nor setup goes on."""
    fake.handler = ClusterInMemory(version="8.19.0")
    assert esrag("plan")[0] == esrag("setup", "--yes")[0] == 6
    assert fake.writes == []


def test_status_lists_objects_and_counts(esrag: Run) -> None:
    """Before and after setup, as text and as JSON."""
    code, out, _ = esrag("status")
    assert code == 0
    assert "missing" in out
    assert "no index yet" in out
    esrag("setup", "--yes")
    assert "0 chunks" in esrag("status")[1]
    facts = json.loads(esrag("status", "--json")[1])
    assert {item["state"] for item in facts["objects"]} == {"present"}
    assert facts["documents"] == 0


def test_a_model_is_pushed_listed_deployed_and_stopped(fake: ElasticsearchFake, esrag: Run) -> None:
    """The four steps by hand, each told on standard output."""
    assert esrag("model", "push")[1] == "model-a  uploaded in 2 parts\n"
    assert esrag("model", "push")[1] == "model-a  was there already\n"
    assert json.loads(esrag("model", "push", "--json")[1]) == {
        "model_id": "model-a",
        "parts_sent": 0,
        "resumed": False,
    }
    assert esrag("model", "list")[1] == (
        "model-a  8 dims  1 MiB  complete  of esrag  used by: nobody\n  not deployed\n"
    )
    assert "cosine 1.000000" in esrag("model", "deploy")[1]
    (row,) = json.loads(esrag("model", "list", "--json")[1])
    assert [d["state"] for d in row["deployments"]] == ["started"]
    assert esrag("model", "heal", "--check")[0] == 0
    assert esrag("model", "undeploy")[1] == "model-a  stopped\n"
    assert esrag("model", "undeploy")[1] == "model-a  was not deployed\n"
    assert esrag("model", "heal", "--check")[0] == 2
    assert esrag("model", "heal")[1].startswith("model-a  started  (it is not there")
    assert esrag("model", "heal", "--check")[0] == 0


def test_pushing_without_a_bundle_says_how_to_build_one(esrag: Run) -> None:
    """Exit code 2 and the command."""
    code, _, err = esrag("model", "push", "--model-id", "none")
    assert code == 2
    assert "esrag model build" in err


def test_a_cluster_that_moves_while_a_person_thinks_is_shown_again(
    fake: ElasticsearchFake, esrag: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer is to the second plan; only that is carried out."""
    assert esrag("setup", "--yes")[0] == 0
    cluster = fake.handler
    assert isinstance(cluster, ClusterInMemory)
    del cluster.store["_scripts"]["esrag-hybrid-default"]
    asked: list[str] = []

    def answer(command: str, *, yes: bool) -> None:
        asked.append(command)
        if len(asked) == 1:
            del cluster.store["_scripts"]["esrag-lexical-default"]

    monkeypatch.setattr("esrag.cli.setup.confirm", answer)
    code, out, err = esrag("setup")
    assert (code, asked) == (0, ["setup", "setup"])
    assert "Plan: 1 to create" in out
    assert "Plan: 2 to create" in out
    assert "changed meanwhile" in err
    assert esrag("plan")[0] == 0


def test_with_yes_a_cluster_that_moved_is_left_alone(
    fake: ElasticsearchFake, esrag: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 7 and what would be done now."""
    assert esrag("setup", "--yes")[0] == 0
    cluster = fake.handler
    assert isinstance(cluster, ClusterInMemory)
    del cluster.store["_scripts"]["esrag-hybrid-default"]

    def answer(command: str, *, yes: bool) -> None:
        del cluster.store["_scripts"]["esrag-lexical-default"]

    monkeypatch.setattr("esrag.cli.setup.confirm", answer)
    code, _, err = esrag("setup", "--yes")
    assert code == 7
    assert "create search template esrag-lexical-default" in err
    assert "esrag-hybrid-default" not in cluster.store["_scripts"]


def test_a_lock_of_another_machine_is_respected_until_it_is_forced(
    fake: ElasticsearchFake, esrag: Run
) -> None:
    """Exit code 7 naming the owner; --force-unlock takes it away."""
    assert esrag("setup", "--yes")[0] == 0
    cluster = fake.handler
    assert isinstance(cluster, ClusterInMemory)
    owner = {"host": "far", "pid": 7, "started": "m/1", "token": "t", "command": "reembed"}
    lock = {"_source": {"kind": "lock", "owner": owner, "renewal": 1}, "_seq_no": 9}
    cluster.indices["esrag-meta"]["documents"]["lock"] = {**lock, "_primary_term": 1}
    assert esrag("setup", "--yes")[0] == 0  # nothing to do needs no lock
    del cluster.store["_scripts"]["esrag-hybrid-default"]
    code, _, err = esrag("setup", "--yes", "--wait", "0")
    assert code == 7
    assert "process 7 on far (reembed)" in err
    assert "--force-unlock" in err
    assert esrag("setup", "--yes", "--force-unlock")[0] == 0
    assert "lock" not in cluster.indices["esrag-meta"]["documents"]


def test_teardown_shows_first_and_removes_when_told(fake: ElasticsearchFake, esrag: Run) -> None:
    """2 while there is something to remove, 0 afterwards; as JSON for programs."""
    assert esrag("setup", "--yes")[0] == 0
    fake.requests.clear()
    code, out, err = esrag("teardown")
    assert (code, fake.writes) == (2, [])
    assert "--with-documents esrag-docs-default" in out
    assert "--yes" in err
    code, out, _ = esrag("teardown", "--json", "--with-documents", "esrag-docs-default")
    facts = json.loads(out)
    assert (code, facts["applied"], facts["plan"]["destructive"]) == (2, 0, 1)
    assert esrag("teardown", "--yes", "--with-documents", "default")[0] == 2
    assert esrag("teardown", "--yes", "--with-documents", "esrag-docs-default")[0] == 0
    assert esrag("teardown") == (0, "Nothing to do.\n", "")


def test_a_saved_plan_is_applied_once(esrag: Run, tmp_path: Path) -> None:
    """Without asking; the second time it no longer holds."""
    file = str(tmp_path / "plan.json")
    code, _, err = esrag("plan", "--set", "hr", "--out", file)
    assert (code, f"setup --plan {file}" in err) == (2, True)
    assert esrag("setup", "--plan", file)[0] == 0
    code, _, err = esrag("setup", "--plan", file)
    assert code == 7
    assert "index template esrag-docs-hr (in the cluster)" in err


def test_a_plan_without_its_bundle_is_not_saved(
    esrag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could never be applied: the bundle is a part of what is wanted."""
    monkeypatch.setenv("ESRAG_MODEL_ID", "model-never-built")
    code, _, err = esrag("plan", "--out", str(tmp_path / "plan.json"))
    assert code == 2
    assert "esrag model build" in err
    assert not (tmp_path / "plan.json").exists()
