"""What goes wrong on the way: it ends with a clear word, nothing is lost, and it can be resumed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fault_proxy import FaultProxy
from library import MOVE, QUESTIONS, Library, all_answers, ended, require_embedded_by

if TYPE_CHECKING:
    from conftest import Models, Stack

SMALL = ("--rate", "200")  # so many chunks in one request at most


def test_spoiled_answers_neither_lose_nor_double(
    library: Library, tiny: Models, stack: Stack
) -> None:
    """Busy, gone, lost and cut, one after the other."""
    faults = {1: "429", 2: "503", 3: "lose", 4: "cut"}
    with FaultProxy(stack.elasticsearch_url).running() as proxy:
        proxy.fault = lambda number: faults.get(number, "")
        outcome = library.move_to(tiny.longer, *SMALL, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 0, outcome.talk
    assert proxy.bulks >= 7
    assert len(library.chunks(library.live)) == 600


def test_a_deployment_that_stops_is_told_and_started_again(
    library: Library, tiny: Models, stack: Stack
) -> None:
    """The old generation serves meanwhile."""
    old = all_answers(library)
    with FaultProxy(stack.elasticsearch_url).running() as proxy:
        proxy.fault = lambda number: "hold" if number == 2 else ""
        process = library.start(
            *MOVE,
            tiny.longer.model_id,
            *SMALL,
            ESRAG_ELASTICSEARCH_URL=proxy.url,
        )
        assert proxy.seen.wait(60)
        library.es.ml.stop_trained_model_deployment(model_id=tiny.longer.model_id, force=True)
        proxy.release.set()
        outcome = ended(process)
    assert outcome.code in (4, 6), outcome.talk
    assert "model" in outcome.talk
    assert "the same command goes on from here" in outcome.talk
    assert (library.live, all_answers(library)) == (library.names.index(1), old)
    again = library.move_to(tiny.longer)
    assert again.code == 0, again.talk
    require_embedded_by(library.es, tiny.longer, list(library.chunks(library.live).values()))


def test_a_full_disk_is_waited_for(library: Library, tiny: Models, stack: Stack) -> None:
    """The server blocks an index on a full disk, and lifts the block when there is room."""
    block = "index.blocks.read_only_allow_delete"
    target = library.names.index(2)

    def make_room() -> None:
        library.es.indices.put_settings(index=target, settings={block: None})

    with FaultProxy(stack.elasticsearch_url).running() as proxy:

        def fill_the_disk(number: int) -> str:
            if number == 2:
                library.es.indices.put_settings(index=target, settings={block: True})
                threading.Timer(2, make_room).start()
            return ""

        proxy.fault = fill_the_disk
        outcome = library.move_to(tiny.longer, *SMALL, ESRAG_ELASTICSEARCH_URL=proxy.url)
    assert outcome.code == 0, outcome.talk
    assert len(library.chunks(library.live)) == 600


def test_a_failed_gate_leaves_everything_as_it_was(
    library: Library, tiny: Models, tmp_path: Path
) -> None:
    """The evidence is what the old model finds; then the copy is given up."""
    old = all_answers(library)
    chunks = library.chunks(library.live)
    lines = []
    for number, question in enumerate(QUESTIONS):
        evidence = [
            {"document": chunks[key]["document_id"], "quote": chunks[key]["text"]}
            for key in library.ask(question, "semantic")
        ]
        record = {"id": str(number), "question": question, "type": "fact", "evidence": evidence}
        lines.append(json.dumps(record))
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines))
    gate = ("--gate", str(file))
    outcome = library.move_to(tiny.longer, *gate, ESRAG_RETRIEVAL_TEMPLATE="semantic")
    assert outcome.code == 3, outcome.talk
    assert "old generation 1.0000" in outcome.talk
    assert (library.live, all_answers(library)) == (library.names.index(1), old)
    assert library.run("reembed", "--abandon", "--yes").code == 0
    assert not library.es.indices.exists(index=library.names.index(2))
    assert library.changes_of(tiny.first) == ()


def test_one_at_a_time_and_the_dead_do_not_count(
    library: Library, tiny: Models, stack: Stack
) -> None:
    """While it runs, others are told who does; killed, its lock is no hindrance."""
    with FaultProxy(stack.elasticsearch_url).running() as proxy:
        proxy.fault = lambda _: "hold"
        process = library.start(
            *MOVE,
            tiny.longer.model_id,
            ESRAG_ELASTICSEARCH_URL=proxy.url,
        )
        assert proxy.seen.wait(60)
        other = library.run("reembed", "--abandon", "--yes", "--wait", "1")
        assert other.code == 7
        assert f"reembed --set {library.set}" in other.talk
        os.kill(process.pid, signal.SIGKILL)
        assert ended(process).code == -signal.SIGKILL
    begun = time.monotonic()
    assert library.run("reembed", "--abandon", "--yes").code == 0
    assert time.monotonic() - begun < 20
    assert library.changes_of(tiny.first) == ()
