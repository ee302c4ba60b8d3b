"""The bundle that the stacks of these tests share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from esrag.bundle import ModelBundle, bundle_folder, load_bundle

if TYPE_CHECKING:
    from conftest import Stack


def built_bundle(stack: Stack) -> ModelBundle:
    """The bundle of the packaged model in the folder of a stack."""
    done = stack.esrag("model", "build", "--json")
    assert done.returncode == 0, done.stderr
    return load_bundle(Path(json.loads(done.stdout)["folder"]))


def lend_bundle(bundle: ModelBundle, stack: Stack) -> None:
    """Put a bundle into the folder of another stack, as an admin would copy it."""
    folder = bundle_folder(stack.data_dir, bundle.model_id)
    if not folder.exists():
        shutil.copytree(bundle.folder, folder)
