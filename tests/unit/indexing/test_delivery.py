"""Each action ends acknowledged or rejected, or the delivery says why it gave up."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.cluster.bulk import Action, BulkRefused, Item, Verdict
from esrag.cluster.delivery import Delivery, DeliveryStopped, Sender, take_batch
from esrag.cluster.pressure import Window
from esrag.errors import ConflictError, EsragError, PermissionDeniedError, UnavailableError

Answer = Callable[[Action], Item] | BulkRefused
NO_WAIT = -9.0  # chance that makes every wait nothing
DOWN = UnavailableError("down")


def actions(count: int) -> list[Action]:
    """Index actions with distinct ids."""
    return [Action("index", str(number), number, b"{}") for number in range(count)]


def acknowledged(action: Action) -> Item:
    """An answer that all is well."""
    return Item(action, Verdict.ACKNOWLEDGED, 201)


def failing(verdict: Verdict, status: int, *ids: str) -> Callable[[Action], Item]:
    """An answer that refuses some actions."""

    def answer(action: Action) -> Item:
        if ids and action.id not in ids:
            return acknowledged(action)
        return Item(action, verdict, status, "code", "reason")

    return answer


def refused(verdict: Verdict, status: int, *, lost: bool = False) -> BulkRefused:
    """A refusal of the whole request."""
    error = {401: PermissionDeniedError("401"), 404: ConflictError("404")}.get(status, DOWN)
    return BulkRefused(verdict, status, "text", error, lost=lost)


class ScriptedIndex:
    """Answers by a script, then acknowledges; remembers which ids each request held."""

    def __init__(self, *answers: Answer, always: Answer = acknowledged) -> None:
        self.answers = deque(answers)
        self.always = always
        self.requests: list[list[str]] = []

    def send(self, batch: Sequence[Action]) -> list[Item]:
        """One answer of the script."""
        self.requests.append([action.id for action in batch])
        answer = self.answers.popleft() if self.answers else self.always
        if isinstance(answer, BulkRefused):
            raise answer
        return [answer(action) for action in batch]


def delivery(index: ScriptedIndex, *, window: Window | None = None, tries: int = 8) -> Delivery:
    """A delivery that does not wait."""
    return Delivery(index.send, window or Window(100), tries=tries, chance=lambda: NO_WAIT)


def outcomes(items: Sequence[Item]) -> dict[str, Verdict]:
    """The verdict for each id; every id once."""
    assert len({item.action.id for item in items}) == len(items)
    return {item.action.id: item.verdict for item in items}


def test_only_items_that_were_busy_are_sent_again() -> None:
    """What was acknowledged is not."""
    index = ScriptedIndex(failing(Verdict.BUSY, 429, "1", "2"))
    items = delivery(index).deliver(actions(4))
    assert index.requests == [["0", "1", "2", "3"], ["1", "2"]]
    assert set(outcomes(items).values()) == {Verdict.ACKNOWLEDGED}


def test_a_lost_answer_is_sent_again_with_the_same_ids() -> None:
    """The outcome is unknown, and the same ids cannot make duplicates."""
    index = ScriptedIndex(refused(Verdict.AGAIN, 0, lost=True))
    assert len(delivery(index).deliver(actions(2))) == 2
    assert index.requests == [["0", "1"], ["0", "1"]]


def test_a_bad_chunk_is_rejected_at_once() -> None:
    """It does not hold up its neighbours."""
    index = ScriptedIndex(failing(Verdict.REJECTED, 400, "1"))
    items = delivery(index).deliver(actions(3))
    assert outcomes(items)["1"] is Verdict.REJECTED
    assert len(index.requests) == 1


def test_a_request_that_is_refused_is_halved_until_the_bad_chunk_is_found() -> None:
    """One chunk does not take the others with it."""

    class Refusing(ScriptedIndex):
        def send(self, batch: Sequence[Action]) -> list[Item]:
            self.requests.append([action.id for action in batch])
            if "5" in self.requests[-1]:
                raise refused(Verdict.HALVE, 413)
            return [acknowledged(action) for action in batch]

    items = delivery(Refusing()).deliver(actions(8))
    found = outcomes(items)
    assert [i for i, verdict in found.items() if verdict is Verdict.REJECTED] == ["5"]
    assert len(found) == 8
    assert next(item for item in items if item.action.id == "5").code == "too_large"


def test_a_server_that_stays_down_is_given_up() -> None:
    """After eight requests, with the error that says so."""
    index = ScriptedIndex(always=refused(Verdict.AGAIN, 503, lost=True))
    with pytest.raises(UnavailableError, match="down"):
        delivery(index).deliver(actions(2))
    assert len(index.requests) == 8


def test_patience_ends_even_when_tries_are_left() -> None:
    """The time limit counts from the last acknowledgement."""
    now = iter(range(0, 10_000, 100))
    index = ScriptedIndex(always=refused(Verdict.AGAIN, 503))
    one = Delivery(
        index.send,
        Window(10),
        chance=lambda: NO_WAIT,
        patience=250.0,
        clock=lambda: float(next(now)),
    )
    with pytest.raises(UnavailableError):
        one.deliver(actions(1))
    assert len(index.requests) < 5


@pytest.mark.parametrize("status", [401, 404])
def test_what_cannot_get_better_stops_at_once(status: int) -> None:
    """Wrong credentials and a missing index are not tried again."""
    index = ScriptedIndex(always=refused(Verdict.STOP, status))
    with pytest.raises(EsragError, match=str(status)):
        delivery(index).deliver(actions(1))
    assert len(index.requests) == 1


def test_credentials_refused_by_a_node_that_just_started_are_tried_again() -> None:
    """Its security index may not be ready."""
    index = ScriptedIndex(refused(Verdict.AGAIN, 0, lost=True), refused(Verdict.STOP, 401))
    assert len(delivery(index).deliver(actions(1))) == 1


def test_a_chunk_that_fails_alone_is_rejected_in_the_end() -> None:
    """Its neighbours went through, so it is to blame."""
    index = ScriptedIndex(always=failing(Verdict.FEW_TIMES, 500, "1"))
    items = delivery(index).deliver(actions(3))
    assert outcomes(items)["1"] is Verdict.REJECTED
    assert next(item for item in items if item.action.id == "1").attempts == 3


def test_when_every_chunk_fails_the_server_is_to_blame() -> None:
    """Nothing is rejected because the embedding process is down."""
    index = ScriptedIndex(always=failing(Verdict.FEW_TIMES, 500))
    with pytest.raises(UnavailableError, match="500 code: reason"):
        delivery(index).deliver(actions(3))


def test_a_busy_server_gets_smaller_requests_that_grow_again() -> None:
    """Halved at once, grown step by step."""
    window = Window(64)
    index = ScriptedIndex(refused(Verdict.BUSY, 429), refused(Verdict.BUSY, 429))
    delivery(index, window=window).deliver(actions(64))
    assert [len(request) for request in index.requests] == [64, 32, 16, 24, 24]
    assert window.size == 40


def test_stopping_ends_the_wait() -> None:
    """A delivery that waits for a server leaves at once."""
    stop = threading.Event()
    index = ScriptedIndex(always=refused(Verdict.AGAIN, 503))
    one = Delivery(index.send, Window(10), stop=stop, chance=lambda: 1.0)
    sender = Sender(one)
    sender.submit(actions(1))
    while not index.requests:
        stop.wait(0.001)
    stop.set()
    with pytest.raises(DeliveryStopped):
        sender.collect(timeout=5)
    assert sender.in_flight == 0


def test_a_sender_hands_over_what_its_deliveries_return() -> None:
    """Two at once, and the third must wait."""
    sender = Sender(delivery(ScriptedIndex()), at_once=2)
    sender.submit(actions(1))
    sender.submit(actions(2))
    assert sender.is_full
    assert {len(sender.collect(timeout=5)), len(sender.collect(timeout=5))} == {1, 2}
    with pytest.raises(queue.Empty):
        sender.collect(timeout=0)


def test_a_batch_ends_at_its_size_or_its_bytes() -> None:
    """One action is always taken, however large."""
    waiting = deque(Action("index", str(n), n, b"x" * 1000) for n in range(5))
    assert len(take_batch(waiting, size=2)) == 2
    assert len(take_batch(waiting, size=9, max_bytes=10)) == 1
    assert len(take_batch(waiting, size=9, max_bytes=2200)) == 2
    assert not waiting


request_answers = st.lists(
    st.one_of(
        st.sampled_from(
            [
                refused(Verdict.HALVE, 413),
                refused(Verdict.HALVE, 400),
                refused(Verdict.BUSY, 429),
                refused(Verdict.AGAIN, 0, lost=True),
                refused(Verdict.STOP, 401),
            ]
        ),
        st.dictionaries(
            st.integers(0, 9).map(str),
            st.sampled_from([Verdict.BUSY, Verdict.AGAIN, Verdict.FEW_TIMES, Verdict.REJECTED]),
            min_size=1,
        ),
    ),
    max_size=12,
)


@given(script=request_answers, window=st.integers(1, 12))
def test_random_answers_never_lose_an_action(
    script: list[BulkRefused | dict[str, Verdict]], window: int
) -> None:
    """Each action has one final answer, or an error is raised; acknowledged means acknowledged."""
    server: set[str] = set()

    def answer_of(verdicts: dict[str, Verdict]) -> Callable[[Action], Item]:
        def answer(action: Action) -> Item:
            verdict = verdicts.get(action.id, Verdict.ACKNOWLEDGED)
            if verdict is Verdict.ACKNOWLEDGED:
                server.add(action.id)
            return Item(action, verdict, 500, "code", "reason")

        return answer

    answers = [a if isinstance(a, BulkRefused) else answer_of(a) for a in script]
    index = ScriptedIndex(*answers, always=answer_of({}))
    try:
        items = delivery(index, window=Window(window)).deliver(actions(10))
    except EsragError:
        return
    found = outcomes(items)
    assert set(found) == {str(number) for number in range(10)}
    assert {i for i, v in found.items() if v is Verdict.ACKNOWLEDGED} <= server
    assert set(found.values()) <= {Verdict.ACKNOWLEDGED, Verdict.REJECTED}
