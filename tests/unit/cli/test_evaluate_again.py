"""``esrag evaluate`` on runs that are there: measured again, held against, told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from comparing_desk import Place, compared

from esrag.cli import run
from esrag.evaluation.systems import built_in_systems

Run = Callable[..., tuple[int, str, str]]
NAMES = [f"q{number}" for number in range(12)]


@pytest.fixture
def esrag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command in an empty folder; its exit code and what it printed."""
    monkeypatch.setenv("ESRAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ESRAG_ELASTICSEARCH_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        return code, *capsys.readouterr()

    return command


def beir(folder: Path, *, text: str = "Where is {}?", grade: int = 1) -> Path:
    """Questions with a relevant document each."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    queries = [{"_id": name, "text": text.format(name)} for name in NAMES]
    (folder / "queries.jsonl").write_text("".join(json.dumps(each) + "\n" for each in queries))
    rows = "".join(f"{name}\td-{name}\t{grade}\n" for name in NAMES)
    (folder / "qrels" / "test.tsv").write_text(rows)
    return folder


def ranked(file: Path, *, place: int) -> str:
    """A run that finds each relevant document at this place."""
    lines = []
    for name in NAMES:
        documents = [f"x{number}" for number in range(place - 1)] + [f"d-{name}"]
        lines += [f"{name} Q0 {each} 1 {9 - at} t\n" for at, each in enumerate(documents)]
    file.write_text("".join(lines))
    return str(file)


@pytest.fixture
def kept(esrag: Run, tmp_path: Path) -> Path:
    """A run ``first`` of two systems, whose input is gone."""
    source = beir(tmp_path / "judged")
    runs = [
        f"{name}={ranked(tmp_path / name, place=at)}" for name, at in (("good", 1), ("laggard", 2))
    ]
    words = [word for each in runs for word in ("--run", each)]
    assert esrag("evaluate", str(source), *words, "--name", "first")[0] == 0
    for name in ("good", "laggard"):
        (tmp_path / name).unlink()
    return tmp_path / "data" / "evaluations" / "first"


def test_a_run_folder_reproduces_itself(esrag: Run, kept: Path) -> None:
    """Figures and files are the same, without questions, judgements and runs of that time."""
    before = {
        path.relative_to(kept): path.read_bytes()
        for path in kept.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    code, out, _ = esrag("evaluate", "--from", "first")
    assert code == 0
    assert "judged, split test: 12 questions" in out
    after = {name: (kept / name).read_bytes() for name in before}
    assert [str(name) for name in before if before[name] != after[name]] == []


def test_other_measures_of_a_run_need_no_asking(esrag: Run, kept: Path) -> None:
    """Another measure, another baseline; what was asked stays as it was."""
    words = ("--measure", "P@1", "--baseline", "laggard", "--json")
    code, out, _ = esrag("evaluate", "--from", str(kept), *words)
    assert code == 0
    found = json.loads(out)
    means = {name: each["measures"]["P@1"]["mean"] for name, each in found["systems"].items()}
    assert (found["baseline"], means) == ("laggard", {"good": 1.0, "laggard": 0.0})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--run", "x"), "--run"),
        (("--split", "test"), "--split has no meaning"),
        (("--name", "x"), "--name has no meaning"),
        (("--ingest",), "--ingest has no meaning"),
        (("judged",), "SOURCE has no meaning"),
        (("--baseline", "x"), "the baseline 'x'"),
        (("--gate", "first", "--no-worse-than", "AP=0"), "against itself"),
    ],
)
def test_what_only_asking_has_a_use_for_is_refused(
    esrag: Run, kept: Path, words: tuple[str, ...], said: str
) -> None:
    """Exit 2."""
    code, out, err = esrag("evaluate", "--from", "first", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_neither_source_nor_run_is_a_wrong_usage(esrag: Run) -> None:
    """Exit 2, and what may be given."""
    code, _, err = esrag("evaluate")
    assert code == 2
    assert "Give SOURCE, or --from RUN" in err


def test_a_run_in_the_place_of_questions_is_told(esrag: Run, kept: Path) -> None:
    """With the option that is meant."""
    code, _, err = esrag("evaluate", str(kept))
    assert code == 2
    assert f"esrag evaluate --from {kept}" in err


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "--from", "first"),
        ("compare", "--questions", "sample", "--gate", "first", "--no-worse-than", "right=0"),
    ],
)
def test_a_comparison_is_not_made_of_rankings(
    esrag: Run, kept: Path, words: tuple[str, ...]
) -> None:
    """It is told what the run is and which command reads it; the run is left alone."""
    code, _, err = esrag(*words)
    assert code == 2
    assert "is a run of esrag evaluate: it holds rankings, and no answers" in err
    assert f"esrag evaluate --from {kept}" in err
    assert not (kept / "replies").exists() or not any((kept / "replies").iterdir())


def test_a_comparison_does_not_go_on_in_a_run_of_rankings(esrag: Run, kept: Path) -> None:
    """Exit 7."""
    code, _, err = esrag("compare", "--questions", "sample", "--name", "first")
    assert code == 7
    assert "holds a run of esrag evaluate" in err


def test_rankings_are_not_measured_in_a_comparison(esrag: Run, kept: Path) -> None:
    """Not as a run and not as a gate, even if it compares nothing but retrieval."""
    compared(kept.parent / "answers", Place(), systems=built_in_systems()[:1])
    code, _, err = esrag("evaluate", "--from", "answers")
    assert code == 2
    assert "esrag compare --from" in err
    gate = ("--gate", "answers", "--no-worse-than", "nDCG@10=0.1")
    code, _, err = esrag("evaluate", "--from", "first", *gate)
    assert code == 2
    assert "it holds answers, and no rankings" in err


def test_a_gate_measures_the_earlier_run_anew(esrag: Run, kept: Path, tmp_path: Path) -> None:
    """By the measure of today, which that run was not made with."""
    run_of = f"good={ranked(tmp_path / 'good', place=2)}"
    gate = ("--measure", "P@1", "--gate", "first", "--no-worse-than", "P@1=0.5")
    words = (str(tmp_path / "judged"), "--run", run_of, "--name", "now", *gate)
    code, out, _ = esrag("evaluate", *words)
    assert code == 3
    assert "Changed by -1.000 [-1.000, -1.000] on 12 questions" in out


@pytest.mark.parametrize("change", [{"text": "Who is {}?"}, {"grade": 2}])
def test_a_gate_does_not_compare_questions_that_have_changed(
    esrag: Run, kept: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    """The same id with another text or another grade is another question: nothing is shown."""
    source = beir(tmp_path / "judged", **change)  # type: ignore[arg-type]
    run_of = f"good={ranked(tmp_path / 'good', place=1)}"
    gate = ("--gate", "first", "--no-worse-than", "nDCG@10=0.5")
    code, out, err = esrag("evaluate", str(source), "--run", run_of, "--name", "now", *gate)
    assert code == 3
    assert "No question has a value in both runs" in out
    assert "gate: 12 questions with another text or other judgements than in first" in err


def test_a_gate_compares_the_questions_that_are_the_same(
    esrag: Run, kept: Path, tmp_path: Path
) -> None:
    """What has changed is counted and left out."""
    source = beir(tmp_path / "judged")
    file = source / "qrels" / "test.tsv"
    file.write_text(file.read_text().replace("q3\td-q3\t1", "q3\tx\t1"))
    run_of = f"good={ranked(tmp_path / 'good', place=1)}"
    gate = ("--gate", "first", "--no-worse-than", "nDCG@10=0.5")
    code, out, err = esrag("evaluate", str(source), "--run", run_of, "--name", "now", *gate)
    assert code == 0
    assert "on 11 questions (1 that the runs do not share left out)" in out
    assert "gate: 1 question with another text" in err


def test_systems_that_are_dropped_leave_nothing_to_be_read(
    esrag: Run, kept: Path, tmp_path: Path
) -> None:
    """Neither a ranking nor metrics; files of others beside them stay."""
    (kept / "runs" / "notes.txt").write_text("mine")
    run_of = f"good={ranked(tmp_path / 'good', place=1)}"
    source = str(tmp_path / "judged")
    assert esrag("evaluate", source, "--run", run_of, "--name", "first")[0] == 0
    assert sorted(path.name for path in (kept / "runs").iterdir()) == ["good.trec", "notes.txt"]
    assert [path.name for path in (kept / "scored").iterdir()] == ["good.jsonl"]
    for name in ("report.html", "report.json", "report.md", "junit.xml", "comparison.json"):
        assert "laggard" not in (kept / name).read_text()
