"""vLLM's routes for LoRA adapters, which TGI has not: load and unload while the server runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from esrag.local.tgi.errors import AdapterRefused
from esrag.local.tgi.exchange import authorise, read_fields, state_of


async def load(request: Request) -> Response:
    """``POST /v1/load_lora_adapter``: 200 once requests may ask for it."""
    authorise(request)
    engine = state_of(request).ready()
    fields = await read_fields(request, struct="LoadLoraAdapterRequest")
    name = fields.optional_string("lora_name") or ""
    path = fields.optional_string("lora_path") or ""
    if not name or not path:
        raise AdapterRefused(
            "Both 'lora_name' and 'lora_path' must be provided.", kind="InvalidUserInput"
        )
    replacing = fields.optional_boolean("load_inplace") or False
    await engine.adapters.load(name, path, replacing=replacing)
    return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")


async def unload(request: Request) -> Response:
    """``POST /v1/unload_lora_adapter``: requests that run end with what they began with."""
    authorise(request)
    engine = state_of(request).ready()
    fields = await read_fields(request, struct="UnloadLoraAdapterRequest")
    name = fields.optional_string("lora_name") or ""
    engine.adapters.unload(name)
    return PlainTextResponse(f"Success: LoRA adapter '{name}' removed successfully.")
