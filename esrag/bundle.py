"""A model bundle: a folder with everything a cluster needs of a model, and how to check it.

    model.pt          the traced model, TorchScript
    vocabulary.json   the body of PUT _ml/trained_models/<id>/vocabulary
    tokenizer.json    the same vocabulary for the tokenizers library, to count tokens in the client
    bundle.json       the manifest: everything else, and the sha256 of the files above

A bundle is made once (``esrag.tracing``, which needs torch) and pushed to any number of clusters
(which does not).  Reference vectors come from the original model, not from the trace, so that a
cluster that computes something else is found out.  This module reads and checks bundles only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import UsageError

FORMAT = 1
MANIFEST = "bundle.json"
DEFINITION = "model.pt"
VOCABULARY = "vocabulary.json"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Reference:
    """A text and the vector that the original model gives it."""

    text: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """What the manifest says; the files lie in ``folder``.

    ``config`` is the body of PUT _ml/trained_models/<model_id>.  ``content_sha256`` is of what the
    traced model computes: two traces of one model differ in their debug records only.
    """

    folder: Path
    model_id: str
    source: str
    source_fingerprint: str
    config: Mapping[str, Any]
    dims: int
    max_sequence_length: int
    ingest_prefix: str
    search_prefix: str
    sha256: Mapping[str, str]
    content_sha256: str
    versions: Mapping[str, str]
    references: tuple[Reference, ...]
    created: str

    @property
    def definition(self) -> Path:
        """The traced model."""
        return self.folder / DEFINITION

    @property
    def tokenizer(self) -> Path:
        """The file that the tokenizers library reads."""
        return self.folder / TOKENIZER

    @property
    def fingerprint(self) -> str:
        """Identifies what the model does: equal fingerprints give equal vectors."""
        facts = [
            self.config.get("inference_config"),
            self.config.get("prefix_strings"),
            self.content_sha256,
            self.sha256[VOCABULARY],
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def vocabulary(self) -> dict[str, Any]:
        """The vocabulary, as the REST API takes it."""
        body: dict[str, Any] = json.loads((self.folder / VOCABULARY).read_text(encoding="utf-8"))
        return body


def bundle_folder(data_dir: Path, model_id: str) -> Path:
    """Where the bundle of a model lies."""
    return data_dir / "bundles" / model_id


def load_bundle(folder: Path) -> ModelBundle:
    """Read a manifest; the files it names must be there, their content is not looked at.

    Raises UsageError when there is no bundle or when it is of another format.
    """
    path = folder / MANIFEST
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no model bundle in {folder}", hint="Make one with: esrag model build"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint=_REBUILD) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UsageError(f"{path} is not a bundle of format {FORMAT}", hint=_REBUILD)
    try:
        bundle = _from_manifest(folder, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} lacks or garbles {error}", hint=_REBUILD) from error
    missing = [name for name in bundle.sha256 if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder} lacks {', '.join(missing)}", hint=_REBUILD)
    return bundle


def verify_bundle(bundle: ModelBundle) -> None:
    """Compare every file with its sha256; raises UsageError naming those that differ."""
    changed = [
        name
        for name, digest in bundle.sha256.items()
        if file_sha256(bundle.folder / name) != digest
    ]
    if changed:
        raise UsageError(
            f"in {bundle.folder}, {', '.join(changed)} changed since the bundle was made",
            hint=_REBUILD,
        )


def write_manifest(bundle: ModelBundle) -> None:
    """Write bundle.json, last of all files: a folder without it is no bundle."""
    facts = {
        "format": FORMAT,
        "model_id": bundle.model_id,
        "source": bundle.source,
        "source_fingerprint": bundle.source_fingerprint,
        "created": bundle.created,
        "dims": bundle.dims,
        "max_sequence_length": bundle.max_sequence_length,
        "prefix_strings": {"ingest": bundle.ingest_prefix, "search": bundle.search_prefix},
        "versions": dict(bundle.versions),
        "sha256": dict(bundle.sha256),
        "content_sha256": bundle.content_sha256,
        "config": bundle.config,
        "references": [
            {"text": reference.text, "vector": list(reference.vector)}
            for reference in bundle.references
        ],
    }
    temporary = bundle.folder / (MANIFEST + ".part")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(bundle.folder / MANIFEST)


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def definition_content_sha256(path: Path) -> str:
    """A hash of the weights and the code in a TorchScript file.

    Left out is what changes with the program that traced it and not with the model: the debug
    records (files and lines of the tracing program), and numbers in generated class names.
    """
    if not zipfile.is_zipfile(path):
        return file_sha256(path)
    members: list[tuple[str, str]] = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith((".debug_pkl", ".data/serialization_id")):
                continue
            content = archive.read(member)
            if "/constants/" not in member:
                content = _GENERATED_BYTES.sub(b"", content)
            members.append((_GENERATED.sub("", member), hashlib.sha256(content).hexdigest()))
    return hashlib.sha256(json.dumps(sorted(members)).encode()).hexdigest()


_GENERATED = re.compile(r"___torch_mangle_\d+")
_GENERATED_BYTES = re.compile(_GENERATED.pattern.encode())
_REBUILD = "Make it again with: esrag model build --force"


def _from_manifest(folder: Path, facts: Mapping[str, Any]) -> ModelBundle:
    dims = int(facts["dims"])
    references = tuple(
        Reference(text=str(item["text"]), vector=tuple(float(x) for x in item["vector"]))
        for item in facts["references"]
    )
    if not references or any(len(reference.vector) != dims for reference in references):
        raise ValueError("references")
    return ModelBundle(
        folder=folder,
        model_id=str(facts["model_id"]),
        source=str(facts["source"]),
        source_fingerprint=str(facts["source_fingerprint"]),
        config=dict(facts["config"]),
        dims=dims,
        max_sequence_length=int(facts["max_sequence_length"]),
        ingest_prefix=str(facts["prefix_strings"]["ingest"]),
        search_prefix=str(facts["prefix_strings"]["search"]),
        sha256={name: str(facts["sha256"][name]) for name in (DEFINITION, VOCABULARY, TOKENIZER)},
        content_sha256=str(facts["content_sha256"]),
        versions=dict(facts["versions"]),
        references=references,
        created=str(facts["created"]),
    )
