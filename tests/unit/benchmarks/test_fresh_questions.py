"""The fresh questions: their evidence stands in the sample documents, word for word."""

from pathlib import Path

from esrag.questions import holds, load_questions
from esrag.sample import corpus_folder
from esrag.sample.texts import load_documents, normalise

FILE = Path(__file__).parents[3] / "benchmarks" / "fresh_questions.jsonl"


def test_the_evidence_of_the_fresh_questions_is_verbatim() -> None:
    """A quote that no document holds would be counted against the search."""
    texts = {
        document.id: normalise(document.text).casefold()
        for document in load_documents(corpus_folder())
    }
    for question in load_questions(FILE):
        for evidence in question.evidence:
            assert normalise(evidence.quote).casefold() in texts[evidence.document_id], question.id


def test_the_evidence_of_the_fresh_questions_shows_the_answer() -> None:
    """Whoever reads the quotes can answer."""
    for question in load_questions(FILE):
        if question.answerable:
            shown = "\n".join(evidence.quote for evidence in question.evidence)
            assert holds(shown, question.answer_groups), question.id


def test_the_evidence_of_the_looks_stands_in_the_files() -> None:
    """The questions by which verdicts were checked quote the files as they are written."""
    for question in load_questions(FILE.with_name("look_questions.jsonl")):
        assert question.answerable == bool(question.evidence)
        for evidence in question.evidence:
            file = corpus_folder() / evidence.document_id.partition("#")[0]
            assert evidence.quote in file.read_text(encoding="utf-8"), question.id
