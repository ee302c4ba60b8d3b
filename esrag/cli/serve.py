"""``esrag serve``: the HTTP API and the web page."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from esrag.cli.adapter_choice import require_adapter
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.printable import printable
from esrag.errors import UnsupportedError
from esrag.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from esrag.server.gate import Rules
    from esrag.server.serving import Listening


@click.command()
@connection_flags
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option(
    "--auth",
    type=click.Choice(["shared-key", "pass-through"]),
    help="Whose credentials reach the cluster: esrag's own, or each caller's.",
)
@click.option("--generator-url", metavar="URL", help="Address of the generator.")
@click.option("--adapter", metavar="NAME", help="Registered adapter to answer with.")
@click.option("--quote", is_flag=True, help="Do not generate; quote the passages.")
@click.option("--access-log", is_flag=True, help="Write a line for each request.")
def serve(
    *,
    host: str | None,
    port: int | None,
    auth: str | None,
    generator_url: str | None,
    adapter: str | None,
    quote: bool,
    access_log: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
) -> None:
    """Answer questions over HTTP, with a web page.

    Ends with 0 after ^C or SIGTERM, when the running answers are out; a second signal ends it at
    once.
    """
    given = {"host": host, "port": port, "auth": auth}
    generator = {"url": generator_url, "model": adapter}
    sections = {
        "serve": {name: value for name, value in given.items() if value is not None},
        "generator": {name: value for name, value in generator.items() if value},
        "answer": {"generate": False} if quote else {},
    }
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        **{name: section for name, section in sections.items() if section},
    )
    if adapter:
        require_adapter(settings, adapter)
    _require_extra()
    from esrag.server import serving

    chosen = settings.serve
    rules = rules_from(settings)  # before the port is taken: these are mistakes of settings
    bound = serving.bind(chosen.host, chosen.port)
    with _logging_to_stderr(access=access_log), bound, application_from(settings, rules) as app:
        serving.serve(
            app,
            bound,
            drain=chosen.drain,
            most_connections=2 * (chosen.concurrent + chosen.queue) + 64,
            started=_tell_started,
        )
    _say("Stopped.")


def _tell_started(listening: Listening) -> None:
    _say(f"Listening at {listening.url}. To stop: ^C")


def _say(words: str) -> None:
    with suppress(OSError):  # a full disk behind standard error is no reason to stop
        click.echo(words, err=True)


def rules_from(settings: Settings) -> Rules:
    """Who gets in, and with how much; raises UsageError when the server would stand open."""
    from esrag.server.callers import door_for
    from esrag.server.gate import Rules, is_loopback, own_names
    from esrag.server.places import Rate

    chosen = settings.serve
    loopback = is_loopback(chosen.host)
    if not loopback and not chosen.allowed_hosts and not own_names(chosen.host):
        _say(
            f"On {chosen.host} this server can be called by any address, but answers to those of "
            "loopback only. Name the others in serve.allowed_hosts."
        )
    door = door_for(
        chosen.auth,
        chosen.token.get_secret_value() if chosen.token else None,
        chosen.host,
        loopback=loopback,
    )
    return Rules(
        door=door,
        hosts=(*chosen.allowed_hosts, *own_names(chosen.host)),
        origins=chosen.allowed_origins,
        most_bytes=chosen.max_body_kib * 1024,
        requests=Rate(chosen.requests_per_minute),
    )


@contextmanager
def application_from(settings: Settings, rules: Rules) -> Iterator[FastAPI]:
    """The application on the cluster of the settings; connections close with the block."""
    from esrag.answering.assembly import choices_from
    from esrag.cli.assembly import assembly_from
    from esrag.server.application import Limits, create_app
    from esrag.server.cluster_service import ClusterService
    from esrag.server.figures import Figures
    from esrag.server.service import Clients

    chosen = settings.serve
    shared = chosen.auth == "shared-key"
    with (
        connect_with(settings, connections=chosen.concurrent, anonymous=not shared) as client,
        assembly_from(settings, tell=_log_line, metrics=True) as assembly,
    ):
        service = ClusterService(
            assembly,
            Clients(client if shared else None, client),
            set_name=settings.index.set,
            choices=choices_from(settings),
            generator=assembly.generator if settings.answer.generate else None,
            takes_feedback=chosen.feedback,
        )
        limits = Limits(chosen.concurrent, chosen.queue, chosen.deadline)
        counted = assembly.observing.metrics
        figures = Figures(counted.registry if counted else None)
        yield create_app(service, rules=rules, limits=limits, figures=figures)


def _log_line(words: str) -> None:
    logging.getLogger("esrag.server").warning("%s", words)


@contextmanager
def _logging_to_stderr(*, access: bool) -> Iterator[None]:
    """Lines of the server's own loggers, for the time of the block; others only when they warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s"))
    # what goes wrong in a request is told by the gate; the rest is noise of scanners and of the end
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    logging.getLogger("esrag.server").setLevel(logging.INFO if access else logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class _Lines(logging.Formatter):
    """Log lines, in which the words of other servers steer no terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return printable(super().format(record))


def _require_extra() -> None:
    try:
        import fastapi
        import prometheus_client
        import uvicorn
    except ImportError as error:
        raise UnsupportedError(
            f"esrag serve needs {error.name}, which is not installed",
            hint="Install it with: pip install 'esrag[serve]'",
        ) from error
    del fastapi, prometheus_client, uvicorn
