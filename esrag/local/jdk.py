"""Finds the JDK that compiles the plugins and runs Elasticsearch: a full one, 21 or later.

A runtime without a compiler, or one without the modules that Elasticsearch asks for, is passed
over with a reason; when nothing fits, all reasons are told.  Nothing of the machine is changed;
a JDK fetched by cjdk goes into the software folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import UnsupportedError
from esrag.local.machine import closed_folder
from esrag.local.progress import Reporter

MINIMUM = 21
FETCHED = 25  # the long-term release that cjdk is asked for
_NEWEST_TRIED = 25  # later ones may work; they are taken when there is nothing else
_NEEDED_MODULES = ("jdk.jlink", "jdk.jdi")
_PLACES = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
)


@dataclass(frozen=True, slots=True)
class Jdk:
    """A usable JDK."""

    home: Path
    version: str

    @property
    def major(self) -> int:
        """The feature release, e.g. 25."""
        return int(self.version.split(".")[0])

    def tool(self, name: str) -> str:
        """Path of a program such as ``javac``."""
        return str(self.home / "bin" / name)


def find(
    environment: Mapping[str, str],
    *,
    software: Path,
    for_other_user: bool,
    reporter: Reporter,
    places: Iterable[str] = _PLACES,
) -> Jdk:
    """The first JDK that fits: ES_JAVA_HOME, JAVA_HOME, the usual places, PATH, else a fetched one.

    ``for_other_user``: it must be readable for an account that is not ours.  Raises
    UnsupportedError that names what was looked at and why it was passed over.
    """
    fetched = software / "jdk"
    refused: list[str] = []
    for home in _candidates(environment, places, fetched):
        found = examine(home, for_other_user=for_other_user)
        if isinstance(found, Jdk):
            return found
        refused.append(f"  {home}: {found}")
    problem = _fetch(fetched, reporter)
    if isinstance(problem, Path):
        found = examine(problem, for_other_user=for_other_user)
        if isinstance(found, Jdk):
            return found
        problem = found
    looked_at = "\n".join(refused) or "  nothing that looks like a JDK"
    raise UnsupportedError(
        f"no full JDK {MINIMUM} or later was found. Looked at ES_JAVA_HOME, JAVA_HOME,"
        f" {', '.join(places)}, PATH:\n{looked_at}\n  fetching one with cjdk: {problem}",
        hint="Install one (for example `apt-get install openjdk-21-jdk-headless`)"
        " or set ES_JAVA_HOME to its folder.",
    )


def examine(home: Path, *, for_other_user: bool = False) -> Jdk | str:
    """The JDK at ``home``, or the reason why it cannot be used."""
    try:
        release = dict(
            line.split("=", 1)
            for line in (home / "release").read_text(encoding="utf-8").splitlines()
            if "=" in line
        )
    except OSError:
        return "has no readable file named release"
    version = release.get("JAVA_VERSION", "").strip('"')
    major = re.match(r"\d+", version)
    if major is None or int(major.group()) < MINIMUM:
        return f"is version {version or 'unknown'}"
    if not (home / "bin" / "javac").is_file():
        return f"is a runtime of version {version}, without the compiler javac"
    modules = release.get("MODULES", "").strip('"').split()
    lacking = [name for name in _NEEDED_MODULES if modules and name not in modules]
    if lacking:
        return f"lacks the module {lacking[0]}"
    closed = closed_folder(home.resolve()) if for_other_user else None
    if closed is not None:
        return f"other users may not enter {closed}, and Elasticsearch must not run as root"
    return Jdk(home, version)


def _candidates(environment: Mapping[str, str], places: Iterable[str], fetched: Path) -> list[Path]:
    """Folders to look at, best first, each once."""
    named = [environment[name] for name in ("ES_JAVA_HOME", "JAVA_HOME") if environment.get(name)]
    installed = [path for place in places for path in Path("/").glob(place.lstrip("/"))]
    search = environment.get("PATH", "")
    program = shutil.which("javac", path=search) or shutil.which("java", path=search)
    from_path = [Path(program).resolve().parents[1]] if program else []
    downloaded = [release.parent for release in fetched.rglob("release")]
    unique: dict[Path, Path] = {}
    for home in (*map(Path, named), *sorted(installed, key=_preference), *from_path, *downloaded):
        if home.is_dir() or str(home) in named:
            unique.setdefault(home.resolve(), home)
    return list(unique.values())


def _preference(home: Path) -> tuple[bool, int]:
    found = examine(home)
    if isinstance(found, str):
        return True, 0
    return found.major > _NEWEST_TRIED, -found.major


def _fetch(folder: Path, reporter: Reporter) -> Path | str:
    """Ask cjdk for a JDK: its folder, or why there is none."""
    try:
        import cjdk
    except ImportError:
        return "the package cjdk is not installed"
    try:
        with reporter.step(f"fetching JDK {FETCHED}, as none was found"):
            home = cjdk.java_home(
                vendor="temurin", version=str(FETCHED), cache_dir=folder, progress=False
            )
    except (RuntimeError, OSError) as error:  # CjdkError is a RuntimeError
        words = " ".join(str(error).split())
        return words if len(words) <= 200 else f"{words[:200]}…"
    _open_for_reading(folder)
    return Path(home)


def _open_for_reading(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
