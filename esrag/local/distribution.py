"""The programs that are fetched once: Elasticsearch's archive and the mustache compiler.

Both come from Maven Central through jgo, which checks no checksum itself: we pin them.  A
download lands in a folder of its own and is moved to its place when the checksum agrees, so
a cut, spoiled or concurrent download never looks complete.  Unpacking works the same way.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UnavailableError, UnsupportedError
from esrag.local.progress import Reporter

ELASTICSEARCH_VERSION = "9.5.3"
_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_READ_TIMEOUT = 30
_WIDEST = 300


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in Maven Central and the sha256 it must have."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def file_name(self) -> str:
        """What the repository calls it."""
        return f"{self.name}-{self.version}.{self.packaging}"

    @property
    def repository_path(self) -> str:
        """Its place in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.file_name}"


ELASTICSEARCH = Artifact(
    group="org.elasticsearch.distribution.integ-test-zip",
    name="elasticsearch",
    version=ELASTICSEARCH_VERSION,
    packaging="zip",
    sha256="bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
)
MUSTACHE = Artifact(
    group="com.github.spullara.mustache.java",
    name="compiler",
    version="0.9.14",
    packaging="jar",
    sha256="99a7e7855609135006f078e6de7ee69daad9c42f98e679d56f80653cb17526b9",
)

Download = Callable[[Artifact, Path, Reporter], Path]


def fetch(
    artifact: Artifact,
    downloads: Path,
    reporter: Reporter,
    *,
    repository: Path | None = None,
    download: Download | None = None,
    pause: float = _PAUSE_SECONDS,
) -> Path:
    """The verified file, downloaded if needed.

    A good copy in ``repository``, by default the user's own Maven repository, is used where it
    lies.  Raises UnavailableError when the download fails or what arrives is not the pinned file.
    """
    place = downloads / artifact.file_name
    repository = repository or Path(_jgo().MavenContext().repo_cache)
    for candidate in (place, repository / artifact.repository_path):
        if _is_good(candidate, artifact.sha256):
            return candidate
    place.unlink(missing_ok=True)
    downloads.mkdir(parents=True, exist_ok=True)
    remove_leftovers(downloads)
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            reporter.note(f"{artifact.file_name}: {_reason(problem)}; trying again")
            time.sleep(pause * attempt)
        with tempfile.TemporaryDirectory(prefix="partial-", dir=downloads) as folder:
            try:
                arrived = (download or _download_with_jgo)(artifact, Path(folder), reporter)
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
                problem = error
                continue
            found = file_sha256(arrived)
            if found == artifact.sha256:
                return arrived.replace(place)
            problem = ValueError(
                f"what arrived has the sha256 {found}, which is not the pinned one"
            )
    raise UnavailableError(
        f"{artifact.file_name} cannot be had from Maven Central: {_reason(problem)}",
        hint=f"Check the network, or fetch {artifact.repository_path} from a Maven repository"
        f" (sha256 {artifact.sha256}) and put it at {place}. A rerun starts where this stopped.",
    )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive that holds one top folder so that it becomes ``folder``.

    ``folder`` exists afterwards, whole and readable for every user, or not at all.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder.parent)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder.parent) as scratch:
        with zipfile.ZipFile(archive) as content:
            for item in content.infolist():
                path = Path(content.extract(item, scratch))
                executable = item.external_attr >> 16 & 0o111
                path.chmod(0o755 if item.is_dir() or executable else 0o644)
        (top,) = Path(scratch).iterdir()
        top.chmod(0o755)
        top.replace(folder)


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_good(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and file_sha256(path) == sha256
    except OSError:  # somebody else's repository need not be readable
        return False


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed run left; the caller holds the lock of the software folder."""
    for leftover in folder.glob("partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _download_with_jgo(artifact: Artifact, folder: Path, reporter: Reporter) -> Path:
    maven = _jgo()

    def progress(name: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        return reporter.download(name, size)

    with _quiet_logging():
        context = maven.MavenContext(
            resolver=maven.PythonResolver(progress_callback=progress),
            repo_cache=folder,
            timeout=_READ_TIMEOUT,
        )
        project = context.project(artifact.group, artifact.name)
        file = project.at_version(artifact.version).artifact(packaging=artifact.packaging)
        return Path(file.resolve())


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """Keep jgo's warnings off the terminal: what matters in them is said by us."""
    logger = logging.getLogger("jgo")
    silence = logging.NullHandler()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(silence)
    try:
        yield
    finally:
        logger.removeHandler(silence)
        logger.propagate = propagate


def _jgo() -> Any:
    try:
        import jgo.maven
    except ImportError as error:
        raise UnsupportedError(
            "the local stack needs the package jgo", hint="Install it: pip install 'esrag[local]'"
        ) from error
    return jgo.maven


def _reason(problem: BaseException | None) -> str:
    """The innermost reason in one line: requests wraps it several times."""
    while True:
        inner = getattr(problem, "reason", None) or (
            problem.args[0] if problem and problem.args else None
        )
        if not isinstance(inner, BaseException):
            break
        problem = inner
    words = " ".join(str(problem).split())
    return words if len(words) <= _WIDEST else f"{words[:_WIDEST]}…"
