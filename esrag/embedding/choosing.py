"""Which bundle of this machine has the model of an index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from esrag.bundle import MANIFEST, ModelBundle, bundle_folder, load_bundle
from esrag.errors import UnsupportedError, UsageError


def bundle_for(data_dir: Path, model_id: str, fits: Callable[[str], bool]) -> ModelBundle:
    """The bundle of ``model_id``, or else any bundle here, whose fingerprint ``fits``.

    Raises UnsupportedError when there is none: vectors of another model would find nothing.
    """
    named = bundle_folder(data_dir, model_id)
    others = sorted(path.parent for path in named.parent.glob(f"*/{MANIFEST}"))
    seen: list[str] = []
    for folder in (named, *others):
        bundle = _bundle(folder)
        if bundle is None:
            continue
        if fits(bundle.fingerprint):
            return bundle
        seen.append(f"{bundle.model_id} ({bundle.fingerprint[:16]})")
    if seen:
        raise UnsupportedError(
            "the vectors of the index are of another model than the bundles here: "
            f"{', '.join(dict.fromkeys(seen))}",
            hint="Copy the bundle that the index was made with to this machine, or build it: "
            "esrag model build",
        )
    raise UnsupportedError(
        f"there is no bundle of {model_id} in {named.parent}, and this cluster does not embed",
        hint="Make it with: esrag model build",
    )


def _bundle(folder: Path) -> ModelBundle | None:
    """The bundle in a folder; None where there is none or it is of another format."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        return load_bundle(folder)
    except UsageError:
        return None
