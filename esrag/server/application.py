"""The application: routes behind the gate, one form of error, the page where no route is.

    create_app(service, rules, limits) ─► FastAPI ─► any ASGI server

Nothing is connected or started here; the service is handed in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from esrag import __version__
from esrag.server import asking, openai_api, searching, standing
from esrag.server.context import Server, caller_left
from esrag.server.figures import Figures
from esrag.server.gate import Gate, Rules
from esrag.server.pages import Page, PageFile, page_files
from esrag.server.places import Places
from esrag.server.problems import Problem, Words, problem
from esrag.server.running import CallerLeftError, Runner
from esrag.server.service import Service

log = logging.getLogger(__name__)

DESCRIPTION = (
    "Answers from the documents in an Elasticsearch, with sources. What is shown as an answer is "
    "supported by a passage that can be looked at, or it is a refusal."
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and for how long."""

    concurrent: int = 64
    queue: int = 128
    deadline: float = 240.0


def create_app(
    service: Service,
    *,
    rules: Rules,
    limits: Limits | None = None,
    figures: Figures | None = None,
    page: dict[str, PageFile] | None = None,
) -> FastAPI:
    """The application that answers with ``service``; ``page`` are the files of the web page."""
    limits = limits or Limits()
    figures = figures or Figures()
    places = Places(limits.concurrent, limits.queue)
    figures.watch(places)
    app = FastAPI(
        title="esrag",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            Problem: _problem,
            CallerLeftError: caller_left,
            HTTPException: _http_problem,
            RequestValidationError: _wrong_body,
        },
    )
    app.state.server = Server(service, Runner(places, deadline=limits.deadline), rules, figures)
    app.state.checks = standing.Checks()
    for module in (asking, searching, openai_api, standing):
        app.include_router(module.router)
    files = Page(page_files() if page is None else page)
    app.router.default = _page_app(files)
    app.add_middleware(Gate, rules=rules, finished=_reporting(figures))
    app.openapi = lambda: _document(app, rules)  # type: ignore[method-assign]
    return app


def runner_of(app: FastAPI) -> Runner:
    """What runs the work of an application's requests."""
    runner = app.state.server.runner
    if not isinstance(runner, Runner):
        raise TypeError("the application has no runner")
    return runner


def _page_app(files: Page) -> Any:
    async def default(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await files(request)
        except Problem as refused:
            response = refused.response(_id(request))
        await response(scope, receive, send)

    return default


def _reporting(figures: Figures) -> Any:
    def finished(scope: Scope, status: int, seconds: float) -> None:
        figures.finished(scope, status, seconds)
        # neither query nor body: questions are their askers' own
        log.info(
            "%s %s %d %.3f s %s",
            scope["method"],
            ascii(scope["path"])[1:-1][:200],
            status,
            seconds,
            scope["state"]["request_id"],
        )

    return finished


def _id(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return error.response(_id(request))


async def _http_problem(request: Request, error: Exception) -> Response:
    """What the framework itself refuses."""
    if not isinstance(error, HTTPException):
        raise error
    codes = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
    words = {
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    told = problem(
        error.status_code,
        codes.get(error.status_code, "bad_request"),
        words.get(error.status_code, "the body cannot be read as JSON"),
    )
    response = told.response(_id(request))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _wrong_body(request: Request, error: Exception) -> Response:
    """Names the first field that is wrong, without its value."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        told = Words(400, "bad_request", "the body is not JSON")
    elif _is_not_json(request):
        told = Words(
            415,
            "unsupported_media_type",
            "the body is to be JSON",
            "Send the header: Content-Type: application/json",
        )
    else:
        first = found[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        place = ascii(place)[1:-1][:100]
        told = Words(422, "invalid_request", f"{place}: {first['msg']}", param=place)
    return Problem(told).response(_id(request))


def _is_not_json(request: Request) -> bool:
    if request.method != "POST":
        return False
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (kind == "application/json" or kind.endswith("+json"))


def _document(app: FastAPI, rules: Rules) -> dict[str, Any]:
    """The OpenAPI document, with the login that this server wants."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        if rules.door.login != "none":
            schemes: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer"}}
            if rules.door.login == "elasticsearch":
                schemes["basic"] = {"type": "http", "scheme": "basic"}
                schemes["apiKey"] = {"type": "apiKey", "in": "header", "name": "Authorization"}
            made.setdefault("components", {})["securitySchemes"] = schemes
            for path, methods in made["paths"].items():
                if path.startswith("/v1/") and path != "/v1/about":
                    for method in methods.values():
                        method["security"] = [{name: []} for name in schemes]
        app.openapi_schema = made
    return app.openapi_schema
