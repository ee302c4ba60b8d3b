"""The place of the generator, out of the settings."""

from __future__ import annotations

from esrag.errors import UsageError
from esrag.generation.places import BASE_MODEL, Place
from esrag.names import Names
from esrag.settings import Settings


def place_from(settings: Settings, *, elasticsearch_authorization: str = "") -> Place:
    """The place that the settings name.

    With protocol ``elasticsearch`` that is the cluster, called with
    ``elasticsearch_authorization``, the value of its Authorization header.
    """
    given, cluster = settings.generator, settings.elasticsearch
    through_cluster = given.protocol == "elasticsearch"
    key = given.api_key.get_secret_value() if given.api_key else ""
    own = f"Bearer {key}" if key else ""
    return Place(
        url=cluster.url if through_cluster else given.url,
        protocol=given.protocol,
        model=given.model,
        authorization=elasticsearch_authorization if through_cluster else own,
        ca_certs=cluster.ca_certs if through_cluster else given.ca_certs,
        inference_id=_inference_id(settings) if through_cluster else "",
        max_new_tokens=given.max_new_tokens,
        context_tokens=given.context_tokens,
        connect_timeout=given.connect_timeout,
        first_token_timeout=given.first_token_timeout,
        token_timeout=given.token_timeout,
        total_timeout=given.total_timeout,
    )


def messages_place(settings: Settings, *, url: str = "") -> Place:
    """The generator by its messages API, whatever protocol answers are asked through.

    ``url`` is another address than the settings'.
    """
    given = settings.generator
    key = given.api_key.get_secret_value() if given.api_key else ""
    return Place(
        url=url or given.url,
        model=given.model,
        authorization=f"Bearer {key}" if key else "",
        ca_certs=given.ca_certs,
        max_new_tokens=given.max_new_tokens,
        connect_timeout=given.connect_timeout,
        first_token_timeout=given.first_token_timeout,
        total_timeout=given.total_timeout,
    )


def _inference_id(settings: Settings) -> str:
    """The named endpoint, or the set's own: that of the adapter when the model is one."""
    given = settings.generator
    if given.inference_id:
        return given.inference_id
    adapter = "" if given.model == BASE_MODEL else given.model
    if adapter and adapter not in (*settings.endpoints.adapters, settings.endpoints.model):
        raise UsageError(
            f"the set {settings.index.set} has no endpoint of its own for {adapter}",
            hint="Add it to endpoints.adapters and run esrag setup, or name the endpoint as "
            "generator.inference_id.",
        )
    return Names(settings.index.set).endpoint(
        "chat", "" if adapter == settings.endpoints.model else adapter
    )
