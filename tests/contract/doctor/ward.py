"""A document set under examination on a real server, and the doctor's look at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import elastic_transport
from elasticsearch import Elasticsearch

from esrag.bundle import ModelBundle
from esrag.cli.doctor import GROUP_NAMES, case_from
from esrag.doctor.case import Case
from esrag.doctor.checks import CHECKS
from esrag.doctor.examination import examine
from esrag.doctor.findings import Report
from esrag.names import Names
from esrag.roles import RoleName
from esrag.settings import load_settings
from esrag.state.apply import apply_plan
from esrag.state.survey import take_survey

# POST and DELETE requests that change nothing in the cluster
READING = ("_search", "_count", "_render", "_infer", "_simulate", "_has_privileges", "_pit")


class RecordingNode(elastic_transport.Urllib3HttpNode):
    """Sends requests and remembers those that write."""

    writes: list[str]

    def perform_request(self, method: str, target: str, *args: Any, **options: Any) -> Any:
        """Send one request."""
        if method not in ("GET", "HEAD") and not any(part in target for part in READING):
            self.writes.append(f"{method} {target}")
        return super().perform_request(method, target, *args, **options)


class Ward:
    """One document set, whole until a test harms it."""

    def __init__(self, stack: Any, es: Elasticsearch, name: str, bundle: ModelBundle) -> None:
        self.stack, self.es, self.bundle = stack, es, bundle
        self.names = Names(name)
        self.index = self.names.index(1)
        self.server: dict[str, Any] = {
            "url": stack.elasticsearch_url,
            "username": stack.username,
            "password": stack.password,
        }
        self.sections: dict[str, dict[str, Any]] = {
            "index": {"set": name},
            "generator": {"url": stack.tgi_url, "passages": 2, "max_new_tokens": 64},
        }
        if stack.tgi_url:  # as the local stack's own settings have it
            chat = {"generator_url": stack.tgi_url, "tasks": ["chat_completion"]}
            self.sections["endpoints"] = chat
        self.roles: tuple[RoleName, ...] = ("setup",)
        self.writes: list[str] = []

    def set_up(self) -> None:
        """Bring the set to its desired state."""
        case = self.case()
        found = take_survey(self.es, case.choices, self.bundle)
        apply_plan(self.es, found.desired, found.observed, found.plan)

    def case(self) -> Case:
        """What the doctor is given, with a client that records."""
        settings = load_settings(
            data_dir=self.bundle.folder.parents[1], elasticsearch=self.server, **self.sections
        )
        case = case_from(settings, self.roles)
        node = type("Node", (RecordingNode,), {"writes": self.writes})

        def connect() -> Elasticsearch:
            login = {"api_key": self.server["api_key"]} if "api_key" in self.server else {}
            if "username" in self.server:
                login = {"basic_auth": (self.server["username"], self.server["password"])}
            return Elasticsearch(
                self.server["url"], node_class=node, max_retries=0, request_timeout=30, **login
            )

        return replace(case, connect=connect, wait=lambda _: None)

    def examine(self, *groups: str) -> Report:
        """The doctor's report; it wrote nothing."""
        self.writes.clear()
        report = examine(self.case(), CHECKS, only=groups or GROUP_NAMES)
        assert self.writes == []
        return report

    def put_chunk(self, chunk_id: str, *, pipeline: str | None = None) -> None:
        """Index a chunk, visible at once."""
        chunk = {"document_id": chunk_id, "position": 0, "start": 0, "end": 5, "text": "Hello"}
        self.es.index(
            index=self.names.alias, id=chunk_id, document=chunk, pipeline=pipeline, refresh=True
        )

    def with_key(self, encoded: str) -> None:
        """Let the doctor come with an API key."""
        self.server = {"url": self.server["url"], "api_key": encoded}


def data_dir_of(bundle: ModelBundle) -> Path:
    """The data folder in which a bundle lies."""
    return bundle.folder.parents[1]
