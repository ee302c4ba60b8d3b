"""Files of object stores and other machines are spooled, and every failure is an outcome."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from esrag.corpus import fetching, remote
from esrag.corpus.fetching import Passing, ahead, with_tries
from esrag.corpus.listing import (
    Listing,
    ListingOptions,
    can_be_had_again,
    had_again,
    remote_walking,
)
from esrag.corpus.records import Listed, Rejected, Skipped
from esrag.corpus.spool import Spool
from esrag.errors import UnsupportedError, UsageError


class Store(MemoryFileSystem):  # type: ignore[misc]
    """A store whose files can fail: by path, the exceptions that are still to come."""

    protocol = "teststore"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    failures: ClassVar[dict[str, list[Exception | float]]] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("teststore://").strip("/")

    def _fail(self, path: str) -> None:
        waiting = self.failures.get(path)
        if waiting:
            failure = waiting.pop(0)
            if isinstance(failure, float):
                time.sleep(failure)
            else:
                raise failure

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        """As in memory, or the failure."""
        self._fail(path)
        return super().ls(path, detail=detail, **kwargs)

    def cat_file(self, path: str, **kwargs: Any) -> bytes:
        """As in memory, or the failure."""
        self._fail(path)
        content: bytes = super().cat_file(path, **kwargs)
        return content


@pytest.fixture
def bucket() -> Iterator[str]:
    """The address of an empty folder of the store."""
    fsspec.register_implementation("teststore", Store, clobber=True)
    Store.failures = {}
    name = f"b{uuid4().hex[:8]}"
    yield f"teststore://{name}"
    Store.failures = {}  # what a test left over would hit the clearing up
    for path in [one for one in Store.store if one.startswith(f"/{name}/")]:
        del Store.store[path]


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ListingOptions]:
    """With a spool, and without waiting between tries."""
    monkeypatch.setattr(fetching, "LONGEST_WAIT", 0.0)
    with Spool(tmp_path / "spool") as spool:
        yield ListingOptions(spool=spool)


def put(bucket: str, **files: str) -> None:
    """Files of these names, with ``__`` for a slash and ``_`` for a dot."""
    for name, text in files.items():
        path = name.replace("__", "/").replace("_", ".")
        Store().pipe(Store._strip_protocol(f"{bucket}/{path}"), text.encode())


def test_a_remote_folder_is_listed_like_one_of_this_machine(
    bucket: str, options: ListingOptions
) -> None:
    """The same names and rules; the files lie in the spool with their endings."""
    put(bucket, z_md="z", a__b_md="ab", a__c_txt="", x_bin="x", _git__config_md="no", a_md="a")
    entries = list(Listing([bucket], options).entries())
    assert [entry.name for entry in entries] == [
        ".git/", "a.md", "a/b.md", "a/c.txt", "x.bin", "z.md",
    ]  # fmt: skip
    listed = [entry for entry in entries if isinstance(entry, Listed)]
    assert [entry.path.read_text() for entry in listed] == ["a", "ab", "", "z"]
    assert [entry.path.suffix for entry in listed] == [".md", ".md", ".txt", ".md"]
    assert all(entry.spooled for entry in listed)
    assert {entry.origin for entry in entries} == {bucket}
    assert listed[1].uri == f"{bucket}/a/b.md"
    assert [each.complete for each in Listing([bucket], options).origins] == [True]


def test_patterns_and_single_files_of_a_store(bucket: str, options: ListingOptions) -> None:
    """As for paths; an address that matches nothing does not exist."""
    put(bucket, a__b_md="1", a__c_txt="2", d_md="3")
    assert [e.name for e in Listing([f"{bucket}/**/*.md"], options).entries()] == ["a/b.md", "d.md"]
    (entry,) = Listing([f"{bucket}/a/b.md/"], options).entries()
    assert (entry.name, entry.uri, entry.origin) == ("b.md", *[f"{bucket}/a/b.md"] * 2)
    excluded = ListingOptions(spool=options.spool, exclude=("a/",))
    assert [e.name for e in Listing([bucket], excluded).entries() if isinstance(e, Skipped)] == [
        "a/"
    ]
    for missing in ("none", "*.pdf"):
        with pytest.raises(UsageError, match="no such file"):
            Listing([f"{bucket}/{missing}"], options).entries()


def test_addresses_in_a_list_keep_their_whole_name(
    bucket: str, options: ListingOptions, tmp_path: Path
) -> None:
    """What is wrong with one of them does not stop the others."""
    put(bucket, a_md="a", f__b_md="b")
    (tmp_path / "l.txt").write_text(f"{bucket}/a.md\nnope://x\n{bucket}/f\n{bucket}/none.md\n")
    listed = ListingOptions(spool=options.spool, lists=(tmp_path / "l.txt",))
    entries = list(Listing([], listed).entries())
    assert [(e.name, getattr(e, "code", "")) for e in entries] == [
        (f"{bucket}/a.md", ""),
        ("nope://x", "bad_url"),
        (f"{bucket}/f/b.md", ""),
        (f"{bucket}/none.md", "not_found"),
    ]


def test_what_fails_for_a_while_is_fetched_and_what_fails_for_good_is_rejected(
    bucket: str, options: ListingOptions
) -> None:
    """Each with the reason; the others go on."""
    put(bucket, a_md="a", b_md="b", c_md="c", d_md="d", e_md="e")
    base = Store._strip_protocol(bucket)
    Store.failures = {
        f"{base}/a.md": [OSError("reset"), TimeoutError()],
        f"{base}/b.md": [OSError("down")] * 9,
        f"{base}/c.md": [PermissionError("denied")],
        f"{base}/d.md": [FileNotFoundError()],
        base: [OSError("reset")],
    }
    entries = list(Listing([bucket], options).entries())
    assert [(e.name, getattr(e, "code", "")) for e in entries] == [
        ("a.md", ""), ("b.md", "unreachable"), ("c.md", "forbidden"), ("d.md", "not_found"),
        ("e.md", ""),
    ]  # fmt: skip
    assert "down" in next(e.reason for e in entries if isinstance(e, Rejected))


def test_a_folder_that_cannot_be_listed_is_a_rejection_of_the_listing(
    bucket: str, options: ListingOptions
) -> None:
    """So that nothing of it is taken for gone."""
    put(bucket, a__b_md="b", c_md="c")
    Store.failures = {Store._strip_protocol(f"{bucket}/a"): [OSError("down")] * 9}
    rejected, listed = Listing([bucket], options).entries()
    assert isinstance(rejected, Rejected)
    assert (rejected.name, rejected.stage, rejected.code) == ("a", "list", "unreachable")
    assert listed.name == "c.md"


def test_a_store_that_is_gone_is_given_up(
    bucket: str, options: ListingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million files are not tried one by one."""
    monkeypatch.setattr(remote_walking, "GIVE_UP_AFTER", 3)
    put(bucket, **{f"f{n}_md": "x" for n in range(30)})
    base = Store._strip_protocol(bucket)
    Store.failures = {f"{base}/f{n}.md": [OSError("down")] * 9 for n in range(30)}
    entries = list(Listing([bucket], options).entries())
    assert len(entries) == 4
    last = entries[-1]
    assert isinstance(last, Rejected)
    assert (last.stage, last.code) == ("list", "unreachable")


def test_a_file_that_takes_too_long_is_left_behind(
    bucket: str, options: ListingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging connection stops nobody."""
    monkeypatch.setattr(remote_walking, "FETCH_SECONDS", 0.2)
    put(bucket, a_md="a", b_md="b")
    Store.failures = {Store._strip_protocol(f"{bucket}/a.md"): [1.0]}
    slow, quick = Listing([bucket], options).entries()
    assert isinstance(slow, Rejected)
    assert slow.code == "too_slow"
    assert isinstance(quick, Listed)


def test_a_large_file_is_not_fetched_and_a_grown_one_not_cut(
    bucket: str, options: ListingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed and what is there need not agree."""
    put(bucket, a_md="12345", b_md="123456789")
    place = remote.Place.of(bucket)
    limited = ListingOptions(spool=options.spool, max_bytes=6)
    first, second = Listing([bucket], limited).entries()
    assert isinstance(first, Listed)
    assert isinstance(second, Rejected)
    assert second.code == "too_large"
    grown = place.fetched(f"{place.path}/b.md", options.spooling, max_bytes=100, size=5)
    assert grown.read_text() == "123456789"


def test_a_store_without_its_package_names_the_install(
    options: ListingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 6, before anything is sent."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(UnsupportedError, match="hdfs://") as caught:
        Listing(["hdfs://host/x"], options).entries()
    assert "pip install pyarrow" in caught.value.hint


def test_a_store_without_its_libraries_names_them(
    options: ListingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyarrow alone does not reach HDFS: it loads Java and Hadoop's client."""

    def load(_self: object, *_: object, **__: object) -> None:
        raise OSError("Unable to load libjvm\ndlopen(/somewhere/libjvm.so) failed: no such file")

    monkeypatch.setattr("fsspec.implementations.arrow.HadoopFileSystem.__init__", load)
    with pytest.raises(UnsupportedError, match="Unable to load libjvm") as caught:
        Listing(["hdfs://host/x"], options).entries()
    assert "HADOOP_HOME" in caught.value.hint


@pytest.mark.parametrize("address", ["zzz://x/y", "simplecache::memory://x", "zip://a::s3://b"])
def test_addresses_that_mean_nothing_are_refused(address: str, options: ListingOptions) -> None:
    """Nor are chains, behind which anything could be."""
    with pytest.raises(UsageError):
        Listing([address], options).entries()


def test_a_file_address_is_a_path(tmp_path: Path, options: ListingOptions) -> None:
    """Nothing of it is spooled."""
    (tmp_path / "a b.md").write_text("x")
    (entry,) = Listing([(tmp_path / "a b.md").as_uri()], options).entries()
    assert isinstance(entry, Listed)
    assert not entry.spooled


def test_fetching_ahead_keeps_the_order() -> None:
    """However long each takes; what needs no fetching goes along."""
    found = ahead(
        range(6),
        lambda n: (lambda: (time.sleep(0.05 if n == 1 else 0), n * 10)[1]) if n % 2 else n,
        at_once=3,
        seconds=5,
        late=lambda n: -1,
    )
    assert list(found) == [0, 10, 2, 30, 4, 50]


def test_tries_wait_longer_each_time_and_as_long_as_they_are_told() -> None:
    """The last failure is raised."""
    waits: list[float] = []
    failures = [Passing("a"), Passing("b", after=7), Passing("c"), Passing("d")]

    def call() -> None:
        raise failures.pop(0)

    with pytest.raises(Passing, match="d"):
        with_tries(call, tries=4, sleep=waits.append, chance=lambda: 1.0)
    assert waits == [0.5, 7, 2.0]


def test_a_remote_file_is_had_again_by_its_address(bucket: str, options: ListingOptions) -> None:
    """Under the name that it had."""
    put(bucket, a__b_md="b")
    uri = f"{bucket}/a/b.md"
    entry = had_again(uri, name="a/b.md", origin=bucket, options=options)
    assert isinstance(entry, Listed)
    assert (entry.name, entry.origin, entry.uri) == ("a/b.md", bucket, uri)
    assert can_be_had_again(uri)
    assert not can_be_had_again("stdin:notes.md")
    assert not can_be_had_again("elasticsearch://articles")
