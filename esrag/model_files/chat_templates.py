"""A model's chat template comes with its weights, and is a program: it gets bounds here.

    source ──parse──► nodes ──► nothing private, nothing imported, known filters only
           ──compile─► every loop, call, join and output draws on a budget ──► a rendering that ends

jinja2's own sandbox keeps a template from reaching Python's insides; it does not keep it from
running for ever or filling the memory, and older versions of it were left by private attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError
from esrag.model_files.reading import read_object_if_there, refuse

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

_LONGEST_SOURCE = 256 * 2**10
_NO_TEMPLATE = "Look at the template; a model whose template only writes text is loaded."


def check_chat_templates(folder: Path) -> None:
    """Every chat template in ``folder`` compiles in the sandbox and renders within its bounds."""
    for where, source in chat_template_sources(folder):
        check_chat_template(source, where=where)


def chat_template_sources(folder: Path) -> list[tuple[str, str]]:
    """Where a template stands, and its source, for all that a tokenizer may use."""
    found: list[tuple[str, Any]] = []
    for name in ("tokenizer_config.json", "chat_template.json"):
        value = read_object_if_there(folder / name).get("chat_template")
        named = value if isinstance(value, list) else [{"template": value}]
        found += [
            (str(folder / name), one.get("template") if isinstance(one, dict) else one)
            for one in named
        ]
    for file in (*folder.glob("*.jinja"), *folder.glob("*/*.jinja")):
        if file.stat().st_size > _LONGEST_SOURCE:
            refuse(f"{file} is larger than a chat template")
        found.append((str(file), file.read_text(encoding="utf-8", errors="replace")))
    for where, source in found:
        if not isinstance(source, str | None):
            refuse(f"{where} has a chat template that is no text")
    return [(where, source) for where, source in found if source]


def check_chat_template(source: str, *, where: str) -> None:
    """Compile and try one template; raises UnsupportedError."""
    from jinja2 import TemplateError

    try:
        template = compile_chat_template(source)
    except TemplateError as error:
        raise UnsupportedError(
            f"{where}: the chat template cannot be used: {error}", hint=_NO_TEMPLATE
        ) from error
    for roles in (("user",), ("system", "user"), ("user", "assistant", "user")):
        _try(template, roles, where)


def _try(template: Template, roles: Sequence[str], where: str) -> None:
    from jinja2 import TemplateError

    from esrag.model_files.template_sandbox import TemplateBoundsError

    turns = [{"role": role, "content": "A question."} for role in roles]
    try:
        template.render(
            messages=turns, add_generation_prompt=True, bos_token="", eos_token="", tools=None
        )
    except TemplateBoundsError as error:
        raise UnsupportedError(
            f"{where}: the chat template cannot be used: {error}", hint=_NO_TEMPLATE
        ) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return  # it does not take these turns; what it takes is the loader's business
    except (MemoryError, RecursionError) as error:
        raise UnsupportedError(
            f"{where}: the chat template takes too much to render", hint=_NO_TEMPLATE
        ) from error


def compile_chat_template(source: str) -> Template:
    """A template that renders within bounds; raises jinja2.TemplateError.

    It knows what the templates of the hub expect: ``raise_exception``, ``strftime_now``,
    ``tojson``, loop controls and the mark ``generation``.
    """
    from jinja2 import TemplateError

    if len(source) > _LONGEST_SOURCE:
        raise TemplateError("it is longer than a chat template")
    return sandbox().from_string(source)


def sandbox() -> SandboxedEnvironment:
    """A new environment for chat templates, with bounds."""
    from jinja2 import TemplateError

    from esrag.model_files.template_sandbox import BoundedEnvironment

    def raise_exception(message: str) -> str:
        raise TemplateError(message)

    environment = BoundedEnvironment()
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment
