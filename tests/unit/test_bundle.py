"""Bundles: reading, checking, and what makes two of them the same model."""

import json
import zipfile
from pathlib import Path

import pytest

from esrag.bundle import definition_content_sha256, load_bundle, verify_bundle
from esrag.errors import UsageError
from esrag.testing_elasticsearch import fake_bundle


def test_a_written_bundle_reads_back(tmp_path: Path) -> None:
    """The manifest keeps everything the record holds."""
    bundle = fake_bundle(tmp_path / "b", size=10)
    assert load_bundle(tmp_path / "b") == bundle
    verify_bundle(bundle)


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    """Another folder is the same model; other bytes are another one."""
    one = fake_bundle(tmp_path / "one", size=10)
    assert fake_bundle(tmp_path / "two", size=10).fingerprint == one.fingerprint
    assert fake_bundle(tmp_path / "three", size=10, seed=b"b").fingerprint != one.fingerprint


def test_the_tracing_program_is_not_part_of_the_content(tmp_path: Path) -> None:
    """Debug records and generated names differ between traces of one model; weights do not."""

    def traced(name: str, *, number: int, line: str, weight: bytes) -> str:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            module = f"m/code/__torch__/___torch_mangle_{number}.py"
            archive.writestr(module, f"class ___torch_mangle_{number}: pass")
            archive.writestr(f"{module}.debug_pkl", line)
            archive.writestr("m/constants/0", weight)
        return definition_content_sha256(path)

    one = traced("one", number=1, line="10", weight=b"w")
    assert traced("two", number=22, line="11", weight=b"w") == one
    assert traced("three", number=1, line="10", weight=b"v") != one


def test_a_changed_file_is_found_out(tmp_path: Path) -> None:
    """One flipped byte is named with its file."""
    bundle = fake_bundle(tmp_path / "b", size=10)
    bundle.definition.write_bytes(b"aaaaaaaaab")
    with pytest.raises(UsageError, match=r"model\.pt"):
        verify_bundle(bundle)


def test_a_missing_bundle_says_how_to_make_one(tmp_path: Path) -> None:
    """The hint names the command."""
    with pytest.raises(UsageError) as caught:
        load_bundle(tmp_path / "none")
    assert "esrag model build" in caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts: facts.pop("config"),
        lambda facts: facts.update(format=99),
        lambda facts: facts.update(references=[]),
        lambda facts: facts["references"][0].update(vector=[1.0]),
        lambda facts: facts["sha256"].pop("model.pt"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, damage: object) -> None:
    """Whatever is missing from it, the message says to build it again."""
    fake_bundle(tmp_path, size=10)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    damage(facts)  # type: ignore[operator]
    (tmp_path / "bundle.json").write_text(json.dumps(facts))
    with pytest.raises(UsageError) as caught:
        load_bundle(tmp_path)
    assert "--force" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A manifest alone is no bundle."""
    bundle = fake_bundle(tmp_path, size=10)
    bundle.tokenizer.unlink()
    with pytest.raises(UsageError, match=r"tokenizer\.json"):
        load_bundle(tmp_path)
