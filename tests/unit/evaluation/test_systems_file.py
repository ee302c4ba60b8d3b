"""A file of systems is read strictly, and each system has the settings it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.errors import UsageError
from esrag.evaluation.systems import (
    built_in_systems,
    read_systems,
    settings_of,
    with_adapters,
)
from esrag.settings import load_settings

GOOD = """
[systems.quotes]
kind = "extractive"
note = "no model"

[systems.tuned]
kind = "rag"
adapter = "hr"
runs = ["hr-2026"]

[systems.tuned.settings]
answer.verify = "off"
"generator.passages" = 3
"""


def read(tmp_path: Path, text: str) -> UsageError:
    """What is said of a file."""
    file = tmp_path / "systems.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as found:
        read_systems(file)
    return found.value


def test_systems_come_in_the_order_of_the_file_with_both_spellings_of_a_setting(
    tmp_path: Path,
) -> None:
    """A dotted table and a quoted name mean the same; an adapter is the generator's model."""
    file = tmp_path / "systems.toml"
    file.write_text(GOOD, encoding="utf-8")
    quotes, tuned = read_systems(file)
    assert (quotes.name, quotes.kind, quotes.note) == ("quotes", "extractive", "no model")
    assert (tuned.adapter, tuned.runs) == ("hr", ("hr-2026",))
    assert tuned.overrides == {
        "answer.verify": "off",
        "generator.passages": 3,
        "generator.model": "hr",
    }


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[systems.a]\nkind = "rag"\nadaptor = "x"\n', 3, "unknown name 'adaptor'"),
        ('[systems.a]\nkind = "magic"\n', 2, "cannot be of kind 'magic'"),
        ('[systems.a]\nnote = "x"\n', 1, "has no kind"),
        ('title = "x"\n[systems.a]\nkind = "rag"\n', 1, "unknown name 'title'"),
        ('[systems.A]\nkind = "rag"\n', 1, "cannot name a system"),
        ('[systems.a]\nkind = "rag"\nruns = "x"\n', 3, "has to be a list"),
        ('[systems.a]\nkind = "rag"\nnote = 3\n', 3, "has to be a text"),
        ('[systems.a]\nkind = "rag"\nadapter = "x"\nmodel = "y"\n', 4, "both an adapter"),
        ('[systems.a]\nkind = "extractive"\nadapter = "x"\n', 3, "no model answers"),
        (
            '[systems.a]\nkind = "rag"\n[systems.b]\nkind = "rag"\n[systems.b.settings]\n'
            'answer.verfy = "off"\n',
            6,
            "answer.verfy is no setting",
        ),
        (
            '[systems.a]\nkind = "rag"\nsettings = {"answer.verify" = "maybe"}\n',
            3,
            "answer.verify: Input should be",
        ),
        (
            '[systems.a]\nkind = "rag"\n[systems.a.settings]\nserve.port = 1\n',
            4,
            "serve.port is no setting that a system can have",
        ),
        (
            '[systems.a]\nkind = "rag"\n[systems.a.settings]\ngenerator.api_key = "s3cret"\n',
            4,
            "is a secret",
        ),
        (
            '[systems.a]\nkind = "rag"\n[systems.a.settings]\ngenerator.passages = 0\n',
            4,
            "generator.passages",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    """A person finds the place at once; nothing was asked by then."""
    error = read(tmp_path, text)
    assert f"systems.toml, line {line}: " in error.message
    assert words in error.message
    assert "s3cret" not in error.message


@pytest.mark.parametrize("text", ["", "[systems]\n", "systems = 3\n", "[systems.a\n", "\x00"])
def test_a_file_without_systems_or_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """An empty comparison is a mistake, not a result."""
    assert "systems.toml" in read(tmp_path, text).message


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    """With a byte order mark and its line ends."""
    file = tmp_path / "systems.toml"
    file.write_bytes(b'\xef\xbb\xbf[systems.a]\r\nkind = "extractive"\r\n')
    assert [each.name for each in read_systems(file)] == ["a"]


def test_a_missing_file_is_a_mistake_of_usage(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(UsageError, match="cannot be read"):
        read_systems(tmp_path / "none.toml")


def test_the_built_in_systems_are_the_arms_of_the_article() -> None:
    """Quoting, from memory, with passages as written and as shown; an adapter adds two."""
    names = [system.name for system in built_in_systems(["hr"])]
    assert names == [
        "extractive",
        "closed-book",
        "rag",
        "rag-shown",
        "closed-book-hr",
        "rag-hr",
    ]


def test_an_adapter_named_twice_is_refused() -> None:
    """Two systems of one name could not be told apart."""
    with pytest.raises(UsageError, match="two systems"):
        built_in_systems(["hr", "HR"])
    with pytest.raises(UsageError, match="which the file has as well"):
        with_adapters(built_in_systems(["hr"]), ["hr"])


def test_a_system_has_the_settings_of_the_command_with_its_own_on_top(tmp_path: Path) -> None:
    """Nothing of an evaluation goes into the log of answers, whatever the settings say."""
    settings = load_settings(
        data_dir=tmp_path, answer={"log": True}, generator={"passages": 7, "api_key": "s3cret"}
    )
    by_name = {each.name: settings_of(each, settings) for each in built_in_systems(["hr"])}
    assert not by_name["extractive"].answer.generate
    assert by_name["rag"].answer.verify == "off"
    assert by_name["rag-shown"].answer.verify == "remove"
    assert by_name["rag-hr"].generator.model == "hr"
    for own in by_name.values():
        assert own.generator.passages == 7
        assert not own.answer.log
        assert own.generator.api_key is not None
        assert own.generator.api_key.get_secret_value() == "s3cret"
    assert settings.answer.log
