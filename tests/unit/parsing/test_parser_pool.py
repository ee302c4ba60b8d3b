"""The pool of parser children: order, one file's fault is its own, nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest
import tokenizers

from esrag.chunking import ChunkRules, cut, document_hash
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed, Rejected
from esrag.errors import UnavailableError, UnsupportedError
from esrag.parsing.limits import MIB, Limits
from esrag.parsing.pool import ParserPool
from esrag.parsing.task import Cut, CuttingTask, Outcome
from esrag.tokens import read_tokenizer

FAULTY = (sys.executable, "-P", str(Path(__file__).with_name("faulty_child.py")))
QUICK = Limits(cpu_seconds=1, wall_seconds=2.0)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> CuttingTask:
    """Words are tokens."""
    path = tmp_path_factory.mktemp("bundle") / "tokenizer.json"
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(path))
    return CuttingTask("docs", "model", path, ChunkRules(max_tokens=40, overlap_tokens=5))


def files(folder: Path, *texts: str, suffix: str = ".md") -> list[tuple[int, Listed]]:
    """Files with these texts, numbered from 1."""
    found = []
    for number, text in enumerate(texts, start=1):
        path = folder / f"{number:03}{suffix}"
        path.write_text(text, encoding="utf-8")
        found.append((number, Listed(path, path.name, "file:///origin")))
    return found


def collected(pool: ParserPool, given: list[tuple[int, Listed]]) -> dict[int, list[Outcome]]:
    """What became of each file; asserts the order and that each is finished once."""
    outcomes: dict[int, list[Outcome]] = {}
    finished: list[int] = []
    for item in pool.read(given):
        if item.outcome is None:
            finished.append(item.number)
            outcomes.setdefault(item.number, [])
        else:
            outcomes.setdefault(item.number, []).append(item.outcome)
    assert finished == [number for number, _ in given]
    assert list(outcomes) == finished
    return outcomes


def codes(outcomes: dict[int, list[Outcome]]) -> dict[int, list[str]]:
    """``cut``, or why not."""
    return {
        number: [each.code if isinstance(each, Rejected) else "cut" for each in found]
        for number, found in outcomes.items()
    }


def alive(pid: int) -> bool:
    """Is there such a process, zombies included?"""
    return Path(f"/proc/{pid}").exists()


def test_same_as_in_process(task: CuttingTask, tmp_path: Path) -> None:
    """What comes out of a child is what reading and cutting here gives, in the same order."""
    given = files(
        tmp_path, *(f"# Title {n}\n\n{'word ' * n * 9}\n\nEnd é🎈." for n in range(1, 30))
    )
    tokenizer = read_tokenizer(task.tokenizer)
    with ParserPool(task, processes=2) as pool:
        found = collected(pool, given)
    for number, listed in given:
        (cut_there,) = found[number]
        assert isinstance(cut_there, Cut)
        (parsed,) = read(listed)
        assert isinstance(parsed, Parsed)
        version = document_hash(parsed.document, task.rules, model_id="model")
        chunks = cut(parsed.document, tokenizer, task.rules, set_name="docs")
        assert cut_there.hash == version
        assert cut_there.parsed.sha256 == parsed.sha256
        assert [each.text for each in cut_there.chunks] == [each.text for each in chunks]
        assert [each.id for each in cut_there.chunks] == [each.id for each in chunks]
        assert {each.origin for each in cut_there.chunks} == {"file:///origin"}


def test_all_fields_travel(task: CuttingTask, tmp_path: Path) -> None:
    """Chunks are equal field by field to those cut here."""
    head = "---\ntitle: A title\nurl: https://example.org/a\ndate: 2026-01-02\nteam: red\n---\n"
    given = files(tmp_path, f"{head}# One\n\n## Two\n\n" + "some words. " * 60)
    with ParserPool(task, processes=1) as pool:
        ((there,),) = collected(pool, given).values()
    (parsed,) = read(given[0][1])
    assert isinstance(parsed, Parsed)
    assert isinstance(there, Cut)
    here = cut(parsed.document, read_tokenizer(task.tokenizer), task.rules, set_name="docs")
    from dataclasses import replace

    assert list(there.chunks) == [replace(chunk, origin="file:///origin") for chunk in here]


def test_records_stream(task: CuttingTask, tmp_path: Path) -> None:
    """A file of many records gives one outcome each, before the file is finished."""
    lines = "".join(f'{{"id": "{n}", "text": "words of {n}"}}\n' for n in range(500))
    given = files(tmp_path, lines + "nonsense\n", suffix=".jsonl")
    with ParserPool(task, processes=2) as pool:
        (outcomes,) = collected(pool, given).values()
    assert [type(each) for each in outcomes] == [Cut] * 500 + [Rejected]


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ("raise", "parser_crashed", "ValueError: an error that nobody foresaw"),
        ("segfault", "parser_crashed", "SIGSEGV"),
        ("exit 7", "parser_crashed", "exit status 7: last words?[31m"),
        ("spin", "parser_limit", "1 s of processor time"),
        ("sleep 60", "parser_limit", "nothing within 2 s"),
        ("eat", "parser_limit", "1024 MiB of memory"),
        ("frame 4 ffffffff", "parser_crashed", "makes no sense"),
        ("frame 4 00000000", "parser_crashed", "makes no sense"),
        ("frame 4 020000007b7d", "parser_crashed", "makes no sense"),
        ("frame 4 100000007b226b696e64223a22656e64222c7d", "parser_crashed", "makes no sense"),
    ],
)
def test_fault_is_its_own(
    task: CuttingTask, tmp_path: Path, order: str, code: str, words: str
) -> None:
    """A file that breaks the parser is rejected with its code; all others come through."""
    fine = "# Fine\n\nsome words"
    given = files(tmp_path, fine, fine, f"{order}\n\nwords", fine, fine, fine)
    # Filling the memory costs processor time too, on a busy machine more than a second.
    seconds = 20 if order == "eat" else 1
    limits = QUICK if order.startswith("sleep") else Limits(cpu_seconds=seconds)
    with ParserPool(task, processes=1, limits=limits, command=FAULTY) as pool:
        found = collected(pool, given)
    assert codes(found) == {n: [code] if n == 3 else ["cut"] for n in range(1, 7)}
    (rejected,) = found[3]
    assert isinstance(rejected, Rejected)
    assert words in rejected.reason
    assert (rejected.path, rejected.name, rejected.stage) == (given[2][1].path, "003.md", "parse")


def test_noise_is_no_answer(task: CuttingTask, tmp_path: Path) -> None:
    """What libraries print reaches neither the answers nor the terminal, and blocks nothing."""
    given = files(tmp_path, "talk\n\nwords", "# Fine\n\nwords")
    with ParserPool(task, processes=1, command=FAULTY) as pool:
        assert codes(collected(pool, given)) == {1: ["cut"], 2: ["cut"]}


def test_second_try(task: CuttingTask, tmp_path: Path) -> None:
    """A child that dies after other files may have been harmed by them: its file is read again."""
    given = files(tmp_path, "# Fine\n\nwords", "once\n\nwords", "# Fine\n\nwords")
    with ParserPool(task, processes=1, command=FAULTY) as pool:
        assert codes(collected(pool, given)) == {1: ["cut"], 2: ["cut"], 3: ["cut"]}


@pytest.mark.parametrize("order", ["segfault", "raise", "sleep 60"])
def test_rest_of_container(task: CuttingTask, tmp_path: Path, order: str) -> None:
    """What a container gave before it broke the parser stays, once; the rest is one rejection."""
    given = files(tmp_path, "# Fine\n\nwords", f"parts-then-{order}\n\nwords", "# Fine\n\nwords")
    limits = QUICK if order.startswith("sleep") else Limits()
    with ParserPool(task, processes=1, limits=limits, command=FAULTY) as pool:
        found = collected(pool, given)
    assert [len(outcomes) for outcomes in found.values()] == [1, 4, 1]
    assert codes(found)[2][:3] == ["cut"] * 3
    rest = found[2][3]
    assert isinstance(rest, Rejected)
    assert rest.place == "rest"


def test_consumer_sets_the_pace(task: CuttingTask, tmp_path: Path) -> None:
    """Children stop when nobody takes what they give: the parent does not gather it."""
    text = "\n\n".join(f"Paragraph {n} " + "word " * 200 for n in range(400))
    given = files(tmp_path, *([text] * 200))
    with ParserPool(task, processes=2) as pool:
        reading = pool.read(given)
        next(reading)
        time.sleep(0.7)
        taken = [len(pool._jobs), pool._held]
        assert taken[0] < 20
        assert taken[1] < 8 * MIB
        reading.close()
        assert len(collected(pool, given[:3])) == 3  # what was left behind disturbs nobody


def test_nothing_stays_behind(task: CuttingTask, tmp_path: Path) -> None:
    """Closing ends the children, waits for them, and removes their folder and spooled files."""
    spooled = tmp_path / "spooled.md"
    spooled.write_text("words", encoding="utf-8")
    given = [*files(tmp_path, "sleep 60\n\nwords", "sleep 60\n\nwords")]
    given.append((3, Listed(spooled, "spooled.md", spooled=True)))
    pool = ParserPool(task, processes=2, command=FAULTY)
    with pool:
        reading = pool.read(iter(given))
        with pytest.raises(KeyboardInterrupt):
            _interrupted(reading, after=1.0)
        pids = [process.pid for process in pool._processes]
        folder = pool._folder
    assert not any(alive(pid) for pid in pids)
    assert folder is not None
    assert not folder.exists()
    assert not spooled.exists()


def _interrupted(reading: Iterator[object], after: float) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        next(reading)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's end")
def test_parent_killed(task: CuttingTask, tmp_path: Path) -> None:
    """SIGKILL of the parent ends the children, whatever they are doing."""
    given = files(tmp_path, "spin\n\nwords")
    program = f"""
from pathlib import Path
from esrag.chunking import ChunkRules
from esrag.corpus.records import Listed
from esrag.parsing.pool import ParserPool
from esrag.parsing.task import CuttingTask
pool = ParserPool(
    CuttingTask("docs", "model", Path({str(task.tokenizer)!r}), ChunkRules()),
    processes=1, command={FAULTY!r},
)
import threading
threading.Timer(1.5, lambda: print(*[p.pid for p in pool._processes], flush=True)).start()
list(pool.read([(1, Listed(Path({str(given[0][1].path)!r}), "001.md"))]))
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        assert all(map(alive, pids))
        parent.kill()
    deadline = time.monotonic() + 5
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # whoever inherits orphans may be slow to bury them


@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_no_way_out(task: CuttingTask, tmp_path: Path) -> None:
    """A parser that was taken over reaches no network, no other process and no file to write."""
    (tmp_path / "kept.txt").write_text("kept")
    given = files(tmp_path, f"escape {tmp_path / 'written.txt'}\n\nwords")
    with ParserPool(task, processes=1, command=FAULTY) as pool:
        (outcomes,) = collected(pool, given).values()
    told = {each.reason.partition(":")[0]: each.code for each in outcomes if _is_rejected(each)}
    allowed = {way for way, code in told.items() if code == "allowed"}
    assert allowed == {"write inside", "thread"}
    assert set(told) - allowed == {
        "write outside", "remove", "connect", "socket", "fork", "run", "kill",
    }  # fmt: skip
    assert not (tmp_path / "written.txt").exists()


def _is_rejected(outcome: Outcome) -> TypeGuard[Rejected]:
    return isinstance(outcome, Rejected)


def test_folder_of_a_killed_parent(
    task: CuttingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next pool removes what a pool left behind that had no chance to."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    left, alive_one = f"esrag-parsing-{gone.pid}-x", f"esrag-parsing-{os.getpid()}-y"
    for name in (left, alive_one, "esrag-parsing-of-others"):
        (temporary / name).mkdir()
    with ParserPool(task, processes=1) as pool:
        collected(pool, files(tmp_path, "words"))
    found = {path.name for path in temporary.iterdir()}
    assert found == {alive_one, "esrag-parsing-of-others"}


def test_children_that_cannot_start(task: CuttingTask, tmp_path: Path) -> None:
    """A child that never comes up is an error of the machine, not of a file."""
    given = files(tmp_path, "words")
    command = (sys.executable, "-c", "raise SystemExit('no such thing')")
    with (
        ParserPool(task, processes=1, command=command) as pool,
        pytest.raises(UnavailableError, match="does not start: no such thing"),
    ):
        collected(pool, given)


def test_no_null_device(task: CuttingTask, tmp_path: Path) -> None:
    """Where a system has no /dev/null, files are read all the same."""
    program = (
        "import os; os.devnull = '/nowhere'\n"
        "from esrag.parsing.child import main; raise SystemExit(main())"
    )
    command = (sys.executable, "-c", program)
    with ParserPool(task, processes=1, command=command) as pool:
        (outcomes,) = collected(pool, files(tmp_path, "words")).values()
    assert [type(each) for each in outcomes] == [Cut]


def test_no_tokenizer(task: CuttingTask, tmp_path: Path) -> None:
    """A bundle that is not there is told once, as ever."""
    lacking = CuttingTask("docs", "model", tmp_path / "m" / "tokenizer.json", ChunkRules())
    with (
        ParserPool(lacking, processes=1) as pool,
        pytest.raises(UnsupportedError, match="no tokenizer of m"),
    ):
        collected(pool, files(tmp_path, "words"))


def test_secrets_stay_here(
    task: CuttingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's environment holds nothing of ours, and its descriptors lead nowhere else."""
    monkeypatch.setenv("ESRAG_ELASTICSEARCH_API_KEY", "canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://canary")
    given = files(tmp_path, "look\n\nwords")
    with ParserPool(task, processes=1, command=FAULTY) as pool:
        (outcomes,) = collected(pool, given).values()
    names, opened, all_of_it = [each.reason for each in outcomes if _is_rejected(each)]
    assert "PYTHONPATH" in names
    assert "ESRAG" not in names
    assert "canary" not in all_of_it
    assert {path for path in opened.split() if "/proc/" not in path} == {"pipe"}
