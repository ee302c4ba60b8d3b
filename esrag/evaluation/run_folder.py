"""The folder of a comparison: where it lies, who holds it, which files it has.

    DATA_DIR/evaluations/<name>/
        run.json            settings, systems, versions, seeds, fingerprints, times, status
        questions.jsonl     what was asked, with the known answers
        replies/SYSTEM.jsonl   what each system replied; grows while it is asked
        pool.jsonl          the evidence that all systems are judged by
        scored/SYSTEM.jsonl    replies with verdicts and metrics
        runs/SYSTEM.trec, qrels.tsv    what was found, for programs that measure retrieval
        comparison.json     estimates, differences, gates, costs, stories of updates
        updates/            rows that were trained again for them
        report.html|md|json, junit.xml

Every file but a growing one appears by a rename.  What stands in the files ``storage`` knows.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from esrag.disk import disk_errors, held
from esrag.errors import UsageError
from esrag.run_names import names_a_run, require_run_name

RUN = "run.json"
_TOLD = 8  # runs, where one is not found


class RunFolder:
    """One comparison on disk; nothing is made before ``held``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, name: str, *, data_dir: Path) -> RunFolder:
        """The folder of the run ``name``, there or not."""
        return cls(data_dir / "evaluations" / require_run_name(name))

    @classmethod
    def found(cls, given: str, *, data_dir: Path) -> RunFolder:
        """A run that is there, by its name or its folder; raises UsageError when there is none."""
        candidates = [Path(given)]
        if names_a_run(given):
            candidates.insert(0, data_dir / "evaluations" / given)
        for path in candidates:
            if (path / RUN).is_file():
                return cls(path)
        known = sorted(path.parent.name for path in (data_dir / "evaluations").glob(f"*/{RUN}"))
        near = difflib.get_close_matches(given, known, n=_TOLD) or known[:_TOLD]
        more = ", …" if len(near) < len(known) else ""
        raise UsageError(
            f"there is no run {given}" + (f"; there are {', '.join(near)}{more}" if near else ""),
            hint="Name one by its name or its folder; esrag compare and esrag evaluate make them.",
        )

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.resolve().name

    @property
    def is_begun(self) -> bool:
        """Whether a run has been written here."""
        return (self.path / RUN).is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and hold it.

        Raises ConflictError while another process does, and UsageError for a folder that holds
        something else.
        """
        self._require_ours()
        with held(
            self.path,
            taken=f"the comparison {self.name} is at work in another process",
            hint="Wait for it, stop it, or give this one another --name.",
        ):
            with disk_errors(self.path):
                for part in ("replies", "scored", "runs"):
                    (self.path / part).mkdir(exist_ok=True)
            yield

    def replies(self, system: str) -> Path:
        """The replies of a system."""
        return self.path / "replies" / f"{_file_name(system)}.jsonl"

    def scored(self, system: str) -> Path:
        """Its replies with verdicts and metrics."""
        return self.path / "scored" / f"{_file_name(system)}.jsonl"

    def trec(self, system: str) -> Path:
        """What it found, as a TREC run."""
        return self.path / "runs" / f"{_file_name(system)}.trec"

    def leave_out(
        self, before: Collection[str], *, scored: Collection[str], found: Collection[str]
    ) -> None:
        """Remove verdicts and rankings of systems that the run had ``before`` and has no more.

        ``scored`` have verdicts now, ``found`` have rankings.  Replies stay: a system that comes
        back is not asked again.  What is not ``before``'s is somebody else's file.
        """
        with disk_errors(self.path):
            for name in before:
                if name not in scored:
                    self.scored(name).unlink(missing_ok=True)
                if name not in found:
                    self.trec(name).unlink(missing_ok=True)

    def _require_ours(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is no folder", hint="Give another --out.")
        if self.path.is_dir() and not (self.path / RUN).is_file():
            others = [path.name for path in self.path.iterdir() if path.name not in _MADE]
            if others:
                raise UsageError(
                    f"{self.path} holds something else: {sorted(others)[0]}",
                    hint="Give --out a new folder, or an empty one.",
                )


def _file_name(system: str) -> str:
    """The name of a system, which a folder of somebody else's must not lead elsewhere."""
    if not names_a_run(system):
        raise UsageError(f"{system!r} cannot name a system")
    return system


# what is there before the first run.json
_MADE = (".lock", f".{RUN}.new", "replies", "scored", "runs")
