"""Files converted of a bundle: made once, and again when they do not fit their record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esrag.bundle import ModelBundle
from esrag.embedding import conversion
from esrag.embedding.conversion import converted
from esrag.testing_elasticsearch import fake_bundle


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made, without the libraries that make it."""
    names: list[str] = []

    def make(bundle: ModelBundle, folder: Path, workshop: Path) -> None:
        names.append(bundle.model_id)
        (workshop / "openvino.xml").write_text("graph")
        (workshop / "openvino.bin").write_text("weights")

    monkeypatch.setattr(conversion, "_make_openvino", make)
    return names


def test_a_conversion_is_made_once(tmp_path: Path, made: list[str]) -> None:
    """Its record has the sha256 of each file and what they were made with."""
    bundle = fake_bundle(tmp_path / "bundle", size=10)
    file = converted(bundle, "openvino", tmp_path / "cache")
    assert converted(bundle, "openvino", tmp_path / "cache") == file
    assert len(made) == 1
    record = json.loads((tmp_path / "cache" / "openvino.json").read_text())
    assert set(record["sha256"]) == {"openvino.xml", "openvino.bin"}
    assert set(record["made_of"]["versions"]) == {"torch", "openvino"}
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        ".lock",
        "openvino.bin",
        "openvino.json",
        "openvino.xml",
    ]


@pytest.mark.parametrize("damage", ["weights", "record", "nothing left", "other versions"])
def test_what_does_not_fit_its_record_is_made_again(
    tmp_path: Path, made: list[str], damage: str
) -> None:
    """A damaged file is not executed, and one of another library's version is not kept."""
    bundle = fake_bundle(tmp_path / "bundle", size=10)
    cache = tmp_path / "cache"
    converted(bundle, "openvino", cache)
    record = cache / "openvino.json"
    if damage == "weights":
        (cache / "openvino.bin").write_text("other")
    elif damage == "record":
        record.write_text("[")
    elif damage == "nothing left":
        (cache / "openvino.xml").unlink()
    else:
        record.write_text(record.read_text().replace('"torch": "', '"torch": "0.'))
    assert converted(bundle, "openvino", cache).read_text() == "graph"
    assert len(made) == 2
