"""Has the TGI-compatible server serve the adapters that are registered on this machine.

    DATA_DIR/adapters/NAME ──► missing there, or other weights there? ──► load, while it runs

``esrag adapter add`` fills that folder.  Here only names and the sha256 of the weights are read;
whether an adapter may be loaded is judged by the server that loads it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.local import health
from esrag.local.progress import Reporter

ALL = "*"
_MANIFEST = "manifest.json"
_WEIGHTS = "adapter_model.safetensors"
_SECONDS = 120.0  # for one adapter; the first may wait until the base has been looked through


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered adapter and the sha256 of its weights, as its manifest has it."""

    name: str
    folder: Path
    sha256: str


def registered(folder: Path) -> tuple[Registered, ...]:
    """The adapters below ``folder``, by name; what has no readable manifest is none."""
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        try:
            manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
            found.append(Registered(path.name, path, str(manifest["sha256"][_WEIGHTS])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def serve(url: str, folder: Path, wanted: Sequence[str], reporter: Reporter) -> None:
    """Load what is wanted and not there yet; what is refused is told, and the rest goes on."""
    known = {one.name: one for one in registered(folder)}
    names = list(known) if ALL in wanted else list(wanted)
    if not names:
        return
    loaded = _loaded(url)
    if loaded is None:
        reporter.note(f"adapters are not served: the server at {url} does not list its models")
        return
    for name in names:
        if name not in known:
            reporter.note(f"adapter {name} is not registered; esrag adapter list shows those")
        elif loaded.get(name) != known[name].sha256:
            _load(url, known[name], reporter, replacing=name in loaded)


def served(url: str) -> tuple[str, ...]:
    """The names of the adapters that the server has, in its order; none when it does not tell."""
    answer = health.get(f"{url}/v1/models")
    models = answer[1].get("data") if not isinstance(answer, str) and answer[0] == 200 else None
    listed = [one for one in models if isinstance(one, dict)] if isinstance(models, list) else []
    # an adapter names the model that it belongs to; the base has no such key
    return tuple(str(one["id"]) for one in listed if one.get("parent") and one.get("id"))


def _loaded(url: str) -> dict[str, str] | None:
    """The sha256 of what the server serves, by name; None when it cannot be asked."""
    answer = health.get(f"{url}/v1/models")
    if isinstance(answer, str) or answer[0] != 200:
        return None
    models = answer[1].get("data")
    if not isinstance(models, list):
        return None
    return {one["id"]: one.get("sha256", "") for one in models if isinstance(one, dict)}


def _load(url: str, adapter: Registered, reporter: Reporter, *, replacing: bool) -> None:
    body = {
        "lora_name": adapter.name,
        "lora_path": str(adapter.folder.resolve()),
        "load_inplace": replacing,
    }
    begun = time.monotonic()
    answer = health.post(f"{url}/v1/load_lora_adapter", body=body, timeout=_SECONDS)
    if not isinstance(answer, str) and answer[0] == 200:
        reporter.done(f"adapter {adapter.name} is served", time.monotonic() - begun)
        return
    reporter.note(f"adapter {adapter.name} is not served: {_reason(answer)}")


def _reason(answer: tuple[int, dict[str, object]] | str) -> str:
    if isinstance(answer, str):
        return f"the server {answer}"
    error = answer[1].get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return f"the server answered {answer[0]}"
