"""What a retriever finds for each question, kept as soon as it is there.

    questions ─ ask_all ─► found/SYSTEM.jsonl ─► run

A ranking is kept under a key of all that could change it, so a run that was cut off goes on, and
what has changed is asked anew.  A question that failed has no ranking and counts 0; it is asked
again the next time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrag.disk import disk_errors
from esrag.errors import UsageError
from esrag.evaluation.asking import Limits, ask_all
from esrag.evaluation.records import Passage, Reply, Usage
from esrag.evaluation.storage import GrowingFile
from esrag.evaluation.trec import Run, scores_of_ranking
from esrag.generation.cancelling import Cancellation
from esrag.questions import KnownQuestion

Search = Callable[[str], Sequence[tuple[str, float]]]
"""From a question's text to documents with scores, best first; a document may stand there often."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found for a question, hit by hit; ``error`` is empty unless it failed."""

    question: str
    key: str
    documents: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Asks one retriever: an ``Asker`` whose replies hold nothing but ids and scores."""

    system: str
    search: Search
    reachable: Callable[[], bool]

    def ask(self, question: KnownQuestion, cancel: Cancellation) -> Reply:
        """The hits; raises what the search raises."""
        began = time.monotonic()
        hits = self.search(question.text)
        cancel.check()
        seconds = round(time.monotonic() - began, 4)
        passages = tuple(
            Passage("", document, rank, score, "")
            for rank, (document, score) in enumerate(hits, start=1)
        )
        usage = Usage(seconds=seconds, retrieve_seconds=seconds)
        return Reply(question.id, self.system, "answered", passages=passages, usage=usage)

    def there(self) -> bool:
        """Whether the cluster can be reached."""
        return self.reachable()


def key_of(*facts: str) -> str:
    """A fingerprint of what a ranking depends on."""
    text = "\0".join(f"{len(fact)} {fact}" for fact in facts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def read_rankings(file: Path) -> dict[str, Ranking]:
    """The last ranking of each question; a line that was cut off or damaged is asked again."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    rankings = filter(None, map(_ranking, text.split("\n")))
    return {ranking.question: ranking for ranking in rankings}


def rankings_of(
    finding: Finding,
    questions: Mapping[str, str],
    file: Path,
    *,
    key: str,
    limits: Limits,
    cancel: Cancellation,
    advance: Callable[[int, int], None],
) -> dict[str, Ranking]:
    """A ranking of each question; those that ``file`` has under this key are not asked again.

    ``key`` stands for the retriever and the state of its index.  A question that cannot be asked
    or is not answered in time is a ranking with an error.  Raises what ``ask_all`` raises; what is
    there by then is kept.
    """
    keys = {name: key_of(key, text) for name, text in questions.items()}
    found = {
        name: ranking
        for name, ranking in read_rankings(file).items()
        if ranking.key == keys.get(name) and not ranking.error
    }
    left = [
        KnownQuestion(name, text, "", "", "", (), ())
        for name, text in questions.items()
        if name not in found
    ]
    advance(len(found), len(questions))
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    with GrowingFile(file) as kept:

        def keep(reply: Reply) -> None:
            ranking = _of_reply(reply, keys[reply.question_id])
            kept.add(ranking)
            found[ranking.question] = ranking
            advance(len(found), len(questions))

        ask_all(finding, left, limits=limits, keep=keep, cancel=cancel)
    return {name: found[name] for name in questions}


def run_of(tag: str, rankings: Mapping[str, Ranking], document: Callable[[str], str] = str) -> Run:
    """Rankings as a run; ``document`` is what the judgements call a document of the index."""
    scores = {
        name: scores_of_ranking([document(each) for each in ranking.documents], ranking.scores)
        for name, ranking in rankings.items()
        if not ranking.error
    }
    return Run(tag, scores)


def _of_reply(reply: Reply, key: str) -> Ranking:
    return Ranking(
        reply.question_id,
        key,
        tuple(each.document_id for each in reply.passages),
        tuple(each.score for each in reply.passages),
        reply.usage.seconds,
        reply.error,
        reply.error_code,
    )


def _ranking(line: str) -> Ranking | None:
    try:
        row = json.loads(line)
        found = Ranking(
            str(row["question"]),
            str(row["key"]),
            tuple(map(str, row["documents"])),
            tuple(map(float, row["scores"])),
            float(row["seconds"]),
            str(row["error"]),
            str(row["error_code"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if len(found.documents) == len(found.scores) else None
