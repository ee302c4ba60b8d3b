"""Writes the references that are made from the code: ``python -m docs.generate``.

``docs/answer.schema.json`` comes from the records that answers are given in,
``docs/commands.md`` comes from the commands' own help, ``docs/settings.md`` from the settings'
field descriptions, ``docs/differences.md`` from the known differences of the local stack,
``docs/conformance.md`` from the record of the conformance tests, ``docs/doctor.md`` from the
doctor's codes, and ``docs/scale.md`` from the sizing model and what was measured.  A test fails
when one of them is stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import BaseModel

from docs.conformance import conformance
from docs.doctor_page import doctor_page
from docs.formats_page import formats_page
from docs.scale_page import scale_page
from esrag.answering.record import schema
from esrag.cli import COMMANDS, cli
from esrag.local.differences import AREAS, Difference, known_differences
from esrag.settings import Settings

FOLDER = Path(__file__).parent
NOTE = "<!-- Written by `make docs`; do not edit. -->\n"


def commands() -> str:
    """The command reference: every command's help, as it prints at 80 columns."""
    parts = [NOTE, "# Commands\n"]
    with click.Context(cli, info_name="esrag") as context:
        for name in COMMANDS:
            command = cli.get_command(context, name)
            if command is not None:
                parts += _sections(command, context, name)
    return "\n".join(parts)


def _sections(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    with click.Context(
        command, info_name=name, parent=parent, terminal_width=80, max_content_width=80
    ) as context:
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                if found is not None:
                    yield from _sections(found, context, inner)


def settings() -> str:
    """The settings reference: one table a section."""
    parts = [NOTE, "# Settings\n"]
    parts.append(
        "Flags come first, then `ESRAG_*` variables, then `esrag.toml` in the current folder, "
        "then a running local stack, then the defaults.\n"
    )
    top = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts.append(f"## [{name}]\n\n{(section.__doc__ or '').strip()}\n")
            parts.append(_table(section, f"ESRAG_{name.upper()}_"))
        else:
            top.append(f"| `{name}` | `ESRAG_{name.upper()}` | {field.description} |")
    parts.insert(3, "| setting | variable | meaning |\n|---|---|---|\n" + "\n".join(top) + "\n")
    return "\n".join(parts)


def _table(section: type[BaseModel], prefix: str) -> str:
    rows = ["| setting | variable | default | meaning |", "|---|---|---|---|"]
    for name, field in section.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{name}` | `{prefix}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def differences() -> str:
    """In what the local stack differs, as `esrag local coverage` prints it."""
    parts = [NOTE, "# Known differences of the local stack\n"]
    parts.append(
        "Where the [local stack](local-stack.md) does not do what a licensed Elasticsearch "
        "9.5.3 or TGI 3.3.6 does.\n"
        "What is not named here is meant to be the same.\n"
        "`esrag local coverage` prints this list, and the conformance tests refer to it by name.\n"
    )
    found = known_differences()
    for area, title in AREAS.items():
        of_area = [one for one in found if one.area == area]
        if of_area:
            parts.append(f"## {title}\n")
            parts += [_entry(one) for one in of_area]
    return "\n".join(parts)


def answer_schema() -> str:
    """The form in which answers are given to programs."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _entry(one: Difference) -> str:
    return (
        f"### {one.name}\n\n{one.where}\n\n"
        f"- **Server**: {one.server}\n- **Stack**: {one.stack}\n- **Why**: {one.reason}\n"
    )


GENERATED = {
    "answer.schema.json": answer_schema,
    "commands.md": commands,
    "conformance.md": lambda: conformance(NOTE),
    "differences.md": differences,
    "doctor.md": lambda: doctor_page(NOTE),
    "formats.md": lambda: formats_page(NOTE),
    "scale.md": lambda: scale_page(NOTE),
    "settings.md": settings,
}


def main() -> None:
    """Write every generated file."""
    for name, write in GENERATED.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
