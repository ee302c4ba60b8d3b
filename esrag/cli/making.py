"""What the commands that make examples and questions share: their settings, teacher and judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.connection import settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from elasticsearch import Elasticsearch

    from esrag.examples.building import Helpers
    from esrag.examples.teacher import Teacher
    from esrag.settings import Settings


def settings_for_making(
    set_name: str | None,
    elasticsearch_url: str | None,
    teacher: str | None,
    teacher_model: str | None,
    acl: tuple[str, ...],
    seed: int | None,
) -> Settings:
    """Settings with the flags of commands that make examples or questions on top."""
    given: dict[str, Any] = {}
    if teacher:
        given["teacher_url"] = teacher
    if teacher_model:
        given["teacher_model"] = teacher_model
    if acl:
        given["acl"] = acl
    sections: dict[str, Any] = {"dataset": given} if given else {}
    if seed is not None:
        sections["training"] = {"seed": seed}
    return settings_from(set_name=set_name, elasticsearch_url=elasticsearch_url, **sections)


@contextmanager
def helpers_for(
    settings: Settings,
    client: Elasticsearch,
    kept: Path,
    *,
    judge: str | None,
    judge_model: str | None,
    search: bool,
) -> Iterator[Helpers]:
    """What makers may ask for help; servers are spoken to when a maker asks them.

    What teacher and judge answer is kept in the folder ``kept``.
    """
    from esrag.cli.assembly import retriever_from
    from esrag.cli.preflight import explaining_refusals
    from esrag.examples.building import Helpers
    from esrag.examples.searching import searcher
    from esrag.examples.teacher import teacher_at
    from esrag.generation.places import BASE_MODEL, Place

    given = settings.dataset
    key = given.teacher_api_key.get_secret_value() if given.teacher_api_key else ""

    def tell(words: str) -> None:
        click.echo(words, err=True)

    def at(url: str, model: str, part: str, authorization: str = "") -> Teacher | None:
        if not url:
            return None
        place = Place(
            url=url, model=model, authorization=authorization, ca_certs=given.teacher_ca_certs
        )
        found = teacher_at(place, kept / part, concurrent=given.teacher_concurrent, tell=tell)
        return opened.enter_context(found)

    with ExitStack() as opened:
        opened.enter_context(explaining_refusals(client, "search", settings.index.set))
        retriever = opened.enter_context(retriever_from(settings, client)) if search else None
        yield Helpers(
            search=searcher(retriever, acl=given.acl) if retriever else None,
            teacher=at(
                given.teacher_url, given.teacher_model, "answers", f"Bearer {key}" if key else ""
            ),
            judge=at(judge or "", judge_model or BASE_MODEL, "judge"),
            tell=tell,
        )
