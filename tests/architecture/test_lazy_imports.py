"""Architecture: what a command line must not import before it is needed."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "elasticsearch", "eland", "pydantic", "httpx", "numpy"}


def imported_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after ``statement``."""
    program = f"{statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_help_imports_nothing_heavy() -> None:
    """``esrag --help`` is fast because commands are imported when they are called."""
    statement = "import esrag.cli\nassert esrag.cli.run(['--help']) == 0"
    assert not imported_by(statement) & HEAVY


@pytest.mark.parametrize(
    "module", ["esrag.cli.ask", "esrag.cli.ingest", "esrag.cli.setup", "esrag.cli.local"]
)
def test_commands_do_not_import_torch(module: str) -> None:
    """Only servers and the tracing process pay for torch."""
    assert not imported_by(f"import {module}") & {"torch", "transformers", "eland"}
