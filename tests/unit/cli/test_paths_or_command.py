"""A command that takes paths, and commands of its own beside them."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from esrag.cli.paths_or_command import PathsOrCommand


@click.group(cls=PathsOrCommand)
@click.option("--set", "name", default="")
@click.option("--dry-run", is_flag=True)
@click.argument("paths", nargs=-1, metavar="PATH…")
def take(paths: tuple[str, ...], *, name: str, dry_run: bool) -> None:
    """Take paths."""
    click.echo(f"paths {' '.join(paths)} set={name} dry={dry_run}")


@take.command()
@click.option("--set", "name", default="")
@click.argument("rest", nargs=-1)
def verify(rest: tuple[str, ...], *, name: str) -> None:
    """Verify."""
    click.echo(f"verify {' '.join(rest)} set={name}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["docs"], "paths docs set= dry=False"),
        (["docs", "verify"], "paths docs verify set= dry=False"),
        (["./verify"], "paths ./verify set= dry=False"),
        (["--", "verify"], "paths verify set= dry=False"),
        (["--dry-run", "--set", "verify", "docs"], "paths docs set=verify dry=True"),
        (["docs", "--dry-run"], "paths docs set= dry=True"),
        ([], "paths  set= dry=False"),
        (["verify"], "verify  set="),
        (["--set", "hr", "verify", "a"], "verify a set=hr"),
        (["verify", "--set", "hr"], "verify  set=hr"),
    ],
)
def test_the_first_word_decides(words: list[str], said: str) -> None:
    """A command's name is that command wherever options stand; all else is a path."""
    outcome = CliRunner().invoke(take, words)
    assert (outcome.exit_code, outcome.output.strip()) == (0, said)


def test_an_unknown_option_is_named() -> None:
    """As of any command."""
    outcome = CliRunner().invoke(take, ["--nonsense", "verify"])
    assert outcome.exit_code == 2
    assert "--nonsense" in outcome.output


def test_the_help_shows_paths_and_commands() -> None:
    """The usage line is that of the paths."""
    said = CliRunner().invoke(take, ["--help"]).output
    assert "[OPTIONS] PATH…\n" in said
    assert "verify" in said
