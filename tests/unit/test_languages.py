"""Language analyzers: which there are, and what a wrong name is answered with."""

import pytest

from esrag.errors import UsageError
from esrag.languages import ANALYZERS, NO_LANGUAGE, require_analyzer
from esrag.settings import load_settings


@pytest.mark.parametrize("language", [*ANALYZERS, NO_LANGUAGE])
def test_every_built_in_analyzer_is_taken(language: str) -> None:
    """The setting takes what the server has."""
    assert load_settings(index={"language": language}).index.language == language


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("de", "german"),
        ("ja", "cjk"),
        ("Chinese", "cjk"),
        ("English", "english"),
        ("germann", "german"),
        ("pt-BR", "brazilian"),
    ],
)
def test_what_was_meant_is_named(asked: str, meant: str) -> None:
    """Codes, capitals and slips of the pen lead to the analyzer's name."""
    with pytest.raises(UsageError) as caught:
        require_analyzer(asked)
    assert caught.value.hint == f"Write {meant}."


def test_a_language_without_analyzer_is_answered_with_the_list() -> None:
    """The message names the way out."""
    with pytest.raises(UsageError, match="no language analyzer 'swahili'") as caught:
        load_settings(index={"language": "swahili"})
    assert "standard for all other languages" in str(caught.value)
