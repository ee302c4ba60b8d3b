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
from esrag.cluster.retry import retrying
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


class Refusing(ScriptedIndex):
    """Refuses each request that holds one of these ids, or is longer than a proxy allows."""

    def __init__(self, *poison: str, status: int = 400, most_bytes: int = 10**9) -> None:
        super().__init__()
        self.poison = set(poison)
        self.status = status
        self.most_bytes = most_bytes

    def send(self, batch: Sequence[Action]) -> list[Item]:
        """A whole refusal, or all acknowledged."""
        self.requests.append([action.id for action in batch])
        if self.poison & {action.id for action in batch}:
            raise refused(Verdict.HALVE, self.status)
        if sum(action.size for action in batch) > self.most_bytes:
            raise refused(Verdict.HALVE, 413)
        return [acknowledged(action) for action in batch]


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("poison", ["0", "5", "37", "63"])
def test_a_request_that_is_refused_is_halved_until_the_bad_chunk_is_found(
    poison: str, status: int
) -> None:
    """One chunk does not take the others with it, and finding it takes few requests."""
    index = Refusing(poison, status=status)
    items = delivery(index).deliver(actions(64))
    found = outcomes(items)
    assert [i for i, verdict in found.items() if verdict is Verdict.REJECTED] == [poison]
    assert len(found) == 64
    code = "too_large" if status == 413 else "request_refused"
    assert next(item for item in items if item.action.id == poison).code == code
    if status == 400:
        assert len(index.requests) <= 8


def test_a_proxy_that_takes_no_long_bodies_gets_shorter_ones() -> None:
    """At the price of a few refusals, once; no chunk is to blame."""
    index = Refusing(most_bytes=3000)
    window = Window(64)
    one = delivery(index, window=window)
    found = outcomes(one.deliver(actions(64)))
    assert set(found.values()) == {Verdict.ACKNOWLEDGED}
    assert len(index.requests) <= 8
    index.requests.clear()
    one.deliver(actions(64))
    assert len(index.requests) <= 3
    assert window.max_bytes <= 3000


def test_a_server_that_refuses_every_request_is_given_up() -> None:
    """After three chunks that were sent alone, and not after all of them."""
    index = Refusing(*(str(number) for number in range(64)))
    with pytest.raises(UnavailableError, match="every bulk request is refused: 400: text"):
        delivery(index).deliver(actions(64))
    assert len(index.requests) < 24


def test_in_order_nothing_follows_a_refused_part_of_the_same_document() -> None:
    """The rest of it is answered without being sent; other documents are not touched."""
    index = ScriptedIndex(failing(Verdict.REJECTED, 400, "1"))
    both = [Action("index", str(number), number // 8, b"{}") for number in range(16)]
    items = delivery(index, window=Window(4)).deliver(both, ordered=True)
    found = {item.action.id: item for item in items}
    assert index.requests[0] == ["0", "1", "2", "3"]
    assert {i for request in index.requests[1:] for i in request} == set(map(str, range(8, 16)))
    assert all(found[str(number)].code == "not_sent" for number in range(4, 8))
    assert all(
        found[str(number)].verdict is Verdict.ACKNOWLEDGED for number in (0, 2, 3, *range(8, 16))
    )


def test_parts_of_a_delivery_follow_when_the_last_is_acknowledged() -> None:
    """What is sent again goes before anything new, and nothing new goes with it."""
    index = ScriptedIndex(failing(Verdict.AGAIN, 503, "2"), refused(Verdict.BUSY, 429))
    delivery(index, window=Window(4, smallest=4)).deliver(actions(8), ordered=True)
    assert index.requests == [["0", "1", "2", "3"], ["2"], ["2"], ["4", "5", "6", "7"]]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_waits_are_left_to_chance_and_outlast_a_restart(chance: float) -> None:
    """Full jitter in stretches of 2, 4, 8 … at most 30 s; seven of them last 90 s or more."""
    one = Delivery(ScriptedIndex().send, Window(1), chance=lambda: chance, clock=lambda: 0.0)
    waits: list[float] = []
    for failures in range(1, 8):
        waits.append(one.next_wait(failures, sum(waits), 0.0, DOWN))
    assert waits[0] == 2 * chance
    assert max(waits) <= 30.0
    assert sum(waits) == 90.0 + 30.0 * chance
    with pytest.raises(UnavailableError):
        one.next_wait(8, sum(waits), 0.0, DOWN)


def test_single_requests_wait_as_deliveries_do() -> None:
    """Look-ups outlast a restart as well."""
    waits: list[float] = []

    def call() -> None:
        raise DOWN

    with pytest.raises(UnavailableError):
        retrying(call, sleep=waits.append, chance=lambda: 0.0)
    assert waits == [0.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_server_that_asks_for_time_gets_it() -> None:
    """The header Retry-After of a proxy."""
    answer = refused(Verdict.BUSY, 429)
    answer.asked_wait = 0.05
    window = Window(10)
    delivery(ScriptedIndex(answer), window=window).deliver(actions(1))
    assert window.state().waited == 0.05


def test_a_busy_server_that_works_for_others_is_not_given_up() -> None:
    """Tries are counted anew while other deliveries of the same run are acknowledged."""
    window = Window(10)

    class Busy(ScriptedIndex):
        def send(self, batch: Sequence[Action]) -> list[Item]:
            self.requests.append([])
            if len(self.requests) <= 20:
                window.grow(1)  # as another delivery would
                raise refused(Verdict.BUSY, 429)
            return [acknowledged(action) for action in batch]

    assert len(delivery(Busy(), window=window).deliver(actions(1))) == 1


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


def test_what_prepares_ahead_gets_more_deliveries() -> None:
    """As many as it looks ahead, and still no more requests at once than the window allows."""

    class Prepare:
        look_ahead = 25

        def __call__(self, given: Sequence[Action]) -> Sequence[Action]:
            return given

    sender = Sender(delivery(ScriptedIndex(), window=Window(10)), prepare=Prepare())
    for _ in range(4):
        assert not sender.is_full
        sender.submit(actions(1))
    sender.submit(actions(1))
    assert sender.is_full
    for _ in range(5):
        sender.collect(timeout=5)


def test_a_wait_is_seen_from_outside() -> None:
    """Why, and until when."""
    stop = threading.Event()
    one = Delivery(
        ScriptedIndex(always=refused(Verdict.AGAIN, 503)).send,
        Window(10),
        stop=stop,
        chance=lambda: 1.0,
    )
    sender = Sender(one)
    assert one.wait == ("", 0.0)
    sender.submit(actions(3))
    while not sender.state().wait:
        stop.wait(0.001)
    state = sender.state()
    assert state.wait == "down"
    assert state.wait_until > 0
    assert (state.sent, state.again, state.largest) == (1, 3, 3)
    stop.set()
    with pytest.raises(DeliveryStopped):
        sender.collect(timeout=5)
    assert sender.state().wait == ""


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
