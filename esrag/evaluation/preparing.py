"""Makes a system ready to be asked: its connections, and what its replies depend on.

One assembly for each system, so that its questions share the generator's connections; the cluster's
client is shared by all.  Whoever calls says how an assembly is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag.adapters.registry import Registry
from esrag.answering.assembly import Assembly, choices_from
from esrag.calling.wire import TooSlowError
from esrag.cluster.client import explained
from esrag.cluster.index_state import state_of
from esrag.errors import EsragError, TimedOutError, UnavailableError
from esrag.evaluation.askers import Answering, Asker, ClosedBook, Retrieving
from esrag.evaluation.records import System
from esrag.evaluation.systems import GENERATING, SEARCHING
from esrag.generation.budget import Limits
from esrag.generation.generator import Generator
from esrag.generation.pieces import FailedError
from esrag.names import Names
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_TRIES = 3
OpenAssembly = Callable[[Settings], AbstractContextManager[Assembly]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that can be asked.

    ``model`` and ``index`` are what its replies depend on, "" where there is none; ``at_once`` is
    how many questions its generator takes at a time, 0 when it does not say.
    """

    asker: Asker
    model: str = ""
    index: str = ""
    at_once: int = 0


@contextmanager
def ready(
    system: System, settings: Settings, client: Elasticsearch, open_assembly: OpenAssembly
) -> Iterator[Ready]:
    """The system, for the time of the block.

    Raises UsageError for an adapter that is not registered, UnavailableError when its generator or
    the cluster is not there.
    """
    with open_assembly(settings) as assembly:
        answerer = assembly.answerer(
            client, generate=system.kind in GENERATING, choices=choices_from(settings)
        )
        index = index_of(client, settings, assembly) if system.kind in SEARCHING else ""
        if system.kind not in GENERATING:
            searching = _Servers(client, None)
            kind = Retrieving if system.kind == "retrieval" else Answering
            yield Ready(kind(system.name, answerer, searching.there), index=index)
            return
        generator = assembly.generator
        told = _told(generator)
        model = model_of(system, settings, generator, told)
        at_once = _at_once(told)
        if system.kind == "closed_book":
            speaking = answerer.generator or generator
            asker: Asker = ClosedBook(system.name, speaking, _Servers(None, generator).there)
        else:
            asker = Answering(system.name, answerer, _Servers(client, generator).there)
        yield Ready(asker, model=model, index=index, at_once=at_once)


def index_of(client: Elasticsearch, settings: Settings, assembly: Assembly) -> str:
    """What is searched: the state of the set's index, and how it says to search it."""
    alias = Names(settings.index.set).alias
    profile = assembly.retriever(client).profile
    state = state_of(client, alias)
    return f"{state}; model {profile.model or '-'}; calibration {profile.calibration or '-'}"


def model_of(
    system: System, settings: Settings, generator: Generator, told: Mapping[str, object]
) -> str:
    """Which model answers: what the server says it runs, what it is asked for, its adapter."""
    given = settings.generator
    if given.protocol == "elasticsearch":
        runs = f"endpoint {generator.place.inference_id}"
    else:
        runs = _limits(generator).model_id or given.url
    sha = told.get("model_sha")
    runs += f" at {sha}" if isinstance(sha, str) and sha else ""
    said = f"{runs}, asked for {given.model}"
    if system.adapter:
        adapter = Registry(settings.data_dir / "adapters").find(system.adapter)
        said += f", adapter {adapter.sha256[:16]}"
    return said


def _limits(generator: Generator) -> Limits:
    """What the server says of itself; one that is slow is asked again, one that is gone is not."""
    for _ in range(_TRIES - 1):
        try:
            return generator.limits()
        except FailedError:
            raise
        except UnavailableError:
            continue
    return generator.limits()


def _told(generator: Generator) -> Mapping[str, object]:
    """What TGI says at ``/info``; empty for other servers."""
    if generator.place.protocol == "elasticsearch":
        return {}
    try:
        status, told = generator.call("GET", "/info")
    except EsragError:
        return {}
    return told if status == 200 and isinstance(told, dict) else {}


def _at_once(told: Mapping[str, object]) -> int:
    """Half of the requests that TGI takes at a time, so that others are served as well; else 0."""
    most = told.get("max_concurrent_requests")
    return max(1, most // 2) if isinstance(most, int) and most > 0 else 0


class _Servers:
    """Whether the servers of a system can be reached.

    Any answer counts, a refusal too, and so does none in time: who is slow is there.
    """

    def __init__(self, client: Elasticsearch | None, generator: Generator | None) -> None:
        self._client = client
        self._generator = generator

    def there(self) -> bool:
        """Ask each of them something small."""
        try:
            if self._generator is not None:
                self._generator.health()
            if self._client is not None:
                with explained("asking whether it is there"):
                    self._client.perform_request("GET", "/")
        except TimedOutError:
            return True
        except FailedError:
            return False
        except UnavailableError as error:
            return isinstance(error.__cause__, TooSlowError)
        except EsragError:
            return True
        return True
