"""A teacher on a socket that is busy, cut off or gone: the rows are those of one that is well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from esrag.errors import PermissionDeniedError, UnavailableError
from esrag.examples import teacher as teacher_module
from esrag.examples.grounded import TeacherQuestions
from esrag.examples.rows import as_line
from esrag.examples.teacher import Teacher, teacher_at
from esrag.generation.places import Place
from tests.fake_generator import FakeGenerator, Request, Script
from tests.making_desk import desk_of, release_notes


def _says(request: Request) -> str:
    found = re.search(r"Tern (\S+) was released on (\d+ \w+ \d+)", request.user)
    assert found is not None
    return (
        f"Question: On which day was Tern {found[1]} released?\n"
        f"Answer: Tern {found[1]} was released on {found[2]}.\n"
    )


GOOD = Script(text=_says)


@pytest.fixture
def fake() -> Iterator[FakeGenerator]:
    """A server of one's own that knows its passages."""
    with FakeGenerator(script=GOOD) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(teacher_module, "_LONGEST_WAIT", 0.02)


def _lines(teacher: Teacher) -> list[str]:
    desk = desk_of(release_notes(), teacher=teacher)
    return [as_line(row) for row in TeacherQuestions().examples(desk)]


def _teacher(fake: FakeGenerator, folder: Path, **fields: float) -> Teacher:
    # the client's own tries are switched off, so that the teacher's are seen
    place = Place(fake.url, tries=1, first_token_timeout=1.0, connect_timeout=1.0)
    made = teacher_at(place, folder, concurrent=2)
    for name, value in fields.items():
        setattr(made, f"_{name}", value)
    return made


@pytest.mark.parametrize(
    "spoilt",
    [
        Script(status=429, error="overloaded", retry_after="0"),
        Script(status=503),
        Script(text=_says, cut_after=180),
        Script(text=_says, cut_after=180, reset=True),
        Script(text=_says, error_after=1),
        Script(text=_says, garbage_after=1),
        Script(text=_says, finish="", done=False),
        Script(hold=True),
    ],
    ids=["429", "503", "cut", "reset", "error event", "garbage", "no end", "hangs"],
)
def test_a_fault_changes_no_row(fake: FakeGenerator, tmp_path: Path, spoilt: Script) -> None:
    """Two requests are spoilt; then the server is well, and so is the data set."""
    with _teacher(fake, tmp_path / "well") as teacher:
        whole = _lines(teacher)
    assert len(whole) == 4
    fake.then(spoilt, spoilt, GOOD)
    with _teacher(fake, tmp_path / "spoilt") as teacher:
        assert _lines(teacher) == whole


def test_a_server_that_is_gone_ends_the_build_and_another_run_goes_on(tmp_path: Path) -> None:
    """Exit code 4 and what to do; the second run gives what an undisturbed one gives."""
    with FakeGenerator(script=GOOD) as well, _teacher(well, tmp_path / "well") as teacher:
        whole = _lines(teacher)
    with FakeGenerator(script=GOOD) as first:
        first.then(GOOD, Script(status=503))
        with (
            _teacher(first, tmp_path / "kept", patience=0.1) as teacher,
            pytest.raises(UnavailableError, match="answered nothing for") as caught,
        ):
            _lines(teacher)
    assert caught.value.exit_code == 4
    assert "run the same command again" in caught.value.hint
    with FakeGenerator(script=GOOD) as second, _teacher(second, tmp_path / "kept") as teacher:
        assert _lines(teacher) == whole
        assert 0 < len(second.generations) < 4


def test_a_wrong_key_ends_at_once(fake: FakeGenerator, tmp_path: Path) -> None:
    """Nothing is waited for, and the hint names the teacher's own setting."""
    fake.then(Script(status=401))
    with (
        _teacher(fake, tmp_path) as teacher,
        pytest.raises(PermissionDeniedError) as caught,
    ):
        _lines(teacher)
    assert "dataset.teacher_api_key" in caught.value.hint


def test_who_stops_reading_ends_the_generations(fake: FakeGenerator, tmp_path: Path) -> None:
    """As an interrupt does: nothing is under way on the server a moment later."""
    fake.then(GOOD, Script(text=_says, endless=True, pieces_per_second=50))
    with _teacher(fake, tmp_path) as teacher:
        rows = TeacherQuestions().examples(desk_of(release_notes(), teacher=teacher))
        assert next(rows, None) is not None
        assert fake.wait(lambda: fake.open_streams > 0)
        rows.close()  # type: ignore[attr-defined]
        assert fake.wait(lambda: fake.open_streams == 0)
