"""Questions to compare rankings with, and the comparison."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from esrag.cluster.rendered import fusion_of
from esrag.questions import load_questions
from esrag.sample import corpus_folder

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.names import Names
    from esrag.types import Hit

Sameness = Literal["exact", "ties", "different"]


def sample_questions(count: int) -> list[str]:
    """The questions of the sample, then lines of its documents, in a fixed order."""
    known = [q.text for q in load_questions(corpus_folder().parent / "questions.jsonl")]
    lines: set[str] = set()
    for path in sorted(corpus_folder().rglob("*")):
        if path.suffix in (".md", ".txt"):
            stripped = (line.strip("#*- >|") for line in path.read_text("utf-8").splitlines())
            lines.update(line for line in stripped if 20 < len(line) < 160)
    drawn = sorted(lines - set(known))
    random.Random(7).shuffle(drawn)
    return (known + drawn)[:count]


def sameness(one: Sequence[Hit], other: Sequence[Hit]) -> Sameness:
    """Whether two rankings are the same; ``ties`` says: but for the order of equal scores.

    Where equal scores are cut off at the end, either may show the one or the other.
    """
    if [hit.id for hit in one] == [hit.id for hit in other]:
        return "exact"
    if [round(hit.score, 6) for hit in one] != [round(hit.score, 6) for hit in other]:
        return "different"
    last = round(one[-1].score, 6)
    groups = [_groups(one), _groups(other)]
    return (
        "ties"
        if all(groups[0][s] == groups[1][s] for s in groups[0] if s != last)
        else ("different")
    )


def legs_agree(clients: Sequence[Elasticsearch], names: Names, question: str) -> bool:
    """Whether two clusters rank alike by words, but for the order of equal scores.

    A chunk that changes places with one of equal score changes what fusion gives both.
    """
    found = []
    for client in clients:
        rendered = client.render_search_template(
            id=names.search_template("hybrid"), params={"query": question}
        )["template_output"]
        fusion = fusion_of(rendered)
        assert fusion is not None
        by_words = [leg.body for leg in fusion.legs if "knn" not in leg.body]
        place = client.open_point_in_time(index=names.alias, keep_alive="1m")["id"]
        searches = [part for body in by_words for part in ({}, {**body, "pit": {"id": place}})]
        answers = client.msearch(searches=searches)["responses"]
        client.close_point_in_time(id=place)
        found.append([[_ranked(hit) for hit in a["hits"]["hits"]] for a in answers])
    return all(_same_but_for_ties(one, other) for one, other in zip(*found, strict=True))


def _ranked(hit: dict[str, Any]) -> tuple[float, str]:
    return round(hit["_score"], 4), hit["_id"]


def _same_but_for_ties(
    one: Sequence[tuple[float, str]], other: Sequence[tuple[float, str]]
) -> bool:
    if [score for score, _ in one] != [score for score, _ in other]:
        return False
    last = one[-1][0] if one else 0.0
    return {r for r in one if r[0] != last} == {r for r in other if r[0] != last}


def _groups(hits: Sequence[Hit]) -> dict[float, set[str]]:
    found: dict[float, set[str]] = {}
    for hit in hits:
        found.setdefault(round(hit.score, 6), set()).add(hit.id)
    return found
