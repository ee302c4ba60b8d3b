"""Disk watermarks: percentages, ratios, sizes, and the headroom beside the defaults."""

import pytest

from esrag.doctor.watermarks import size_of, watermarks_of

GIB, TIB = 2**30, 2**40
DISK = "cluster.routing.allocation.disk."


@pytest.mark.parametrize(
    ("total", "free", "stage"),
    [
        (100 * GIB, 50 * GIB, ""),
        (100 * GIB, 14 * GIB, "low"),
        (100 * GIB, 9 * GIB, "high"),
        (100 * GIB, 4 * GIB, "flood_stage"),
        (10 * TIB, 300 * GIB, ""),  # a large disk keeps no more than the headroom
        (10 * TIB, 90 * GIB, "flood_stage"),
        (0, 0, ""),
    ],
)
def test_the_defaults_count_as_the_server_counts(total: int, free: int, stage: str) -> None:
    """Percentages of small disks, headroom on large ones."""
    assert watermarks_of({}).stage(total, free) == stage


@pytest.mark.parametrize("mark", ["10gb", "90%", "0.9"])
def test_a_chosen_watermark_counts_without_the_default_headroom(mark: str) -> None:
    """In each of its three spellings, on a disk where the headroom would make a difference."""
    found = watermarks_of({f"{DISK}watermark.low": mark})
    total = 100 * GIB if mark == "10gb" else 10 * TIB
    wanted = 10 * GIB if mark == "10gb" else TIB
    assert found.least_free("low", total) == pytest.approx(wanted, rel=1e-6)


def test_a_cluster_that_does_not_watch_its_disks_has_no_stage() -> None:
    """threshold_enabled: false."""
    assert watermarks_of({f"{DISK}threshold_enabled": "false"}).stage(100, 0) == ""


def test_sizes_are_read_in_all_units() -> None:
    """Upper and lower case; what is no size is -1."""
    assert [size_of(text) for text in ("300MB", "1.5gb", "7", "often")] == [
        300 * 2**20,
        3 * 2**29,
        7,
        -1,
    ]
