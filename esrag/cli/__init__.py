"""The command line: parses, calls one library function, renders.

Commands are imported when they are called, so that ``esrag --help`` stays fast.  This module
alone turns an error into a message on standard error and an exit code.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from esrag import __version__
from esrag.errors import EsragError

# command: (module:attribute, one line for the overview); in the order in which one meets them
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("esrag.cli.demo:demo", "Run everything once, on the sample documents."),
    "local": ("esrag.cli.local:local", "Start and stop the local stack."),
    "setup": ("esrag.cli.setup:setup", "Show what the cluster needs, ask, and apply it."),
    "plan": ("esrag.cli.setup:plan", "Show what setup would change; change nothing."),
    "teardown": (
        "esrag.cli.teardown:teardown",
        "Show what esrag made for a document set; remove it with --yes.",
    ),
    "status": ("esrag.cli.setup:status", "Show what the cluster has."),
    "doctor": ("esrag.cli.doctor:doctor", "Find out what is wrong, and say what to do."),
    "model": ("esrag.cli.model:model", "Build, push and deploy embedding models."),
    "keys": ("esrag.cli.keys:keys", "Make, list, replace, withdraw and audit API keys."),
    "ingest": ("esrag.cli.ingest:ingest", "Index documents."),
    "dlq": ("esrag.cli.dlq:dlq", "Look at what was rejected, and try it again."),
    "forget": ("esrag.cli.forget:forget", "Remove documents by source, run or origin."),
    "reembed": (
        "esrag.cli.reembed:reembed",
        "Change model or mapping of a document set while it is used.",
    ),
    "search": ("esrag.cli.search:search", "Show the passages that a question retrieves."),
    "ask": ("esrag.cli.ask:ask", "Answer a question from the documents, with sources."),
    "chat": ("esrag.cli.chat:chat", "Answer questions that build on each other."),
    "serve": ("esrag.cli.serve:serve", "Answer questions over HTTP, with a web page."),
    "explain": ("esrag.cli.explain:explain", "Show how an answer of the log came about."),
    "calibrate": (
        "esrag.cli.calibrate:calibrate",
        "Fit the refusal thresholds to questions with known answers.",
    ),
    "evaluate": (
        "esrag.cli.evaluate:evaluate",
        "Measure how well retrievers find what judged questions ask for.",
    ),
    "compare": (
        "esrag.cli.compare:compare",
        "Ask several systems the same questions; judge and compare them.",
    ),
    "dataset": ("esrag.cli.dataset:dataset", "Make training data from the index."),
    "questions": (
        "esrag.cli.questions:questions",
        "Build, review and check questions with known answers.",
    ),
    "size": ("esrag.cli.size:size", "Work out how large a cluster so many chunks need."),
    "cost": ("esrag.cli.cost:cost", "Say what teaching a model costs, and compare the ways."),
    "finetune": (
        "esrag.cli.finetune:finetune",
        "Teach a model what a data set says: LoRA and the like, or all weights.",
    ),
    "adapter": ("esrag.cli.adapter:adapter", "Register, serve, prove and merge LoRA adapters."),
    "pretrain": (
        "esrag.cli.pretrain:pretrain",
        "Train a model further on the documents' text, and measure what it learnt.",
    ),
    "retriever": (
        "esrag.cli.retriever:retriever",
        "Tune the embedding model; keep it if held-out questions gain.",
    ),
    "tgi": ("esrag.cli.tgi:tgi", "Serve a model with the API of Text Generation Inference."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of COMMANDS."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None lets click report an unknown name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="esrag")
def cli() -> None:
    """Answers with sources from the documents in your own Elasticsearch."""


class _Terminated(BaseException):
    """SIGTERM arrived; unwinds like ^C so that clean-up runs."""


def _terminate(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise _Terminated


class _Talk(io.TextIOWrapper):
    """Standard error; when its reader is gone, as after ``2>&1 | head``, the work goes on."""

    def write(self, text: str) -> int:
        try:
            written = super().write(text)
            super().flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(text)
        return written


def main() -> None:
    """Run the command line and leave with the exit code that ``errors.py`` documents."""
    signal.signal(signal.SIGTERM, _terminate)
    if sys.stderr is not None:
        talk = sys.stderr
        sys.stderr = _Talk(
            talk.buffer, encoding=talk.encoding, errors=talk.errors, line_buffering=True
        )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # what a terminal of few characters cannot show is written as \\uXXXX
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def show_error(error: EsragError) -> None:
    """What happened and what to do next, on standard error; parts of it may be a server's words."""
    from esrag.cli.printable import printable

    name = click.style("Error:", fg="red", bold=True)
    click.echo(f"{name} {printable(error.message)}", err=True)
    if error.hint:
        click.echo(printable(error.hint), err=True)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; messages go to standard error."""
    try:
        outcome = cli.main(arguments, prog_name="esrag", standalone_mode=False)
    except EsragError as error:
        show_error(error)
        return error.exit_code
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        return 130
    except _Terminated:
        click.echo("Stopped.", err=True)
        return 143
    except (BrokenPipeError, SystemExit):
        # the reader of our output is gone, as after ``| head``, and there is nobody to tell; click
        # makes a SystemExit of it, and of nothing else in this mode
        sys.stderr.close()
        return 0
    return outcome if isinstance(outcome, int) else 0
