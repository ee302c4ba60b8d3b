"""Puts retriever, embedder and generator together from settings, for the commands that answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.answering import Answerer
    from esrag.answering.assembly import Assembly
    from esrag.bundle import ModelBundle
    from esrag.client_vectors import ClientVectors
    from esrag.cluster.chunk_index import ChunkIndex
    from esrag.cluster.profile import Profile
    from esrag.embedding.process import Embedder
    from esrag.retrieval import Retriever


def retriever_from(
    settings: Settings, client: Elasticsearch, *, allow_degraded: bool = False
) -> Retriever:
    """The retriever of the settings' document set; a context manager.

    What it has to tell goes to standard error.
    """
    from esrag.names import Names
    from esrag.retrieval import Retriever, shaping_of

    return Retriever(
        client,
        Names(settings.index.set),
        settings.retrieval.template,
        model_id=settings.model.id,
        local=lambda profile: embedder_from(settings, profile),
        allow_degraded=allow_degraded,
        tell=lambda words: click.echo(words, err=True),
        shaping=shaping_of(settings.retrieval),
    )


def embedder_from(settings: Settings, profile: Profile, *, measure: bool = False) -> Embedder:
    """The model of this machine that made the vectors which the profile speaks of.

    With ``measure`` it may take half a minute, once, to find the fastest way to run it.
    """
    from esrag.embedding.choosing import bundle_for
    from esrag.embedding.process import require_installed

    require_installed()
    bundle = bundle_for(settings.data_dir, settings.model.id, profile.fits)
    return embedder_of(settings, bundle, measure=measure)


def embedder_of(settings: Settings, bundle: ModelBundle, *, measure: bool = False) -> Embedder:
    """The model of a bundle on this machine; with ``measure`` it is for many texts."""
    from esrag.embedding.cores import shares, usable_cores
    from esrag.embedding.measuring import choose, folder_for
    from esrag.embedding.process import Embedder

    wanted = settings.embedding
    threads, processes = shares(usable_cores(), threads=wanted.threads, processes=wanted.processes)
    folder = folder_for(settings.data_dir, bundle)
    choice = choose(
        bundle,
        folder,
        wanted=wanted.runtime,
        min_cosine=wanted.min_cosine,
        threads=threads,
        measure=measure,
        tell=lambda words: click.echo(words, err=True),
    )
    if measure:
        parts = "1 process" if processes == 1 else f"{processes} processes"
        click.echo(
            f"Embedding on this machine: {choice.words()}; {parts}, threads each: {threads}.",
            err=True,
        )
    return Embedder(
        bundle,
        runtime=choice.runtime,
        cache=folder,
        threads=threads,
        processes=processes if measure else 1,
    )


@contextmanager
def client_vectors_from(settings: Settings, index: ChunkIndex) -> Iterator[ClientVectors | None]:
    """What gives chunks their vectors on this machine; None where the cluster embeds."""
    if index.profile.embedding == "cluster":
        yield None
        return
    from esrag.client_vectors import ClientVectors
    from esrag.embedding.inputs import embedding_input
    from esrag.resources import load_body

    fill = embedding_input(load_body("pipelines/ingest/embed.json", project=settings.project_dir))
    with embedder_from(settings, index.profile, measure=True) as embedder:
        embedder.start()
        try:
            yield ClientVectors(
                lambda texts: embedder.matrix(texts, "ingest"), fill, base64=index.takes_base64
            )
        finally:
            _tell_figures(embedder)


def _tell_figures(embedder: Embedder) -> None:
    """What embedding took, where there was any."""
    found = embedder.figures()
    if not found.texts:
        return
    busy = found.seconds / (found.elapsed * embedder.processes)
    again = f"; processes that ended and were replaced: {found.restarts}" if found.restarts else ""
    click.echo(
        f"Embedded {found.texts:,} chunks of {found.tokens:,} tokens in {found.elapsed:.1f} s: "
        f"{found.texts / found.elapsed:.0f}/s, padding {found.padding:.3f}, the model at work "
        f"{busy:.0%} of the time{again}.",
        err=True,
    )


@contextmanager
def assembly_from(
    settings: Settings, *, tell: Callable[[str], None] | None = None, metrics: bool = False
) -> Iterator[Assembly]:
    """What all answerers of this process share; ``tell`` hears what retrieval has to say.

    Without ``tell`` that goes to standard error.  With ``metrics`` answers are counted.
    """
    from esrag.answering.assembly import Assembly

    with Assembly(
        settings,
        local=lambda profile: embedder_from(settings, profile),
        tell=tell or (lambda words: click.echo(words, err=True)),
        metrics=metrics,
    ) as assembly:
        yield assembly


@contextmanager
def answerer_from(
    settings: Settings,
    client: Elasticsearch,
    *,
    generate: bool | None = None,
    allow_degraded: bool = False,
    explain: bool = False,
) -> Iterator[Answerer]:
    """An answerer as the settings say, or with or without a generator as ``generate`` says.

    With ``explain`` hits tell the score of each ranking.
    """
    from esrag.answering.assembly import choices_from

    with assembly_from(settings) as assembly:
        yield assembly.answerer(
            client,
            generate=generate,
            allow_degraded=allow_degraded,
            choices=replace(choices_from(settings), explain=explain),
        )
