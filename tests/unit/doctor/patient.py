"""A healthy document set in memory, whose single answers a test can make sick."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from esrag.bundle import bundle_folder, write_manifest
from esrag.cli.doctor import GROUP_NAMES, case_from
from esrag.doctor.case import Case
from esrag.doctor.checks import CHECKS
from esrag.doctor.examination import examine
from esrag.doctor.findings import Finding, Report
from esrag.generation.generator import Generator
from esrag.settings import load_settings
from esrag.state.apply import apply_plan
from esrag.state.survey import take_survey
from esrag.testing_calls import Canned, CannedCalls, said
from esrag.testing_elasticsearch import (
    ClusterInMemory,
    ElasticsearchFake,
    Reply,
    Request,
    fake_bundle,
)

Answer = Reply | Callable[[Request], Reply]
GIB = 2**30
INDEX, ALIAS = "esrag-docs-default-000001", "esrag-docs-default"
TGI_INFO = {"model_id": "m", "max_input_tokens": 4095, "max_total_tokens": 4096}


class Patient:
    """``answers`` come before what the memory says: the first pattern that fits a request."""

    def __init__(self, data_dir: Path) -> None:
        self.memory = ClusterInMemory()
        self.answers: dict[str, Answer] = {}
        self.fake = ElasticsearchFake(self._answer)
        self.sections: dict[str, Any] = {"data_dir": data_dir, "model": {"id": "model-a"}}
        self.generator: dict[str, Canned] = {
            "/v1/chat/completions": said("Yes"),
            "/info": Canned.json(TGI_INFO),
            "/chat_tokenize": Canned.json({"tokenize_response": [0] * 100}),
        }
        made = fake_bundle(bundle_folder(data_dir, "model-a"), "model-a", size=1000)
        self.bundle = replace(made, max_sequence_length=256)
        write_manifest(self.bundle)

    def set_up(self) -> None:
        """Bring the set to its desired state."""
        client = self.fake.client()
        found = take_survey(client, self.case().choices, self.bundle)
        apply_plan(client, found.desired, found.observed, found.plan)

    def case(self) -> Case:
        """What the doctor is given."""
        case = case_from(load_settings(**self.sections))
        place = case.generator.place
        return replace(
            case,
            connect=self.fake.client,
            generator=Generator(place, exchanges=CannedCalls(self.generator)),
            retrieve=lambda _: (),
            wait=lambda _: None,
        )

    def examine(self, *groups: str) -> Report:
        """The doctor's report; it wrote nothing."""
        self.fake.requests.clear()
        report = examine(self.case(), CHECKS, only=groups or GROUP_NAMES)
        assert [request for request in self.fake.writes if "_pit" not in request.path] == []
        return report

    def finding(self, group: str, code: str) -> Finding:
        """The one finding of this code."""
        report = self.examine(group)
        made = [finding for finding in report.findings if finding.code == code]
        assert len(made) == 1, [(f.code, f.where, f.what) for f in report.findings]
        assert made[0].next
        return made[0]

    def _answer(self, request: Request) -> Reply:
        for pattern, answer in (*self.answers.items(), *self._healthy().items()):
            if re.fullmatch(pattern, f"{request.method} {request.path}"):
                return answer if isinstance(answer, Reply) else answer(request)
        return self.memory(request)

    def _healthy(self) -> dict[str, Answer]:
        """What the memory does not keep."""
        return {
            "GET _security/_authenticate": Reply(200, {"username": "elastic"}),
            "GET _nodes/stats/fs": nodes(),
            "GET _cluster/health": Reply(200, {"active_shards": 3}),
            "GET _cluster/health/.*": health(),
            "GET _cluster/settings": Reply(200, {}),
            "GET _license": licence(),
            f"GET _alias/{ALIAS}": Reply(200, {INDEX: {"aliases": {ALIAS: {}}}}),
            "GET [^_/]*,.*/_settings": block_settings(),
            "POST [^/]*/_count": Reply(200, {"count": 0}),
            "POST _inference/text_embedding/.*": Reply(200, {"text_embedding": []}),
        }


def nodes(*, free: int = 60, roles: tuple[str, ...] = ("data", "ml"), late: int = 0) -> Reply:
    """One node with so many of 100 GiB free, whose clock is so many seconds late."""
    node = {
        "name": "node-1",
        "roles": list(roles),
        "timestamp": int((time.time() - late) * 1000),
        "fs": {"total": {"total_in_bytes": 100 * GIB, "available_in_bytes": free * GIB}},
    }
    return Reply(200, {"nodes": {"a": node}})


def health(status: str = "green", *, data_nodes: int = 1) -> Reply:
    """The health of the index."""
    missing = 0 if status == "green" else 1
    facts = {"status": status, "unassigned_shards": missing, "initializing_shards": 0}
    return Reply(200, {"number_of_data_nodes": data_nodes, "indices": {INDEX: facts}})


def licence(*, days: float = 100, status: str = "active", kind: str = "enterprise") -> Reply:
    """A licence that ends in so many days."""
    ends = int((time.time() + days * 86_400) * 1000)
    facts = {"type": kind, "status": status, "expiry_date_in_millis": ends}
    return Reply(200, {"license": facts})


def block_settings(**settings: str) -> Reply:
    """The flat settings of the index."""
    return Reply(200, {INDEX: {"settings": settings}})


def deployment(**stats: Any) -> Reply:
    """The statistics of a deployment of model-a that runs, unless told otherwise."""
    facts = {
        "deployment_id": "model-a",
        "model_id": "model-a",
        "state": "started",
        "number_of_allocations": 1,
        "threads_per_allocation": 2,
        "queue_capacity": 1024,
        "allocation_status": {"allocation_count": 1, "target_allocation_count": 1},
        **stats,
    }
    entry = {"model_id": "model-a", "deployment_stats": facts}
    return Reply(200, {"count": 1, "trained_model_stats": [entry]})
