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

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from esrag.disk import disk_errors, flush, held, replace_text, settle
from esrag.errors import UsageError
from esrag.run_names import require_run_name

DOCUMENTS = "documents.json"


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, name: str, *, data_dir: Path) -> RunFolder:
        """The folder of the run ``name``, there or not."""
        return cls(data_dir / "runs" / require_run_name(name))

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
        with held(
            self.path,
            taken=f"the run {self.name} is at work in another process",
            hint="Wait for it, stop it, or give this one another --name.",
        ):
            with writing(f"the run {self.name}"):
                self.checkpoints.mkdir(exist_ok=True)
            yield

    def facts(self) -> dict[str, Any]:
        """run.json, empty when there is none yet; raises UsageError when it is no JSON."""
        file = self.path / "run.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
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
        """The lines of metrics.jsonl; one that was cut off or damaged is left out."""
        file = self.path / "metrics.jsonl"
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        found = []
        for words in text.split("\n"):
            try:
                line = json.loads(words)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                found.append(line)
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
            flush(self.path)


def writing(what: str) -> AbstractContextManager[None]:
    """Turn a full or forbidden disk into an error that says so."""
    return disk_errors(
        what,
        when_full="Make room and give the same command again: it goes on from the last checkpoint.",
    )


def as_json(value: object) -> str:
    """JSON for people as well."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
