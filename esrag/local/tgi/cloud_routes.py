"""What clouds call: SageMaker's ``/invocations`` and Vertex AI's ``/vertex``."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from esrag.local.tgi.body import Fields
from esrag.local.tgi.chat_requests import read_chat
from esrag.local.tgi.chat_routes import answer_chat, prepare
from esrag.local.tgi.completion_routes import answer_completion
from esrag.local.tgi.completions import read_completion
from esrag.local.tgi.errors import BodyRejected, InstanceFailed, NoInstances, WireError
from esrag.local.tgi.exchange import authorise, json_answer, read_fields, state_of, unless_gone
from esrag.local.tgi.requests import (
    GenerateParameters,
    GenerateRequest,
    read_compat_generate,
    read_generate,
)
from esrag.local.tgi.routes import answer_compat
from esrag.local.tgi.running import gather, run
from esrag.local.tgi.state import Engine

_READERS = (
    (read_compat_generate, answer_compat),
    (read_chat, answer_chat),
    (read_completion, answer_completion),
)


async def invocations(request: Request) -> Response:
    """``POST /invocations``: the body decides which of three routes it is for."""
    authorise(request)
    fields = await read_fields(request, struct="SagemakerRequest")
    for read, answer in _READERS:
        try:
            read(fields)
        except BodyRejected:
            continue
        return await answer(request, fields)
    raise fields.rejected("", "data did not match any variant of untagged enum SagemakerRequest")


async def vertex(request: Request) -> Response:
    """``POST /vertex``: several prompts or chats; only the texts come back."""
    authorise(request)
    engine = state_of(request).ready()
    fields = await read_fields(request, struct="VertexRequest")
    instances = fields.sections("instances", "VertexInstance")
    chosen = [_instance(engine, fields, one) for one in instances]
    engine.metrics.count("tgi_request_count")
    if not chosen:
        raise NoInstances
    try:
        found = await unless_gone(request, gather(*(run(engine, one) for one in chosen)))
    except WireError as error:
        raise InstanceFailed from error
    return json_answer({"predictions": [answer.end.text for answer, _ in found]})


def _instance(engine: Engine, fields: Fields, instance: Fields) -> GenerateRequest:
    """A prompt, of whose parameters only two count as in TGI, or a chat."""
    try:
        wanted = read_generate(instance, null_parameters=True)
    except BodyRejected:
        pass
    else:
        return replace(
            wanted,
            parameters=GenerateParameters(
                do_sample=True,
                max_new_tokens=wanted.parameters.max_new_tokens,
                seed=wanted.parameters.seed,
                details=True,
                decoder_input_details=True,
            ),
        )
    try:
        chat = read_chat(instance)
    except BodyRejected as error:
        raise fields.rejected(
            "instances", "data did not match any variant of untagged enum VertexInstance"
        ) from error
    return prepare(engine, chat)[0]
