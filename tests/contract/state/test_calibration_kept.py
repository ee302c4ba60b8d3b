"""A calibration in a real mapping: taken, read with the profile, kept when the mapping changes."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch

from esrag.calibration import Calibration, note_of, read_note
from esrag.cluster.calibration_note import carry_calibration, with_calibration_of, write_calibration
from esrag.cluster.indices import add_fields, read_mapping
from esrag.cluster.profile import read_profile
from esrag.errors import EsragError

FITTED = Calibration(threshold=0.6931, coverage=0.8, answerable=1234, unanswerable=567)
FIELD: dict[str, Any] = {
    "type": "dense_vector",
    "dims": 3,
    "similarity": "cosine",
    "index_options": {"type": "int8_hnsw", "rescore_vector": {"oversample": 2}},
    "meta": {"model": "0123456789abcdef", "embedding": "cluster", "fusion": "cluster"},
}


@pytest.fixture
def index(es: Elasticsearch, prefix: str) -> str:
    """An index with vectors, behind an alias."""
    name = f"{prefix}-000001"
    aliases = {prefix: {}}
    es.indices.create(index=name, mappings={"properties": {"embedding": FIELD}}, aliases=aliases)
    return name


def test_a_calibration_is_read_with_the_profile(es: Elasticsearch, index: str, prefix: str) -> None:
    """What was noted under the alias is what whoever asks it reads; the rest of the meta stays."""
    write_calibration(es, prefix, note_of(FITTED))
    profile = read_profile(es, prefix)
    assert read_note(profile.calibration) == FITTED
    assert (profile.model, profile.embedding) == ("0123456789abcdef", "cluster")
    write_calibration(es, prefix, "")
    assert read_profile(es, prefix).calibration == ""


def test_the_server_takes_no_longer_note(es: Elasticsearch, index: str) -> None:
    """Why a note is short: 50 characters are the server's limit."""
    with pytest.raises(EsragError, match="longer than 50 chars"):
        add_fields(es, index, {"properties": {"embedding": {**FIELD, "meta": {"n": "x" * 51}}}})


def test_a_change_of_the_mapping_and_a_new_generation_keep_it(
    es: Elasticsearch, index: str, prefix: str
) -> None:
    """As setup changes the mapping, and as reembed makes the next generation."""
    write_calibration(es, index, note_of(FITTED))
    wanted = {"properties": {"embedding": FIELD, "more": {"type": "keyword"}}}
    add_fields(es, index, with_calibration_of(wanted, read_mapping(es, index) or {}))
    assert read_note(read_profile(es, index).calibration) == FITTED
    es.indices.create(index=f"{prefix}-000002", mappings={"properties": {"embedding": FIELD}})
    carry_calibration(es, index, f"{prefix}-000002")
    assert read_note(read_profile(es, f"{prefix}-000002").calibration) == FITTED
