"""``esrag size``: how large a cluster so many chunks need."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from esrag.sizing import Sizing

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_REASONS = {
    "memory": "so that graph and vectors of all copies are in memory",
    "disk": "so that all copies fit on the disks",
    "shards": "because of the number of shards",
    "copies": "one for each copy",
}


def _count(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """A whole number, also written as 1e8 or 100,000,000."""
    del ctx, param
    try:
        number = float(value.replace(",", "").replace("_", ""))
    except ValueError:
        number = 0.0
    if not 1 <= number <= 1e12:
        raise click.BadParameter(f"{value!r} is no number from 1 to 1e12")
    return round(number)


@click.command()
@click.option(
    "--chunks", required=True, metavar="NUMBER", callback=_count, help="Chunks, such as 1e8."
)
@click.option("--dims", type=click.IntRange(1, 4096), default=384, show_default=True)
@click.option(
    "--vectors",
    type=click.Choice(["float", "int8", "bbq"]),
    default="int8",
    show_default=True,
    help="How vectors are held.",
)
@click.option("--replicas", type=click.IntRange(0, 10), default=1, show_default=True)
@click.option(
    "--text-bytes", type=click.IntRange(1), default=600, show_default=True, help="Of one chunk."
)
@click.option(
    "--memory", type=click.IntRange(4), default=64, show_default=True, help="GiB of a data node."
)
@click.option(
    "--disk", type=click.IntRange(1), default=2048, show_default=True, help="GiB of a data node."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Allocations of the model, or clients that embed.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.001),
    default=60.0,
    show_default=True,
    help="Chunks a second of one of them, as esrag ingest shows it.",
)
@click.option(
    "--indexing",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Chunks a second that one data node indexes; 0 leaves it out.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def size(
    *,
    chunks: int,
    dims: int,
    vectors: Literal["float", "int8", "bbq"],
    replicas: int,
    text_bytes: int,
    memory: int,
    disk: int,
    workers: int,
    rate: float,
    indexing: float,
    as_json: bool,
) -> None:
    """Work out shards, disk, memory, nodes and hours for so many chunks.

    Needs no cluster.  The rules and where they come from are in docs/scale.md.
    """
    from esrag.sizing import GIB, Load, Node, Speed
    from esrag.sizing import size as sized

    load = Load(chunks, dims=dims, vectors=vectors, text_bytes=text_bytes, replicas=replicas)
    found = sized(load, Node(memory * GIB, disk * GIB), Speed(workers, rate, indexing))
    if as_json:
        click.echo(json.dumps({**asdict(load), **asdict(found), "hours": found.hours}, indent=2))
    else:
        _show(found, copies=1 + replicas)


def _show(found: Sizing, *, copies: int) -> None:
    rows = {
        "shards": f"{found.shards} of {_bytes(found.shard_bytes)}",
        "disk": f"{_bytes(found.disk)} a copy, {_bytes(found.disk_to_buy)} for {copies} with room",
        "vectors in memory": f"{_bytes(found.vector_memory)} a copy",
        "page cache": f"{_bytes(found.page_cache)} in all",
        "heap": f"{_bytes(found.heap_a_node)} a node",
        "data nodes": f"{found.nodes}, {_REASONS[found.decided_by]}",
        "embedding": duration(found.embedding_hours),
    }
    if found.indexing_hours:
        rows["indexing"] = duration(found.indexing_hours)
    for name, words in rows.items():
        click.echo(f"{name:<18} {words}")


def _bytes(number: float) -> str:
    unit = 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:,.0f} {_UNITS[unit]}" if number >= 10 else f"{number:.1f} {_UNITS[unit]}"


def duration(hours: float) -> str:
    """Hours as a person says them."""
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"
