"""What the demos that train have in common: the name of a run, and what it cost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click


def run_name(name: str, file: Path, recipe: str) -> str:
    """Another data set or recipe is another run; the same goes on where it was broken off."""
    from esrag.model_files import file_sha256

    parts = f"{file_sha256(file)} {recipe}"
    return f"{name}-{hashlib.sha256(parts.encode()).hexdigest()[:6]}"


def show_costs(run: Path) -> None:
    """What training took, as the run's folder has it."""
    costs = json.loads((run / "run.json").read_text(encoding="utf-8"))["costs"]
    click.echo(
        f"  cost     {costs['tokens_trained']:,} tokens, {costs['cpu_seconds']:,.0f} CPU seconds in"
        f" {costs['wall_seconds']:,.0f} s, {costs['peak_memory'] / 1e9:.1f} GB of memory at most"
    )
