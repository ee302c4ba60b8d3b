"""Runs the checks in order.  One that fails does not hide the others.

A check that needs something which is broken is not run; the report says so and names the cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from esrag.doctor.case import Case
from esrag.doctor.codes import CHECK_FAILED, GROUPS, NOT_LOOKED_AT
from esrag.doctor.findings import Finding, Report, found
from esrag.errors import EsragError, PermissionDeniedError, UnsupportedError

# the server's words of a missing privilege
_UNAUTHORIZED = re.compile(r"action \[([^\]]+)\] is unauthorized")
_ON_INDICES = re.compile(r"on indices \[([^\]]+)\]")

Watch = Callable[[str], None]

# an answer that is not as documented shows itself as one of these
_ODD_ANSWER = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class Check:
    """One look at one thing.  ``needs`` names checks without whose success it makes no sense."""

    name: str
    group: str
    run: Callable[[Case], Iterable[Finding]]
    needs: tuple[str, ...] = ()


def examine(
    case: Case,
    checks: Iterable[Check],
    *,
    only: Collection[str] = tuple(GROUPS),
    watch: Watch = lambda _: None,
) -> Report:
    """Run the checks of these groups, and those of other groups that they need.

    ``watch`` is told the name of each check before it runs.  Afterwards the generator's
    connections are closed.
    """
    with closing(case.generator):
        return _report(case, tuple(checks), only, watch)


def _report(
    case: Case, all_checks: tuple[Check, ...], only: Collection[str], watch: Watch
) -> Report:
    wanted = _with_needs(all_checks, only)
    broken: dict[str, str] = {}  # check -> the finding that broke it, in words
    made: list[Finding] = []
    for check in all_checks:
        if check.name not in wanted:
            continue
        blocker = next((broken[need] for need in check.needs if need in broken), None)
        if blocker is not None:
            broken[check.name] = blocker
            results = [found(NOT_LOOKED_AT, check.name, f"not looked at, because {blocker}")]
        else:
            watch(check.name)
            results = list(_run(case, check))
        made += [replace(finding, group=check.group) for finding in results]
        failed = next((finding for finding in results if finding.severity == "error"), None)
        if failed is not None:
            broken.setdefault(check.name, f"of {failed.code} ({failed.where})")
    return Report(tuple(f for f in made if f.group in only or f.severity == "error"))


def _with_needs(checks: tuple[Check, ...], only: Collection[str]) -> set[str]:
    """Names of the checks of these groups and of all that they need."""
    by_name = {check.name: check for check in checks}
    waiting = [check.name for check in checks if check.group in only]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].needs
    return wanted


def _lacking(error: PermissionDeniedError) -> str:
    """The privilege that the server names, or its words."""
    action = _UNAUTHORIZED.search(error.message)
    if action is None:
        return f"these credentials may not: {error.message}"
    indices = _ON_INDICES.search(error.message)
    where = f" on {indices[1]}" if indices else ""
    return f"these credentials lack {action[1]}{where}"


def _run(case: Case, check: Check) -> Iterator[Finding]:
    """The findings of one check; what it could not look at is a finding as well."""
    try:
        yield from check.run(case)
    except PermissionDeniedError as error:
        yield found(
            NOT_LOOKED_AT,
            check.name,
            f"not looked at, because {_lacking(error)}",
            "Run the doctor with credentials that may look at it.",
        )
    except UnsupportedError as error:
        yield found(
            NOT_LOOKED_AT,
            check.name,
            f"not looked at, because this cluster does not have it: {error.message}",
            error.hint,
        )
    except EsragError as error:
        yield replace(
            found(CHECK_FAILED, check.name, error.message, error.hint), exit_code=error.exit_code
        )
    except _ODD_ANSWER as error:
        yield found(CHECK_FAILED, check.name, f"the answer is not as documented: {error!r}")
