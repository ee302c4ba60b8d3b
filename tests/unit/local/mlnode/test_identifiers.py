"""Ids that become names of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.local.mlnode.identifiers import require_id
from esrag.local.mlnode.problems import Problem


@pytest.mark.parametrize(
    "identifier",
    ["m", "sentence-transformers__all-minilm-l6-v2", ".elser_model_2", "a.b", "0" * 64],
)
def test_ids_of_the_server_are_accepted(identifier: str) -> None:
    """What the real server accepts is accepted."""
    assert require_id(identifier, name="model_id") == identifier


@pytest.mark.parametrize(
    "identifier",
    ["", ".", "..", "../x", "a/b", "a\\b", "A", "é", "_a", "a_", "a\n", "a\0", "0" * 65, None, 3],
)
def test_other_ids_are_refused(identifier: object) -> None:
    """Whatever could leave the folder, or is no id of the server, is a bad_request."""
    with pytest.raises(Problem) as refused:
        require_id(identifier, name="model_id")
    assert refused.value.kind == "bad_request"


@given(st.text())
def test_an_accepted_id_is_one_plain_name(identifier: str) -> None:
    """No accepted text is a path or a special folder."""
    try:
        accepted = require_id(identifier, name="model_id")
    except Problem:
        return
    assert accepted not in ("", ".", "..")
    assert not set(accepted) & set("/\\\0")
