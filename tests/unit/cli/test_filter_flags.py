"""Filters of the command line become the typed filters of a question."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from esrag.cli.filter_flags import filter_flags, filters_from, taken
from esrag.types import Filters


def parsed(*arguments: str) -> Filters:
    """The filters of a command line."""
    found: list[Filters] = []

    @click.command()
    @filter_flags
    @click.option("--other", default="x")
    def command(**given: Any) -> None:
        found.append(filters_from(given))
        assert taken(given) == found[0]
        assert given == {"other": "x"}

    done = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if done.exception:
        raise done.exception
    return found[0]


def test_without_flags_there_are_no_filters() -> None:
    """Then nothing is narrowed, and what others may not read is not looked at."""
    assert parsed() == Filters()


def test_every_flag_has_its_filter() -> None:
    """Those that name values may be repeated; any one of the values suffices."""
    assert parsed(
        *("--source", "a.md", "--source", "b.md", "--document", "d", "--origin", "o"),
        *("--author", "A", "--language", "en", "--since", "2026-01-01", "--until", "now"),
        *("--modified-since", "now-7d", "--modified-until", "now", "--acl", "staff"),
        *("--metadata", "team=docs", "--metadata", "level=a=b"),
    ) == Filters(
        source=("a.md", "b.md"),
        document_id=("d",),
        origin=("o",),
        author=("A",),
        language=("en",),
        published_from="2026-01-01",
        published_to="now",
        modified_from="now-7d",
        modified_to="now",
        metadata=(("team", "docs"), ("level", "a=b")),
        acl=("staff",),
    )


@pytest.mark.parametrize("words", ["team", "=docs", "team="])
def test_metadata_needs_name_and_value(words: str) -> None:
    """Anything else is a wrong usage."""
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        parsed("--metadata", words)
