"""Filters, counts, marks and scores on a real server, whoever fuses the rankings."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from library_of_chunks import VALUES, fulfils, made_chunks, vector_of

from esrag.cluster.search import run_template
from esrag.retrieval import Shaping
from esrag.retrieval.parameters import only_of, template_params
from esrag.templating import with_generations
from esrag.types import Filters, Found, Query

if TYPE_CHECKING:
    from conftest import Shelf

FUSED = ("hybrid", "linear")
ALL = 100


def some_filters(count: int) -> list[Filters]:
    """Filters of values chosen by chance, the same each time."""
    chance = random.Random(11)
    return [
        Filters(**{name: chance.choice(values) for name, values in VALUES.items()})
        for _ in range(count)
    ]


@pytest.mark.parametrize("kind", ["lexical", "semantic", "hybrid", "linear"])
def test_filters_find_what_they_say(shelf: Shelf, kind: str) -> None:
    """Every chunk that fulfils them and no other; each kind of filter alone, then mixed."""
    alone = [Filters(**{name: value}) for name, values in VALUES.items() for value in values]
    chosen = alone if kind == "lexical" else []
    for filters in [*chosen, *some_filters(12)]:
        found = shelf.retriever(kind).retrieve(Query("alpha", ALL, filters))
        wanted = {chunk["_id"] for chunk in made_chunks() if fulfils(chunk, filters)}
        assert {hit.id for hit in found.hits} == wanted, filters


def there(shelf: Shelf, kind: str, query: Query) -> Found:
    """The cluster's own answer; the question's vector is given, as there is no model."""
    params = template_params(query, size=query.size)
    return run_template(
        shelf.client,
        shelf.names.alias,
        shelf.names.search_template(kind),
        {**params, "query_vector": vector_of(query.text)},
    )


@pytest.mark.parametrize("kind", FUSED)
def test_the_client_finds_counts_and_explains_as_the_cluster_does(shelf: Shelf, kind: str) -> None:
    """Hits, order, scores of each ranking, marks and counts are the same."""
    here = shelf.retriever(kind)
    for number, filters in enumerate([Filters(), *some_filters(8)]):
        text = ("queue restart 4.3.1", "disk worker", "token 4.7.0 model")[number % 3]
        query = Query(text, 10, filters, facets=True, highlight=True, explain=True)
        wanted, found = there(shelf, kind, query), here.retrieve(query)
        assert [hit.id for hit in found.hits] == [hit.id for hit in wanted.hits]
        assert [hit.highlights for hit in found.hits] == [hit.highlights for hit in wanted.hits]
        assert sorted_facets(found) == sorted_facets(wanted)
        for mine, theirs in zip(found.hits, wanted.hits, strict=True):
            assert mine.score == pytest.approx(theirs.score)
            assert dict(mine.scores) == pytest.approx(dict(theirs.scores))


def sorted_facets(found: Found) -> list[tuple[str, list[tuple[str, int]]]]:
    """Counts in an order that does not depend on which of two equal ones came first."""
    return [(facet.field, sorted(facet.counts)) for facet in found.facets]


def test_counts_are_those_of_all_candidates(shelf: Shelf) -> None:
    """Not only of the hits that are shown."""
    filters = Filters(language=("en",))
    found = shelf.retriever("lexical").retrieve(Query("alpha", 3, filters, facets=True))
    chunks = [chunk for chunk in made_chunks() if chunk["language"] == "en"]
    counted = {facet.field: dict(facet.counts) for facet in found.facets}
    assert counted["source"] == Counter(chunk["source"] for chunk in chunks)
    assert counted["published"] == Counter(chunk["published"][:4] for chunk in chunks)
    assert counted["author"] == Counter(chunk["author"] for chunk in chunks if "author" in chunk)


def test_marks_enclose_the_words_that_matched(shelf: Shelf) -> None:
    """Also in passages that another ranking brought."""
    found = shelf.retriever("hybrid").retrieve(Query("queues restarting", 5, highlight=True))
    marked = {hit.text[start:end] for hit in found.hits for start, end in hit.highlights}
    assert marked
    assert marked <= {"queue", "restart"}


def test_neighbours_are_read_with_a_hit_and_obey_the_filters(shelf: Shelf) -> None:
    """Within the section, and with true offsets; chunks of a part are two here."""
    asking = shelf.retriever("lexical", shaping=Shaping(neighbours=2))
    found = asking.retrieve(Query("4.6.1", 1, Filters(acl=("board",))))
    (hit,) = found.hits
    texts = [chunk["text"] for chunk in made_chunks() if chunk["document_id"] == "d06"]
    assert hit.text == " ".join(texts[:2])
    assert (hit.id, hit.start, hit.end) == ("c06-1", 0, len(hit.text))
    assert set(found.seconds) == {"search", "neighbours"}


def test_a_document_is_capped_with_as_many_others_in_its_place(shelf: Shelf) -> None:
    """The size is kept as long as there are other documents."""
    found = shelf.retriever("lexical").retrieve(Query("alpha 4.3.1 4.3.2", 8, per_source=1))
    assert len({hit.document_id for hit in found.hits}) == len(found.hits) == 8


def test_filters_reach_the_nearest_while_two_generations_are_asked(shelf: Shelf) -> None:
    """The vectors' leg becomes a query within a query, whose filters come too late otherwise."""
    name = shelf.names.search_template("hybrid")
    body: Any = shelf.client.get_script(id=name)["script"]
    moving = with_generations({"script": body}, {shelf.names.index(1): "a", "docs-2": "b"})
    only = only_of(Filters(document_id=("d13",)))
    params = {"query": "zzz", "only": only, "query_vector": [1.0, 0.0, 0.9], "size": 4}
    params |= {"rank_window_size": 4, "num_candidates": 4}
    answer = shelf.client.search_template(
        index=shelf.names.index(1), source=moving["script"]["source"], params=params
    )
    assert {hit["_source"]["document_id"] for hit in answer["hits"]["hits"]} == {"d13"}
    assert len(answer["hits"]["hits"]) == 4
