"""The surface: all that each role may do, of everything that the server knows, on whose indices.

``tests/golden/roles`` holds the answers of the server; any widening is a difference there.  After a
wanted change write them anew: ``pytest tests/contract/security/test_surface.py --update-golden``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from action_names import jars_of, known_names, names_in_jars
from elasticsearch import Elasticsearch
from key_holders import as_holder

from esrag.roles import ROLES, RoleName, role

if TYPE_CHECKING:
    from tests.contract.conftest import Stack

GOLDEN = Path(__file__).parents[2] / "golden" / "roles"
SET = "hr"
PLACES = (
    "esrag-docs-hr",
    "esrag-docs-hr-000001",
    "esrag-docs-legal-000001",
    "esrag-meta",
    "esrag-dlq",
    "esrag-eval-1",
    "esrag-answers-hr",
    "esrag-answers-legal",
    "customers",
    ".security-7",
    "*",
)
# index actions by name that the server judges as rights over the cluster
_OVER_THE_CLUSTER = ("cluster:", "indices:admin/template/", "indices:admin/index_template/")


def surface(client: Elasticsearch) -> str:
    """What the client's credentials may do: a heading for the cluster and each index."""
    names = known_names()
    over_cluster = [name for name in names if name.startswith(_OVER_THE_CLUSTER)]
    on_indices = [name for name in names if name.startswith("indices:")]
    answer = client.security.has_privileges(
        cluster=over_cluster, index=[{"names": list(PLACES), "privileges": on_indices}]
    )
    parts = [("cluster", answer["cluster"]), *((on, answer["index"][on]) for on in PLACES)]
    lines: list[str] = []
    for place, asked in parts:
        held = sorted(name for name, allowed in asked.items() if allowed)
        lines += [f"# {place}: {len(held)} of {len(asked)}", *held, ""]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "documented",
    [
        pytest.param(False, id="tight"),
        pytest.param(True, id="documented", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", ROLES)
def test_a_role_may_do_what_is_written_and_no_more(
    stack: Stack,
    es: Elasticsearch,
    prefix: str,
    request: pytest.FixtureRequest,
    name: RoleName,
    documented: bool,
) -> None:
    """Asked for every action of the server, on our indices and on those of others."""
    privileges = role(name, SET, documented=documented).privileges
    with as_holder(stack, es, f"{prefix}-key", privileges) as client:
        found = surface(client)
    golden = GOLDEN / f"{name}{'-documented' if documented else ''}.txt"
    if request.config.getoption("update_golden"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_no_role_reaches_what_is_not_ours() -> None:
    """In the golden files: nothing on the indices of others, in whichever form."""
    for path in GOLDEN.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        for place in ("esrag-docs-legal-000001", "customers", "*"):
            assert f"# {place}: 0 of" in text, f"{path.name}: {place}"
        assert "# .security-7: 0 of" in text, path.name


def test_the_list_of_actions_is_that_of_the_server(
    stack: Stack, shared_software: Path | None
) -> None:
    """A new action of a new version has to be asked for, too."""
    software = shared_software or stack.data_dir / "local" / "software"
    homes = sorted((software / "homes").iterdir(), key=lambda home: home.stat().st_mtime)
    missing = set(names_in_jars(jars_of(homes[-1]))) - set(known_names())
    assert missing == set()
