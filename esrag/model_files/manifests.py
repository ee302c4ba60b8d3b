"""``manifest.json``: the sha256 of each file of a folder of weights, and what they were made of.

It is written last, before the folder gets its name, so that a folder with a manifest is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.disk import flush
from esrag.errors import UnsupportedError
from esrag.model_files.reading import read_object, refuse

MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """``sha256`` by path below the folder; ``facts`` is what the maker said of it."""

    sha256: Mapping[str, str]
    facts: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """One sha256 for all files."""
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.sha256.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_sha256(file: Path) -> str:
    """The sha256 of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weights_fingerprint(folder: Path) -> str:
    """A sha256 over the safetensors files right in ``folder``: which weights these are."""
    files = sorted(folder.glob("*.safetensors"))
    lines = [f"{file_sha256(file)}  {file.name}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_manifest(folder: Path, *, facts: Mapping[str, Any]) -> Manifest:
    """Write the manifest of all files below ``folder``, and force everything to disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    digests = {file.relative_to(folder).as_posix(): file_sha256(file) for file in files}
    content = {"format": _FORMAT, "sha256": digests, **facts}
    words = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / MANIFEST).write_text(words + "\n", encoding="utf-8")
    for path in (*files, folder / MANIFEST, folder):
        flush(path)
    return Manifest(digests, dict(facts))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; raises UnsupportedError when it has none or a wrong one."""
    facts = read_object(folder / MANIFEST)
    digests = facts.pop("sha256", None)
    if facts.pop("format", None) != _FORMAT or not isinstance(digests, dict):
        refuse(f"{folder / MANIFEST} is no manifest of format {_FORMAT}")
    for name, digest in digests.items():
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts or not isinstance(digest, str):
            refuse(f"{folder / MANIFEST} names a file outside its folder: {name}")
    return Manifest(digests, facts)


def check_manifest(folder: Path) -> Manifest:
    """Compare each file with its sha256; raises UnsupportedError naming those that differ."""
    manifest = read_manifest(folder)
    wrong = [name for name, digest in manifest.sha256.items() if _digest(folder / name) != digest]
    if wrong:
        raise UnsupportedError(
            f"in {folder}, {', '.join(wrong)} changed since it was made, or is missing",
            hint="Make or fetch it again; its manifest.json holds the sha256 that it had.",
        )
    return manifest


def _digest(file: Path) -> str:
    return file_sha256(file) if file.is_file() else ""
