"""The errors of the wire: TGI's types, statuses and texts.

    WireError                        HTTP   error_type
    ├── ValidationFailed             422    validation              "Input validation error: …"
    ├── TemplateFailed               422    template_error          "Template error: …"
    ├── ToolFailed                   422    tool_error              "Tool error: …"
    ├── Overloaded                   429    overloaded
    ├── GenerationFailed             424    generation              "Request failed during …"
    ├── IncompleteGeneration         500    incomplete_generation[_stream]
    ├── SuffixRefused, BatchTooLarge 422    a type of their own     /v1/completions
    ├── NoInstances, InstanceFailed  422, 500                       /vertex
    ├── AdapterRefused               400, 404  in vLLM's shape and words: the routes are vLLM's
    └── Unhealthy                    503    healthcheck             also while the model loads
    BodyRejected                     400, 413, 415, 422: plain text, before TGI's own handlers

Routes turn these into bytes; nothing below the routes knows about HTTP beyond the status here.
"""

from __future__ import annotations

from esrag.errors import EsragError


class WireError(EsragError):
    """An error that a client sees as ``{"error": …, "error_type": …}``."""

    status = 500
    error_type = "generation"

    def body(self) -> dict[str, object]:
        """The JSON body, keys in TGI's order."""
        return {"error": self.message, "error_type": self.error_type}

    def openai_body(self) -> dict[str, object]:
        """The event inside an OpenAI stream; TGI always says 422 there, whatever happened."""
        return {"error": {"message": self.message, "http_status_code": 422}}


class ValidationFailed(WireError):
    """A parameter is outside its limits."""

    status = 422
    error_type = "validation"

    def __init__(self, message: str) -> None:
        super().__init__(f"Input validation error: {message}")


class TemplateFailed(WireError):
    """The chat template is missing or refuses the messages."""

    status = 422
    error_type = "template_error"

    def __init__(self, message: str) -> None:
        super().__init__(f"Template error: {message}")


class ToolFailed(WireError):
    """Tools and the rest of the request do not fit together."""

    status = 422
    error_type = "tool_error"

    def __init__(self, message: str) -> None:
        super().__init__(f"Tool error: {message}")


class Overloaded(WireError):
    """More requests than ``max_concurrent_requests`` at once."""

    status = 429
    error_type = "overloaded"

    def __init__(self) -> None:
        super().__init__("Model is overloaded")


class GenerationFailed(WireError):
    """The forward pass failed."""

    status = 424
    error_type = "generation"

    def __init__(self, message: str) -> None:
        super().__init__(f"Request failed during generation: {message}")


class IncompleteGeneration(WireError):
    """Generation ended without a final token: the server is going down."""

    status = 500
    error_type = "incomplete_generation"

    def __init__(self, *, stream: bool = False) -> None:
        super().__init__("Incomplete generation stream" if stream else "Incomplete generation")
        if stream:
            self.error_type = "incomplete_generation_stream"


class Unhealthy(WireError):
    """The model is not loaded, or its worker has died."""

    status = 503
    error_type = "healthcheck"

    def __init__(self) -> None:
        super().__init__("unhealthy")


class SuffixRefused(WireError):
    """``/v1/completions`` with a suffix."""

    status = 422
    error_type = "suffix not supported"

    def __init__(self) -> None:
        super().__init__("Suffix is not supported and can be achieved by preprocessing the prompt.")


class BatchTooLarge(WireError):
    """``/v1/completions`` with more prompts than ``max_client_batch_size``."""

    status = 422
    error_type = "batch size exceeded"

    def __init__(self, most: int) -> None:
        super().__init__(f"Number of prompts exceeds the maximum allowed batch size of {most}")


class NoInstances(WireError):
    """``/vertex`` with an empty list."""

    status = 422
    error_type = "Input validation error"

    def __init__(self) -> None:
        super().__init__("Input validation error")


class InstanceFailed(WireError):
    """``/vertex``: one of the instances failed, whatever the reason."""

    status = 500
    error_type = "Incomplete generation"

    def __init__(self) -> None:
        super().__init__("Incomplete generation")


class AdapterRefused(WireError):
    """An adapter that cannot be loaded or unloaded; ``kind`` is vLLM's name of the error."""

    status = 400
    error_type = "adapter"

    def __init__(self, message: str, *, kind: str = "BadRequestError", status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status

    def body(self) -> dict[str, object]:
        """Nested, as vLLM answers on its OpenAI routes."""
        error = {"message": self.message, "type": self.kind, "param": None, "code": self.status}
        return {"error": error}


class BodyRejected(EsragError):
    """The body is not what the route takes; answered as plain text, as axum's extractors do."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
