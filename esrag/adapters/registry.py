"""The registered adapters: a folder each, ``DATA_DIR/adapters/NAME``, with a manifest.

An adapter is copied here when it was found to be harmless and to fit its base; what serves it
loads it from here, so that a run folder may go.  Names are what a generator is asked for as
``model``, and part of the name of an inference endpoint.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esrag.adapters.new_folders import new_folder
from esrag.adapters.probes import PROBES, read_probes
from esrag.disk import disk_errors, held
from esrag.errors import ConflictError, UnsupportedError, UsageError
from esrag.model_files import (
    MANIFEST,
    AdapterFacts,
    Manifest,
    check_adapter_folder,
    check_manifest,
    file_sha256,
    read_manifest,
    weights_fingerprint,
    write_manifest,
)
from esrag.model_files.adapter_folders import CONFIG, WEIGHTS
from esrag.names import Names

_KEPT = (CONFIG, WEIGHTS, PROBES, "README.md")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RESERVED = ("tgi", "base", "packaged")


@dataclass(frozen=True, slots=True)
class Base:
    """The base model: what it is called, and the checked folder with its weights."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Adapter:
    """A registered adapter."""

    name: str
    folder: Path
    manifest: Manifest

    @property
    def base(self) -> str:
        """What its base model is called."""
        return str(_base(self.manifest.facts).get("model") or "")

    @property
    def base_fingerprint(self) -> str:
        """Which weights it was registered for."""
        return str(_base(self.manifest.facts).get("fingerprint") or "")

    @property
    def sha256(self) -> str:
        """The sha256 of its weights."""
        return self.manifest.sha256.get(WEIGHTS, "")

    @property
    def documents(self) -> tuple[str, ...]:
        """The ids of the documents that its examples were made from, as its maker wrote them."""
        return named_in(self.manifest.facts, "documents")

    @property
    def readers(self) -> tuple[str, ...]:
        """Who may read those of its documents that are not for everybody."""
        return named_in(self.manifest.facts, "readers")

    @property
    def added(self) -> str:
        """When it was registered, as an ISO time."""
        return str(self.manifest.facts.get("added") or "")

    def facts(self) -> AdapterFacts:
        """What it is; its folder is looked through once more."""
        return check_adapter_folder(self.folder)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an addition: nothing, when the same adapter had the name already."""

    adapter: Adapter
    was_there: bool
    replaced: bool = False


class Registry:
    """The adapters below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """The names in use, in their order."""
        if not self.folder.is_dir():
            return ()
        found = (path.name for path in self.folder.iterdir() if (path / MANIFEST).is_file())
        return tuple(sorted(name for name in found if _NAME.fullmatch(name)))

    def find(self, name: str) -> Adapter:
        """The adapter of this name; raises UsageError with the names that there are.

        Raises UnsupportedError when its manifest cannot be read.
        """
        folder = self._known(name)
        return Adapter(name, folder, read_manifest(folder))

    def _known(self, name: str) -> Path:
        if name not in self.names():
            known = ", ".join(self.names())
            raise UsageError(
                f"there is no adapter {name}" + (f"; there are {known}" if known else ""),
                hint="esrag adapter list shows them, esrag adapter add FOLDER registers one.",
            )
        return self.folder / name

    def add(
        self,
        name: str,
        source: Path,
        base: Base,
        *,
        replace: bool = False,
        other_base: bool = False,
    ) -> Added:
        """Check the adapter in ``source`` and keep a copy under ``name``.

        ``replace`` lets it take the place of another one of the name, ``other_base`` lets it have
        been made for other weights of the same shape.  Raises UnsupportedError for what is
        hostile, damaged or does not fit, ConflictError when the name is taken.
        """
        check_name(name)
        facts = _checked(source, base, other_base=other_base)
        with disk_errors(self.folder), _held(self.folder):
            _put_back(self.folder / name)
            self._check_free(name)
            there = (self.folder / name / MANIFEST).is_file()
            if there and _same(self.folder / name, source):
                return Added(self.find(name), was_there=True)
            if there and not replace:
                raise ConflictError(
                    f"another adapter is called {name}",
                    hint="Choose another name, or let this one take its place with --replace.",
                )
            with _aside(self.folder / name), new_folder(self.folder / name) as working:
                for file in _KEPT:
                    if (source / file).is_file():
                        shutil.copyfile(source / file, working / file)
                write_manifest(working, facts={**facts, "name": name})
                check_adapter_folder(working, base.folder)  # what was copied, not what was read
            return Added(self.find(name), was_there=False, replaced=there)

    def remove(self, name: str) -> None:
        """Remove an adapter, damaged or not; raises UsageError when there is none of this name."""
        with disk_errors(self.folder), _held(self.folder):
            folder = self._known(name)
            gone = folder.with_name(f".{name}.removed")
            shutil.rmtree(gone, ignore_errors=True)
            folder.rename(gone)
            shutil.rmtree(gone)

    def _check_free(self, name: str) -> None:
        """Two names must not become one in the name of an inference endpoint."""
        mine = Names("default").endpoint("chat", name)
        for other in self.names():
            if other != name and Names("default").endpoint("chat", other) == mine:
                raise ConflictError(
                    f"{name} and the adapter {other} would have one inference endpoint",
                    hint="Choose a name that differs by more than case and punctuation.",
                )


def _held(folder: Path) -> AbstractContextManager[None]:
    return held(
        folder,
        taken="another command is changing the adapters",
        hint="Wait until it ends, then try again.",
    )


def check_name(name: str) -> None:
    """Raise UsageError for what cannot name an adapter."""
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise UsageError(
            f"{name!r} cannot name an adapter",
            hint="Letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit; "
            f"not {', '.join(_RESERVED)}.",
        )


def _checked(source: Path, base: Base, *, other_base: bool) -> dict[str, Any]:
    """The facts for the manifest of an adapter that may be kept."""
    # numpy comes with an extra, and what only looks up names does without it
    from esrag.adapters.low_rank import check_finite, is_without_effect

    check_adapter_folder(source, base.folder)
    given: Mapping[str, Any] = {}
    if (source / MANIFEST).exists():
        given = check_manifest(source).facts
    fingerprint = weights_fingerprint(base.folder)
    trained = str(_base(given).get("fingerprint") or "")
    if trained and trained != fingerprint and not other_base:
        raise UnsupportedError(
            f"{source} was trained on other weights ({_base(given).get('model')}, "
            f"{trained[:12]}) than {base.name} has ({fingerprint[:12]})",
            hint="Name its base with --base; if it is the same model in another precision or "
            "packing, add --other-base.",
        )
    check_finite(source)
    if is_without_effect(source):
        raise UnsupportedError(
            f"{source} changes nothing: every product of its matrices is zero",
            hint="It was saved before its training took a step.",
        )
    read_probes(source)
    return {
        **given,
        "kind": "adapter",
        "base": {"model": base.name, "fingerprint": fingerprint},
        "trained_on": trained,
        "source": str(source.resolve()),
        "added": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _base(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    found = facts.get("base")
    return found if isinstance(found, Mapping) else {}


def named_in(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of names that the facts of a manifest hold of its data."""
    data = facts.get("data")
    found = data.get(name) if isinstance(data, Mapping) else None
    return tuple(map(str, found)) if isinstance(found, list) else ()


def trained_on(folder: Path) -> tuple[str, str]:
    """Name and fingerprint of the base that an adapter's own manifest names; "" for what it lacks.

    The name is that under which the base was trained on, which need not be one that leads to it:
    the packaged model is called by the id of what it was made from.
    """
    if not (folder / MANIFEST).is_file():
        return "", ""
    base = _base(read_manifest(folder).facts)
    return str(base.get("model") or ""), str(base.get("fingerprint") or "")


def _same(kept: Path, source: Path) -> bool:
    return all(_digest(kept / name) == _digest(source / name) for name in (CONFIG, WEIGHTS, PROBES))


def _digest(file: Path) -> str:
    return file_sha256(file) if file.is_file() else ""


def _put_back(folder: Path) -> None:
    """What a killed command had put aside, when nothing took its place."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


@contextmanager
def _aside(folder: Path) -> Iterator[None]:
    """Put what has the name aside for the block; it comes back when the block fails."""
    if not folder.exists():
        yield
        return
    old = _old(folder)
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        yield
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old)
