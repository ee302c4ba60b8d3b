"""Disk watermarks as Elasticsearch counts them: percentages with headroom, ratios, or free bytes.

Pure, but for the one request that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag.cluster.client import explained

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_SIZE = re.compile(r"\s*([0-9.]+)\s*([a-z]*)\s*")

# stage -> the server's default mark and the most that it keeps free by it; lowest stage first
DEFAULTS: Mapping[str, tuple[str, str]] = {
    "low": ("85%", "200gb"),
    "high": ("90%", "150gb"),
    "flood_stage": ("95%", "100gb"),
}


@dataclass(frozen=True, slots=True)
class Watermarks:
    """The settings as given: each a percentage, a ratio, or the free bytes that must be left."""

    marks: Mapping[str, str]
    headroom: Mapping[str, str]
    enabled: bool = True

    def stage(self, total: int, free: int) -> str:
        """The highest stage that a disk has passed: flood_stage, high, low or "" for none."""
        passed = ""
        for name in self.marks:
            if self.enabled and total and free < self.least_free(name, total):
                passed = name
        return passed

    def least_free(self, stage: str, total: int) -> int:
        """Bytes that must be free so that a disk of this size does not pass a stage."""
        mark = self.marks[stage]
        if mark.endswith("%"):
            share = 1 - float(mark[:-1]) / 100
        elif mark.replace(".", "", 1).isdigit() and float(mark) <= 1:
            share = 1 - float(mark)
        else:
            return size_of(mark)
        wanted = round(total * share)
        most = size_of(self.headroom.get(stage, ""))
        return min(wanted, most) if most > 0 else wanted


def size_of(text: str) -> int:
    """Bytes in a size such as "200gb"; -1 when it is none."""
    found = _SIZE.fullmatch(str(text).lower())
    if not found or found[2] not in {"", *_UNITS}:
        return -1
    return round(float(found[1]) * _UNITS.get(found[2], 1))


def shown_size(size: int) -> str:
    """A size in GiB, or in MiB when it is small."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def read_cluster_settings(client: Elasticsearch) -> dict[str, str]:
    """The cluster's settings by dotted name: transient over persistent over defaults."""
    with explained("reading the cluster's settings"):
        answer = client.cluster.get_settings(include_defaults=True, flat_settings=True).body
    merged: dict[str, str] = {}
    for source in ("defaults", "persistent", "transient"):
        merged |= {name: str(value) for name, value in (answer.get(source) or {}).items()}
    return merged


def watermarks_of(settings: Mapping[str, str]) -> Watermarks:
    """The watermarks in the cluster's settings.

    The server reports the default headroom also where it does not count it: beside a watermark
    that somebody chose.
    """
    disk = "cluster.routing.allocation.disk."
    marks, headroom = {}, {}
    for stage, (default, most) in DEFAULTS.items():
        marks[stage] = settings.get(f"{disk}watermark.{stage}", default)
        room = settings.get(f"{disk}watermark.{stage}.max_headroom", most)
        if marks[stage] == default or room.lower() != most:
            headroom[stage] = room
    enabled = settings.get(f"{disk}threshold_enabled", "true") != "false"
    return Watermarks(marks=marks, headroom=headroom, enabled=enabled)
