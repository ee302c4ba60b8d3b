"""``esrag demo``: the commands of the README, one after the other, on the sample documents.

Each step is the real command, shown before it runs and timed; nothing is prepared in advance.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from esrag.errors import ConflictError, UsageError
from esrag.names import Names
from esrag.settings import CONNECTION_FILE, load_settings

SET = "demo"
QUESTIONS = (
    "When did Siltbase 4.2.1 come out?",
    "What was the last day on which a Pellwarden G2 could be ordered?",
    "Which is cheaper in Europe, the Frostwick P5 on the April list or on the October list?",
)
UNANSWERABLE = "What is the weight of the Pellwarden G6?"


@click.command()
@click.option("--down", is_flag=True, help="Stop the local stack at the end.")
@click.option(
    "--finetune", is_flag=True, help="Teach SmolLM2 from the sample and show before and after."
)
@click.option(
    "--compare",
    is_flag=True,
    help="Teach SmolLM2, then compare it with its base, with and without passages.",
)
def demo(*, down: bool, finetune: bool, compare: bool) -> None:
    """Run everything once: stack, model, setup, ingest, search, questions.

    Works on the local stack and in a document set of its own, `demo`; a second run is quick.
    """
    from esrag.sample import corpus_folder

    if finetune and compare:
        raise UsageError("--finetune and --compare are two demos", hint="Give one of them.")
    began = time.monotonic()
    _step("Start a real Elasticsearch, an ML node process and a TGI-compatible server", "local up")
    _require_local()
    _step(
        "Set up what this cluster's licence allows; the plan says what that is",
        "setup --set demo --yes",
    )
    in_cluster = _done_in_cluster()
    _step(
        "The cluster embeds the documents as they are indexed"
        if in_cluster
        else "The documents are embedded with the same model wherever the licence allows it",
        f"ingest --set demo {_short(corpus_folder())}",
    )
    next_steps: tuple[str, ...] = ()
    if finetune:
        from esrag.cli import demo_finetune

        demo_finetune.demo_finetune(_step)
        next_steps = demo_finetune.next_steps()
    elif compare:
        from esrag.cli import demo_compare

        demo_compare.demo_compare(_step)
        next_steps = demo_compare.next_steps()
    else:
        _ask_around(in_cluster=in_cluster)
    if down:
        _step("Stop", "local down")
    click.secho(f"\nDone in {time.monotonic() - began:.0f} s. Next:", bold=True)
    for line in next_steps:
        click.echo(f"  {line}")
    click.echo('  esrag ask --set demo "…"          your own question about the sample documents')
    click.echo("  esrag chat --set demo             questions that build on each other")
    click.echo("  esrag setup && esrag ingest DIR   your own documents, in a set of their own")
    click.echo("  esrag plan                        what setup would do on your own cluster")
    click.echo("  esrag local status | down         the stack goes on running until you stop it")


def _ask_around(*, in_cluster: bool) -> None:
    """Search, the same as a request of Kibana's console, and questions."""
    _step(
        "Retrieve by words and meaning: the definition is a search template in the cluster",
        f'search --set demo -k 3 "{QUESTIONS[0]}"',
    )
    _show_console_request(QUESTIONS[0], kind="hybrid" if in_cluster else "lexical")
    for question in QUESTIONS:
        _step("Ask", f'ask --set demo "{question}"')
    _step("Ask what no document answers", f'ask --set demo "{UNANSWERABLE}"')


def _step(what: str, line: str) -> None:
    """Show the command, run it, and say how long it took."""
    import shlex

    from esrag.cli import cli

    click.secho(f"\n▶ {what}", bold=True)
    click.secho(f"$ esrag {line}", fg="cyan")
    began = time.monotonic()
    cli.main(shlex.split(line), prog_name="esrag", standalone_mode=False)
    click.secho(f"  ({time.monotonic() - began:.1f} s)", dim=True)


def _require_local() -> None:
    """Raises ConflictError when settings lead away from the local stack."""
    settings = load_settings()
    found = json.loads((settings.data_dir / CONNECTION_FILE).read_text(encoding="utf-8"))
    for name, url in (
        ("elasticsearch", settings.elasticsearch.url),
        ("generator", settings.generator.url),
    ):
        if url != found[name]["url"]:
            raise ConflictError(
                f"the demo runs on the local stack only, and {name}.url is {url}",
                hint=f"Unset ESRAG_{name.upper()}_URL, or leave the folder of esrag.toml.",
            )


def _done_in_cluster() -> bool:
    """Whether embedding and fusion are the cluster's, as the index says."""
    from esrag.cli.connection import connect_with
    from esrag.cluster.profile import read_profile

    with connect_with(load_settings()) as client:
        return read_profile(client, Names(SET).alias).all_in_cluster


def _show_console_request(question: str, *, kind: str) -> None:
    """The query as it stands in Kibana's console; by words alone, where no more is licensed."""
    names = Names(SET)
    body = {
        "id": names.search_template(kind),
        "params": {"query": question, "size": 3},
    }
    same = "The same" if kind == "hybrid" else "By words, which needs no licence,"
    click.echo(f"  {same} in Kibana's console:")
    lines = json.dumps(body, indent=2, ensure_ascii=False).splitlines()
    for line in (f"POST {names.alias}/_search/template", *lines):
        click.secho(f"    {line}", dim=True)


def _short(path: Path) -> str:
    """``path`` relative to the current folder when that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
