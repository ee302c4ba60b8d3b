"""Cancelling: seen by every thread, once, and without a callback that comes too late."""

import threading

import pytest

from esrag.generation.cancelling import Cancellation, CancelledError


def test_nothing_happens_until_it_is_cancelled() -> None:
    """Checks pass and a wait lasts its time."""
    cancel = Cancellation()
    cancel.check()
    assert not cancel.wait(0.001)
    assert (cancel.cancelled, cancel.reason) == (False, "")


def test_the_first_reason_is_kept_and_told() -> None:
    """Who cancels first says why, and the error repeats it."""
    cancel = Cancellation()
    cancel.cancel("the client left")
    cancel.cancel("too late")
    assert cancel.reason == "the client left"
    with pytest.raises(CancelledError, match="the client left"):
        cancel.check()


def test_a_callback_runs_once_and_only_inside_its_block() -> None:
    """Leaving the block forgets it; cancelling twice runs nothing twice."""
    cancel = Cancellation()
    calls: list[str] = []
    with cancel.calling(lambda: calls.append("left")):
        pass
    with cancel.calling(lambda: calls.append("inside")):
        cancel.cancel()
        cancel.cancel()
    assert calls == ["inside"]


def test_a_callback_given_after_the_cancelling_runs_at_once() -> None:
    """A socket opened too late is closed all the same."""
    cancel = Cancellation()
    cancel.cancel()
    calls: list[int] = []
    with cancel.calling(lambda: calls.append(1)):
        assert calls == [1]


def test_a_wait_ends_with_the_cancelling() -> None:
    """Another thread wakes whoever sleeps, and callbacks run in that thread."""
    cancel = Cancellation()
    ran_in: list[int] = []
    with cancel.calling(lambda: ran_in.append(threading.get_ident())):
        other = threading.Timer(0.01, cancel.cancel)
        other.start()
        assert cancel.wait(10)
    other.join()
    assert ran_in == [other.ident]


def test_leaving_the_block_waits_for_a_running_callback() -> None:
    """A connection is not handed to somebody else while it is being shut."""
    cancel = Cancellation()
    entered, release = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        entered.set()
        release.wait(10)
        done.append("callback")

    other = threading.Thread(target=cancel.cancel)
    with cancel.calling(slow):
        other.start()
        entered.wait(10)
        threading.Timer(0.02, release.set).start()
    assert done == ["callback"]
    other.join()


def test_one_failing_callback_keeps_no_other_from_running() -> None:
    """All sockets are closed; the first error is told."""
    cancel = Cancellation()
    calls: list[int] = []

    def fails() -> None:
        raise OSError("no socket")

    with (
        cancel.calling(fails),
        cancel.calling(lambda: calls.append(1)),
        pytest.raises(OSError, match="no socket"),
    ):
        cancel.cancel()
    assert calls == [1]


def test_a_child_is_cancelled_with_its_parent_and_alone() -> None:
    """A part of the work can be called off without the rest, and never outlives it."""
    parent = Cancellation()
    alone, together = parent.child(), parent.child()
    alone.cancel("not needed")
    assert not parent.cancelled
    parent.cancel("the client left")
    assert (alone.reason, together.reason) == ("not needed", "the client left")
    assert parent.child().cancelled
