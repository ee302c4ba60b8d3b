"""A tokenised corpus teaches every token once, keeps documents apart, and is read as written."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esrag.errors import UsageError
from esrag.training.texts import Text, is_held_out, python_reference, read_texts
from esrag.training.token_rows import JoinedRows, TokenRows, blocks, write_rows

END = 0


def encode(text: str) -> list[int]:
    """Every byte a token, shifted so that none is the separator."""
    return [byte + 1 for byte in text.encode()]


@given(tokens=st.lists(st.integers(1, 9), min_size=1, max_size=300), block=st.integers(8, 64))
def test_every_token_of_a_document_is_learnt_once(tokens: list[int], block: int) -> None:
    """The parts that carry loss, set side by side, are the document and its end."""
    rows = list(blocks(tokens, block=block, separator=END))
    assert [token for row in rows for token in row[1:]] == [*tokens, END]
    assert rows[0][0] == END
    assert all(before[-1] == after[0] for before, after in pairwise(rows))
    assert max(map(len, rows)) <= block
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    """From disk, by number and by slice, with the key of their document; duplicates come once."""
    texts = [
        Text("a", "hello " * 9),
        Text("b", "  hello " + "hello " * 8),
        Text("c", "x"),
        Text("d", " "),
    ]
    facts = write_rows(tmp_path, "train", texts, encode, block=16, separator=END)
    rows = TokenRows(tmp_path, "train", kind="train")
    assert (facts.documents, facts.duplicates, facts.rows) == (2, 1, len(rows))
    assert facts.tokens == len("hello " * 9) - 1 + 1
    assert facts.words == 10
    assert [row.key for row in rows[:]] == ["a"] * (len(rows) - 1) + ["c"]
    assert all(row.answer_start == 1 and row.kind == "train" for row in rows)
    assert rows[-1].tokens == (END, ord("x") + 1, END)
    assert rows.mean_length == pytest.approx(sum(len(row.tokens) for row in rows) / len(rows))


def test_equal_texts_give_equal_corpora_and_others_do_not(tmp_path: Path) -> None:
    """The sha256 names the tokens and where they are cut."""
    found = []
    for name, block, words in (
        ("one", 16, "abc" * 30),
        ("two", 16, "abc" * 30),
        ("three", 17, "abc" * 30),
    ):
        facts = write_rows(tmp_path, name, [Text("a", words)], encode, block=block, separator=END)
        found.append(facts.sha256)
    assert found[0] == found[1] != found[2]


def test_a_limit_ends_after_a_whole_document(tmp_path: Path) -> None:
    """As much replay as wanted, and no half documents."""
    texts = [Text(str(number), f"{number:03} " * 10) for number in range(20)]
    facts = write_rows(tmp_path, "replay", texts, encode, block=64, separator=END, most_tokens=100)
    assert facts.documents == 3
    assert facts.tokens >= 100


def test_what_was_seen_elsewhere_does_not_come_again(tmp_path: Path) -> None:
    """A held-out text is not trained under another name, even where only a part was measured."""
    seen: set[bytes] = set()
    whole = Text("held", "the same text")
    part = Text("held", "the same", whole.digest)
    write_rows(tmp_path, "held", [part], encode, block=16, separator=END, seen=seen)
    facts = write_rows(
        tmp_path,
        "train",
        [Text("copy", "the same text")],
        encode,
        block=16,
        separator=END,
        seen=seen,
    )
    assert (facts.documents, facts.duplicates) == (0, 1)
    assert len(TokenRows(tmp_path, "train", kind="train")) == 0


def test_corpora_can_be_joined(tmp_path: Path) -> None:
    """Numbers run through the parts; what is beyond is an error."""
    for name in ("one", "two"):
        write_rows(tmp_path, name, [Text(name, name)], encode, block=16, separator=END)
    rows = JoinedRows(
        TokenRows(tmp_path, "one", kind="one"), TokenRows(tmp_path, "two", kind="two")
    )
    assert [row.kind for row in rows] == ["one", "two"]
    assert rows[-1].kind == "two"
    with pytest.raises(IndexError):
        rows[2]


def test_texts_come_from_files_and_folders(tmp_path: Path) -> None:
    """Lines of JSON, whole files, and folders of both, in the order of their names."""
    (tmp_path / "b.txt").write_text("whole")
    (tmp_path / "a.jsonl").write_text('{"text": "one", "id": "x"}\n\n{"text": "two\u2028"}\n')
    (tmp_path / "c.bin").write_text("no text")
    found = list(read_texts(tmp_path))
    assert [(each.key, each.text) for each in found] == [
        ("x", "one"),
        ("a.jsonl:3", "two\u2028"),
        ("b.txt", "whole"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"text": "one"}\n{"text": 2}\n', "line 2"),
        ("a.jsonl", b"{\n", "line 1"),
        ("a.txt", b"\xff\xfe", "UTF-8"),
        ("a.bin", b"", "no text that can be read"),
    ],
)
def test_a_broken_text_says_where(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """File and line are named."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=says):
        list(read_texts(tmp_path / name))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_texts(tmp_path / "nowhere.txt"))


def test_there_is_a_control_text_on_every_machine() -> None:
    """Python's own reference: several texts of some length."""
    texts = list(python_reference())
    assert len(texts) > 20
    assert sum(len(each.text) for each in texts) > 100_000


def test_a_document_is_held_out_by_its_name_and_the_seed() -> None:
    """About the share that was asked for, and another part for another seed."""
    keys = [f"guides/page-{number}.md" for number in range(4000)]
    held = {key for key in keys if is_held_out(key, share=0.1, seed=7)}
    other = {key for key in keys if is_held_out(key, share=0.1, seed=8)}
    assert 320 < len(held) < 480
    assert len(held & other) < 80


def test_keys_are_kept_beside_the_rows(tmp_path: Path) -> None:
    """Half a surrogate pair in a name does no harm."""
    write_rows(tmp_path, "train", [Text("\ud800", "x")], encode, block=16, separator=END)
    assert json.loads((tmp_path / "train.keys.json").read_text()) == ["\ud800"]
