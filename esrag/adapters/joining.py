"""A registered adapter and its base become one model: a folder of safetensors, or a GGUF file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from esrag.adapters.arrays import DTYPES
from esrag.adapters.gguf_file import write_gguf
from esrag.adapters.merging import Merged, merge
from esrag.adapters.new_folders import PART, clear
from esrag.adapters.registry import Adapter, Base
from esrag.disk import disk_errors
from esrag.errors import ConflictError, UnsupportedError
from esrag.model_files import check_manifest, weights_fingerprint


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written, and how far it is from base plus scaled product."""

    output: Path
    merged: Merged
    dtype: str


def join(
    adapter: Adapter, base: Base, output: Path, *, gguf: bool = False, dtype: str | None = None
) -> Joined:
    """Merge into ``output``, which is not there yet; raises what merging and writing raise."""
    if output.exists():
        raise ConflictError(f"{output} is there already", hint="Name another folder or file.")
    check_manifest(adapter.folder)
    fingerprint = weights_fingerprint(base.folder)
    if fingerprint != adapter.base_fingerprint:
        raise UnsupportedError(
            f"{adapter.name} was registered for other weights of {adapter.base} "
            f"({adapter.base_fingerprint[:12]}) than {base.name} has ({fingerprint[:12]})",
            hint="Name its base with --base, or register it again for this one.",
        )
    facts = {
        "base": {"model": base.name, "fingerprint": fingerprint},
        "adapter": {"name": adapter.name, "sha256": adapter.sha256},
        "data": adapter.manifest.facts.get("data"),
    }
    if not gguf:
        merged = merge(adapter.folder, base.folder, output, dtype=dtype, facts=facts)
        names = {short: name for name, short in DTYPES.items()}
        return Joined(output, merged, names[merged.dtype])
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        clear(output)
        # a name that tells whose it is, so that what a killed command left is removed
        place = tempfile.TemporaryDirectory(
            dir=output.parent, prefix=f".{output.name}{PART}", suffix=f"-{os.getpid()}"
        )
    with place as scratch:
        # in full precision, so that it is rounded once
        merged = merge(adapter.folder, base.folder, Path(scratch, "merged"), dtype="float32")
        write_gguf(
            merged.folder, output, name=f"{base.name} {adapter.name}", dtype=dtype or "float16"
        )
    return Joined(output, replace(merged, folder=output), dtype or "float16")
