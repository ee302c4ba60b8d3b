"""A command that takes paths and has commands of its own: ``ingest docs``, ``ingest verify``.

The first word that is no option decides: the name of a command is that command, all else is a
path.  A path of that name is written ``./verify``.
"""

from __future__ import annotations

from typing import Any

import click


class Paths(click.Argument):
    """The paths; the usage of a command beside them does not show them."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Nothing when a command of the group is asked for its own usage."""
        return super().get_usage_pieces(ctx) if self in ctx.command.params else []


class PathsOrCommand(click.Group):
    """A group whose own arguments are paths; options may stand before the command's name too."""

    allow_interspersed_args = True  # options may follow the paths

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("invoke_without_command", True)
        kwargs.setdefault("no_args_is_help", False)
        super().__init__(*args, **kwargs)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Those of a plain command; the commands are listed below the options."""
        return click.Command.collect_usage_pieces(self, ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep a command's words for it, or take all of them as ours."""
        at = self._command_at(ctx, args)
        if at is None:
            return click.Command.parse_args(self, ctx, args)
        ctx.meta[__name__] = args[at]
        ctx.args = [*args[:at], *args[at + 1 :]]
        return ctx.args

    def named(self, ctx: click.Context) -> click.Command | None:
        """The command that the words of ``ctx`` name; its own words are ``ctx.args``."""
        return self.commands.get(ctx.meta.get(__name__, ""))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, or ourselves."""
        command = self.named(ctx)
        if command is None:
            return click.Command.invoke(self, ctx)
        del ctx.meta[__name__]
        ctx.invoked_subcommand = command.name
        with command.make_context(command.name, ctx.args, parent=ctx) as inner:
            return command.invoke(inner)

    def _command_at(self, ctx: click.Context, args: list[str]) -> int | None:
        """Where the name of a command stands, when it is the first word that is no option."""
        parser = self.make_parser(ctx)
        parser.allow_interspersed_args = False
        (words_are,) = (each.name for each in self.params if isinstance(each, click.Argument))
        try:
            found, _, _ = parser.parse_args(list(args))
        except click.UsageError:
            return None  # said again, in full, by the parsing that follows
        words = found.get(str(words_are))
        if not isinstance(words, (tuple, list)) or not words:
            return None
        at = len(args) - len(words)
        after_dashes = at > 0 and args[at - 1] == "--"
        return at if not after_dashes and words[0] in self.commands else None
