"""A healthy document set in memory."""

from pathlib import Path

import pytest
from patient import Patient


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """Set up, with a data folder and a current folder of its own."""
    monkeypatch.chdir(tmp_path)
    patient = Patient(tmp_path)
    patient.set_up()
    return patient
