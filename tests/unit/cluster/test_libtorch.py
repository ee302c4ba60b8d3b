"""The table of libtorch versions: knowledge that warns and never refuses."""

import pytest

from esrag.cluster.libtorch import libtorch_of, torch_warning


@pytest.mark.parametrize(
    ("server", "torch"),
    [
        ("8.15.1", "2.1.2"),
        ("8.15.2", "2.3.1"),
        ("8.19.10", "2.7.1"),
        ("9.1.7", "2.5.1"),
        ("9.1.8", "2.7.1"),
        ("9.5.3", "2.7.1"),
        ("9.5.3-SNAPSHOT", "2.7.1"),
        ("9.99.0", None),
        ("", None),
    ],
)
def test_the_newest_line_of_the_minor_version_counts(server: str, torch: str | None) -> None:
    """A patch release may bring another libtorch; a minor version without a line is unknown."""
    assert libtorch_of(server) == torch


@pytest.mark.parametrize(
    ("server", "bundle", "word"),
    [
        ("9.5.3", "2.7.1", ""),
        ("9.5.3", "2.7.1+cpu", ""),
        ("9.5.3", "2.5.1", ""),
        ("9.1.0", "2.7.1", "older"),
        ("9.99.0", "2.7.1", "not known"),
        ("9.5.3", "", "does not say"),
    ],
)
def test_a_bundle_of_a_newer_torch_is_warned_of(server: str, bundle: str, word: str) -> None:
    """Older traces run on newer libtorch, not the other way round."""
    found = torch_warning(server, bundle)
    assert word in found if word else found == ""
