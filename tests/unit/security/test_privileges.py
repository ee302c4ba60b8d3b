"""The lists: by command, set and part of the cluster; nothing here talks to a server."""

from __future__ import annotations

from typing import get_args

import pytest

from esrag.privileges import Command, IndexPrivileges, Privileges, needed

COMMANDS: tuple[Command, ...] = get_args(Command)


@pytest.mark.parametrize("command", COMMANDS)
def test_names_are_actions_of_the_server(command: Command) -> None:
    """No named privilege hides in a list, and no wildcard."""
    for name, _ in needed(command, "hr").flat():
        assert name.startswith(("cluster:", "indices:"))
        assert "*" not in name


@pytest.mark.parametrize("command", COMMANDS)
def test_without_machine_learning_none_of_its_actions_is_asked_for(command: Command) -> None:
    """On basic a role without them passes; whether there is any has to be found out."""
    found = needed(command, "hr", machine_learning=False, endpoints=False)
    asked = {name for name, _ in found.flat() if "/ml/" in name or "xpack/inference" in name}
    assert asked <= {"cluster:monitor/xpack/ml/info/get"}


def test_a_set_is_named_by_alias_and_generations() -> None:
    """Authorisation looks at both, and another set's indices do not match."""
    assert {on for _, on in needed("search", "hr").flat()} == {
        "esrag-docs-hr",
        "esrag-docs-hr-0*",
    }
    assert {on for _, on in needed("search", None).flat()} == {"esrag-docs-*"}


def test_setup_needs_all_that_plan_needs() -> None:
    """Whoever may apply a plan may see it; a name grants all that begins with it."""
    held = needed("setup", "hr").flat()
    for name, on in needed("plan", "hr").flat():
        assert any(name.startswith(other) and on == place for other, place in held)


def test_what_another_name_grants_is_not_named() -> None:
    """The server would not miss it either."""
    both = Privileges(("a:x", "a:x/y", "named"), (IndexPrivileges(("i",), ("b:z/w", "b:z")),))
    assert both.reduced() == Privileges(("a:x", "named"), (IndexPrivileges(("i",), ("b:z",)),))


def test_a_union_names_nothing_twice() -> None:
    """Entries on the same indices become one."""
    left = Privileges(("a",), (IndexPrivileges(("x",), ("r", "w")),))
    right = Privileges(("b", "a"), (IndexPrivileges(("x",), ("w", "d")),))
    both = left | right
    assert both == Privileges(("a", "b"), (IndexPrivileges(("x",), ("r", "w", "d")),))


def test_lines_say_where() -> None:
    """One line a privilege, with all the indices that it is missing on."""
    found = Privileges(("c",), (IndexPrivileges(("x", "y"), ("r",)),))
    assert found.lines() == ("c", "r on x, y")
    assert found.without("r") == Privileges(("c",))
