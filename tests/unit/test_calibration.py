"""Calibration: a threshold from questions with known answers."""

from pathlib import Path

import pytest

from esrag.calibration import Calibration, Scored, fit_threshold, load, save
from esrag.errors import UsageError


def test_the_threshold_parts_what_can_be_parted() -> None:
    """When scores do not overlap, it lies in the middle of the gap."""
    scored = [Scored(0.8, answerable=True), Scored(0.7, answerable=True)]
    scored += [Scored(0.3, answerable=False), Scored(0.5, answerable=False)]
    assert fit_threshold(scored) == pytest.approx(0.6)


def test_one_sort_of_question_is_not_enough() -> None:
    """Without unanswerable questions there is nothing to tell apart."""
    with pytest.raises(UsageError, match="without one"):
        fit_threshold([Scored(0.8, answerable=True)])


def test_a_calibration_survives_the_disk(tmp_path: Path) -> None:
    """What was saved is what is loaded; no file means the default."""
    path = tmp_path / "calibration" / "docs.json"
    assert load(path) == Calibration()
    save(path, Calibration(threshold=0.4, answerable=3))
    assert load(path) == Calibration(threshold=0.4, answerable=3)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """A damaged file is an error, not silently the default."""
    path = tmp_path / "docs.json"
    path.write_text('{"treshold": 1}')
    with pytest.raises(UsageError, match=r"docs\.json"):
        load(path)
