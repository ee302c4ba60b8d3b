"""Telling our processes from others; this test's own process serves as the example."""

from __future__ import annotations

import os

from esrag.local import process
from esrag.local.process import ProcessId


def test_a_process_is_recognised() -> None:
    """Number and start time agree."""
    own = process.identify(os.getpid())
    assert own is not None
    assert process.is_alive(own)


def test_a_reused_number_is_not_our_process() -> None:
    """The same number with another start time is somebody else."""
    assert not process.is_alive(ProcessId(os.getpid(), "another start"))


def test_a_stranger_has_no_family() -> None:
    """So nothing of it can be ended."""
    assert process.family(ProcessId(os.getpid(), "another start")) == []


def test_unmarked_processes_are_not_found() -> None:
    """This process bears no stack's mark."""
    assert process.marked("/some/stack") == []


def test_stopping_nothing_returns_at_once() -> None:
    """An empty list is fine."""
    process.stop([], patience=60)
