"""Every choice of language and storage of vectors on a real server: taken, and found unchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from esrag.languages import ANALYZERS, NO_LANGUAGE
from esrag.state.canonical import field_differences, setting_differences
from esrag.state.desired import DesiredState, desired_state
from esrag.state.kinds import KINDS
from esrag.templating import GRAPH_TYPES, Vectors

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Check = Callable[[str, Vectors], Any]
FINGERPRINT = "0123456789abcdef"

SENTENCES = {
    "german": ("Die Warteschlangen wurden geleert", "Warteschlange"),
    "french": ("Les gestionnaires d'incidents sont prévenus", "incident"),
    "spanish": ("Las copias fueron restauradas", "copia"),
    "italian": ("Le versioni dell'archivio sono pronte", "versione"),
    "russian": ("Очереди были очищены", "очередь"),
    "cjk": ("東京都のサーバーを再起動する", "東京都"),
    "standard": ("Foleni zimefutwa leo", "foleni"),
}


@pytest.fixture
def check(es: Elasticsearch, prefix: str, desired: DesiredState) -> Check:
    """Puts the set's templates with these choices, makes an index, and gives what differs."""

    def call(language: str, vectors: Vectors) -> Any:
        choices = replace(desired.choices, set=prefix, language=language, vectors=vectors)
        wanted = desired_state(
            choices, bundle=None, dims=64, tier=desired.tier, fingerprint=FINGERPRINT
        )
        for item in wanted.bodies:
            if item.kind in ("component template", "index template", "ingest pipeline"):
                KINDS[item.kind].write(es, item.name, item.body)
                found = KINDS[item.kind].read(es, item.name)
                assert found is not None
                assert KINDS[item.kind].differences(item.body, found) == (), item.name
        es.options(ignore_status=404).indices.delete(index=wanted.index)
        es.indices.create(index=wanted.index)
        made = es.indices.get(index=wanted.index)[wanted.index]
        fields = field_differences(wanted.mapping, made["mappings"])
        settings = setting_differences(wanted.index_settings, made["settings"])
        return (*fields.missing, *fields.changeable, *fields.fixed, *settings)

    return call


@pytest.mark.parametrize("vectors", GRAPH_TYPES)
def test_each_storage_of_vectors_is_found_as_wanted(
    es: Elasticsearch, prefix: str, check: Check, vectors: Vectors
) -> None:
    """The second plan is empty, and vectors can be put in and found."""
    assert check("english", vectors) == ()
    index = f"esrag-docs-{prefix}-000001"
    for number in range(3):
        vector = [0.0] * 64
        vector[number] = 1.0
        es.index(index=index, id=str(number), pipeline="_none", document={"embedding": vector})
    es.indices.refresh(index=index)
    knn = {"field": "embedding", "query_vector": vector, "k": 1, "num_candidates": 10}
    assert [hit["_id"] for hit in es.search(index=index, knn=knn)["hits"]["hits"]] == ["2"]


MUTATIONS = {
    "source": {"ignore_above": 5},
    "title": {"search_analyzer": "simple"},
    "context": {"fielddata": True},
    "metadata": {"ignore_above": 5},
    "published": {"ignore_malformed": True},
    "position": {"coerce": False},
    "document_id": {"eager_global_ordinals": True},
    "run_id": {"copy_to": "document_id"},
    "embedding": {"meta": {"model": "another", "embedding": "client"}},
}


def test_what_counts_as_changeable_is_changed_back_by_one_request(
    es: Elasticsearch, prefix: str, desired: DesiredState
) -> None:
    """Somebody changes each parameter that can be changed: it is seen, and one PUT repairs all."""
    wanted = desired_state(desired.choices, bundle=None, dims=64, fingerprint=FINGERPRINT).mapping
    index = f"{prefix}-changed"
    settings = KINDS["component template"].read(es, desired.names.mappings_template)
    assert settings is not None
    es.indices.create(index=index, mappings=wanted, settings=settings["template"]["settings"])
    fields = {name: {**wanted["properties"][name], **change} for name, change in MUTATIONS.items()}
    fields["embedding"]["index_options"] = {
        **wanted["properties"]["embedding"]["index_options"],
        "rescore_vector": {"oversample": 5},
        "flat_index_threshold": 0,
    }
    es.indices.put_mapping(index=index, properties=fields)
    found = field_differences(wanted, es.indices.get_mapping(index=index)[index]["mappings"])
    assert (found.missing, found.fixed) == ((), ())
    assert {item.path.partition(".")[0] for item in found.changeable} == set(MUTATIONS)
    assert {item.path for item in found.changeable if item.path.startswith("embedding")} == {
        "embedding.meta.model",
        "embedding.meta.embedding",
        "embedding.meta.fusion",
        "embedding.index_options.rescore_vector.oversample",
        "embedding.index_options.flat_index_threshold",
    }
    es.indices.put_mapping(index=index, body=dict(wanted))
    found = field_differences(wanted, es.indices.get_mapping(index=index)[index]["mappings"])
    assert found.changeable == ()


def test_every_language_is_found_as_wanted(es: Elasticsearch, prefix: str) -> None:
    """All analyzers exist on the server, and it spells them as we do."""
    wanted = {name: {"type": "text", "analyzer": name} for name in (*ANALYZERS, NO_LANGUAGE)}
    es.indices.create(index=f"{prefix}-languages", mappings={"properties": wanted})
    made = es.indices.get_mapping(index=f"{prefix}-languages")[f"{prefix}-languages"]
    found = field_differences({"properties": wanted}, made["mappings"])
    assert (found.missing, found.changeable, found.fixed) == ((), (), ())


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_found_by_another_form_of_its_word(
    es: Elasticsearch, prefix: str, check: Check, language: str
) -> None:
    """The text fields and the context carry the language; codes are kept in every one."""
    assert check(language, "int8") == ()
    text, question = SENTENCES[language]
    index = f"esrag-docs-{prefix}-000001"
    document = {"text": f"{text} QX-1042", "context": text}
    es.index(index=index, pipeline="_none", document=document, refresh=True)
    for field in ("text", "context"):
        assert es.count(index=index, query={"match": {field: question}})["count"] == 1, field
        assert es.count(index=index, query={"match": {field: "Zzyzx"}})["count"] == 0
    assert es.count(index=index, query={"match": {"text.exact": "qx-1042"}})["count"] == 1
