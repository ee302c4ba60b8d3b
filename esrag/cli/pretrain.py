"""``esrag pretrain``: let a model read the documents, and measure whether it learnt from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.training.recipe import Dtype, Recipe, Schedule

if TYPE_CHECKING:
    from esrag.settings import Settings
    from esrag.training.pretraining import PretrainingOutcome, Request
    from esrag.training.pretraining_corpus import CorpusPlan
    from esrag.training.texts import Text

# what suits a small corpus: all of it once, warmed up again for a tenth of the way
_RATES = {"full": 1e-4, "lora": 5e-4}
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_FILE = click.Path(path_type=Path, exists=True)


@click.command()
@connection_flags
@click.option("--name", help="Name of the run; by default made of the set and the recipe.")
@click.option("--base", metavar="MODEL", help="Base model: packaged, a folder, or a hub id.")
@click.option("--text", type=_FILE, help="Read this file or folder instead of the index.")
@click.option("--acl", metavar="NAME", multiple=True, help="Use documents for this reader as well.")
@click.option("--replay", type=_FILE, help="General text, against forgetting.")
@click.option(
    "--replay-share",
    type=_SHARE,
    default=0.25,
    show_default=True,
    help="Of all tokens that are trained.",
)
@click.option(
    "--control", type=_FILE, help="Text from outside to measure on; else Python's reference."
)
@click.option(
    "--held-out",
    type=_SHARE,
    default=0.1,
    show_default=True,
    help="Share of the documents that are measured on and not trained.",
)
@click.option(
    "--measured",
    type=click.IntRange(100),
    default=20_000,
    show_default=True,
    help="Tokens of held-out text and of control to measure on.",
)
@click.option(
    "--extend-tokenizer",
    "extend",
    type=click.IntRange(0, 100_000),
    default=0,
    metavar="NUMBER",
    help="Most tokens that the tokenizer gets for the domain's words.",
)
@click.option(
    "--method",
    type=click.Choice(list(_RATES)),
    default="full",
    show_default=True,
    help="What is trained; LoRA's matrices are merged at the end.",
)
@click.option(
    "--lora-rank", type=click.IntRange(1), default=16, show_default=True, help="LoRA rank."
)
@click.option(
    "--epochs",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="How often all text is read.",
)
@click.option("--max-steps", type=click.IntRange(0), default=0, help="Steps in all; 0: by epochs.")
@click.option(
    "--batch", type=click.IntRange(1), default=8, show_default=True, help="Rows of one step."
)
@click.option(
    "--block", type=click.IntRange(8), default=512, show_default=True, help="Longest row in tokens."
)
@click.option(
    "--pack-tokens",
    type=click.IntRange(8),
    default=1024,
    show_default=True,
    help="Tokens of one pass through the model.",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="Highest learning rate; the method's usual one unless given.",
)
@click.option(
    "--schedule",
    type=click.Choice(get_args(Schedule)),
    default="cosine",
    show_default=True,
    help="How the learning rate falls.",
)
@click.option(
    "--warmup",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of the steps in which the learning rate rises again.",
)
@click.option(
    "--dtype",
    type=click.Choice(get_args(Dtype)),
    default="auto",
    show_default=True,
    help="Type of the weights; auto: bfloat16 where it is fast.",
)
@click.option(
    "--gradient-checkpointing/--no-gradient-checkpointing",
    default=False,
    help="Compute activations twice to save memory.",
)
@click.option("--evaluate-every", type=click.IntRange(0), default=0, help="Steps; 0: at the end.")
@click.option("--checkpoint-every", type=click.IntRange(0), default=0, help="Steps; 0: ten a run.")
@click.option(
    "--patience", type=click.IntRange(0), default=0, help="Stop after so many worse evaluations."
)
@click.option("--seed", type=int, metavar="NUMBER", help="Seed of order and of what is held out.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="What trains.")
@click.option("--threads", type=int, metavar="NUMBER", help="CPU threads; 0 chooses.")
@click.option("--anyway", is_flag=True, help="Train although memory will hardly do.")
@click.option("--tensorboard", is_flag=True, help="Write the curves for TensorBoard as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def pretrain(
    *,
    name: str | None,
    text: Path | None,
    acl: tuple[str, ...],
    as_json: bool,
    anyway: bool,
    tensorboard: bool,
    elasticsearch_url: str | None,
    set_name: str | None,
    **given: Any,
) -> None:
    """Train a base model further on the text of the documents: continued pre-training.

    Perplexity is measured before and after on held-out documents and on text from outside, without
    which nothing would be known of the domain. The model is kept in DATA_DIR/runs/NAME/model and
    fine-tuned as any base: esrag finetune DATA --base. The same command again goes on where a run
    was broken off.
    """
    from esrag.cli.finetune import require_libraries

    require_libraries()
    training = {
        key: given[option]
        for key, option in (
            ("base_model", "base"),
            ("seed", "seed"),
            ("device", "device"),
            ("threads", "threads"),
        )
        if given[option] is not None
    }
    settings = settings_from(
        elasticsearch_url=elasticsearch_url,
        set_name=set_name,
        training=training,
        dataset={"acl": acl} if acl else {},
    )
    request = _request(settings, text, given)
    outcome = _run(request, settings, text, name=name, anyway=anyway, tensorboard=tensorboard)
    _show(outcome, as_json=as_json)


def _request(settings: Settings, text: Path | None, given: dict[str, Any]) -> Request:
    from esrag.cli.finetune import base_of
    from esrag.names import Names
    from esrag.training.pretraining import Request

    names = ", ".join(settings.dataset.acl)
    index = f"index {Names(settings.index.set).alias}" + (f" for {names}" if names else "")
    return Request(
        base=base_of(settings.training.base_model, settings),
        recipe=_recipe(given, seed=settings.training.seed),
        corpus=_corpus_plan(given, seed=settings.training.seed),
        place=str(text.resolve()) if text else index,
        device=settings.training.device,
        readers=() if text else settings.dataset.acl,
    )


def _recipe(given: dict[str, Any], *, seed: int) -> Recipe:
    names = (
        "method",
        "lora_rank",
        "epochs",
        "max_steps",
        "batch",
        "schedule",
        "warmup",
        "dtype",
        "gradient_checkpointing",
        "evaluate_every",
        "checkpoint_every",
        "patience",
    )
    return Recipe(
        **{name: given[name] for name in names},
        max_tokens=given["block"],
        pack_tokens=max(given["block"], given["pack_tokens"]),
        learning_rate=given["learning_rate"] or _RATES[given["method"]],
        seed=seed,
    )


def _corpus_plan(given: dict[str, Any], *, seed: int) -> CorpusPlan:
    from esrag.training.pretraining_corpus import CorpusPlan

    return CorpusPlan(
        block=given["block"],
        held_out=given["held_out"],
        replay=given["replay"].resolve() if given["replay"] else None,
        replay_share=given["replay_share"],
        control=given["control"].resolve() if given["control"] else None,
        measured=given["measured"],
        extend=given["extend"],
        seed=seed,
    )


def _run(
    request: Request,
    settings: Settings,
    text: Path | None,
    *,
    name: str | None,
    anyway: bool,
    tensorboard: bool,
) -> PretrainingOutcome:
    import torch

    from esrag.cli.stopping import stopping_at_safe_points
    from esrag.cli.training_view import Progress
    from esrag.training.pretraining import pretrain as train
    from esrag.training.run_folder import RunFolder
    from esrag.training.texts import read_texts

    if settings.training.threads:
        torch.set_num_threads(settings.training.threads)
    named = name or f"{settings.index.set}-pretrain-{request.fingerprint[:8]}"
    folder = RunFolder.named(named, data_dir=settings.data_dir)
    with (
        Progress(folder, tensorboard=tensorboard) as progress,
        stopping_at_safe_points() as safe_point,
    ):
        return train(
            request,
            folder,
            lambda: read_texts(text) if text else _indexed(settings),
            anyway=anyway,
            safe_point=safe_point,
            tell=progress.tell,
            say=lambda words: click.echo(words, err=True),
        )


def _indexed(settings: Settings) -> Iterator[Text]:
    """The documents of the set, with the caller's rights; says what was left out."""
    from esrag.cli.preflight import explaining_refusals
    from esrag.examples.document_texts import indexed_texts
    from esrag.examples.reading import require_readable
    from esrag.names import Names
    from esrag.training.texts import Text

    left_out: Counter[str] = Counter()
    alias = Names(settings.index.set).alias
    with (
        connect_with(settings) as client,
        explaining_refusals(client, "search", settings.index.set),
    ):
        require_readable(client, alias)
        found = indexed_texts(client, alias, acl=settings.dataset.acl, left_out=left_out)
        for key, text in found:
            yield Text(key, text)
    for reason, count in sorted(left_out.items()):
        click.echo(f"left out: {count} chunks, {reason}", err=True)


def _show(outcome: PretrainingOutcome, *, as_json: bool) -> None:
    facts = outcome.folder.facts()
    if as_json:
        body = {
            "run": outcome.folder.name,
            "folder": str(outcome.folder.path),
            "published": str(outcome.published),
            "sha256": dict(outcome.manifest.sha256),
            "resumed_at": outcome.resumed_at,
            "done_before": outcome.done_before,
            "verdict": dict(outcome.verdict),
            "data": facts["data"],
            "costs": facts["costs"],
        }
        click.echo(json.dumps(body, indent=2))
        return
    what = "was complete already" if outcome.done_before else "is complete"
    click.echo(f"run {outcome.folder.name} {what}: {outcome.progress.step} steps")
    fertility = facts["data"]["fertility"]
    if "domain_before" in fertility:
        click.echo(
            f"  tokens a word: {fertility['domain_before']:.2f} before, "
            f"{fertility['domain']:.2f} after, with {facts['data']['new_tokens']:,} new tokens"
        )
    click.echo(f"  {outcome.verdict['words']}")
    click.echo(f"  {outcome.published}")
    click.echo(f"  next: esrag finetune DATA --base {outcome.published}")
