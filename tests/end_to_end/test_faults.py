"""What a user sees when something is wrong: a clear message, the documented exit code.

None of these needs a running server; the closed port is the fault.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens there


def esrag(*arguments: str, data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line through its real entry point."""
    return subprocess.run(
        [sys.executable, "-c", "from esrag.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir),
            "ESRAG_DATA_DIR": str(data_dir),
            **environment,
        },
        cwd=data_dir,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("setup", "--yes"),
        ("status",),
        ("search", "anything"),
        ("ask", "anything"),
        ("ask", "--retrieve-only", "anything"),
        ("model", "list"),
    ],
    ids=" ".join,
)
def test_a_cluster_that_is_down_ends_with_4(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """The message names the address and what to do; there is no traceback."""
    done = esrag(*arguments, data_dir=tmp_path, ESRAG_ELASTICSEARCH_URL=CLOSED)
    assert done.returncode == 4, done.stderr
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ask", ""), "empty"),
        (("ask", "x" * 100_000), "8,000"),
        (("ask",), "Missing argument"),
        (("nonsense",), "No such command"),
        (("ingest", "no-such-folder"), "no-such-folder"),
        (("search", "--set", "Bad Name", "q"), "index.set"),
        (("search", "--elasticsearch-url", "nonsense", "q"), "nonsense"),
        (("calibrate", "no-such-file.jsonl"), "no-such-file.jsonl"),
    ],
    ids=lambda value: value[0][:20] if isinstance(value, tuple) else None,
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """What the user wrote is named, before anything is sent."""
    done = esrag(*arguments, data_dir=tmp_path, ESRAG_ELASTICSEARCH_URL=CLOSED)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_who_leaves_is_no_failure(tmp_path: Path) -> None:
    """As in ``esrag … | head``: nothing is said, and the exit code is 0."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", "from esrag.cli import main; main()", "size", "--chunks", "1000000"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "ESRAG_DATA_DIR": str(tmp_path)},
        cwd=tmp_path,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_broken_settings_file_is_named(tmp_path: Path) -> None:
    """esrag.toml that is no TOML is the user's to mend."""
    (tmp_path / "esrag.toml").write_text("[elasticsearch\n")
    done = esrag("status", data_dir=tmp_path)
    assert done.returncode == 2
    assert "esrag.toml" in done.stderr


def test_secrets_do_not_reach_the_screen(tmp_path: Path) -> None:
    """An error never prints the key it was called with."""
    done = esrag(
        "status",
        data_dir=tmp_path,
        ESRAG_ELASTICSEARCH_URL=CLOSED,
        ESRAG_ELASTICSEARCH_API_KEY="canary-4711",
    )
    assert "canary-4711" not in done.stdout + done.stderr
