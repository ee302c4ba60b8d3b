"""Reading an index page by page as it was at one moment, by the server's points in time.

Says when the server has forgotten one, which is for the caller to mend: only the caller knows
where it was.  Lost answers are asked for again here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elasticsearch import NotFoundError

from esrag.cluster.client import explained
from esrag.cluster.retry import retrying
from esrag.cluster.stored_documents import require_all_shards
from esrag.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

KEEP_ALIVE = "5m"  # from one page to the next


class Forgotten(Exception):
    """The server has let the point in time go: it was restarted, or the pages were too slow."""


def open_point(client: Elasticsearch, index: str) -> str:
    """The id of a new point in time of ``index``."""

    def call() -> str:
        with explained(f"opening a point in time of {index}"):
            return str(client.open_point_in_time(index=index, keep_alive=KEEP_ALIVE)["id"])

    return retrying(call)


def search_point(
    client: Elasticsearch, body: Mapping[str, Any], *, reading: str
) -> Mapping[str, Any]:
    """The answer to a search whose body names a point in time; ``reading`` says what is read.

    Raises Forgotten, or UnavailableError when there is no answer that can be trusted.
    """

    def call() -> Mapping[str, Any]:
        with explained(f"reading {reading}"):
            try:
                answer = client.search(body=dict(body), allow_partial_search_results=False)
            except NotFoundError as error:
                if "search_context_missing" in str(error.body):
                    raise Forgotten from error
                raise
        found: object = answer.body
        if not isinstance(found, Mapping) or "hits" not in found:  # a proxy's page, with status 200
            raise UnavailableError(
                f"what came back while reading {reading} is no answer of Elasticsearch",
                hint="Is a proxy in between?",
            )
        require_all_shards(found)  # what a shard holds would seem not to be there
        return found

    return retrying(call)


def close_point(client: Elasticsearch, point: str) -> None:
    """Give the point in time back; when that fails the server forgets it by itself."""
    try:
        with explained("closing a point in time"):
            client.close_point_in_time(id=point)
    except Exception:  # noqa: BLE001 - whatever it is, it must not hide why the reading ended
        return
