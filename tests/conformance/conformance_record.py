"""What a run of the conformance tests found, suite by suite, and the file that keeps it.

Tests say what they compared through ``Tally``; it travels in the properties of their reports, so
that counting needs nothing but the reports.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROPERTY = "conformance"


class Tally:
    """How a test tells the table more than that it passed."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def compared(self, number: int, unit: str = "vectors") -> None:
        """So many ``vectors`` or ``generated requests`` were compared."""
        self._note("compared", unit, number)

    def checks(self, *, apply: int, passed: int) -> None:
        """The test ran checks of others; they count instead of the test itself."""
        self._note("checks", apply, passed)

    def left_out(self, number: int, reason: str) -> None:
        """So many checks of others do not apply."""
        self._note("left_out", reason, number)

    def difference(self, name: str, number: int = 1) -> None:
        """So many of the checks met a known difference."""
        self._note("difference", name, number)

    def version(self, name: str, version: str) -> None:
        """The suite uses this software."""
        self._note("version", name, version)

    def _note(self, *note: object) -> None:
        self._properties.append((_PROPERTY, note))


@dataclass(slots=True)
class SuiteResult:
    """One row of the table."""

    name: str
    what: str
    apply: int = 0
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    compared: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: str, notes: list[tuple[Any, ...]], difference: str, why: str) -> None:
        """Count one test: ``outcome`` is passed, failed, differs or skipped."""
        own = {"apply": 0, "passed": 0}
        counts_itself = True
        for kind, name, value in notes:
            if kind == "checks":
                counts_itself = False
                own = {"apply": own["apply"] + name, "passed": own["passed"] + value}
            elif kind == "version":
                self.versions[name] = value
            else:
                counter = {"compared": self.compared, "difference": self.differences}
                counter.get(kind, self.left_out)[name] += value
        if outcome == "skipped":
            self.left_out[why] += 1
            return
        if outcome == "differs":
            self.differences[difference] += 1
        if outcome == "failed":
            self.failed += 1
        if counts_itself or outcome == "failed":
            own = {"apply": own["apply"] + 1, "passed": own["passed"] + (outcome == "passed")}
        self.apply += own["apply"]
        self.passed += own["passed"]

    def as_json(self, **of_the_run: Any) -> dict[str, Any]:
        """For the file, in a fixed order."""
        return {
            "name": self.name,
            "what": self.what,
            **of_the_run,
            "apply": self.apply,
            "passed": self.passed,
            "failed": self.failed,
            "compared": dict(sorted(self.compared.items())),
            "differences": dict(sorted(self.differences.items())),
            "left_out": dict(sorted(self.left_out.items())),
            "versions": dict(sorted(self.versions.items())),
            "seconds": round(self.seconds),
        }


def notes_of(properties: list[tuple[str, object]]) -> list[tuple[Any, ...]]:
    """What the test told its tally."""
    return [tuple(value) for name, value in properties if name == _PROPERTY]  # type: ignore[arg-type]


def merge(file: Path, suites: list[dict[str, Any]]) -> None:
    """Put these suites into the file; those that did not run keep what they had."""
    known = json.loads(file.read_text(encoding="utf-8"))["suites"] if file.is_file() else []
    by_name = {suite["name"]: suite for suite in [*known, *suites]}
    content = {"suites": [by_name[name] for name in sorted(by_name)]}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
