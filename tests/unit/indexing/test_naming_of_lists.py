"""What a list names is the document that its folder made of it; pages keep their addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrag.corpus.records import Listed
from esrag.indexing.naming import Naming

KNOWN = ["file:///srv/docs", "file:///srv/docs/guides", "s3://b", "https://h/docs/", "handbook"]


def named(uri: str, *, origin: str, name: str) -> tuple[str, str]:
    """The id and the origin that an input gets."""
    entry = Naming(KNOWN).named(Listed(Path("x"), name, origin, uri))
    return entry.name, entry.origin


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///srv/docs/a%20b.md", ("a b.md", "file:///srv/docs")),
        ("file:///srv/docs/guides/c.md", ("c.md", "file:///srv/docs/guides")),
        ("file:///srv/other.md", ("as listed", "file:///lists/l.txt")),
        ("s3://b/x/y.md", ("x/y.md", "s3://b")),
        ("https://h/docs/a", ("as listed", "file:///lists/l.txt")),
    ],
)
def test_what_a_list_names_goes_where_it_lies(uri: str, expected: tuple[str, str]) -> None:
    """Below the longest origin that the index knows."""
    assert named(uri, origin="file:///lists/l.txt", name="as listed") == expected


def test_an_origin_that_the_user_gave_is_kept() -> None:
    """He says where the document belongs."""
    found = named("file:///srv/docs/a.md", origin="handbook", name="a.md")
    assert found == ("a.md", "handbook")


def test_a_page_keeps_its_address() -> None:
    """Also below another page that was named."""
    page = "https://h/docs/a"
    assert named(page, origin=page, name=page) == (page, page)
    assert named(page, origin="https://h/map.xml", name=page) == (page, "https://h/map.xml")
