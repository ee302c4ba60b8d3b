"""The record of a finding, and the report that all findings together make.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esrag.doctor.codes import CATALOGUE, OK, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: ``where`` names the object, ``next`` the exact command or setting."""

    code: str
    severity: Severity
    where: str
    what: str
    next: str = ""
    exit_code: int = 0
    group: str = ""


def found(code: str, where: str, what: str, next_step: str = "") -> Finding:
    """A finding of the catalogue; its general remedy stands in when no exact step is given."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        severity=entry.severity,
        where=where,
        what=what,
        next=next_step or entry.remedy.replace("`", ""),
        exit_code=entry.exit_code,
    )


def well(where: str, what: str) -> Finding:
    """Something was looked at and is as it should be."""
    return Finding(code=OK, severity="ok", where=where, what=what)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order in which they were made: causes before their effects."""

    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    @property
    def exit_code(self) -> int:
        """0 without an error; otherwise that of the first, which is the cause of later ones."""
        return next((finding.exit_code for finding in self.of("error")), 0)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        severities: Sequence[Severity] = ("error", "warning", "note", "ok")
        return {
            "exit_code": self.exit_code,
            "counts": {severity: len(self.of(severity)) for severity in severities},
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity,
                    "group": finding.group,
                    "where": finding.where,
                    "what": finding.what,
                    "next": finding.next,
                }
                for finding in self.findings
            ],
        }
