"""Puts retriever, embedder and generator together from settings, for the commands that answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from esrag.settings import Settings

if TYPE_CHECKING:
    import httpx
    from elasticsearch import Elasticsearch

    from esrag.answering import Answerer, Generator
    from esrag.generation.endpoint import Endpoint
    from esrag.retrieval import Retriever

# Quotes are searched in more passages than the prompt holds: they cost no tokens.
QUOTE_POOL = 10


def calibration_file(settings: Settings) -> Path:
    """Where the thresholds of the settings' document set are kept."""
    return settings.data_dir / "calibration" / f"{settings.index.set}.json"


def retriever_from(settings: Settings, client: Elasticsearch) -> Retriever:
    """The retriever of the settings' document set."""
    from esrag.names import Names
    from esrag.retrieval import Retriever

    return Retriever(client, Names(settings.index.set), settings.retrieval.template)


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
    settings: Settings, client: Elasticsearch, *, generate: bool
) -> Iterator[Answerer]:
    """An answerer; with ``generate`` it holds a connection to the generator while in use."""
    from esrag.answering import Answerer
    from esrag.calibration import load
    from esrag.cluster.embedding import embed

    retriever = retriever_from(settings, client)
    size = max(settings.retrieval.size, QUOTE_POOL)
    endpoint = endpoint_from(settings)
    with endpoint.client() as http:
        yield Answerer(
            retrieve=lambda question: retriever.retrieve(question, size=size),
            embed=lambda texts: embed(client, settings.model.id, texts),
            generator=_generator(settings, endpoint, http) if generate else None,
            calibration=load(calibration_file(settings)),
            passages=settings.generator.passages,
        )
