"""The catalogue of findings: whole, in order, and used."""

import re
from pathlib import Path

import click
import pytest

from esrag.cli import cli
from esrag.cli.doctor import GROUP_NAMES
from esrag.doctor import codes
from esrag.doctor.checks import CHECKS
from esrag.doctor.codes import CATALOGUE, GROUPS
from esrag.doctor.findings import Report, found, well

# words that follow the name in a sentence
PROSE = {"did", "in", "is", "itself", "keeps", "needs", "noted", "on", "was", "works"}
PACKAGE = Path(codes.__file__).parent
SOURCES = "".join(
    path.read_text()
    for path in (*PACKAGE.glob("*.py"), PACKAGE.parent / "cluster" / "connection_faults.py",
                 PACKAGE.parent / "cli" / "doctor.py")
)  # fmt: skip


@pytest.mark.parametrize("code", CATALOGUE.values(), ids=lambda code: code.name)
def test_a_code_says_what_it_means_and_what_helps(code: codes.Code) -> None:
    """An error has an exit code from 2 to 7, and nothing else has one."""
    assert code.group in {"general", *GROUPS}
    assert code.meaning.endswith(".")
    assert code.remedy
    assert (code.exit_code in (2, 4, 5, 6, 7)) == (code.severity == "error")


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_code_is_used(name: str) -> None:
    """A code that no check gives would be a promise that nobody keeps."""
    assert re.search(rf'"{name}"', SOURCES)


def said_commands() -> list[str]:
    """Every ``esrag …`` that a remedy or a finding tells somebody to run."""
    text = SOURCES + (PACKAGE / "codes.toml").read_text()
    lines = set(re.findall(r"esrag [a-z]+(?: (?:--)?[a-z][a-z-]+)*", text))
    return sorted(line for line in lines if line.split()[1] not in PROSE)


@pytest.mark.parametrize("line", said_commands())
def test_a_command_that_is_recommended_exists(line: str) -> None:
    """The command, its sub-command, and each of its options."""
    _, name, *words = line.split()
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
        assert command is not None, line
        if isinstance(command, click.Group) and words and not words[0].startswith("-"):
            inner = command.get_command(context, words.pop(0))
            assert inner is not None, line
            command = inner
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


def test_the_command_and_the_checks_know_the_same_groups() -> None:
    """In the same order; every need of a check is a check before it."""
    assert tuple(GROUPS) == GROUP_NAMES
    seen: set[str] = set()
    for check in CHECKS:
        assert set(check.needs) <= seen
        seen.add(check.name)
    order = [GROUP_NAMES.index(check.group) for check in CHECKS]
    assert order == sorted(order)


def test_the_exit_code_is_that_of_the_first_error() -> None:
    """The cause comes before its effects; notes and warnings do not count."""
    fine = well("x", "fine")
    warning = found("disk-high", "node a", "full")
    cause = found("tls-expired", "https://a", "expired")
    effect = found("alias-missing", "alias", "gone")
    assert Report((fine, warning)).exit_code == 0
    assert Report((fine, warning, cause, effect)).exit_code == 4
    assert Report((effect, cause)).exit_code == 7
