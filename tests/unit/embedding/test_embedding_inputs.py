"""What is embedded of a chunk: as the pipeline's file says."""

from __future__ import annotations

from typing import Any

import pytest

from esrag.embedding.inputs import embedding_input
from esrag.errors import UnsupportedError
from esrag.resources import load_body


def pipeline(value: Any) -> dict[str, Any]:
    """A pipeline that sets its helper field to ``value``."""
    return {"processors": [{"set": {"tag": "embedding-input", "field": "x", "value": value}}]}


def test_the_shipped_pipeline_embeds_context_and_text() -> None:
    """Context line first; a chunk without context begins with an empty line, as in the cluster."""
    fill = embedding_input(load_body("pipelines/ingest/embed.json"))
    assert fill({"context": "A › B", "text": "t {{{x}}}"}) == "A › B\nt {{{x}}}"
    assert fill({"text": "t"}) == "\nt"


def test_inner_fields_are_found() -> None:
    """By dotted path, and a project may join what it likes."""
    fill = embedding_input(pipeline("[{{{metadata.lang}}}] {{{ text }}}"))
    assert fill({"metadata": {"lang": "de"}, "text": "Wort"}) == "[de] Wort"


@pytest.mark.parametrize("value", ["{{#context}}x{{/context}}", "{{text}}", 7, None])
def test_more_than_fields_is_refused(value: object) -> None:
    """Sections, escaped fields, and what is no text at all."""
    with pytest.raises(UnsupportedError):
        embedding_input(pipeline(value))


def test_a_field_that_is_no_text_is_refused() -> None:
    """The cluster would write a list or number in its own way."""
    with pytest.raises(UnsupportedError, match="heading_path"):
        embedding_input(pipeline("{{{heading_path}}}"))({"heading_path": ["a"]})
