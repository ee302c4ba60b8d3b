"""``esrag tgi``: serve a model with the API of Text Generation Inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from esrag.settings import load_settings


@click.group()
def tgi() -> None:
    """Serve a model with the API of Text Generation Inference."""


@tgi.command()
@click.option("--model", metavar="NAME", help="'packaged', a folder with safetensors, or a hub id.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port on 127.0.0.1; 0 takes a free one."
)
@click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), help="Folder for converted models."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--threads", type=click.IntRange(1), help="CPU threads; by default at most two.")
@click.option("--max-concurrent-requests", type=click.IntRange(1), default=128, show_default=True)
@click.option("--max-batch", type=click.IntRange(1), help="Requests worked on at once.")
@click.option("--max-input-tokens", type=click.IntRange(1), help="Longest prompt.")
@click.option("--max-total-tokens", type=click.IntRange(1), help="Longest prompt plus answer.")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path),
    help="File with the key that clients must send; none means no key.",
)
@click.option(
    "--disable-grammar-support", is_flag=True, help="Refuse grammars, response formats and tools."
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 3600),
    default=90.0,
    show_default=True,
    help="Seconds in which open requests may end after SIGTERM or ^C; a second signal ends them.",
)
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="NAME=PATH",
    help="A LoRA adapter to begin with; can be repeated.",
)
@click.option(
    "--adapters-below",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder from which adapters may be loaded while the server runs; can be repeated. "
    "By default the folders of registered adapters and of runs.",
)
@click.option("--max-adapters", type=click.IntRange(1), default=16, show_default=True)
@click.option("--max-adapter-rank", type=click.IntRange(1), default=256, show_default=True)
def serve(
    model: str | None,
    port: int | None,
    data_dir: Path | None,
    adapters_below: tuple[Path, ...],
    adapters: tuple[str, ...],
    **options: Any,
) -> None:
    """Serve a model until ^C; messages go to standard error."""
    from esrag.local.tgi.server import ServeOptions
    from esrag.local.tgi.server import serve as run

    settings = load_settings()
    places = (settings.data_dir / "adapters", settings.data_dir / "runs")
    run(
        ServeOptions(
            model=model or settings.local.tgi_model,
            port=settings.local.tgi_port if port is None else port,
            data_dir=data_dir or settings.data_dir / "local" / "tgi",
            adapters=tuple(map(_adapter, adapters)),
            adapters_below=adapters_below or places,
            **options,
        ),
        announce=lambda line: click.echo(line, err=True),
    )


def _adapter(text: str) -> tuple[str, Path]:
    from esrag.local.tgi.server import read_adapter

    try:
        return read_adapter(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
