"""A run's folder: what was asked for, how far it came, and what came of it.

    DATA_DIR/runs/<name>/
        run.json          settings, seeds, versions, fingerprints, status, costs
        documents.json    ids of the documents that it learns from
        metrics.jsonl     a line for each step and each evaluation
        curves.svg        the same, drawn
        checkpoints/      where the run goes on from
        adapter/ | model/ appears when complete, with manifest.json
        README.md         the same in words

Every file appears by a rename, and one process at a time holds the folder.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from esrag.errors import ConflictError, EsragError, UnavailableError, UsageError

DOCUMENTS = "documents.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def require_name(name: str) -> str:
    """The name, if it can name a folder; raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a run",
            hint="Small letters, digits, dots, - and _; at most 80, the first a letter or digit.",
        )
    return name


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, name: str, *, data_dir: Path) -> RunFolder:
        """The folder of the run ``name``, there or not."""
        return cls(data_dir / "runs" / require_name(name))

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.path / "checkpoints"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and hold it; raises ConflictError while another process does."""
        with writing(f"the run {self.name}"):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    f"the run {self.name} is at work in another process",
                    hint="Wait for it, stop it, or give this one another --name.",
                ) from error
            yield

    def facts(self) -> dict[str, Any]:
        """run.json, empty when there is none yet; raises UsageError when it is no JSON."""
        file = self.path / "run.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{file} cannot be read: {error}", hint="Remove the run's folder and begin again."
            ) from error
        if not isinstance(found, dict):
            raise UsageError(f"{file} holds no object")
        return found

    def note(self, **facts: Any) -> None:
        """Write these facts into run.json, over those of the same name."""
        replace_text(self.path / "run.json", as_json({**self.facts(), **facts}))

    def note_documents(self, ids: Iterable[str]) -> None:
        """Write down what the run learns from, so that a document can be found in it."""
        listed = json.dumps(sorted(set(ids)), indent=0, ensure_ascii=True)
        replace_text(self.path / DOCUMENTS, listed + "\n")

    def log(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        with (
            writing(f"the metrics of the run {self.name}"),
            (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file,
        ):
            file.write(json.dumps(line) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; one that was cut off is left out."""
        file = self.path / "metrics.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def rewind(self, step: int) -> None:
        """Forget the metrics after ``step``: they are computed again."""
        kept = [line for line in self.metrics() if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        replace_text(self.path / "metrics.jsonl", text)

    @contextmanager
    def publishing(self, name: str) -> Iterator[Path]:
        """A folder to be filled, which takes the name ``name`` when the block ends well."""
        working = self.path / f".{name}.new"
        with writing(f"the {name} of the run {self.name}"):
            shutil.rmtree(working, ignore_errors=True)
            working.mkdir()
            try:
                yield working
                settle(working)
            except BaseException:
                shutil.rmtree(working, ignore_errors=True)
                raise
            target = self.path / name
            shutil.rmtree(target, ignore_errors=True)
            working.rename(target)
            _flush(self.path)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn a full or forbidden disk into an error that says so."""
    try:
        yield
    except EsragError:
        raise
    except OSError as error:
        raise _unwritten(what, error.errno, error.strerror or str(error)) from error
    except Exception as error:
        # safetensors wraps the system's error into one of its own, with the number in its text
        found = re.search(r"os error (\d+)", str(error))
        if found is None:
            raise
        raise _unwritten(what, int(found[1]), str(error)) from error


def _unwritten(what: str, number: int | None, reason: str) -> EsragError:
    full = number in _FULL
    return UnavailableError(
        f"{what} cannot be written: {'the disk is full' if full else reason}",
        hint="Make room and give the same command again: it goes on from the last checkpoint."
        if full
        else "Look at the rights and the disk of the data folder.",
    )


def replace_text(file: Path, text: str) -> None:
    """Put a new text in the place of a file in one step."""
    beside = file.with_name(f".{file.name}.new")
    with writing(str(file)):
        try:
            with beside.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(file)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise


def as_json(value: object) -> str:
    """JSON for people as well."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def settle(folder: Path) -> None:
    """Force a folder's files to the disk, so that a rename cannot outlive their contents."""
    for path in sorted(folder.rglob("*")):
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
