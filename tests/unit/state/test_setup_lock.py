"""The lock: one holder, waiting, taking over from the dead, and losing it to force."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from esrag.cluster import notes
from esrag.errors import ConflictError
from esrag.state import lock as lock_module
from esrag.state.lock import LOCK, Terms, held
from esrag.state.owner import Owner, is_dead, owner_from, this_process
from esrag.state.setting_up import make_notes_index
from esrag.testing_elasticsearch import ClusterInMemory, ElasticsearchFake

TERMS = Terms(command="setup --set hr", wait=0.0, sleep=lambda _: None)


@pytest.fixture
def fake() -> ElasticsearchFake:
    """An empty cluster."""
    return ElasticsearchFake(ClusterInMemory())


def put_lock(fake: ElasticsearchFake, owner: Owner, renewal: int = 3) -> None:
    """Somebody else's lock."""
    client = fake.client()
    make_notes_index(client)
    notes.put_note(client, LOCK, {"kind": LOCK, "owner": owner.as_body(), "renewal": renewal})


def elsewhere() -> Owner:
    """A process on another host."""
    return replace(this_process("reembed"), host="other-host", machine="m", token="t")


def test_it_is_there_inside_the_block_and_gone_after_it(fake: ElasticsearchFake) -> None:
    """Also after an error, which is what the caller hears of."""
    client = fake.client()

    def work() -> None:
        with held(client, TERMS, prepare=lambda: make_notes_index(client)):
            found = notes.read_note(client, LOCK)
            assert found is not None
            assert owner_from(found.body["owner"]).command == "setup --set hr"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert notes.read_note(client, LOCK) is None


def test_a_lock_of_another_host_is_waited_for_and_then_named(fake: ElasticsearchFake) -> None:
    """Exit code 7 with host, process and what to do; the waiting is told once."""
    put_lock(fake, elsewhere())
    told: list[str] = []
    times = iter(range(100))
    terms = replace(
        TERMS, wait=6.0, waiting=lambda owner: told.append(owner.host), clock=lambda: next(times)
    )
    client = fake.client()
    with pytest.raises(ConflictError) as caught, held(client, terms, prepare=lambda: None):
        pass
    assert "other-host (reembed)" in caught.value.message
    assert "gave no sign of life" in caught.value.message
    assert "--force-unlock" in caught.value.hint
    assert told == ["other-host"]


def test_a_counter_that_moves_is_told(fake: ElasticsearchFake) -> None:
    """Whether the holder is alive is seen by its counter, not by a clock."""
    put_lock(fake, elsewhere())
    times, renewals = iter(range(100)), iter(range(4, 100))
    terms = replace(
        TERMS,
        wait=6.0,
        clock=lambda: next(times),
        sleep=lambda _: put_lock(fake, elsewhere(), next(renewals)),
    )
    with (
        pytest.raises(ConflictError, match="it is at work"),
        held(fake.client(), terms, prepare=lambda: None),
    ):
        pass


def test_a_released_lock_is_had_after_the_wait(fake: ElasticsearchFake) -> None:
    """The waiter goes on as soon as the holder is done."""
    put_lock(fake, elsewhere())
    client = fake.client()
    terms = replace(TERMS, wait=60.0, sleep=lambda _: notes.drop_note(client, LOCK))
    with held(client, terms, prepare=lambda: None):
        pass


@pytest.mark.parametrize("which", ["dead process", "forgotten by this process", "force"])
def test_a_lock_that_nobody_holds_is_taken_over(fake: ElasticsearchFake, which: str) -> None:
    """A process that is known to be dead, this very one, or whoever is told to."""
    here = this_process("setup")
    owner = {
        "dead process": replace(here, started="1"),
        "forgotten by this process": here,
        "force": elsewhere(),
    }[which]
    put_lock(fake, owner)
    with held(fake.client(), replace(TERMS, force=which == "force"), prepare=lambda: None) as lock:
        lock.require()


def test_one_thread_does_not_take_the_lock_of_another(fake: ElasticsearchFake) -> None:
    """The same process holding it is no reason to take it over."""
    client = fake.client()
    with held(client, TERMS, prepare=lambda: make_notes_index(client)):
        with pytest.raises(ConflictError), held(client, TERMS, prepare=lambda: None):
            pass
        found: list[ConflictError] = []

        def other() -> None:
            try:
                with held(client, TERMS, prepare=lambda: None):
                    pass
            except ConflictError as error:
                found.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(found) == 1


def test_who_lost_the_lock_stops(fake: ElasticsearchFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step is refused once the renewal has found somebody else's lock."""
    monkeypatch.setattr(lock_module, "RENEW_SECONDS", 0.01)
    client = fake.client()
    with held(client, TERMS, prepare=lambda: make_notes_index(client)) as lock:
        put_lock(fake, elsewhere())
        lock._renewer.join(timeout=5)
        with pytest.raises(ConflictError, match="taken from this process"):
            lock.require()
    kept = notes.read_note(client, LOCK)
    assert kept is not None
    assert kept.body["owner"]["host"] == "other-host"


def test_the_counter_is_raised(fake: ElasticsearchFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiter sees it move."""
    monkeypatch.setattr(lock_module, "RENEW_SECONDS", 0.001)
    client = fake.client()
    with held(client, TERMS, prepare=lambda: make_notes_index(client)) as lock:
        while lock._note.body["renewal"] < 3:
            pass
    assert notes.read_note(client, LOCK) is None


@pytest.mark.parametrize("number", range(6))
def test_a_lost_answer_of_any_request_is_no_lost_lock(fake: ElasticsearchFake, number: int) -> None:
    """The server did what it was told; that is found out by asking."""
    client = fake.client()
    fake.lose_answer_of = number
    with held(client, TERMS, prepare=lambda: make_notes_index(client)) as lock:
        lock.require()
    assert notes.read_note(client, LOCK) is None


def test_this_process_is_alive_and_survives_storing() -> None:
    """What is read back is the same owner."""
    here = this_process("setup")
    assert owner_from(here.as_body()) == here
    assert not is_dead(here)
    assert not is_dead(replace(here, machine=""))
    assert is_dead(replace(here, pid=2**22 + 1)) == bool(here.machine)
