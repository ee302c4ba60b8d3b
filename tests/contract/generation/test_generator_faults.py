"""The generator against a server that follows scripts: what is told, and what is closed."""

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fake_generator import FakeGenerator, Script

from esrag.errors import EsragError, PermissionDeniedError, UnavailableError, UsageError
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.generator import Generator
from esrag.generation.pieces import BusyError, FailedError, IncompleteError, Piece, TooLongError
from esrag.generation.places import Place
from esrag.types import Message

QUESTION = (Message("system", "rules"), Message("user", "Was ist das?"))
TEXT = "Grüße aus Wien 🎡: it costs 42 € [1]. And that is all."

Make = Callable[..., Generator]


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """A generator of one's own."""
    with FakeGenerator(script=Script(text=TEXT)) as running:
        yield running


@pytest.fixture
def make(fake: FakeGenerator) -> Iterator[Make]:
    """Makes clients of it, which are closed in the end."""
    made: list[Generator] = []

    def one(**choices: object) -> Generator:
        made.append(Generator(Place(url=fake.url, **choices)))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for generator in made:
        generator.close()


def text_of(pieces: Iterator[Piece]) -> str:
    """The whole text."""
    return "".join(piece.text for piece in pieces)


def test_pieces_arrive_with_finish_reason_and_usage(fake: FakeGenerator, make: Make) -> None:
    """Text, finish reason and usage come through; the key and the body go out."""
    pieces = list(make(model="an-adapter", authorization="Bearer k").stream(QUESTION))
    assert text_of(iter(pieces)) == TEXT
    assert [piece.finish_reason for piece in pieces][-2:] == ["stop", None]
    assert pieces[-1].prompt_tokens == 8
    (asked,) = fake.generations
    assert (asked.body["temperature"], asked.body["stream"]) == (0, True)
    assert (asked.body["model"], asked.headers["authorization"]) == ("an-adapter", "Bearer k")


def test_connections_and_limits_are_kept(fake: FakeGenerator, make: Make) -> None:
    """Further answers need no new connection and ask for no limits."""
    generator = make()
    for _ in range(3):
        assert generator.budget() == 4096 - 160
        assert text_of(generator.stream(QUESTION)) == TEXT
    assert fake.connections == 1
    assert [request.path for request in fake.requests].count("/info") == 1


@pytest.mark.parametrize("write", [1, 2, 3, 7])
def test_bytes_may_be_cut_anywhere(fake: FakeGenerator, make: Make, write: int) -> None:
    """Characters and fields that arrive in halves are put together."""
    fake.script = Script(text=TEXT, write=write, comments=True)
    assert text_of(make().stream(QUESTION)) == TEXT


def test_native_and_cluster_protocols_say_the_same(fake: FakeGenerator, make: Make) -> None:
    """TGI's own route gets the templated text; the cluster gets the chat."""
    assert text_of(make(protocol="tgi", model="lora").stream(QUESTION)) == TEXT
    native = fake.generations[-1].body
    assert native["inputs"] == "system : rules\nuser : Was ist das?"
    assert native["parameters"]["adapter_id"] == "lora"
    through = make(protocol="elasticsearch", inference_id="a/b", authorization="ApiKey x")
    assert text_of(through.stream(QUESTION)) == TEXT
    asked = fake.generations[-1]
    assert asked.path == "/_inference/chat_completion/a%2Fb/_stream"
    assert asked.body["max_completion_tokens"] == 160
    assert asked.headers["authorization"] == "ApiKey x"
    assert through.limits().total_tokens == 4096


@pytest.mark.parametrize("status", [429, 503, 500, 502, 424])
def test_a_server_that_recovers_is_asked_again(
    fake: FakeGenerator, make: Make, status: int
) -> None:
    """Before the first piece, what may pass is tried once more."""
    fake.then(Script(status=status), Script(text="ok"))
    assert text_of(make().stream(QUESTION)) == "ok"
    assert len(fake.generations) == 2


@pytest.mark.parametrize(("status", "tries"), [(429, 3), (503, 3), (500, 2), (424, 2)])
def test_a_server_that_does_not_recover_is_given_up(
    fake: FakeGenerator, make: Make, status: int, tries: int
) -> None:
    """Tries are bounded, and the server's words are told."""
    fake.script = Script(status=status, error="no room here")
    with pytest.raises(UnavailableError, match="no room here"):
        list(make().stream(QUESTION))
    assert len(fake.generations) == tries


def test_retry_after_is_kept_or_the_error_told_at_once(fake: FakeGenerator, make: Make) -> None:
    """A wait that the deadline does not allow is not begun."""
    fake.script = Script(status=429, retry_after="3600")
    begun = time.monotonic()
    with pytest.raises(BusyError) as caught:
        list(make().stream(QUESTION))
    assert time.monotonic() - begun < 5
    assert (len(fake.generations), caught.value.wait) == (1, 3600)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (Script(status=401), PermissionDeniedError),
        (Script(status=403), PermissionDeniedError),
        (Script(status=404, error="no model x"), UsageError),
        (Script(status=307, location="http://127.0.0.1:1/"), UsageError),
        (Script(status=400, error="bad"), EsragError),
        (Script(status=422, error="`inputs` must have less than 10 tokens"), TooLongError),
        (
            Script(status=400, error='{"error":{"message":"maximum context length is 9"}}'),
            TooLongError,
        ),
        (Script(status=413), TooLongError),
        (Script(error_after=0), FailedError),
        (Script(content_type="text/html"), UsageError),
        (Script(content_type="application/json"), UsageError),
    ],
    ids=lambda value: None,
)
def test_a_refusal_becomes_the_right_error(
    fake: FakeGenerator, make: Make, script: Script, error: type[EsragError]
) -> None:
    """Each has its branch of the tree, and with it the exit code."""
    fake.script = script
    with pytest.raises(error):
        list(make().stream(QUESTION))


def test_a_redirect_is_never_followed(fake: FakeGenerator, make: Make) -> None:
    """Only the address of the settings is called, whoever points elsewhere."""
    with FakeGenerator() as elsewhere:
        fake.script = Script(status=307, location=elsewhere.url + "/v1/chat/completions")
        with pytest.raises(UsageError, match="points to another address"):
            list(make().stream(QUESTION))
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "script", [Script(error_after=2), Script(garbage_after=2), Script(finish="")]
)
def test_a_broken_stream_is_incomplete_and_never_repeated(
    fake: FakeGenerator, make: Make, script: Script
) -> None:
    """What had arrived is kept; no second attempt is made after the first piece."""
    fake.script = script
    with pytest.raises(IncompleteError) as caught:
        list(make().stream(QUESTION))
    assert caught.value.text.startswith("The answer"[:10])
    assert len(fake.generations) == 1


def test_a_stream_without_its_last_line_is_whole_when_it_ends_properly(
    fake: FakeGenerator, make: Make
) -> None:
    """With the finish reason and the end of the body nothing is missing; without it, who knows."""
    fake.script = Script(text="ok", done=False)
    assert text_of(make().stream(QUESTION)) == "ok"
    fake.script = Script(text="ok", done=False, chunked=False)
    with pytest.raises(IncompleteError):
        list(make().stream(QUESTION))


def cut_anywhere(fake: FakeGenerator, generator: Generator, *, times: int, seed: int) -> None:
    """Streams cut after a random byte, by an end or by a reset: each is told to be incomplete."""
    fake.script = Script(text=TEXT)
    whole = text_of(generator.stream(QUESTION))
    chance = random.Random(seed)
    length = {"tgi": 1700}.get(generator.place.protocol, 2400)
    for cut in (chance.randrange(1, length) for _ in range(times)):
        fake.script = Script(text=TEXT, cut_after=cut, reset=bool(chance.randrange(2)))
        pieces: list[Piece] = []
        with pytest.raises(UnavailableError) as caught:
            pieces.extend(generator.stream(QUESTION))
        arrived = text_of(iter(pieces))
        assert whole.startswith(arrived)
        if arrived:
            assert isinstance(caught.value, IncompleteError)
            assert caught.value.text == arrived


@pytest.mark.parametrize("protocol", ["messages", "tgi", "elasticsearch"])
def test_no_cut_stream_passes_for_a_whole_one(
    fake: FakeGenerator, make: Make, protocol: str
) -> None:
    """What came is kept and said to be incomplete."""
    cut_anywhere(fake, make(protocol=protocol, inference_id="x"), times=12, seed=7)


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["messages", "tgi", "elasticsearch"])
def test_none_of_two_hundred_cut_streams_passes_for_a_whole_one(
    fake: FakeGenerator, make: Make, protocol: str
) -> None:
    """The same, two hundred times."""
    cut_anywhere(fake, make(protocol=protocol, inference_id="x"), times=200, seed=8)


def test_each_deadline_ends_the_wait_and_names_its_setting(fake: FakeGenerator, make: Make) -> None:
    """First token, further tokens, and all of it; drips and signs of life do not prolong it."""
    cases = [
        (Script(hold=True), {"first_token_timeout": 0.2}, "first_token_timeout"),
        (Script(first_after=9, comments=True), {"first_token_timeout": 0.2}, "first_token_timeout"),
        (Script(write=1, drip=0.02), {"first_token_timeout": 0.3}, "first_token_timeout"),
        (Script(pieces_per_second=0.5), {"token_timeout": 0.2}, "token_timeout"),
        (
            Script(endless=True, pieces_per_second=40),
            {"total_timeout": 0.4, "max_new_tokens": 500},
            "total_timeout",
        ),
    ]
    for script, choices, setting in cases:
        fake.script = script
        begun = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            list(make(**choices).stream(QUESTION))
        assert time.monotonic() - begun < 2
        assert f"generator.{setting}" in caught.value.hint
        assert fake.wait(lambda: fake.open_streams == 0)


def test_a_slow_reader_is_no_slow_server(fake: FakeGenerator, make: Make) -> None:
    """Only waiting counts: what arrived while the reader was at work is read all the same."""
    pieces = make(token_timeout=0.05).stream(QUESTION)
    text = next(pieces).text
    time.sleep(0.15)
    assert text + text_of(pieces) == TEXT


def test_an_endless_stream_is_cut_off(fake: FakeGenerator, make: Make) -> None:
    """More pieces than tokens were asked for are not taken, and the connection closes."""
    fake.script = Script(text="a", endless=True)
    pieces = list(make().stream(QUESTION, max_tokens=30))
    assert text_of(iter(pieces)) == "a" * 30
    assert pieces[-1].finish_reason == "length"
    assert fake.wait(lambda: fake.open_connections == 0)


@pytest.mark.parametrize(
    "script",
    [
        Script(hold=True),
        Script(first_after=30),
        Script(endless=True, pieces_per_second=30),
        Script(status=429, retry_after="30"),
    ],
    ids=["before the answer", "before the first token", "in the stream", "between tries"],
)
def test_calling_off_ends_everything_within_a_second(
    fake: FakeGenerator, make: Make, script: Script
) -> None:
    """Whatever is being waited for, the reader returns and the server sees the client leave."""
    fake.script = script
    cancel = Cancellation()
    timer = threading.Timer(0.2, cancel.cancel, ("the client left",))
    begun = time.monotonic()
    timer.start()
    with pytest.raises(CancelledError, match="the client left"):
        list(make().stream(QUESTION, cancel=cancel))
    assert time.monotonic() - begun < 1.2
    assert fake.wait(lambda: fake.open_streams == 0)


def test_leaving_the_iterator_ends_the_generation(fake: FakeGenerator, make: Make) -> None:
    """A reader that has enough closes the connection by it."""
    fake.script = Script(endless=True, pieces_per_second=100)
    pieces = make().stream(QUESTION)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert fake.wait(lambda: fake.open_connections == 0)
    assert fake.left == 1


def test_many_threads_share_one_generator(fake: FakeGenerator, make: Make) -> None:
    """Each gets its own answer, limits are read once, and no connection is mixed up."""
    fake.says(lambda asked: asked.user)
    generator = make()
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        generator.budget()
        answers[number] = text_of(generator.stream((Message("user", f"number {number}"),)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"number {number}" for number in range(32)}
    assert [request.path for request in fake.requests].count("/info") == 1


def test_an_idle_connection_that_was_closed_is_replaced(fake: FakeGenerator, make: Make) -> None:
    """A server that closes after each answer costs a connection, never an error."""
    fake.script = Script(text="ok", keep_alive=False)
    generator = make()
    assert [text_of(generator.stream(QUESTION)) for _ in range(3)] == ["ok"] * 3


@pytest.mark.parametrize(
    ("kind", "total"), [("tgi", 500), ("vllm", 500), ("llama.cpp", 500), ("none", 4096)]
)
def test_limits_and_counts_come_from_each_kind_of_server(
    fake: FakeGenerator, make: Make, kind: str, total: int
) -> None:
    """TGI, vLLM and llama.cpp tell them in their ways; what is not told is assumed."""
    fake.kind = kind  # type: ignore[assignment]
    fake.max_total_tokens, fake.max_input_tokens = 500, 499
    generator = make()
    assert generator.limits().total_tokens == total
    assert generator.budget(100) == total - 100
    counted = generator.count_tokens(QUESTION)
    assert counted == 8 if kind != "none" else counted > 8


def test_a_setting_overrules_what_the_server_tells(fake: FakeGenerator, make: Make) -> None:
    """A server that cannot tell, or that tells too much, is bounded by hand."""
    assert make(context_tokens=1000).budget(100) == 900


def test_a_model_without_a_system_turn_gets_one_turn(fake: FakeGenerator, make: Make) -> None:
    """A chat template that refuses the system role is obeyed, and remembered."""
    refused = Script(status=422, error="Template error: System role not supported")
    fake.then(refused, Script(text="ok"))
    generator = make()
    assert [text_of(generator.stream(QUESTION)) for _ in range(2)] == ["ok", "ok"]
    assert [len(asked.messages) for asked in fake.generations] == [2, 1, 1]
    assert fake.generations[-1].user == "rules\n\nWas ist das?"


def test_nobody_there_is_told_with_the_address() -> None:
    """A refused connection names the generator and what to look at."""
    with FakeGenerator() as gone:
        url = gone.url
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        list(Generator(Place(url=url)).stream(QUESTION))
    assert url in caught.value.message
    assert "running" in caught.value.hint
