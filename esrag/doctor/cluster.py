"""The cluster around our objects: health, blocks, disk, shards, room for models, clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from esrag.cluster.capacity import read_capacity
from esrag.cluster.client import explained
from esrag.doctor.case import Case
from esrag.doctor.credentials import in_words
from esrag.doctor.findings import Finding, found, well
from esrag.doctor.watermarks import shown_size, watermarks_of
from esrag.errors import EsragError
from esrag.names import DLQ_INDEX, META_INDEX

_CLOCK_SECONDS = 60
_NEARLY_FULL = 0.95  # of the shards that the cluster may have
_STAGES = {"flood_stage": "flood stage", "high": "high watermark", "low": "low watermark"}


def clock(case: Case) -> Iterator[Finding]:
    """Do the server's clock and ours agree?"""
    server = case.server_millis
    if server is None:
        return
    differs = int(server / 1000 - time.time())
    if abs(differs) <= _CLOCK_SECONDS:
        yield well("clock", "the server's agrees with this machine's")
        return
    span = in_words(timedelta(seconds=abs(differs)))
    direction = "ahead of" if differs > 0 else "behind"
    yield found("clock-differs", "clock", f"the server's is {span} {direction} this machine's")


def health(case: Case) -> Iterator[Finding]:
    """Are all shards of our indices on a node?"""
    with explained("reading the health of our indices"):
        # indices that are not there are left out; by wildcards nothing else is waited for
        answer = case.client.cluster.health(
            index=f"{case.names.index_pattern},{META_INDEX}*,{DLQ_INDEX}*",
            level="indices",
            expand_wildcards="all",
        ).body
    indices: dict[str, Any] = answer.get("indices") or {}
    for name, state in sorted(indices.items()):
        missing = state["unassigned_shards"] + state["initializing_shards"]
        words = f"{state['status']}: {missing} of its shards are on no node"
        explain = f'GET /_cluster/allocation/explain {{"index":"{name}","shard":0,"primary":true}}'
        if state["status"] == "red":
            yield found("index-red", f"index {name}", words, f"Why: {explain}")
        elif state["status"] == "yellow" and answer["number_of_data_nodes"] > 1:
            replica = explain.replace("true", "false")
            yield found("index-yellow", f"index {name}", words, f"Why: {replica}")
        elif state["status"] == "yellow":
            yield found("replica-impossible", f"index {name}", words)
    if indices and all(state["status"] == "green" for state in indices.values()):
        yield well("our indices", f"{len(indices)} green")
    yield from _shards(case, answer)


def disk(case: Case) -> Iterator[Finding]:
    """Has a node's disk passed a watermark?"""
    marks = watermarks_of(case.cluster_settings)
    passed = False
    for node in case.nodes.values():
        if not any(str(role).startswith("data") for role in node.get("roles", ())):
            continue
        total = node["fs"]["total"]
        size, free = int(total["total_in_bytes"]), int(total["available_in_bytes"])
        stage = marks.stage(size, free)
        if stage:
            passed = True
            words = (
                f"{shown_size(free)} of {shown_size(size)} are free, and "
                f"{shown_size(marks.least_free(stage, size))} are to be ({_STAGES[stage]} "
                f"{marks.marks[stage]})"
            )
            code = "disk-flood" if stage == "flood_stage" else "disk-high"
            yield found(code, f"node {node['name']}", words)
    if not passed:
        yield well("disk", "no node is above a watermark" if marks.enabled else "not watched")


def blocks(case: Case) -> Iterator[Finding]:
    """Is anything blocked: an index of ours, or the whole cluster?"""
    blocked = False
    for name in ("cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"):
        if case.cluster_settings.get(name) == "true":
            blocked = True
            body = f'{{"persistent":{{"{name}":null}},"transient":{{"{name}":null}}}}'
            yield found(
                "cluster-blocked", "cluster", f"{name} is set", f"PUT /_cluster/settings {body}"
            )
    with explained("reading the blocks of our indices"):
        indices = case.client.indices.get_settings(
            index=f"{case.names.index_pattern},{META_INDEX},{DLQ_INDEX}",
            flat_settings=True,
            expand_wildcards="all",
            ignore_unavailable=True,
            allow_no_indices=True,
        ).body
    kept = _kept_generations(case)
    for index, facts in sorted(indices.items()):
        if index in kept:
            continue
        of_index = facts["settings"]
        set_blocks = [
            name
            for name, value in of_index.items()
            if name.startswith("index.blocks.") and value == "true"
        ]
        closed = of_index.get("index.verified_before_close") == "true"
        blocked = blocked or closed or bool(set_blocks)
        if closed:
            yield found("index-closed", f"index {index}", "it is closed", f"POST /{index}/_open")
        elif set_blocks:
            yield _block(index, set_blocks)
    if not blocked:
        yield well("blocks", "none on the cluster or on our indices")


def room_for_models(case: Case) -> Iterator[Finding]:
    """Are there ML nodes, and is machine learning at work?"""
    if not case.capabilities.machine_learning:
        return
    with explained("reading the limits of machine learning"):
        info = case.client.ml.info().body
    if info.get("upgrade_mode"):
        yield found("ml-upgrade-mode", "machine learning", "it is in upgrade mode")
    nodes = [node["name"] for node in case.nodes.values() if "ml" in node.get("roles", ())]
    limits = info.get("limits") or {}
    processors = int(limits.get("total_ml_processors") or 0)
    choices = case.choices
    wanted = choices.allocations * choices.threads
    where = f"ML nodes {', '.join(sorted(nodes))}"
    if processors and wanted > processors:
        words = f"{wanted} threads are wanted, and there are {processors} processors"
        yield found("ml-processors-short", where, words)
    capacity = read_capacity(case.client)
    memory = (
        f"{shown_size(sum(node.most for node in capacity.nodes))} for models, "
        f"{shown_size(sum(max(0, node.free) for node in capacity.nodes))} of it free"
        if capacity
        else f"{limits.get('total_ml_memory', 'unknown')} for models"
    )
    yield well(where, f"{memory}, {processors or 'unknown'} processors")


def _kept_generations(case: Case) -> set[str]:
    """Generations that a re-embedding has left, or is about to leave: it blocks writes to them."""
    try:
        observed, move = case.look[1], case.move
    except EsragError:
        return set()  # said elsewhere
    behind = observed.alias.indices
    left = {name for name in observed.generations if behind and name not in behind}
    return left if move is None else left | {move.source}


def _block(index: str, names: list[str]) -> Finding:
    words = f"it has {', '.join(names)}"
    if "index.blocks.read_only_allow_delete" in names:
        words += " (Elasticsearch sets it when a disk passes the flood stage)"
    body = ",".join(f'"{name}":null' for name in names)
    return found("index-blocked", f"index {index}", words, f"PUT /{index}/_settings {{{body}}}")


def _shards(case: Case, health_of_ours: dict[str, Any]) -> Iterator[Finding]:
    with explained("counting the cluster's shards"):
        whole = case.client.cluster.health(filter_path="active_shards").body
    most = int(case.cluster_settings.get("cluster.max_shards_per_node", 1000))
    most *= int(health_of_ours["number_of_data_nodes"])
    active = int(whole.get("active_shards", 0))
    if active >= _NEARLY_FULL * most:
        yield found("shards-nearly-full", "cluster", f"{active} shards, of at most {most}")
