"""``esrag retriever``: tune the embedding model with questions about the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import connection_flags, settings_from
from esrag.errors import RejectedError
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.retriever_tuning.run import Outcome

_DEVICES = ("auto", "cpu", "cuda")


@click.group()
def retriever() -> None:
    """Tune the embedding model."""


@retriever.command(short_help="Tune it; keep it only if held-out questions gain.")
@connection_flags
@click.option("--name", default="retriever", show_default=True, help="Name of the run folder.")
@click.option(
    "--judged",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Judged questions in BEIR's layout: queries.jsonl and qrels/.",
)
@click.option(
    "--held-out",
    default="test",
    show_default=True,
    metavar="SPLIT",
    help="Split of --judged that the gate uses.",
)
@click.option(
    "--questions",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Questions with evidence, as for esrag calibrate.",
)
@click.option("--dataset", metavar="NAME", help="Take the questions of a data set too.")
@click.option(
    "--made/--not-made",
    default=None,
    help="Whether questions are made of the chunks; by default if none else are named.",
)
@click.option(
    "--without-index",
    is_flag=True,
    help="Take the documents from --judged too, cut as ingest cuts them.",
)
@click.option("--acl", multiple=True, metavar="NAME", help="Use documents for these as well.")
@click.option(
    "--model-source", metavar="WHERE", help="Model to begin with: 'packaged', a folder, a hub id."
)
@click.option("--model-id", metavar="ID", help="Trained model id of the tuned model.")
@click.option("--ingest-prefix", default="", help="Text that the model wants before passages.")
@click.option("--search-prefix", default="", help="Text that the model wants before questions.")
@click.option("--loss", type=click.Choice(["ranking", "margin"]), help="ranking unless given.")
@click.option(
    "--cross-encoder", metavar="WHERE", help="Folder or hub id of the teacher of --loss margin."
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the pairs. [4]")
@click.option("--batch", type=click.IntRange(2), help="Questions in one step. [32]")
@click.option(
    "--negatives", type=click.IntRange(1, 16), help="Hard negatives for each question. [1]"
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), help="The highest one. [5e-05]"
)
@click.option(
    "--at-once", type=click.IntRange(1), help="Texts in one pass: bounds the memory. [16]"
)
@click.option(
    "--most-chunks",
    type=click.IntRange(1),
    default=50_000,
    show_default=True,
    help="Chunks that are ranked; of a larger index those that answer, and others by chance.",
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "bfloat16", "float32"]),
    help="Type that is multiplied in; auto: bfloat16 where it is fast.",
)
@click.option("--device", type=click.Choice(_DEVICES), help="What trains.")
@click.option("--seed", type=click.IntRange(0), help="Decides splits, batches and dropout.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def tune(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    name: str,
    device: str | None,
    seed: int | None,
    model_source: str | None,
    model_id: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Tune the model on questions about the documents; keep it only if held-out ones gain.

    The gate asks held-out questions of the model before and after, ranks all chunks, and accepts
    when the 95 % interval of the gain in nDCG@10 lies above 0. Then there is a model bundle, which
    esrag reembed rolls out. A run that was cut off goes on with the same command.
    """
    from esrag.cli.retriever_run import Wanted, carry_out

    training = {"device": device, "seed": seed}
    settings = settings_from(
        set_name=set_name,
        elasticsearch_url=elasticsearch_url,
        training={key: value for key, value in training.items() if value is not None},
    )
    source = model_source or settings.model.source
    outcome = carry_out(settings, Wanted(name=name, source=source, **choices))
    bundle = _bundle(settings, outcome, name=name, model_id=model_id, choices=choices)
    _report(outcome, name=name, bundle=bundle, as_json=as_json)


def _bundle(
    settings: Settings, outcome: Outcome, *, name: str, model_id: str | None, choices: Any
) -> dict[str, str]:
    """Make the bundle of an accepted model; what is there already is reused."""
    if outcome.model is None:
        return {}
    from esrag.cli.model import build_with_progress
    from esrag.retriever_tuning.naming import tuned_id

    result = build_with_progress(
        settings,
        source=str(outcome.model),
        model_id=model_id or tuned_id(settings.model.id, name),
        prefixes=(choices["ingest_prefix"], choices["search_prefix"]),
    )
    return {
        "model_id": result.bundle.model_id,
        "folder": str(result.bundle.folder),
        "fingerprint": result.bundle.fingerprint,
    }


def _report(outcome: Outcome, *, name: str, bundle: dict[str, str], as_json: bool) -> None:
    from esrag.retriever_tuning.card import summary

    facts = outcome.facts
    if as_json:
        kept = ("status", "verdict", "dev", "data", "recipe", "base", "costs", "fingerprint")
        shown = {"name": name, **{key: facts[key] for key in kept}, "bundle": bundle or None}
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(summary(facts))
    if not outcome.accepted:
        raise RejectedError(
            f"the gate rejected the run {name}: the gain is not beyond chance, and no model was "
            "written",
            hint="The model in use stays. More questions help, and judged ones before made ones; "
            "or another --learning-rate or --epochs under another --name.",
        )
    if not as_json:
        click.echo(f"model bundle {bundle['model_id']}: {bundle['folder']}")
        click.echo(
            f"Roll it out with: esrag reembed --model-id {bundle['model_id']} "
            f"--model-source {outcome.model}"
        )
