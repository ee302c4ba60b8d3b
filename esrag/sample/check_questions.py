"""Holds the sample questions against the documents and the table of truth.

The part of ``esrag.sample.check`` that is about questions: form, evidence, answers in the
evidence, sums done again, and how the two splits are divided.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from esrag.sample.texts import SampleDocument, contains, normalise

Question = Mapping[str, Any]

TYPES = ("single_fact", "multi_passage", "comparison", "date_arithmetic", "unanswerable")
SPLITS = ("calibration", "test")


def question_complaints(
    questions: Sequence[Question], documents: Sequence[SampleDocument], facts: Mapping[str, Any]
) -> list[str]:
    """What is wrong with the questions."""
    texts = {document.id: document.text for document in documents}
    by_id = {fact["id"]: fact for fact in facts["facts"]}
    found = list(division(questions))
    for question in questions:
        for text in (*form(question), *evidence(question, texts), *sums(question, by_id)):
            found.append(f"question {question['id']}: {text}")
    return found


def form(question: Question) -> Iterator[str]:
    """The fields fit the type."""
    kind = question["type"]
    if kind not in TYPES:
        yield f"the type {kind!r} is unknown"
    if question["split"] not in SPLITS:
        yield f"the split {question['split']!r} is unknown"
    if kind == "unanswerable":
        if not question.get("why"):
            yield "does not say why it cannot be answered"
        if question["evidence"] or question["answer"] or _groups(question):
            yield "is unanswerable and yet has an answer"
    elif not question["answer"] or not question["evidence"] or not _groups(question):
        yield "lacks its answer, its accepted forms or its evidence"
    if kind == "single_fact" and "accepted" not in question:
        yield "is a single fact without accepted forms"


def evidence(question: Question, texts: Mapping[str, str]) -> Iterator[str]:
    """Quotes are verbatim, show every group of the answer, and ``also`` shows no less."""
    groups = _groups(question)
    for item in question["evidence"]:
        for place in (item, *item.get("also", ())):
            name, quote = place["document"], place["quote"]
            if name not in texts:
                yield f"there is no document {name}"
            elif normalise(quote) not in normalise(texts[name]):
                yield f"{name} does not say {quote!r}"
            for group in groups:
                if _shows(item["quote"], group) and not _shows(quote, group):
                    yield f"{name} says less than {item['document']}: none of {group}"
    together = " \n".join(item["quote"] for item in question["evidence"])
    yield from (
        f"none of {group} is in the evidence" for group in groups if not _shows(together, group)
    )


def sums(question: Question, by_id: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The facts exist, their sum is what the answer says."""
    for name in question.get("facts", ()):
        if name not in by_id:
            yield f"there is no fact {name}"
            return
    computation = question.get("computation")
    if computation is None:
        if question["type"] == "date_arithmetic":
            yield "has no computation"
        return
    first, second = (by_id[name]["value"] for name in computation["facts"])
    result = compute(computation["operation"], first, second)
    if str(result) != computation["result"]:
        yield f"the result is {result}, not {computation['result']}"
    if not contains(question["answer"], str(result)):
        yield f"the answer {question['answer']!r} does not say {result}"


def compute(operation: str, first: str, second: str) -> int:
    """The number of days, minutes, or the difference of two values of the table."""
    match operation:
        case "days_between":
            return (date.fromisoformat(second) - date.fromisoformat(first)).days
        case "minutes_between":
            span = datetime.fromisoformat(second) - datetime.fromisoformat(first)
            return int(span.total_seconds() // 60)
        case "difference":
            return int(first.replace(",", "")) - int(second.replace(",", ""))
        case _:
            raise ValueError(f"unknown operation {operation!r}")


def division(questions: Sequence[Question]) -> Iterator[str]:
    """Ids and wordings are unique; the splits are equal by type and share no single fact."""
    for key in ("id", "question"):
        counts = Counter(re.sub(r"\W+", " ", question[key]).casefold() for question in questions)
        yield from (f"{key} {value!r} is used {n} times" for value, n in counts.items() if n > 1)
    sizes = Counter((question["type"], question["split"]) for question in questions)
    for kind in TYPES:
        if abs(sizes[kind, "calibration"] - sizes[kind, "test"]) > 1:
            yield f"the splits of {kind} differ by more than one"
    asked: dict[tuple[str, str], str] = {}
    for question in questions:
        if question["type"] != "single_fact":
            continue
        for item in question["evidence"]:
            key_of_quote = (item["document"], normalise(item["quote"]))
            split = asked.setdefault(key_of_quote, question["split"])
            if split != question["split"]:
                yield f"question {question['id']}: the other split asks for the same fact"


def _shows(text: str, group: Sequence[str]) -> bool:
    return any(contains(text, accepted) for accepted in group)


def _groups(question: Question) -> list[list[str]]:
    groups: list[list[str]] = list(question.get("answer_groups", ()))
    if question.get("accepted"):
        groups.append(question["accepted"])
    return groups
