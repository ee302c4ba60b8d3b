"""Pages and documents of other indices are kept up to date like files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ingest_desk import Desk, open_desk
from web_site import Site

from esrag.cli import run

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch

Ingest = Callable[..., tuple[int, dict[str, int]]]


@pytest.fixture
def desk(es: Elasticsearch, stack: Stack, prefix: str, tmp_path: Path) -> Desk:
    """A document set that takes the addresses of pages."""
    return open_desk(es, stack, prefix, tmp_path, url="keyword")


@pytest.fixture
def site() -> Iterator[Site]:
    """Some pages."""
    with Site().running() as running:
        yield running


@pytest.fixture
def ingest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ingest:
    """The command on the test's document set: its exit code, and the counts that are not 0."""
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ESRAG_INGEST_REQUESTS_PER_SECOND", "1000")

    def call(*words: str) -> tuple[int, dict[str, int]]:
        capsys.readouterr()
        code = run(["ingest", *words, "--set", desk.set_name, "--json"])
        found = capsys.readouterr()
        counts: dict[str, Any] = json.loads(found.out)["counts"] if found.out else {}
        return code, {name: count for name, count in counts.items() if count}

    return call


def test_pages_of_a_list_are_unchanged_changed_and_gone(
    desk: Desk, ingest: Ingest, site: Site, tmp_path: Path
) -> None:
    """As files are; nothing of the spool is left."""
    pages = [site.page(f"/{name}", f"<h1>{name}</h1><p>Words of it.") for name in "abc"]
    urls = tmp_path / "urls.txt"
    urls.write_text("\n".join(pages))
    words = ("--urls", str(urls), "--allow-origin", site.url, "--prune")
    assert ingest(*words) == (0, {"listed": 3, "indexed": 3})
    assert set(desk.chunks()) == set(pages)
    assert ingest(*words) == (0, {"listed": 3, "unchanged": 3})
    site.page("/a", "<h1>a</h1><p>Other words.")
    urls.write_text("\n".join(pages[:2]))
    assert ingest(*words) == (0, {"listed": 2, "indexed": 1, "unchanged": 1})
    assert set(desk.chunks()) == set(pages[:2])
    assert ingest(f"{site.url}/none")[0] == 3
    data = Path(desk.environment["ESRAG_DATA_DIR"])
    assert list((data / "spool").iterdir()) == []


def test_an_index_is_followed(desk: Desk, ingest: Ingest, es: Elasticsearch, prefix: str) -> None:
    """What is new, changed and gone there; a missing index is the user's mistake."""
    index = f"{prefix}-articles"
    for number in range(5):
        es.index(index=index, id=f"n{number}", document={"body": {"plain": f"Valve {number}."}})
    es.indices.refresh(index=index)
    words = ("--from-index", index, "--field", "text=body.plain", "--prune")
    assert ingest(*words) == (0, {"listed": 5, "indexed": 5})
    es.index(index=index, id="n0", document={"body": {"plain": "Another valve."}})
    es.delete(index=index, id="n4", refresh=True)
    assert ingest(*words) == (0, {"listed": 4, "indexed": 1, "unchanged": 3})
    assert set(desk.chunks()) == {f"{index}#n{number}" for number in range(4)}
    assert ingest("--from-index", f"{index}-none")[0] == 2
    assert ingest("--from-index", desk.alias)[0] == 2  # it would grow with every run
