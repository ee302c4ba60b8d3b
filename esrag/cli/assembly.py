"""Puts retriever, embedder and generator together from settings, for the commands that answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from esrag.settings import Settings

if TYPE_CHECKING:
    import httpx
    from elasticsearch import Elasticsearch

    from esrag.answering import Answerer, Generator
    from esrag.cluster.profile import Profile
    from esrag.embedding.process import Embedder
    from esrag.generation.endpoint import Endpoint
    from esrag.retrieval import Retriever

# Quotes are searched in more passages than the prompt holds: they cost no tokens.
QUOTE_POOL = 10


def calibration_file(settings: Settings) -> Path:
    """Where the thresholds of the settings' document set are kept."""
    return settings.data_dir / "calibration" / f"{settings.index.set}.json"


def retriever_from(
    settings: Settings, client: Elasticsearch, *, allow_degraded: bool = False
) -> Retriever:
    """The retriever of the settings' document set; a context manager.

    What it has to tell goes to standard error.
    """
    from esrag.names import Names
    from esrag.retrieval import Retriever

    return Retriever(
        client,
        Names(settings.index.set),
        settings.retrieval.template,
        model_id=settings.model.id,
        local=lambda profile: embedder_from(settings, profile),
        allow_degraded=allow_degraded,
        tell=lambda words: click.echo(words, err=True),
    )


def embedder_from(settings: Settings, profile: Profile) -> Embedder:
    """The model of this machine that made the vectors which the profile speaks of."""
    from esrag.embedding.choosing import bundle_for
    from esrag.embedding.process import Embedder, require_installed

    require_installed()
    bundle = bundle_for(settings.data_dir, settings.model.id, profile.fits)
    return Embedder(bundle, threads=settings.model.threads)


def endpoint_from(settings: Settings) -> Endpoint:
    """Where the settings say the generator is."""
    from esrag.generation.endpoint import Endpoint

    generator = settings.generator
    return Endpoint(
        url=generator.url,
        api_key=generator.api_key.get_secret_value() if generator.api_key else None,
        model=generator.model,
        connect_timeout=generator.connect_timeout,
        token_timeout=generator.token_timeout,
    )


def _generator(settings: Settings, endpoint: Endpoint, http: httpx.Client) -> Generator:
    from esrag.answering import Generator
    from esrag.generation.limits import Tokenizer, read_limits
    from esrag.generation.messages import stream

    longest = settings.generator.max_new_tokens
    return Generator(
        stream=lambda messages: stream(endpoint, messages, max_tokens=longest),
        count_tokens=Tokenizer(endpoint, http).count,
        budget=lambda: read_limits(endpoint, http).input_budget(longest),
    )


@contextmanager
def answerer_from(
    settings: Settings, client: Elasticsearch, *, generate: bool, allow_degraded: bool = False
) -> Iterator[Answerer]:
    """An answerer; with ``generate`` it holds a connection to the generator while in use."""
    from esrag.answering import Answerer
    from esrag.calibration import load

    size = max(settings.retrieval.size, QUOTE_POOL)
    endpoint = endpoint_from(settings)
    with (
        endpoint.client() as http,
        retriever_from(settings, client, allow_degraded=allow_degraded) as retriever,
    ):
        yield Answerer(
            retrieve=lambda question: retriever.retrieve(question, size=size),
            embed=retriever.embed,
            degraded=lambda: retriever.degraded,
            generator=_generator(settings, endpoint, http) if generate else None,
            calibration=load(calibration_file(settings)),
            passages=settings.generator.passages,
        )
