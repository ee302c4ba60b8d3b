"""Paths to handlers; everything else is 404 or 405 with an empty body, as from axum."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from esrag.local.tgi import adapter_routes, chat_routes, cloud_routes, completion_routes, routes
from esrag.local.tgi.errors import BodyRejected, WireError
from esrag.local.tgi.exchange import (
    ClientGone,
    Unauthorised,
    on_client_gone,
    on_rejected_body,
    on_unauthorised,
    on_wire_error,
)
from esrag.local.tgi.state import ServerState


def make_app(state: ServerState) -> Starlette:
    """The application over ``state``, whose engine may come later."""
    app = Starlette(
        routes=[
            Route("/", routes.compat_generate, methods=["POST"]),
            Route("/", routes.health, methods=["GET"]),
            Route("/generate", routes.generate, methods=["POST"]),
            Route("/generate_stream", routes.generate_stream, methods=["POST"]),
            Route("/tokenize", routes.tokenize, methods=["POST"]),
            Route("/chat_tokenize", chat_routes.chat_tokenize, methods=["POST"]),
            Route("/v1/chat/completions", chat_routes.chat_completions, methods=["POST"]),
            Route("/v1/completions", completion_routes.text_completions, methods=["POST"]),
            Route("/invocations", cloud_routes.invocations, methods=["POST"]),
            Route("/vertex", cloud_routes.vertex, methods=["POST"]),
            Route("/v1/models", routes.models, methods=["GET"]),
            Route("/v1/load_lora_adapter", adapter_routes.load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", adapter_routes.unload, methods=["POST"]),
            Route("/info", routes.info, methods=["GET"]),
            Route("/metrics", routes.metrics, methods=["GET"]),
            Route("/health", routes.health, methods=["GET"]),
            Route("/ping", routes.health, methods=["GET"]),
        ],
        exception_handlers={
            WireError: on_wire_error,
            BodyRejected: on_rejected_body,
            Unauthorised: on_unauthorised,
            ClientGone: on_client_gone,
            HTTPException: _no_route,
        },
    )
    app.state.server = state
    app.router.redirect_slashes = False
    return app


async def _no_route(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):
        raise error
    return Response(status_code=error.status_code, headers=error.headers)
