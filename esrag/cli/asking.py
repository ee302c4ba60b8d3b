"""Asks a person before something is lost; where nobody can answer, says which flag does."""

from __future__ import annotations

import sys

import click

from esrag.errors import UsageError


def ask_or_refuse(question: str, *, command: str) -> None:
    """Go on after a yes; raises UsageError without a terminal, Abort after a no."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{command} asks before it removes anything, and there is nobody to ask here",
            hint=f"Remove without asking: esrag {command} … --yes",
        )
    click.confirm(question, abort=True, err=True)
