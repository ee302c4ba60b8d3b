"""Virtual environments of their own for clients that cannot be installed beside ours.

langchain-elasticsearch, llama-index and haystack want elasticsearch-py 8, esrag and eland want 9.
Each gets an environment from a file that pins every package in it.  It is made once: its name
holds the digest of that file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


class CannotInstall(Exception):
    """The environment could not be made; the words are the installer's."""


@dataclass(frozen=True, slots=True)
class ClientEnvironment:
    """An interpreter with the packages of one client."""

    python: Path

    def run(
        self, *arguments: str | Path, env: dict[str, str], cwd: Path | None = None, timeout: int
    ) -> subprocess.CompletedProcess[str]:
        """Run the interpreter; nothing of our own environment reaches it but ``env``."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [str(self.python), *map(str, arguments)],
            env=kept | env,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def environment(name: str, caches: Path) -> ClientEnvironment:
    """The environment that ``requirements/<name>.txt`` describes."""
    wanted = HERE / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]
    folder = caches / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    ready = folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _install(folder, wanted)
        ready.touch()
    return ClientEnvironment(folder / "bin" / "python")


def sources(package: str, version: str, sha256: str, caches: Path) -> Path:
    """The unpacked source distribution of a package; its tests are in it."""
    folder = caches / f"{package}-{version}-sources"
    if not folder.is_dir():
        archive = _download(package, version, caches / "downloads")
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != sha256:
            raise CannotInstall(f"{archive.name} has the sha256 {found}, not {sha256}")
        unpacked = folder.with_suffix(".part")
        shutil.rmtree(unpacked, ignore_errors=True)
        shutil.unpack_archive(archive, unpacked, filter="data")
        unpacked.rename(folder)
    (root,) = folder.iterdir()
    return root


def _install(folder: Path, wanted: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    python = str(folder / "bin" / "python")
    if uv.exists():
        _step(str(uv), "venv", "--quiet", "--python", sys.executable, str(folder))
        _step(str(uv), "pip", "install", "--quiet", "--python", python, "-r", str(wanted))
    else:
        _step(sys.executable, "-m", "venv", str(folder))
        _step(python, "-m", "pip", "install", "--quiet", "-r", str(wanted))


def _download(package: str, version: str, folder: Path) -> Path:
    _step(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--no-binary", package, "--dest", str(folder), f"{package}=={version}"),
    )
    (archive,) = folder.glob(f"{package.replace('-', '_')}-{version}.tar.gz")
    return archive


def _step(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise CannotInstall(done.stderr.strip()[-1000:])
