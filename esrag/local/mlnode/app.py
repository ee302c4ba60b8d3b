"""The HTTP routes: requests to the store and the deployments, their answers and refusals back.

Handlers parse, call and render.  What may block (disk, tokenising, waiting for a child) runs in
a thread.  Bound to loopback by ``server``; there is no authentication, the plugin in front has it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from esrag.local.mlnode.deployment import Deployment
from esrag.local.mlnode.deployments import Deployments
from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.request import InferRequest, InputResult
from esrag.local.mlnode.store import ModelStore
from esrag.local.mlnode.tasks.registry import read_task

LARGEST_BODY = 128 << 20
MOST_INPUTS = 10_000
DEFAULT_TIMEOUT_MS = 10_000
SHORT_TEXTS = 4_000  # characters that are tokenised faster than a thread takes over

_log = logging.getLogger(__name__)


class Routes:
    """The handlers, with the store and the deployments they speak to."""

    def __init__(self, store: ModelStore, deployments: Deployments) -> None:
        self._store = store
        self._deployments = deployments

    async def health(self, _request: Request) -> Response:
        """Alive, how much there is, and how many deployments are on their way up."""
        deployments = self._deployments.all()
        return _answer(
            {
                "status": "ok",
                "pid": os.getpid(),
                "models": len(await asyncio.to_thread(self._store.ids)),
                "deployments": len(deployments),
                "starting": sum(one.is_starting for one in deployments),
                "isolated": self._deployments.isolated,
            }
        )

    async def put_model(self, request: Request) -> Response:
        """Store a configuration."""
        config = await _json_object(request)
        await asyncio.to_thread(self._store.create, _id(request), config)
        return _answer({})

    async def list_models(self, _request: Request) -> Response:
        """All models."""

        def describe() -> list[dict[str, Any]]:
            return [self._store.describe(model_id) for model_id in self._store.ids()]

        return _answer({"models": await asyncio.to_thread(describe)})

    async def get_model(self, request: Request) -> Response:
        """One model."""
        return _answer(await asyncio.to_thread(self._store.describe, _id(request)))

    async def delete_model(self, request: Request) -> Response:
        """Remove a model; with ``force=true`` its deployments too."""
        model_id = _id(request)
        force = request.query_params.get("force", "false") in ("", "true")

        def delete() -> None:
            deployed = self._deployments.of_model(model_id)
            if deployed and not force:
                raise Problem(
                    "deployed",
                    f"Cannot delete model [{model_id}] as it is currently deployed; use force to "
                    "delete the model",
                )
            for deployment in deployed:
                self._deployments.delete(deployment.settings.deployment_id)
            self._store.delete(model_id)

        await asyncio.to_thread(delete)
        return _answer({})

    async def put_part(self, request: Request) -> Response:
        """Store one part of a definition."""
        model_id = _id(request)
        part = _whole_number(request.path_params["part"], "part")
        total_parts = _whole_number(request.query_params.get("total_parts"), "total_parts")
        total_length = _whole_number(
            request.query_params.get("total_definition_length"), "total_definition_length"
        )
        self._refuse_deployed(model_id)
        body = await _body(request)
        complete = await asyncio.to_thread(
            self._store.put_part,
            model_id,
            part,
            body,
            total_parts=total_parts,
            total_length=total_length,
        )
        return _answer({"complete": complete})

    async def put_vocabulary(self, request: Request) -> Response:
        """Store a vocabulary."""
        body = await _body(request)
        await asyncio.to_thread(self._store.put_vocabulary, _id(request), body)
        return _answer({})

    async def start_deployment(self, request: Request) -> Response:
        """Start a deployment; the answer does not wait until it has."""
        body = await _json_object(request)
        wanted = {**body, "deployment_id": _id(request)}
        deployment = await asyncio.to_thread(self._deployments.create, wanted)
        return _answer(deployment.describe())

    async def list_deployments(self, _request: Request) -> Response:
        """All deployments with their numbers."""
        return _answer({"deployments": [d.describe() for d in self._deployments.all()]})

    async def get_deployment(self, request: Request) -> Response:
        """One deployment with its numbers."""
        return _answer(self._deployments.get(_id(request)).describe())

    async def delete_deployment(self, request: Request) -> Response:
        """Stop a deployment; answers when its child is gone."""
        await asyncio.to_thread(self._deployments.delete, _id(request))
        return _answer({})

    async def update_deployment(self, request: Request) -> Response:
        """Change the number of allocations, while requests run."""
        body = await _json_object(request)
        deployment = await asyncio.to_thread(self._deployments.update, _id(request), body)
        return _answer(deployment.describe())

    async def clear_cache(self, request: Request) -> Response:
        """Forget a deployment's earlier results."""
        self._deployments.get(_id(request)).clear_cache()
        return _answer({})

    async def list_aliases(self, _request: Request) -> Response:
        """All model aliases."""
        return _answer({"aliases": await asyncio.to_thread(self._store.aliases)})

    async def put_alias(self, request: Request) -> Response:
        """Let an alias stand for a model from now on."""
        body = await _json_object(request)
        model_id = body.get("model_id")
        await asyncio.to_thread(self._store.put_alias, _id(request), model_id)
        return _answer({})

    async def delete_alias(self, request: Request) -> Response:
        """Remove an alias."""
        await asyncio.to_thread(self._store.delete_alias, _id(request))
        return _answer({})

    async def infer(self, request: Request) -> Response:
        """Execute a deployment's model on some texts."""
        deployment_id = _id(request)
        body = await _json_object(request)
        texts = _texts(body)
        timeout = _timeout_seconds(body)
        deadline = asyncio.get_running_loop().time() + timeout
        deployment = self._deployed(deployment_id)
        inference_config = body.get("inference_config")
        if inference_config is None:
            task = await asyncio.to_thread(
                self._deployments.default_task, deployment.settings.model_id
            )
        else:
            task = read_task(inference_config)
        if task.name == "text_embedding" and sum(map(len, texts)) <= SHORT_TEXTS:
            submitted = deployment.submit(texts, task)
        else:
            submitted = await asyncio.to_thread(deployment.submit, texts, task)
        results = await _wait(deployment, submitted, deadline=deadline, timeout=timeout)
        return _answer({"results": [_render(result) for result in results]})

    def _deployed(self, deployment_id: str) -> Deployment:
        try:
            return self._deployments.get(deployment_id)
        except Problem:
            if deployment_id not in self._store.ids():
                raise
        raise Problem(
            "not_deployed",
            f"Model [{deployment_id}] must be deployed to use. Please deploy with the start "
            "trained model deployment API.",
        )

    def _refuse_deployed(self, model_id: str) -> None:
        if self._deployments.of_model(model_id):
            raise Problem(
                "deployed",
                f"Cannot change the definition of model [{model_id}] as it is currently deployed",
            )


def create_app(store: ModelStore, deployments: Deployments) -> Starlette:
    """The application over a store and its deployments."""
    routes = Routes(store, deployments)
    return Starlette(
        routes=[
            Route("/health", routes.health),
            Route("/models", routes.list_models),
            Route("/models/{id}", routes.put_model, methods=["PUT"]),
            Route("/models/{id}", routes.get_model),
            Route("/models/{id}", routes.delete_model, methods=["DELETE"]),
            Route("/models/{id}/definition/{part}", routes.put_part, methods=["PUT"]),
            Route("/models/{id}/vocabulary", routes.put_vocabulary, methods=["PUT"]),
            Route("/deployments", routes.list_deployments),
            Route("/deployments/{id}", routes.start_deployment, methods=["POST"]),
            Route("/deployments/{id}", routes.get_deployment),
            Route("/deployments/{id}", routes.delete_deployment, methods=["DELETE"]),
            Route("/deployments/{id}/infer", routes.infer, methods=["POST"]),
            Route("/deployments/{id}/_update", routes.update_deployment, methods=["POST"]),
            Route("/deployments/{id}/cache/_clear", routes.clear_cache, methods=["POST"]),
            Route("/aliases", routes.list_aliases),
            Route("/aliases/{id}", routes.put_alias, methods=["PUT"]),
            Route("/aliases/{id}", routes.delete_alias, methods=["DELETE"]),
        ],
        exception_handlers={
            Problem: _refuse,
            HTTPException: _refuse_route,
            OSError: _refuse_disk,
            Exception: _refuse_surprise,
        },
    )


async def _refuse(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _refusal(error.status, error.kind, error.message)


async def _refuse_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    kind = "not_found" if status == 404 else "bad_request"
    return _refusal(status, kind, f"no handler found for {request.method} {request.url.path}")


async def _refuse_disk(request: Request, error: Exception) -> Response:
    _log.error("%s %s: %s", request.method, request.url.path, error)
    return _refusal(503, "failed", f"The ML node process could not use its data folder: {error}")


async def _refuse_surprise(request: Request, error: Exception) -> Response:
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _refusal(500, "failed", f"Unexpected error in the ML node process: {error!r}")


def _refusal(status: int, kind: str, reason: str) -> Response:
    return _answer({"error": {"type": kind, "reason": reason}}, status=status)


def _answer(body: Mapping[str, Any], *, status: int = 200) -> Response:
    return Response(
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=status,
        media_type="application/json",
    )


def _render(result: InputResult) -> dict[str, Any]:
    return {"error": result.error} if result.body is None else result.body


async def _wait(
    deployment: Deployment, submitted: InferRequest, *, deadline: float, timeout: float
) -> list[InputResult]:
    left = deadline - asyncio.get_running_loop().time()
    try:
        return await asyncio.wait_for(asyncio.wrap_future(submitted.future), max(left, 0))
    except TimeoutError:
        deployment.give_up(submitted)
        raise Problem("timeout", f"timeout [{timeout:g}s] waiting for inference result") from None
    except asyncio.CancelledError:
        deployment.give_up(submitted)
        raise


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise Problem("bad_request", f"The body is larger than {LARGEST_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        parsed = orjson.loads(await _body(request))
    except orjson.JSONDecodeError as error:
        raise Problem("bad_request", f"The body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Problem("bad_request", "The body must be a JSON object")
    return parsed


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _whole_number(value: str | None, name: str) -> int:
    if value is None:
        raise Problem("bad_request", f"[{name}] must not be null.")
    try:
        return int(value)
    except ValueError:
        raise Problem("bad_request", f"[{name}] must be an integer, not [{value}]") from None


def _texts(body: Mapping[str, Any]) -> list[str]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
        raise Problem("bad_request", "[inputs] must be a list of strings")
    if not 1 <= len(inputs) <= MOST_INPUTS:
        raise Problem("bad_request", f"[inputs] must hold 1 to {MOST_INPUTS} strings")
    prefix = body.get("prefix") or ""
    if not isinstance(prefix, str):
        raise Problem("bad_request", "[prefix] must be a string")
    return [prefix + text for text in inputs] if prefix else inputs


def _timeout_seconds(body: Mapping[str, Any]) -> float:
    milliseconds = body.get("timeout_ms", DEFAULT_TIMEOUT_MS)
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or milliseconds < 1:
        raise Problem("bad_request", "[timeout_ms] must be a positive integer")
    return milliseconds / 1000
