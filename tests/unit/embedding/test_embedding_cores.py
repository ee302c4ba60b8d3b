"""How many processes and threads embed."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.embedding.cores import shares, usable_cores


@pytest.mark.parametrize(
    ("cores", "threads", "processes", "expected"),
    [
        (1, 0, 0, (1, 1)),
        (3, 0, 0, (3, 1)),
        (4, 0, 0, (4, 1)),
        (16, 0, 0, (4, 4)),
        (96, 0, 0, (4, 8)),
        (16, 2, 0, (2, 8)),
        (8, 0, 4, (2, 4)),
        (2, 0, 8, (1, 8)),
        (4, 6, 3, (6, 3)),
    ],
)
def test_zero_stands_for_what_suits_the_cores(
    cores: int, threads: int, processes: int, expected: tuple[int, int]
) -> None:
    """One process for every four cores; what is given stays as given."""
    assert shares(cores, threads=threads, processes=processes) == expected


def test_a_container_s_share_of_time_counts(tmp_path: Path) -> None:
    """Half a core is one; without a limit all count."""
    quota = tmp_path / "cpu.max"
    quota.write_text("50000 100000\n")
    assert usable_cores(quota) == 1
    quota.write_text("max 100000\n")
    assert usable_cores(quota) == usable_cores(tmp_path / "none") >= 1
