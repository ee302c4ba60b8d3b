"""This machine: settings that go together, data folder, bundle, packages, files with secrets."""

from __future__ import annotations

import os
import shutil
import stat
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from esrag.bundle import MANIFEST, bundle_folder, load_bundle, verify_bundle
from esrag.calibration import load, read_note
from esrag.cluster.profile import read_profile
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.doctor.watermarks import shown_size
from esrag.errors import EsragError, UsageError
from esrag.settings import CONNECTION_FILE

LEAST_FREE = 2**30
SETTINGS_FILE = Path("esrag.toml")
_SECRETS = ("api_key", "password")
# module that only this extra brings -> extra, and the command that needs it
_EXTRAS = {
    "tokenizers": ("ingest", "esrag ingest"),
    "selectolax": ("ingest", "esrag ingest"),
    "eland": ("models", "esrag model build"),
}


def settings(case: Case) -> Iterator[Finding]:
    """Do the settings go together?"""
    contradictions = tuple(_contradictions(case))
    for name, words, remedy in contradictions:
        yield found("settings-contradict", name, words, remedy)
    if not contradictions:
        yield well("settings", "they go together")


def data_folder(case: Case) -> Iterator[Finding]:
    """Can the data folder be written to, and is there room?"""
    folder = case.settings.data_dir
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    where = f"data folder {folder}"
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        yield found("data-folder-unwritable", where, f"{existing} cannot be written to")
        return
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE:
        yield found("disk-short", where, f"{shown_size(free)} are free")
    else:
        yield well(where, f"writable, {shown_size(free)} free")


def bundle(case: Case) -> Iterator[Finding]:
    """Is the model bundle whole?"""
    folder = bundle_folder(case.settings.data_dir, case.settings.model.id)
    where = f"bundle {folder}"
    if not (folder / MANIFEST).is_file():
        return  # setup says so when it needs one
    try:
        verify_bundle(load_bundle(folder))
    except UsageError as error:
        yield found("bundle-damaged", where, error.message, error.hint)
    else:
        yield well(where, "whole")


def packages(case: Case) -> Iterator[Finding]:
    """Which packages are missing that commands need?"""
    del case
    missing: dict[str, str] = {}
    for module, (extra, command) in _EXTRAS.items():
        if find_spec(module) is None:
            missing[extra] = command
    for extra, command in missing.items():
        install = f"pip install 'esrag[{extra}]'"
        yield found("extra-absent", f"extra {extra}", f"not installed; {command} needs it", install)
    if not missing:
        yield well("packages", "those of ingest and of model build are installed")


def calibration(case: Case) -> Iterator[Finding]:
    """Are the thresholds for refusing of this model?  What the index notes always is."""
    if _has_noted_calibration(case):
        yield well("calibration", "noted in the index")
        return
    path = case.calibration_file
    where = f"calibration {path}"
    if not path.is_file():
        yield found("calibration-missing", "calibration", "the shipped thresholds are used")
        return
    try:
        found_model = load(path).model_id
    except UsageError as error:
        yield found("calibration-damaged", where, error.message, error.hint)
        return
    if found_model != case.settings.model.id:
        words = f"it is of {found_model or 'no model'}, and model.id is {case.settings.model.id}"
        yield found("calibration-other-model", where, words)
    else:
        yield well("calibration", "of this model")


def _has_noted_calibration(case: Case) -> bool:
    """Whether the index has a calibration that can be read; not, when nobody can be asked."""
    try:
        return read_note(read_profile(case.client, case.names.alias).calibration) is not None
    except EsragError:  # that the cluster does not answer is another finding
        return False


def secrets(case: Case) -> Iterator[Finding]:
    """Can others read files with secrets?"""
    files = [path for path in (SETTINGS_FILE,) if _holds_secret(path)]
    files += [
        path
        for name in (CONNECTION_FILE, "local/secrets.json")
        if (path := case.settings.data_dir / name).is_file()
    ]
    key_file = case.settings.elasticsearch.api_key_file
    files += [key_file] if key_file and key_file.is_file() else []
    for path in files:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield found("secret-readable", str(path), f"its mode is {mode:o}", f"chmod 600 {path}")


def _contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    """Setting, what does not go together, and what to do."""
    chunk, model, server = case.settings.chunk, case.settings.model, case.settings.elasticsearch
    if chunk.overlap_tokens >= chunk.max_tokens:
        yield (
            "chunk.overlap_tokens",
            f"{chunk.overlap_tokens} repeated tokens do not fit into chunks of {chunk.max_tokens}",
            "Lower chunk.overlap_tokens.",
        )
    longest = case.bundle.max_sequence_length if case.bundle else chunk.max_tokens
    if chunk.max_tokens > longest:
        yield (
            "chunk.max_tokens",
            f"chunks of {chunk.max_tokens} tokens; {model.id} reads the first {longest} only",
            f"Set chunk.max_tokens to {longest} or less, then ingest again.",
        )
    if (server.api_key or server.api_key_file or server.api_key_keyring) and server.username:
        yield (
            "elasticsearch.username",
            "an API key and a login are set; the login is not used",
            "Remove one of the two.",
        )


def _holds_secret(path: Path) -> bool:
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return _has_secret(facts)


def _has_secret(facts: Mapping[str, Any]) -> bool:
    return any(
        _has_secret(value) if isinstance(value, Mapping) else name in _SECRETS and bool(value)
        for name, value in facts.items()
    )
