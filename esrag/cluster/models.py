"""Trained models in a cluster: read them, push a bundle, check what the cluster computes.

A push sends config, vocabulary, then the definition in parts, each part again when its outcome is
unknown.  The API does not tell which parts are stored, only whether the definition is whole
(``fully_defined``), so an interrupted push sends its parts again; it does tell the metadata we
stored, so that the half of another model is never completed with ours.  The vocabulary goes first:
the last part makes the definition whole, and then nothing is missing.
Starting and stopping is in ``deployments.py``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import ApiError, NotFoundError

from esrag import __version__
from esrag.bundle import ModelBundle, Reference, verify_bundle
from esrag.cluster.client import explained, in_use, reason
from esrag.cluster.embedding import embed
from esrag.cluster.retry import retrying
from esrag.errors import ConflictError, UnavailableError, UnsupportedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

PART_BYTES = 1024 * 1024
LEAST_COSINE = 0.999
OWNER = "esrag"

PartProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A trained model as the cluster has it; ``fingerprint`` is "" when it is not from a bundle."""

    model_id: str
    model_type: str
    description: str
    fully_defined: bool
    managed: bool
    fingerprint: str
    dims: int | None
    created: str
    task: str = ""
    per_deployment_bytes: int = 0
    per_allocation_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did; ``parts_sent`` is 0 when the model was there already."""

    model_id: str
    parts_sent: int
    resumed: bool = False

    @property
    def reused(self) -> bool:
        """Whether nothing had to be sent."""
        return self.parts_sent == 0


def read_model(client: Elasticsearch, model_id: str) -> TrainedModel | None:
    """A trained model, None when the cluster has none of this id."""
    with explained(f"reading trained model {model_id}"):
        try:
            answer = client.ml.get_trained_models(model_id=model_id, include="definition_status")
        except NotFoundError:
            return None
    configs = answer["trained_model_configs"]
    return _model(configs[0]) if configs else None


def list_models(client: Elasticsearch) -> tuple[TrainedModel, ...]:
    """All PyTorch models of the cluster, by id."""
    with explained("listing trained models"):
        answer = client.ml.get_trained_models(
            model_id="*", include="definition_status", allow_no_match=True, size=1000
        )
    models = [_model(config) for config in answer["trained_model_configs"]]
    return tuple(sorted((m for m in models if m.model_type == "pytorch"), key=lambda m: m.model_id))


def _model(config: Mapping[str, Any]) -> TrainedModel:
    ours = (config.get("metadata") or {}).get("esrag") or {}
    metadata = config.get("metadata") or {}
    inference = config.get("inference_config") or {}
    task = inference.get("text_embedding") or {}
    return TrainedModel(
        model_id=str(config["model_id"]),
        model_type=str(config.get("model_type", "")),
        description=str(config.get("description", "")),
        fully_defined=bool(config.get("fully_defined")),
        managed=ours.get("owner") == OWNER,
        fingerprint=str(ours.get("fingerprint", "")),
        dims=task.get("embedding_size"),
        created=str(config.get("create_time", "")),
        task=next(iter(inference), ""),
        per_deployment_bytes=int(metadata.get("per_deployment_memory_bytes") or 0),
        per_allocation_bytes=int(metadata.get("per_allocation_memory_bytes") or 0),
    )


def read_size(client: Elasticsearch, model_id: str) -> int:
    """The bytes of a model's definition; 0 when nothing of it is there."""
    return read_sizes(client, model_id).get(model_id, 0)


def read_sizes(client: Elasticsearch, model_id: str = "*") -> Mapping[str, int]:
    """The bytes of the definitions of models, by id."""
    with explained("reading the sizes of trained models"):
        try:
            answer = client.ml.get_trained_models_stats(
                model_id=model_id, allow_no_match=True, size=1000
            )
        except NotFoundError:
            return {}
    return {
        str(entry["model_id"]): int(
            (entry.get("model_size_stats") or {}).get("model_size_bytes") or 0
        )
        for entry in answer["trained_model_stats"]
    }


def config_body(bundle: ModelBundle) -> dict[str, Any]:
    """The body of PUT _ml/trained_models/<id>: the bundle's config and who manages it."""
    body = dict(bundle.config)
    body["metadata"] = {
        **body.get("metadata", {}),
        "esrag": {
            "owner": OWNER,
            "version": __version__,
            "fingerprint": bundle.fingerprint,
            "definition_sha256": bundle.sha256["model.pt"],
            "torch": bundle.versions.get("torch", ""),
        },
    }
    return body


def definition_parts(bundle: ModelBundle) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and body of each part; the file is read piece by piece."""
    size = bundle.definition.stat().st_size
    total = math.ceil(size / PART_BYTES)
    with bundle.definition.open("rb") as file:
        for number in range(total):
            piece = file.read(PART_BYTES)
            yield (
                number,
                {
                    "definition": base64.b64encode(piece).decode("ascii"),
                    "total_definition_length": size,
                    "total_parts": total,
                },
            )


def push(
    client: Elasticsearch,
    bundle: ModelBundle,
    *,
    replace: bool = False,
    users: Collection[str] = (),
    progress: PartProgress = lambda *_: None,
) -> PushResult:
    """Bring a bundle into the cluster; nothing is sent when it is there, whole.

    ``users`` are the indices with vectors of the model that is there.  Raises ConflictError when
    the id belongs to a model of somebody else, or to one of ours with other content, unless
    ``replace`` is given and nobody uses it.
    """
    found = read_model(client, bundle.model_id)
    if found is not None and not found.managed:
        raise ConflictError(
            f"the cluster has a trained model {bundle.model_id} that esrag did not make",
            hint="It is left alone. Push under another id: esrag model build --model-id NAME, "
            "then the same --model-id (or model.id) everywhere.",
        )
    same = found is not None and found.fingerprint == bundle.fingerprint
    if found is not None and same and found.fully_defined:
        return PushResult(bundle.model_id, parts_sent=0)
    verify_bundle(bundle)
    if found is not None and not same:
        if found.fully_defined and not replace:
            raise ConflictError(
                f"trained model {bundle.model_id} in the cluster has other content",
                hint="Vectors of two models do not mix: push under a new id, or use --replace "
                "and index all documents again.",
            )
        if found.fully_defined and users:
            raise ConflictError(
                f"these indices hold vectors of trained model {bundle.model_id}, and none of the "
                f"new content would fit them: {', '.join(users)}",
                hint="Push under a new id and move each set with esrag reembed; or replace it "
                "all the same, esrag model push --replace --force, and index all documents again.",
            )
        delete_model(client, bundle.model_id)
        found = None
    if found is None:
        retrying(lambda: _put_config(client, bundle))
    retrying(lambda: _put_vocabulary(client, bundle))
    sent = _put_parts(client, bundle, progress)
    stored = read_model(client, bundle.model_id)
    if stored is None or not stored.fully_defined:
        raise UnavailableError(
            f"all parts of {bundle.model_id} were acknowledged, yet it is incomplete",
            hint="Run the same command again; it sends the parts anew.",
        )
    return PushResult(bundle.model_id, parts_sent=sent, resumed=found is not None)


def delete_model(client: Elasticsearch, model_id: str, *, force: bool = True) -> None:
    """Delete a trained model together with its deployments; one that is gone is no error.

    Without ``force`` raises ConflictError when it is deployed or used by a pipeline.
    """
    doing = f"deleting trained model {model_id}"
    with explained(doing), in_use(doing), suppress(NotFoundError):
        client.ml.delete_trained_model(model_id=model_id, force=force)


def verify_vectors(
    client: Elasticsearch, model_id: str, references: Sequence[Reference], *, timeout: float = 60.0
) -> float:
    """Compare the deployment's vectors with the original model's; the lowest cosine.

    Raises UnsupportedError when one is below LEAST_COSINE: the cluster would index and search,
    only not by meaning.
    """
    texts = [reference.text for reference in references]
    vectors = retrying(lambda: embed(client, model_id, texts, timeout=timeout))
    lowest = 1.0
    for reference, vector in zip(references, vectors, strict=True):
        found = cosine(reference.vector, vector)
        if not found >= LEAST_COSINE:
            raise UnsupportedError(
                f"the cluster computes other vectors with {model_id} than the original model: "
                f"cosine {found:.4f} for {reference.text[:40]!r}",
                hint="The cluster's libtorch may not fit the torch that traced the model: build "
                "the bundle with the torch version that eland pins, and push it again.",
            )
        lowest = min(lowest, found)
    return lowest


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors; 0 for vectors of different length."""
    if len(one) != len(other):
        return 0.0
    product = math.fsum(x * y for x, y in zip(one, other, strict=True))
    length = math.hypot(*one) * math.hypot(*other)
    return product / length if length else 0.0


def _put_config(client: Elasticsearch, bundle: ModelBundle) -> None:
    model_id = bundle.model_id
    with explained(f"putting trained model {model_id}"):
        try:
            client.ml.put_trained_model(model_id=model_id, body=config_body(bundle))
        except ApiError as error:
            # A lost answer and another push both look like this; the content decides.
            if not _already_exists(error):
                raise
            found = read_model(client, model_id)
            if found is None or found.fingerprint != bundle.fingerprint:
                raise


def _put_vocabulary(client: Elasticsearch, bundle: ModelBundle) -> None:
    with explained(f"putting the vocabulary of {bundle.model_id}"), _stored_before():
        client.ml.put_trained_model_vocabulary(model_id=bundle.model_id, body=bundle.vocabulary())


def _put_parts(client: Elasticsearch, bundle: ModelBundle, progress: PartProgress) -> int:
    sent = 0
    for number, body in definition_parts(bundle):
        total = body["total_parts"]
        doing = f"putting part {number + 1} of {total} of {bundle.model_id}"

        def put(number: int = number, body: dict[str, Any] = body, doing: str = doing) -> None:
            with explained(doing), _stored_before():
                client.ml.put_trained_model_definition_part(
                    model_id=bundle.model_id, part=number, body=body
                )

        retrying(put)
        sent += 1
        progress(sent, total)
    return sent


@contextmanager
def _stored_before() -> Iterator[None]:
    """Let "already exists" pass: the same piece was stored by an earlier try of this push."""
    try:
        yield
    except ApiError as error:
        if not _already_exists(error):
            raise


def _already_exists(error: ApiError) -> bool:
    return error.meta.status in (400, 409) and "already exists" in reason(error)
