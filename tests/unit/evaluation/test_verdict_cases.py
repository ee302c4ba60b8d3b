"""Verdicts on replies that were written by hand, with what a person says of each.

``verdict_cases.jsonl`` is the half that the rules were made with.  The other half was written at
the same time, before any rule was changed, and looked at when they were done; what they reached
then is told in ``docs/verdicts.md``.  What it showed was mended afterwards, so it is no longer
unseen; ``verdict_cases_later.jsonl`` was written then, and looked at once in its turn.
``verdict_cases_adversarial.jsonl`` was written by somebody else to find weak places.  ``known``
marks replies of which the rules are known to say otherwise than a person.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from esrag.evaluation.pool import build_pool
from esrag.evaluation.records import Passage, Span
from esrag.evaluation.spans import SpanMaker
from esrag.questions import Evidence, KnownQuestion

HERE = Path(__file__).parent


def groups_of(name: str) -> list[dict[str, Any]]:
    """The groups of a file: a question, its pool, and replies to it."""
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def question_of(group: dict[str, Any]) -> KnownQuestion:
    """The question of a group with its reference."""
    return KnownQuestion(
        id=group["group"],
        text=group["question"],
        kind="case",
        split="test",
        answer=group["answer"],
        answer_groups=tuple(tuple(forms) for forms in group["forms"]),
        evidence=tuple(Evidence(document, quote) for document, quote in group["evidence"]),
    )


def pool_of(group: dict[str, Any]) -> tuple[Passage, ...]:
    """The passages of a group, each a document of its own."""
    passages = [
        Passage(f"{document}#0", document, rank, 1.0, text, title=title, start=0)
        for rank, (document, title, text) in enumerate(group["pool"], start=1)
    ]
    return build_pool(question_of(group), around=(), reference=passages, replies=())


def agrees(spans: tuple[Span, ...], case: dict[str, Any]) -> bool:
    """Whether the spans are those that a person expects; texts only where he gives them.

    ``unsettled`` in a case: one of its verdicts the rules leave open.
    """
    expected = case["expect"]
    left = [span for span in spans if span.kind == "unsettled"]
    if len(left) != bool(case.get("unsettled")):
        return False
    return len(spans) == len(expected) and all(
        (span.kind == want[0] or span in left)
        and (len(want) < 2 or case["says"][span.start : span.end] == want[1])
        for span, want in zip(spans, expected, strict=True)
    )


CASES = [
    (group, case)
    for name in (
        "verdict_cases.jsonl",
        "verdict_cases_held_out.jsonl",
        "verdict_cases_later.jsonl",
        "verdict_cases_adversarial.jsonl",
    )
    for group in groups_of(name)
    for case in group["cases"]
]


@pytest.mark.parametrize(
    ("group", "case"), CASES, ids=[f"{g['group']}-{n}" for n, (g, _) in enumerate(CASES)]
)
def test_a_reply_gets_the_verdicts_that_a_person_gives(
    group: dict[str, Any], case: dict[str, Any]
) -> None:
    """Blue where the evidence carries it, red where it does not, no colour for the rest."""
    spans = SpanMaker(question_of(group), pool_of(group)).spans(case["says"])
    shown = [(s.kind, s.why, case["says"][s.start : s.end]) for s in spans]
    assert agrees(spans, case) != case.get("known", False), shown
