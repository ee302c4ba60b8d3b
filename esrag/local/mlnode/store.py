"""The models that were uploaded: configuration, definition parts and vocabulary on disk.

    models/<model_id>/config.json       as the plugin gave it, never interpreted here
                      definition.json   total_parts, total_length, sha256 once complete
                      parts/00000       raw bytes of one part each
                      vocabulary.json   the uploaded body, byte for byte
    aliases.json                        alias to model_id

Each write is durable before the call returns.  A definition is complete when all parts are
there and their lengths add up; its sha256 is taken at that moment and checked again by the
child process before it loads anything.  The store does not know which models are deployed:
``app`` asks before it changes one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from esrag.local.mlnode.durable import Staging, sync_folder
from esrag.local.mlnode.identifiers import is_id, require_id
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.vocabulary import Vocabulary, read_vocabulary

MOST_PARTS = 10_000  # the server's own limit


@dataclass(frozen=True, slots=True)
class Definition:
    """What is stored of a model's definition; ``parts`` are in order."""

    parts: tuple[Path, ...]
    total_parts: int | None
    total_length: int | None
    stored_length: int
    sha256: str | None

    @property
    def complete(self) -> bool:
        """Whether every part is there and the lengths add up."""
        return (
            self.total_parts is not None
            and len(self.parts) == self.total_parts
            and self.stored_length == self.total_length
        )


class ModelStore:
    """All models of one data folder; safe to call from several threads."""

    def __init__(self, folder: Path, staging: Staging) -> None:
        self._folder = folder
        self._staging = staging
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)

    def ids(self) -> list[str]:
        """The ids of all models, sorted."""
        with self._lock:
            return sorted(path.name for path in self._folder.iterdir() if path.is_dir())

    def create(self, model_id: str, config: Mapping[str, Any]) -> None:
        """Store a new model's configuration."""
        require_id(model_id, name="model_id")
        with self._lock:
            if (self._folder / model_id).exists():
                raise Problem(
                    "already_exists", f"Trained machine learning model [{model_id}] already exists"
                )
            prepared = self._staging.fresh_path()
            (prepared / "parts").mkdir(parents=True)
            self._staging.write(prepared / "config.json", orjson.dumps(config))
            prepared.rename(self._folder / model_id)
            sync_folder(self._folder)

    def delete(self, model_id: str) -> None:
        """Remove a model with all that belongs to it."""
        with self._lock:
            self._staging.remove(self._existing(model_id))
            aliases = self.aliases()
            kept = {alias: target for alias, target in aliases.items() if target != model_id}
            if kept != aliases:
                self._write_aliases(kept)

    def aliases(self) -> dict[str, str]:
        """Each alias with the model that it stands for."""
        with self._lock:
            path = self._aliases_path
            aliases: dict[str, str] = orjson.loads(path.read_bytes()) if path.exists() else {}
            return aliases

    def put_alias(self, alias: str, model_id: object) -> None:
        """Let an alias stand for a model, whatever it stood for before."""
        require_id(alias, name="model_alias")
        wanted = require_id(model_id, name="model_id")
        with self._lock:
            self._existing(wanted)
            self._write_aliases({**self.aliases(), alias: wanted})

    def delete_alias(self, alias: str) -> None:
        """Remove an alias, or a not_found."""
        with self._lock:
            aliases = self.aliases()
            if aliases.pop(alias, None) is None:
                raise Problem("not_found", f"model_alias [{alias}] could not be found")
            self._write_aliases(aliases)

    def describe(self, model_id: str) -> dict[str, Any]:
        """The model as the wire shows it."""
        with self._lock:
            definition = self.definition(model_id)
            return {
                "model_id": model_id,
                "config": self.config(model_id),
                "definition": {
                    "parts_stored": len(definition.parts),
                    "parts": [int(part.name) for part in definition.parts],
                    "total_parts": definition.total_parts,
                    "total_length": definition.total_length,
                    "stored_length": definition.stored_length,
                    "complete": definition.complete,
                    "sha256": definition.sha256,
                },
                "has_vocabulary": self._vocabulary_path(model_id).exists(),
            }

    def config(self, model_id: str) -> dict[str, Any]:
        """The configuration as it was stored."""
        with self._lock:
            config: dict[str, Any] = orjson.loads(
                (self._existing(model_id) / "config.json").read_bytes()
            )
            return config

    def definition(self, model_id: str) -> Definition:
        """What is stored of the definition."""
        with self._lock:
            folder = self._existing(model_id)
            parts = tuple(sorted((folder / "parts").iterdir()))
            record = _read_record(folder)
            definition = Definition(
                parts=parts,
                total_parts=record.get("total_parts"),
                total_length=record.get("total_length"),
                stored_length=sum(part.stat().st_size for part in parts),
                sha256=record.get("sha256"),
            )
            if definition.complete and definition.sha256 is None:
                # The last part is on disk but a crash came before its hash was written.
                return self._seal(folder, definition)
            return definition

    def put_part(
        self, model_id: str, part: int, body: bytes, *, total_parts: int, total_length: int
    ) -> bool:
        """Store one part, replacing it when it was there; True when the definition is complete."""
        with self._lock:
            folder = self._existing(model_id)  # the server asks for the model first
            _check_part(part, body, total_parts=total_parts, total_length=total_length)
            record = _read_record(folder)
            totals = {"total_parts": total_parts, "total_length": total_length}
            known = {name: record[name] for name in totals if name in record}
            if known and known != totals:
                if part != 0:
                    raise Problem(
                        "bad_request",
                        f"Part {part} of model [{model_id}] says {totals}, earlier parts said "
                        f"{known}; to upload another definition start with part 0",
                    )
                self._staging.remove(folder / "parts")
                (folder / "parts").mkdir()
            path = folder / "parts" / f"{part:05d}"
            others = sum(p.stat().st_size for p in (folder / "parts").iterdir() if p != path)
            if others + len(body) > total_length:
                raise Problem(
                    "bad_request",
                    f"The parts of model [{model_id}] would hold {others + len(body)} bytes, more "
                    f"than [total_definition_length] {total_length}",
                )
            # The old hash goes before the bytes it described.
            if record != totals:
                self._staging.write(folder / "definition.json", orjson.dumps(totals))
            self._staging.write(path, body)
            return self.definition(model_id).complete

    def put_vocabulary(self, model_id: str, body: bytes) -> None:
        """Store the vocabulary; the same bytes again are welcome, other bytes are not."""
        read_vocabulary(body)
        with self._lock:
            self._existing(model_id)
            path = self._vocabulary_path(model_id)
            if not path.exists():
                self._staging.write(path, body)
            elif path.read_bytes() != body:
                raise Problem(
                    "already_exists",
                    f"Trained machine learning model [{model_id}] vocabulary already exists",
                )

    def vocabulary(self, model_id: str) -> Vocabulary:
        """The stored vocabulary, or a bad_request when there is none."""
        with self._lock:
            self._existing(model_id)
            path = self._vocabulary_path(model_id)
            if not path.exists():
                raise Problem(
                    "bad_request",
                    f"Could not find vocabulary document for trained model [{model_id}]",
                )
            return read_vocabulary(path.read_bytes())

    def deployable(self, model_id: str) -> Definition:
        """The complete definition, or a bad_request that says what is missing."""
        definition = self.definition(model_id)
        if not definition.parts:
            raise Problem("bad_request", f"Could not find trained model definition [{model_id}]")
        if not definition.complete:
            raise Problem(
                "bad_request",
                f"Model definition truncated. Unable to deploy model [{model_id}]: "
                f"{len(definition.parts)} of {definition.total_parts} parts and "
                f"{definition.stored_length} of {definition.total_length} bytes are stored",
            )
        return definition

    def _existing(self, model_id: str) -> Path:
        folder = self._folder / model_id
        if not is_id(model_id) or not folder.is_dir():  # to look one up, the form does not matter
            raise Problem("not_found", f"Could not find trained model [{model_id}]")
        return folder

    @property
    def _aliases_path(self) -> Path:
        return self._folder.parent / "aliases.json"

    def _write_aliases(self, aliases: Mapping[str, str]) -> None:
        self._staging.write(self._aliases_path, orjson.dumps(dict(sorted(aliases.items()))))

    def _vocabulary_path(self, model_id: str) -> Path:
        return self._folder / model_id / "vocabulary.json"

    def _seal(self, folder: Path, definition: Definition) -> Definition:
        digest = hashlib.sha256()
        for part in definition.parts:
            digest.update(part.read_bytes())
        record = {
            "total_parts": definition.total_parts,
            "total_length": definition.total_length,
            "sha256": digest.hexdigest(),
        }
        self._staging.write(folder / "definition.json", orjson.dumps(record))
        return Definition(
            parts=definition.parts,
            total_parts=definition.total_parts,
            total_length=definition.total_length,
            stored_length=definition.stored_length,
            sha256=digest.hexdigest(),
        )


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / "definition.json"
    record: dict[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}
    return record


def _check_part(part: int, body: bytes, *, total_parts: int, total_length: int) -> None:
    if part < 0:
        raise Problem("bad_request", "[part] must be greater or equal to 0")
    if total_parts < 1:
        raise Problem("bad_request", "[total_parts] must be greater than 0")
    if total_parts > MOST_PARTS:
        raise Problem("bad_request", f"[total_parts] must be less than or equal to {MOST_PARTS}")
    if part >= total_parts:
        raise Problem("bad_request", "[part] must be less than total_parts")
    if total_length < 1:
        raise Problem("bad_request", "[total_definition_length] must be greater than 0")
    if not body:
        raise Problem("bad_request", f"Part {part} of the definition is empty")
