"""A comparison from its questions to its report, with a cluster and a generator made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comparing_desk import QUESTIONS, Model, Place, Quiet, compared

from esrag.errors import ConflictError, UnavailableError, UsageError
from esrag.evaluation.comparison import checked_questions, chosen_baseline
from esrag.evaluation.concluding import Means, conclude, gate_from
from esrag.evaluation.judge import Judge
from esrag.evaluation.records import Reply, System
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_evidence, read_replies, read_run
from esrag.evaluation.systems import built_in_systems
from esrag.generation.cancelling import Cancellation


def test_a_comparison_ends_with_figures_verdicts_and_a_report(tmp_path: Path) -> None:
    """Four systems, three questions; what the model makes up without passages is red."""
    gathered, run = compared(tmp_path / "r", Place())
    assert (gathered.failed, gathered.stopped) == (0, {})
    right = {
        name: [each.metrics["right"] for each in scored if each.reply.question_id != "q3"]
        for name, scored in run.scored.items()
    }
    assert right["rag"] == [1.0, 1.0]
    assert right["rag-shown"] == [1.0, 1.0]
    assert right["closed-book"] == [0.0, 0.0]
    assert run.notes == ()
    found = {each.reply.question_id: each.metrics["RR@10"] for each in run.scored["rag"]}
    assert found == {"q1": 1.0, "q2": 0.5, "q3": None}
    wrong = {each.reply.question_id: each for each in run.scored["closed-book"]}
    assert [span.kind for span in wrong["q1"].spans] == ["contradicted"]
    assert wrong["q1"].spans[0].evidence
    assert wrong["q2"].reply.status == "refused"
    for name in (
        "report.html",
        "report.md",
        "report.json",
        "junit.xml",
        "comparison.json",
        "qrels.tsv",
        "runs/rag.trec",
    ):
        assert (tmp_path / "r" / name).stat().st_size > 0, name
    assert run.status == "whole"
    assert read_run(RunFolder(tmp_path / "r")).status == "whole"
    assert {"q1", "q2", "q3"} == set(read_evidence(RunFolder(tmp_path / "r")))


def test_the_same_command_again_asks_nothing(tmp_path: Path) -> None:
    """All replies are kept by what they depend on."""
    place = Place()
    compared(tmp_path / "r", place)
    before = place.prompts()
    progress = Quiet()
    compared(tmp_path / "r", place, progress=progress)
    assert place.prompts() == before
    assert set(progress.kept.values()) == {3}


def test_what_has_changed_is_asked_anew(tmp_path: Path) -> None:
    """A setting concerns its system, a write those that search, a question itself."""
    place, path = Place(), tmp_path / "r"
    systems = built_in_systems()
    compared(path, place)

    def kept(**changed: Any) -> dict[str, int]:
        progress = Quiet()
        compared(path, place, progress=progress, **changed)
        return progress.kept

    fewer = tuple(
        replace(each, overrides={**each.overrides, "generator.passages": 1})
        if each.name == "rag"
        else each
        for each in systems
    )
    assert kept(systems=fewer) == {"extractive": 3, "closed-book": 3, "rag": 0, "rag-shown": 3}
    place.cluster.writes += 1
    assert kept(systems=fewer) == {"extractive": 0, "closed-book": 3, "rag": 0, "rag-shown": 0}
    other = (replace(QUESTIONS[0], text="Which port is it?"), *QUESTIONS[1:])
    assert set(kept(systems=fewer, questions=other).values()) == {2}


def test_fewer_questions_lose_no_replies(tmp_path: Path) -> None:
    """As with --limit: the others are kept, and do not count meanwhile."""
    place, path, systems = Place(), tmp_path / "r", built_in_systems()[:2]
    compared(path, place, systems=systems)
    _, run = compared(path, place, systems=systems, questions=QUESTIONS[:1])
    assert [len(scored) for scored in run.scored.values()] == [1, 1]
    assert run.notes == ()
    progress = Quiet()
    compared(path, place, systems=systems, progress=progress)
    assert set(progress.kept.values()) == {3}


def test_a_system_that_is_dropped_keeps_its_replies_and_is_shown_nowhere(tmp_path: Path) -> None:
    """When it comes back, nothing is asked again."""
    place, path, systems = Place(), tmp_path / "r", built_in_systems()
    compared(path, place, systems=systems)
    (path / "runs" / "mine.txt").write_text("a file of somebody's")
    compared(path, place, systems=systems[:2])
    assert {each.name for each in (path / "runs").iterdir()} == {"extractive.trec", "mine.txt"}
    scored = {each.name for each in (path / "scored").iterdir()}
    assert scored == {"extractive.jsonl", "closed-book.jsonl"}
    for name in ("report.json", "report.md", "junit.xml", "comparison.json"):
        assert "rag" not in (path / name).read_text().replace("rag eval", "").split('"'), name
    progress = Quiet()
    compared(path, place, systems=systems, progress=progress)
    assert set(progress.kept.values()) == {3}


def test_evidence_that_the_index_lacks_is_told(tmp_path: Path) -> None:
    """Before anything is asked and in the report: a system cannot find what is not there."""
    place, progress = Place(), Quiet()
    place.cluster.without = ("tarn",)
    _, run = compared(tmp_path / "r", place, progress=progress)
    (words,) = progress.warned
    assert "1 of 2 documents that the questions' evidence is in are not in esrag-docs-x" in words
    assert run.notes == (words,)
    place.cluster.without = ("tarn", "marlow")
    progress = Quiet()
    compared(tmp_path / "r", place, progress=progress)
    assert "2 of 2 documents" in progress.warned[0]
    progress = Quiet()
    memory = built_in_systems()[1:2]
    compared(tmp_path / "memory", place, systems=memory, progress=progress)
    assert progress.warned == []


def test_without_an_index_nothing_is_asked(tmp_path: Path) -> None:
    """It is told which one there is none of."""
    place = Place()
    place.cluster.gone = True
    with pytest.raises(ConflictError, match="there is no index esrag-docs-x"):
        compared(tmp_path / "r", place)
    assert place.prompts() == 0


def test_a_run_folder_reproduces_itself(tmp_path: Path) -> None:
    """Elsewhere too: judged and reported again, every file has the bytes that it had."""
    compared(tmp_path / "r", Place(), systems=built_in_systems()[:2])
    moved = (tmp_path / "r").rename(tmp_path / "elsewhere")
    before = {path: path.read_bytes() for path in moved.rglob("*") if path.is_file()}
    conclude(RunFolder(moved))
    assert [path.name for path in before if path.read_bytes() != before[path]] == []


def test_a_training_run_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Its costs are missing, not nothing."""
    path = tmp_path / "data" / "evaluations" / "r"
    taught = replace(built_in_systems()[1], runs=("june",))
    compared(path, Place(), systems=(taught,))
    run = conclude(RunFolder(path), means=Means(tmp_path / "data"))
    assert run.notes == ("costs of closed-book: there is no run june",)
    assert run.costs[0].training_seconds is None


def test_an_id_that_no_line_can_hold_leaves_a_file_out(tmp_path: Path) -> None:
    """A document may be called anything; judging, figures and report do not suffer from it."""
    path = tmp_path / "r"
    compared(path, Place(), systems=built_in_systems()[:1])
    file = RunFolder(path).replies("extractive")
    file.write_text(file.read_text().replace('"document_id": "tarn"', '"document_id": "ta\\nrn"'))
    run = conclude(RunFolder(path))
    (note,) = run.notes
    assert note.startswith("extractive.trec was not written: the id 'ta\\nrn'")
    assert not (path / "runs" / "extractive.trec").exists()
    assert (path / "qrels.tsv").exists()


def test_a_stopped_comparison_keeps_its_replies_and_goes_on(tmp_path: Path) -> None:
    """^C in the middle: what was replied is there, and only the rest is asked."""
    place, path = Place(), tmp_path / "r"
    cancel = Cancellation()

    def stop(reply: Reply) -> None:
        if (reply.system, reply.question_id) == ("closed-book", "q2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compared(path, place, progress=Quiet(stop), cancel=cancel)
    folder = RunFolder(path)
    assert len(read_replies(folder, "extractive")) == 3
    assert len(read_replies(folder, "closed-book")) >= 1
    run = conclude(folder)
    assert run.status == "asking"
    assert len(run.scored["extractive"]) == 3
    assert run.scored["rag"] == ()
    progress = Quiet()
    _, run = compared(path, place, progress=progress)
    assert progress.kept["extractive"] == 3
    assert progress.kept["closed-book"] >= 1
    assert all(len(scored) == 3 for scored in run.scored.values())


def test_what_is_judged_without_its_evidence_is_told_until_it_is_fetched(tmp_path: Path) -> None:
    """In both reports; where some of it is there from an earlier call, of the others alone."""
    place, path = Place(), tmp_path / "r"
    systems, folder = built_in_systems()[:3], RunFolder(path)

    def stop(reply: Reply) -> None:
        if reply.system == "rag":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compared(path, place, systems=systems, progress=Quiet(stop))
    conclude(folder)
    told = "before the evidence of 3 questions was fetched"
    for name in ("report.html", "report.md"):
        assert (path / name).read_text().count(told) == 1, name
    compared(path, place, systems=systems[:2], questions=QUESTIONS[:1])
    assert "was fetched" not in (path / "report.md").read_text()
    with pytest.raises(KeyboardInterrupt):
        compared(path, place, systems=systems, progress=Quiet(stop))
    (note,) = conclude(folder).notes
    assert "before the evidence of 2 questions was fetched" in note
    _, run = compared(path, place, systems=systems)
    assert run.notes == ()
    assert "was fetched" not in (path / "report.html").read_text()


def test_a_stop_before_anything_was_stated_lacks_no_evidence(tmp_path: Path) -> None:
    """Neither a refusal nor a list of passages is held against it."""
    found = (System("found", "retrieval", {"retrieval.template": "lexical"}),)
    for name, systems in {"silent": built_in_systems()[1:2], "found": found}.items():
        place, path = Place(), tmp_path / name

        def stop(reply: Reply) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            compared(path, place, systems=systems, questions=QUESTIONS[1:2], progress=Quiet(stop))
        run = conclude(RunFolder(path))
        assert [len(scored) for scored in run.scored.values()] == [1]
        assert run.notes == ()


def test_a_system_that_is_gone_ends_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says what is missing; what is missing counts neither as right nor as wrong."""
    place = Place()

    def refused(self: Model, messages: Any, **more: Any) -> Any:
        raise UnavailableError("connection refused")

    monkeypatch.setattr(Model, "stream", refused)
    monkeypatch.setattr(Model, "health", lambda _: _raise(UnavailableError("nobody is there")))
    monkeypatch.setattr("esrag.evaluation.asking._FIRST_WAIT", 0.01)
    gathered, run = compared(tmp_path / "r", place, systems=built_in_systems()[:2], patience=0.05)
    assert list(gathered.stopped) == ["closed-book"]
    assert run.status == "stopped"
    assert "closed-book was not asked to the end: connection refused" in run.notes[0]
    assert [len(run.scored[each]) for each in ("extractive", "closed-book")] == [3, 0]


def test_replies_to_something_else_do_not_count(tmp_path: Path) -> None:
    """The cluster is gone and a setting has changed: what is kept answers to the old one."""
    place, path = Place(), tmp_path / "r"
    compared(path, place)
    changed = tuple(
        replace(each, overrides={**each.overrides, "generator.passages": 1})
        if each.name == "rag"
        else each
        for each in built_in_systems()
    )

    def gone() -> None:
        raise UnavailableError("connection refused")

    place.cluster.fail = gone
    with pytest.raises(UnavailableError, match="connection refused"):
        compared(path, place, systems=changed)
    run = conclude(RunFolder(path))
    assert {name: len(scored) for name, scored in run.scored.items()} == {
        "extractive": 3,
        "closed-book": 3,
        "rag": 0,
        "rag-shown": 3,
    }
    assert "3 replies of rag are to something else and do not count" in run.notes
    place.cluster.fail = lambda: None
    progress = Quiet()
    _, run = compared(path, place, progress=progress)
    assert set(progress.kept.values()) == {3}
    assert run.status == "whole"


class Opinionated:
    """An endpoint that calls everything supported by the first passage."""

    model = "second"

    def call(
        self, method: str, path: str, body: Any = None, *, seconds: float = 0.0
    ) -> tuple[int, Any]:
        """A verdict as the grammar has it."""
        said = {"content": json.dumps({"verdict": "supported", "passage": 1})}
        return 200, {"choices": [{"message": said}]}


class Gone:
    """An endpoint that nobody is at."""

    model = "second"

    def call(
        self, method: str, path: str, body: Any = None, *, seconds: float = 0.0
    ) -> tuple[int, Any]:
        """No answer."""
        raise UnavailableError("nobody is there")


def test_a_judge_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The rules' verdicts stand, and nobody takes them for agreed with."""
    compared(tmp_path / "r", Place())
    judge = Judge(Gone())
    run = conclude(RunFolder(tmp_path / "r"), means=Means(judge=judge))
    (note,) = run.notes
    assert note.startswith(f"the judge abstained from {judge.asked} of {judge.asked} questions")
    assert note.endswith("nobody is there")


def test_a_judge_is_told_with_its_agreement(tmp_path: Path) -> None:
    """How often it says the same as the rules stands in the report; figures stay the rules'."""
    compared(tmp_path / "r", Place())
    judge = Judge(Opinionated())
    run = conclude(RunFolder(tmp_path / "r"), means=Means(judge=judge))
    assert judge.asked > 0
    assert "Cohen's kappa" in run.facts["agreement of judge and rules"]
    assert "rules contradicted, judge supported: 1" in run.facts["verdicts of rules and judge"]
    wrong = next(each for each in run.scored["closed-book"] if each.reply.question_id == "q1")
    assert [span.kind for span in wrong.spans] == ["contradicted"]


def _raise(error: Exception) -> int:
    raise error


def test_a_run_is_judged_again_without_asking(tmp_path: Path) -> None:
    """The same bytes come out, and nobody is asked."""
    place, path = Place(), tmp_path / "r"
    compared(path, place)
    asked = len(place.cluster.asked)
    files = ("report.html", "report.json", "comparison.json", "scored/rag.jsonl")
    before = {name: (path / name).read_bytes() for name in files}
    conclude(RunFolder(path))
    assert {name: (path / name).read_bytes() for name in files} == before
    assert len(place.cluster.asked) == asked


def test_systems_that_only_find_are_compared_by_what_they_find(tmp_path: Path) -> None:
    """Not by measures of answers, of which they have none."""
    systems = (System("one", "retrieval"), System("two", "retrieval"))
    _, run = compared(tmp_path / "r", Place(), systems=systems)
    assert [each.name for each in run.measures if each.primary] == ["nDCG@10"]
    assert "right" not in {each.name for each in run.measures}
    text = (tmp_path / "r" / "report.md").read_text()
    assert "has the best figure for “nDCG" in text
    assert "replies: wrong" not in text
    assert "Nothing could be said" not in text
    assert 'name="outcome"' not in (tmp_path / "r" / "report.html").read_text()


def test_a_gate_compares_with_an_earlier_run(tmp_path: Path) -> None:
    """The same replies are no worse; a model that got worse does not pass."""
    place = Place()
    compared(tmp_path / "then", place)
    folder = RunFolder(tmp_path / "then")
    compared(tmp_path / "now", place)
    gate = gate_from(folder, ["right=0.9"])
    assert all(each.met for each in conclude(RunFolder(tmp_path / "now"), gate=gate).gates)
    worse = RunFolder(tmp_path / "now").replies("rag")
    text = worse.read_text().replace("7443", "80").replace("14 kg", "9 kg")
    worse.write_text(text)
    found = conclude(RunFolder(tmp_path / "now"), gate=gate_from(folder, ["right=0.5"]))
    met = {each.system: each.met for each in found.gates}
    assert met["rag"] is False


@pytest.mark.parametrize("texts", [[], ["rihgt=0.1"], ["right"], ["right=-1"], ["right=x"]])
def test_a_gate_that_cannot_be_read_is_told_before_anything_is_asked(
    tmp_path: Path, texts: list[str]
) -> None:
    """Exit 2."""
    compared(tmp_path / "then", Place())
    with pytest.raises(UsageError):
        gate_from(RunFolder(tmp_path / "then"), texts)


def test_two_questions_of_one_id_are_refused() -> None:
    """Every figure is by id."""
    with pytest.raises(UsageError, match="the id q1"):
        checked_questions([QUESTIONS[0], QUESTIONS[0]])


def test_a_baseline_has_to_be_a_system() -> None:
    """The message names those that there are."""
    with pytest.raises(UsageError, match="there are extractive, closed-book"):
        chosen_baseline(built_in_systems(), "base")


def test_no_secret_gets_into_the_run(tmp_path: Path) -> None:
    """Settings are kept as far as they change replies; keys are not among them."""
    path = tmp_path / "r"
    compared(path, Place())
    record = json.loads((path / "run.json").read_text())
    assert "generator.passages" in record["settings"]["rag"]
    assert not [name for own in record["settings"].values() for name in own if "api_key" in name]
