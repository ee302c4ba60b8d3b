"""Calibration: a threshold from questions with known answers."""

from pathlib import Path

import pytest

from esrag.calibration import Calibration, Scored, calibration_of, fit_threshold, load, save
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


def test_what_the_index_says_goes_before_the_file(tmp_path: Path) -> None:
    """The file is for whoever may not change the mapping; without either the default holds."""
    path = tmp_path / "docs.json"
    assert calibration_of("", path) == Calibration()
    save(path, Calibration(threshold=0.4))
    assert calibration_of("", path).threshold == 0.4
    noted = calibration_of("threshold=0.6000 coverage=0.90 n=5+6", path)
    assert noted == Calibration(threshold=0.6, coverage=0.9, answerable=5, unanswerable=6)
