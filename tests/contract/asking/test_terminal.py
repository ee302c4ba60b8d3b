"""``esrag ask`` and ``esrag chat`` at a real terminal: keys go in, bytes come out."""

from __future__ import annotations

import stat
from pathlib import Path

from asking_desk import COMMAND, FACT, QUESTION, SAID, Desk
from fake_generator import FakeGenerator, Request, Script
from poisoned_documents import POISONED
from typed import Typed

from esrag.prompting import SYSTEM

SLOW = f"{SAID} It was opened on 3 May 2026 [1]. It {'1.5 so on ' * 400}"


def say(request: Request) -> str:
    """The answer to a prompt; a follow-up stays the question that it is."""
    return SAID if request.system == SYSTEM else QUESTION


def test_the_terminal_gets_words_and_colours_only(desk: Desk, fake: FakeGenerator) -> None:
    """Whatever documents and the generator say, for every document that knows escape sequences."""
    hostile = [each for each in POISONED if "\x1b" in each.attack + each.title]
    assert len(hostile) >= 4
    fake.says("\x1b[2J\x1b]52;c;eg==\x07\x9b31mThe Marlow gateway uses port 7443 [1].\x08\x08")
    only = [word for each in hostile for word in ("--document", each.name)]
    words = ["ask", "--show-context", "--why", *only, "Which filter do the pumps need?"]
    with Typed([*COMMAND, *words], desk.environment, columns=60) as typed:
        assert typed.end() == 0
    assert b"QuillClear" in typed.seen
    assert b"\x1b[1m" in typed.seen  # colours are on
    assert typed.steering == b""
    assert b"\x1b]" not in typed.seen


def test_a_chat(desk: Desk, fake: FakeGenerator, tmp_path: Path) -> None:
    """Questions, commands, an answer that is stopped, and another one after it."""
    fake.says(say)
    with Typed([*COMMAND, "chat"], own_folder(desk, tmp_path)) as typed:
        typed.wait_for("> ")
        typed.type(f"{QUESTION}\n")
        typed.wait_for(FACT)
        typed.wait_for("Sources")
        typed.wait_for("> ")
        typed.type("/sou\t\n")  # the tab key completes it
        typed.wait_for("https://docs.example/marlow")
        typed.type("/nonsense\n")
        typed.wait_for("/help lists")
        typed.wait_for("> ")
        typed.type("/new\n")
        typed.wait_for("> ")

        fake.script = Script(text=SLOW, pieces_per_second=40)
        typed.type(f"{QUESTION}\n")
        typed.wait_for(FACT)
        typed.type("\x03")
        typed.wait_for("incomplete")
        typed.wait_for("Stopped.")
        assert fake.wait(lambda: fake.open_streams == 0)

        fake.says(say)
        typed.wait_for("> ")
        typed.type(f"{QUESTION}\n")
        typed.wait_for(FACT)
        typed.wait_for("> ")
        typed.interrupt("leaves the chat")
        typed.wait_for("> ")
        typed.type("\x04")
        assert typed.end() == 0
    assert typed.steering == b""
    kept = tmp_path / "chat-history"
    assert QUESTION in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_second_stop_at_the_prompt_leaves(desk: Desk, tmp_path: Path) -> None:
    """And without history nothing is kept."""
    words = [*COMMAND, "chat", "--no-history"]
    with Typed(words, own_folder(desk, tmp_path)) as typed:
        typed.wait_for("> ")
        typed.type("half a questi")
        typed.wait_for("half a questi")
        typed.interrupt("leaves the chat")
        typed.wait_for("> ")
        typed.interrupt("Stopped.")
        assert typed.end() == 130
    assert not (tmp_path / "chat-history").exists()


def own_folder(desk: Desk, folder: Path) -> dict[str, str]:
    """The desk's environment with another data folder."""
    return {**desk.environment, "ESRAG_DATA_DIR": str(folder)}
