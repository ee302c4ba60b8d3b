"""Costs add up, survive their JSON, and measure what was done."""

from __future__ import annotations

import time
from dataclasses import fields

import pytest

from esrag.costs.records import Costs, Meter
from esrag.errors import UsageError


def test_costs_of_two_parts_add_up_and_peaks_do_not() -> None:
    """A resumed run has cost the sum of its parts, and needed the larger of both memories."""
    before = Costs(10.0, 8.0, 20.0, 100, 1, 2, 500, 50, "A100", 2)
    after = Costs(5.0, 4.0, 5.0, 50, 3, 4, 700, 40, "A100", 1)
    assert before + after == Costs(15.0, 12.0, 25.0, 150, 4, 6, 700, 50, "A100", 2)
    assert (Costs() + after) == after
    assert (before + Costs(device="cpu")).device == "A100, cpu"


def test_costs_survive_their_json() -> None:
    """What is written into run.json is read back; unknown fields of later versions are no error."""
    costs = Costs(1.5, 2.25, 3.0, 4, 5, 6, 7, 8, "cpu", 1)
    body = costs.to_json()
    assert list(body) == [field.name for field in fields(Costs)]
    assert Costs.from_json({**body, "later": 1}, where="run.json") == costs


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"wall_seconds": "1"},
        {"wall_seconds": True},
        {"wall_seconds": -1},
        {"tokens_trained": 1.5},
        {"device": 3},
        {"wall_seconds": float("nan")},
    ],
)
def test_a_broken_record_names_its_file(body: object) -> None:
    """A record that cannot be is an error that says where it stands."""
    with pytest.raises(UsageError, match=r"run\.json"):
        Costs.from_json(body, where="run.json")


def test_a_meter_measures_wall_and_processor_apart() -> None:
    """Waiting costs wall time and GPU time, and hardly any processor time."""
    meter = Meter(device="H100", devices=2, gpus=2)
    time.sleep(0.05)
    costs = meter.read(tokens_trained=7, peak_gpu_memory=9)
    assert costs.wall_seconds >= 0.05
    assert costs.gpu_seconds == pytest.approx(2 * costs.wall_seconds)
    assert costs.cpu_seconds < costs.wall_seconds
    assert costs.gpu_hours == pytest.approx(costs.gpu_seconds / 3600)
    assert (costs.tokens_trained, costs.peak_gpu_memory, costs.device) == (7, 9, "H100")
    assert costs.peak_memory > 2**20
