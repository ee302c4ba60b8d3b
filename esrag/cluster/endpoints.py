"""Inference endpoints (``_inference``): what each is made of, and put, read, list and delete.

An endpoint carries no mark of its owner, and its API key is never told again, so whoever manages
endpoints has to remember both elsewhere: ``Endpoint.fingerprint`` is what to remember.  Keys are in
``Endpoint.api_key`` only and reach nothing but the body of the PUT.

Creating an endpoint makes the cluster call the service once.  That the service does not answer is
``ServiceSilentError``, apart from all else that can go wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from elasticsearch import ApiError, NotFoundError

from esrag.cluster.client import explained, reason
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

TaskType = Literal["text_embedding", "rerank", "completion", "chat_completion"]
CHAT_PATH = "/v1/chat/completions"
_NO_KEY = "none"  # the service demands a key; a TGI without one ignores the header
_SILENT = ("validation call", "Failed to send", "failed: Connection refused", "timed out")


class ServiceSilentError(UnavailableError):
    """The service behind an endpoint did not answer when the endpoint was made."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is wanted.  ``settings`` are its service settings without secrets."""

    inference_id: str
    task_type: TaskType
    service: str
    settings: Mapping[str, Any]
    api_key: str = field(default="", repr=False)

    def body(self) -> dict[str, Any]:
        """The body of the PUT, secrets included."""
        settings = dict(self.settings)
        if self.service == "hugging_face":
            settings["api_key"] = self.api_key or _NO_KEY
        return {"service": self.service, "service_settings": settings}

    @property
    def fingerprint(self) -> str:
        """Changes whenever a part does that the server does not tell: the key, told by its hash."""
        facts = [self.inference_id, self.task_type, self.service, dict(self.settings)]
        key = hashlib.sha256(f"{self.inference_id}\n{self.api_key}".encode()).hexdigest()
        text = json.dumps([*facts, key], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """An endpoint as the cluster tells it."""

    inference_id: str
    task_type: str
    service: str
    settings: Mapping[str, Any]


def embedding_endpoint(inference_id: str, deployment_id: str) -> Endpoint:
    """Embeds with a deployment that is there; it is neither started nor stopped by this."""
    settings = {"deployment_id": deployment_id}
    return Endpoint(inference_id, "text_embedding", "elasticsearch", settings)


def rerank_endpoint(inference_id: str, deployment_id: str) -> Endpoint:
    """Scores passages against a question with the deployment of a cross-encoder."""
    return Endpoint(inference_id, "rerank", "elasticsearch", {"deployment_id": deployment_id})


def generator_endpoint(
    inference_id: str,
    task_type: Literal["completion", "chat_completion"],
    *,
    url: str,
    model: str,
    api_key: str = "",
) -> Endpoint:
    """Asks TGI, or what speaks its messages API; ``model`` is the base model or an adapter."""
    settings = {"url": url.rstrip("/").removesuffix("/v1") + CHAT_PATH, "model_id": model}
    return Endpoint(inference_id, task_type, "hugging_face", settings, api_key)


def endpoint_differences(
    wanted: Endpoint, found: FoundEndpoint
) -> tuple[tuple[str, str, str], ...]:
    """What differs, as name, what there is, and what is wanted; what the server adds is its own."""
    pairs: dict[str, tuple[Any, Any]] = {
        "task_type": (found.task_type, wanted.task_type),
        "service": (found.service, wanted.service),
    }
    pairs |= {
        f"service_settings.{name}": (found.settings.get(name), value)
        for name, value in wanted.settings.items()
    }
    return tuple(
        (name, str(has), str(wants))
        for name, (has, wants) in pairs.items()
        if str(has) != str(wants)
    )


def read_endpoint(client: Elasticsearch, inference_id: str) -> FoundEndpoint | None:
    """An endpoint, None when there is none of this id."""
    with explained(f"reading inference endpoint {inference_id}"):
        try:
            answer = client.inference.get(inference_id=inference_id)
        except NotFoundError:
            return None
    found = answer["endpoints"]
    return _found(found[0]) if found else None


def list_endpoints(client: Elasticsearch) -> tuple[FoundEndpoint, ...]:
    """All endpoints of the cluster, by id."""
    with explained("listing inference endpoints"):
        answer = client.inference.get()
    found = (_found(entry) for entry in answer["endpoints"])
    return tuple(sorted(found, key=lambda endpoint: endpoint.inference_id))


def write_endpoint(client: Elasticsearch, endpoint: Endpoint) -> None:
    """Create an endpoint; one that is there must be deleted first, as the server demands.

    Raises ServiceSilentError when the cluster got no proper answer from the service behind it.
    """
    try:
        with explained(f"putting inference endpoint {endpoint.inference_id}"):
            client.inference.put(
                inference_id=endpoint.inference_id,
                task_type=endpoint.task_type,
                inference_config=endpoint.body(),
            )
    except Exception as error:
        cause = error.__cause__
        if isinstance(cause, ApiError) and _is_silent(cause):
            raise ServiceSilentError(
                f"inference endpoint {endpoint.inference_id} was not made: the cluster got no "
                f"answer from {endpoint.settings.get('url', endpoint.service)}: {reason(cause)}",
                hint="Start the generator, or correct endpoints.generator_url: it is the address "
                "at which the CLUSTER reaches it. Then run esrag setup again.",
            ) from error
        raise


def replace_endpoint(client: Elasticsearch, endpoint: Endpoint) -> None:
    """Make an endpoint anew; between the two requests there is none."""
    delete_endpoint(client, endpoint.inference_id)
    write_endpoint(client, endpoint)


def delete_endpoint(client: Elasticsearch, inference_id: str) -> bool:
    """Delete an endpoint, also when a pipeline uses it; False when there was none."""
    with explained(f"deleting inference endpoint {inference_id}"):
        try:
            client.inference.delete(inference_id=inference_id, force=True)
        except NotFoundError:
            return False
    return True


def _is_silent(error: ApiError) -> bool:
    return error.meta.status != 403 and any(words in reason(error) for words in _SILENT)


def _found(entry: Mapping[str, Any]) -> FoundEndpoint:
    return FoundEndpoint(
        inference_id=str(entry["inference_id"]),
        task_type=str(entry.get("task_type", "")),
        service=str(entry.get("service", "")),
        settings=dict(entry.get("service_settings") or {}),
    )
