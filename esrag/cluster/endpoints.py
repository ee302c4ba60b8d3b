"""Inference endpoints (``_inference``): their bodies, and put, read, list and delete.

A body here is what the PUT takes, and the task type with it: ``task_type``, ``service``,
``service_settings``.  An endpoint carries no mark of its owner, and its API key is never told
again, so whoever manages endpoints has to remember both elsewhere.

Creating an endpoint may make the cluster call the service once.  That the service does not answer
is ``ServiceSilentError``, apart from all else that can go wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from elasticsearch import ApiError, NotFoundError

from esrag.cluster.client import explained, reason
from esrag.errors import EsragError, UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Body = dict[str, Any]

CHAT_PATH = "/v1/chat/completions"
_NO_KEY = "none"  # the service demands a key; a TGI without one ignores the header
_SILENT = ("validation call to service", "Failed to send", "timed out")


class ServiceSilentError(UnavailableError):
    """The service behind an endpoint did not answer when the endpoint was made."""


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """An endpoint as the cluster tells it, without its secrets."""

    inference_id: str
    task_type: str
    service: str
    settings: Mapping[str, Any]


def deployed_model_body(task_type: Literal["text_embedding", "rerank"], deployment_id: str) -> Body:
    """Uses a deployment that is there; it is neither started nor stopped by the endpoint."""
    settings = {"deployment_id": deployment_id}
    return {"task_type": task_type, "service": "elasticsearch", "service_settings": settings}


def generator_body(
    task_type: Literal["completion", "chat_completion"], *, url: str, model: str, api_key: str = ""
) -> Body:
    """Asks TGI, or what speaks its messages API; ``model`` is the base model or an adapter."""
    settings = {
        "url": url.rstrip("/").removesuffix("/v1") + CHAT_PATH,
        "model_id": model,
        "api_key": api_key or _NO_KEY,
    }
    return {"task_type": task_type, "service": "hugging_face", "service_settings": settings}


def read_endpoint(client: Elasticsearch, inference_id: str) -> Body | None:
    """An endpoint without its secrets, None when there is none of this id."""
    with explained(f"reading inference endpoint {inference_id}"):
        try:
            answer = client.inference.get(inference_id=inference_id)
        except NotFoundError:
            return None
    found = answer["endpoints"]
    return _body(found[0]) if found else None


def list_endpoints(client: Elasticsearch) -> tuple[FoundEndpoint, ...]:
    """All endpoints of the cluster, by id."""
    with explained("listing inference endpoints"):
        answer = client.inference.get()
    found = (
        FoundEndpoint(
            inference_id=str(entry["inference_id"]),
            task_type=str(entry.get("task_type", "")),
            service=str(entry.get("service", "")),
            settings=dict(entry.get("service_settings") or {}),
        )
        for entry in answer["endpoints"]
    )
    return tuple(sorted(found, key=lambda endpoint: endpoint.inference_id))


def write_endpoint(client: Elasticsearch, inference_id: str, body: Mapping[str, Any]) -> None:
    """Make an endpoint; one that is there is deleted first, as it cannot be changed.

    Raises ServiceSilentError when the cluster got no proper answer from the service behind it.
    """
    try:
        _put(client, inference_id, body)
    except EsragError as error:
        cause = error.__cause__
        if not isinstance(cause, ApiError) or "already exists" not in reason(cause):
            raise
        delete_endpoint(client, inference_id)
        _put(client, inference_id, body)


def delete_endpoint(client: Elasticsearch, inference_id: str) -> None:
    """Delete an endpoint, also when a pipeline uses it; one that is not there is deleted."""
    with explained(f"deleting inference endpoint {inference_id}"):
        try:
            client.inference.delete(inference_id=inference_id, force=True)
        except NotFoundError:
            return


def _put(client: Elasticsearch, inference_id: str, body: Mapping[str, Any]) -> None:
    settings = body["service_settings"]
    try:
        with explained(f"putting inference endpoint {inference_id}"):
            client.inference.put(
                inference_id=inference_id,
                task_type=body["task_type"],
                inference_config={"service": body["service"], "service_settings": dict(settings)},
            )
    except EsragError as error:
        cause = error.__cause__
        if not isinstance(cause, ApiError) or not _is_silent(cause):
            raise
        raise ServiceSilentError(
            f"inference endpoint {inference_id} was not made: the cluster got no answer from "
            f"{settings.get('url', body['service'])}: {reason(cause)}",
            hint="Start the generator, or correct endpoints.generator_url: it is the address at "
            "which the CLUSTER reaches it. Then run esrag setup again.",
        ) from error


def _is_silent(error: ApiError) -> bool:
    return error.meta.status != 403 and any(words in reason(error) for words in _SILENT)


def _body(entry: Mapping[str, Any]) -> Body:
    return {
        "task_type": str(entry.get("task_type", "")),
        "service": str(entry.get("service", "")),
        "service_settings": dict(entry.get("service_settings") or {}),
    }
