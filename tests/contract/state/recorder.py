"""A client that counts what it writes and can die at a request; setup and teardown as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import elastic_transport
from elasticsearch import Elasticsearch

from esrag.bundle import ModelBundle
from esrag.cluster.capabilities import probe
from esrag.state.desired import Choices
from esrag.state.lock import Terms
from esrag.state.setting_up import set_up
from esrag.state.survey import Survey, take_survey
from esrag.state.teardown import checked_wish, plan_teardown
from esrag.state.tearing_down import tear_down

if TYPE_CHECKING:
    from tests.conftest import Stack

TERMS = Terms(command="contract test", wait=30.0)

READING_POSTS = (
    *("_search", "_msearch", "_count", "_render", "_infer", "_simulate", "_has_privileges"),
    "_inference",
)


def is_write(method: str, target: str) -> bool:
    """Whether a request changes the cluster."""
    reads = method in ("GET", "HEAD")
    return not reads and not (method == "POST" and any(part in target for part in READING_POSTS))


class Recorder:
    """A client that counts its writing requests and may die before or after one of them.

    A dead client writes nothing any more, not even to give its lock back.
    """

    def __init__(self, stack: Stack) -> None:
        self.writes: list[str] = []
        self.die_at: int | None = None
        self.die_after_sending = False
        self.dead = False
        recorder = self

        class Node(elastic_transport.Urllib3HttpNode):
            """Sends requests and tells the recorder."""

            def perform_request(self, method: str, target: str, *args: Any, **options: Any) -> Any:
                """Send one request, unless this is where the run ends."""
                if not is_write(method, target):
                    return super().perform_request(method, target, *args, **options)
                recorder.writes.append(f"{method} {target}")
                ends = len(recorder.writes) - 1 == recorder.die_at
                if recorder.dead or (ends and not recorder.die_after_sending):
                    recorder.dead = True
                    raise KeyboardInterrupt
                answer = super().perform_request(method, target, *args, **options)
                if ends:
                    recorder.dead = True
                    raise KeyboardInterrupt
                return answer

        self.client = Elasticsearch(
            stack.elasticsearch_url,
            basic_auth=(stack.username, stack.password),
            node_class=Node,
            request_timeout=60,
            max_retries=0,
        )


def whole_setup(
    client: Elasticsearch, choices: Choices, bundle: ModelBundle, *, adopt: bool = False
) -> int:
    """One run of setup, lock included; the number of steps taken."""

    def look() -> Survey:
        return take_survey(client, choices, bundle, adopt=adopt)

    return set_up(client, look(), look, TERMS).steps


def whole_teardown(client: Elasticsearch, choices: Choices, *, documents: bool = True) -> int:
    """One run of teardown; the number of steps taken."""
    named = f"esrag-docs-{choices.set}" if documents else None
    wish = checked_wish(choices, probe(client), with_documents=named)
    return tear_down(client, wish, plan_teardown(client, wish), TERMS)
