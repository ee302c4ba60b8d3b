"""Answers that a passage does not support: none of them passes, and true ones are not lost.

``adversarial.jsonl`` holds a group of passages a line, with sentences that they do not support
and sentences that they do.  ``lost`` are true sentences that the rules are known to reject.
"""

import json
from pathlib import Path

import pytest

from esrag.testing import make_hit
from esrag.types import Hit, Verdict
from esrag.verification import Verifier

GROUPS = [
    json.loads(line)
    for line in (Path(__file__).parent / "adversarial.jsonl").read_text("utf-8").splitlines()
]
UNSUPPORTED = [(group, item["sentence"]) for group in GROUPS for item in group["unsupported"]]
LOST = [(group, sentence) for group in GROUPS for sentence in group["lost"]]
SUPPORTED = [(group, sentence) for group in GROUPS for sentence in group["supported"]]


def hits_of(group: dict[str, object]) -> tuple[Hit, ...]:
    """The passages of a group, each of a document of its own."""
    passages = group["passages"]
    assert isinstance(passages, list)
    return tuple(
        make_hit(f"{group['group']}-{rank}", passage["text"], title=passage["title"], rank=rank)
        for rank, passage in enumerate(passages, start=1)
    )


def verdict(group: dict[str, object], sentence: str) -> Verdict:
    """What the verifier says about one sentence."""
    return Verifier(str(group["question"]), hits_of(group)).verdict(sentence)


@pytest.mark.parametrize(("group", "sentence"), UNSUPPORTED, ids=lambda v: str(v)[:40])
def test_what_no_passage_supports_is_not_supported(group: dict[str, object], sentence: str) -> None:
    """Neither an invention nor a statement made wrong by one word passes."""
    assert verdict(group, sentence).kind != "supported"


@pytest.mark.parametrize(("group", "sentence"), SUPPORTED, ids=lambda v: str(v)[:40])
def test_what_a_passage_says_is_supported(group: dict[str, object], sentence: str) -> None:
    """A check that refuses everything would be no check."""
    found = verdict(group, sentence)
    assert found.kind == "supported", found.why
    assert found.support is not None
    support = found.support
    assert support.hit.text[support.start : support.end] == support.quote


@pytest.mark.parametrize(("group", "sentence"), LOST, ids=lambda v: str(v)[:40])
def test_what_is_known_to_be_lost_is_lost(group: dict[str, object], sentence: str) -> None:
    """When the rules learn to see that it is true, it belongs to the supported ones."""
    assert verdict(group, sentence).kind == "unsupported"


def test_the_set_is_large_enough_to_mean_something() -> None:
    """At least 150 unsupported sentences, of all the kinds that are known to slip through."""
    kinds = {item["kind"] for group in GROUPS for item in group["unsupported"]}
    assert len(UNSUPPORTED) >= 150
    assert {"wrong source", "invented number", "empty context", "contradiction"} <= kinds
    assert {"swapped names", "negation", "relation", "condition", "table", "scope"} <= kinds
