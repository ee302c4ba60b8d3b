"""What the checks of one examination look at, and what they have read so far.

A fact that several checks need is read once.  Reading may raise; the examination says what could
not be looked at because of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.bundle import MANIFEST, ModelBundle, bundle_folder, load_bundle
from esrag.cluster.capabilities import Capabilities, probe
from esrag.cluster.client import explained
from esrag.doctor.watermarks import read_cluster_settings
from esrag.errors import EsragError, UsageError
from esrag.generation.generator import Generator
from esrag.names import Names
from esrag.reembedding.journal import Move, read_journal
from esrag.roles import RoleName
from esrag.settings import Settings
from esrag.state.desired import Choices, DesiredState
from esrag.state.observed import ObservedState
from esrag.state.survey import look
from esrag.types import Hit

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass
class Case:
    """One examination: settings, how to reach the servers, and the roles asked for.

    ``connect`` makes the client; it raises UsageError when the settings name no usable address.
    ``retrieve`` asks a question on the way that the other commands take, ``read_key`` gets the
    API key from wherever it is kept.
    """

    settings: Settings
    choices: Choices
    connect: Callable[[], Elasticsearch]
    generator: Generator
    calibration_file: Path
    retrieve: Callable[[str], Sequence[Hit]]
    read_key: Callable[[], str | None]
    roles: tuple[RoleName, ...] = ("setup",)
    wait: Callable[[float], None] = time.sleep

    @property
    def names(self) -> Names:
        """The names of the document set's objects."""
        return Names(self.choices.set)

    @cached_property
    def client(self) -> Elasticsearch:
        """The client of the cluster."""
        return self.connect()

    @cached_property
    def api_key(self) -> str | None:
        """The API key, encoded; None when there is none."""
        return self.read_key()

    @cached_property
    def capabilities(self) -> Capabilities:
        """What the cluster can do."""
        return probe(self.client)

    @property
    def embeds_in_cluster(self) -> bool:
        """Whether the cluster embeds, not the client."""
        return self.capabilities.machine_learning and (
            self.capabilities.tier.embedding == "cluster"
        )

    @cached_property
    def look(self) -> tuple[DesiredState, ObservedState]:
        """What is wanted, and what there is of it."""
        known = self.capabilities
        return look(self.client, self.choices, self.bundle, known.tier, version=known.version)

    @cached_property
    def move(self) -> Move | None:
        """The re-embedding that is under way or was interrupted."""
        found = read_journal(self.client, self.choices.set)
        return None if found is None or found.finished else found

    @cached_property
    def nodes(self) -> dict[str, Any]:
        """Each node's name, roles, disk, and the time on its clock in milliseconds."""
        with explained("reading the nodes' statistics"):
            answer = self.client.nodes.stats(
                metric="fs",
                filter_path="nodes.*.timestamp,nodes.*.name,nodes.*.roles,nodes.*.fs.total",
            )
        nodes: dict[str, Any] = answer.body.get("nodes", {})
        return nodes

    @cached_property
    def cluster_settings(self) -> dict[str, str]:
        """The cluster's settings by dotted name, defaults included."""
        return read_cluster_settings(self.client)

    @property
    def server_millis(self) -> int | None:
        """The time on the server's clock; None when these credentials may not ask for it."""
        try:
            return max((int(node["timestamp"]) for node in self.nodes.values()), default=None)
        except EsragError:
            return None

    @cached_property
    def bundle(self) -> ModelBundle | None:
        """The model bundle on this machine; None when there is none or it is damaged."""
        folder = bundle_folder(self.settings.data_dir, self.settings.model.id)
        if not (folder / MANIFEST).is_file():
            return None
        try:
            return load_bundle(folder)
        except UsageError:
            return None  # the machine group reports it
