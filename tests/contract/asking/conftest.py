"""The set that every test about asking asks."""

from __future__ import annotations

import pytest
from asking_desk import Desk
from fake_generator import FakeGenerator


@pytest.fixture
def desk(asking_set: Desk, fake: FakeGenerator) -> Desk:
    """The set, asked with the scripted generator."""
    return asking_set.with_environment(ESRAG_GENERATOR_URL=fake.url)
