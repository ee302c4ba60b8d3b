"""Archives, mails and JSON: each member and record has its own outcome, within limits."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixed_corpus import WRITERS, tarred, zipped
from reading_corpus import outcomes_of
from stories import story

from esrag.corpus.limits import CODES, Limits, table
from esrag.corpus.options import ReadingOptions, field_map
from esrag.corpus.reading import Outcome, read
from esrag.corpus.reasons import REASONS
from esrag.corpus.records import Listed, Parsed, Rejected, Skipped
from esrag.errors import UsageError

WORDS = b"# Title\n\nWords.\n"
PDF = WRITERS["pdf"](story(4))


def brief(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    """Name and "parsed", rule or code of each outcome."""
    found = []
    for one in outcomes:
        if isinstance(one, Parsed):
            found.append((one.document.id, "parsed"))
        else:
            found.append((one.name, one.rule if isinstance(one, Skipped) else one.code))
    return found


def test_members_of_a_zip_are_inputs(tmp_path: Path) -> None:
    """By their own formats; archives inside are opened, hidden and unknown ones skipped."""
    raw = zipped(
        {
            "a/notes.md": WORDS,
            "b.pdf": PDF,
            "photo.png": b"x",
            ".git/config.md": WORDS,
            "__MACOSX/._notes.md": WORDS,
            "r.jsonl": b'{"text": "one"}\n{"bad": 1}\n',
            "in.tar.gz": tarred({"c.txt": b"Deep words."}),
            "locked.docx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        }
    )
    outcomes = outcomes_of(tmp_path, raw, "z.zip")
    assert brief(outcomes) == [
        ("z.zip!/a/notes.md", "parsed"),
        ("z.zip!/b.pdf", "parsed"),
        ("z.zip!/photo.png", "unknown type .png"),
        ("z.zip!/.git/config.md", "hidden file"),
        ("z.zip!/__MACOSX/._notes.md", "hidden file"),
        ("z.zip!/r.jsonl#L1", "parsed"),
        ("z.zip!/r.jsonl#L2", "no_text_field"),
        ("z.zip!/in.tar.gz!/c.txt", "parsed"),
        ("z.zip!/locked.docx", "encrypted"),
    ]
    places = [one.place for one in outcomes if not isinstance(one, Skipped)]
    assert places[0] == "a/notes.md"
    assert places[3] == "r.jsonl line 2"
    assert all(places)


def hostile_tar() -> bytes:
    """Every kind of member that is no file to be read."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target in (
            ("fine.md", tarfile.REGTYPE, ""),
            ("link.md", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.md", tarfile.LNKTYPE, "fine.md"),
            ("disk.md", tarfile.BLKTYPE, ""),
            ("pipe.md", tarfile.FIFOTYPE, ""),
            ("/abs.md", tarfile.REGTYPE, ""),
            ("../up.md", tarfile.REGTYPE, ""),
            ("a/../../up.md", tarfile.REGTYPE, ""),
            ("C:\\win.md", tarfile.REGTYPE, ""),
            ("two\nlines.md", tarfile.REGTYPE, ""),
            ("fine.md", tarfile.REGTYPE, ""),
            ("folder", tarfile.DIRTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            info.size = len(WORDS) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(WORDS))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("t.tar", bytes),
        ("t.tar.gz", gzip.compress),
        ("t.tar.bz2", bz2.compress),
        ("t.tar.xz", lzma.compress),
    ],
)
def test_links_devices_and_unsafe_names_are_rejected(
    tmp_path: Path, name: str, pack: type[bytes]
) -> None:
    """And nothing is written anywhere."""
    folder = tmp_path / "empty"
    folder.mkdir()
    outcomes = outcomes_of(folder, pack(hostile_tar()), name)
    codes = [code for _, code in brief(outcomes)]
    assert codes == ["parsed", "link", "link", "not_a_file", "not_a_file"] + ["unsafe_name"] * 5 + [
        "duplicate_name"
    ]
    assert set(codes) - {"parsed"} <= set(REASONS)
    assert os.listdir(folder) == [name]  # noqa: PTH208
    assert all("\n" not in outcome_name for outcome_name, _ in brief(outcomes))


def test_a_tar_that_ends_too_early_keeps_what_came_before(tmp_path: Path) -> None:
    """The rest is one rejection that says how far it came."""
    raw = tarred({"a.md": WORDS, "b.bin": os.urandom(50_000)})
    outcomes = outcomes_of(tmp_path, raw[:-20_000], "t.tar.gz")
    assert brief(outcomes)[0] == ("t.tar.gz!/a.md", "parsed")
    assert isinstance(outcomes[-1], Rejected)
    assert (outcomes[-1].name, outcomes[-1].code) == ("t.tar.gz", "broken")
    assert "after 2 members" in outcomes[-1].reason


def test_an_encrypted_member_and_one_with_a_wrong_checksum_are_rejected_alone(
    tmp_path: Path,
) -> None:
    """Their neighbours are read."""
    raw = bytearray(zipped({"a.md": WORDS, "b.md": WORDS * 2, "c.md": WORDS}))
    central = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"c.md"))
    before = raw.rindex(b"PK\x01\x02", 0, central)
    first = raw.rindex(b"PK\x01\x02", 0, before)
    raw[first + 8] |= 1  # a.md is marked as encrypted
    raw[before + 16] ^= 0xFF  # b.md has another checksum
    found = brief(outcomes_of(tmp_path, bytes(raw), "z.zip"))
    assert found == [
        ("z.zip!/a.md", "encrypted"),
        ("z.zip!/b.md", "broken"),
        ("z.zip!/c.md", "parsed"),
    ]


def nested(levels: int) -> bytes:
    """Zip archives inside one another, a document in the innermost."""
    raw = zipped({"x.md": WORDS})
    for _ in range(levels - 1):
        raw = zipped({"in.zip": raw})
    return raw


def test_archives_are_opened_up_to_a_depth(tmp_path: Path) -> None:
    """A quine, an archive that holds itself, ends there as well."""
    assert brief(outcomes_of(tmp_path, nested(5), "z.zip"))[0][1] == "parsed"
    ((name, code),) = brief(outcomes_of(tmp_path, nested(6), "z.zip"))
    assert code == "nested_archives"
    assert name == "z.zip" + "!/in.zip" * 5


def test_too_many_members_end_an_archive(tmp_path: Path) -> None:
    """A zip says the number itself; a tar is counted."""
    options = ReadingOptions(limits=Limits(members=5))
    members = {f"{number}.md": WORDS for number in range(9)}
    assert brief(outcomes_of(tmp_path, zipped(members), "z.zip", options)) == [
        ("z.zip", "too_many_members")
    ]
    found = brief(outcomes_of(tmp_path, tarred(members), "t.tar.gz", options))
    assert [code for _, code in found] == ["parsed"] * 5 + ["too_many_members"]
    assert found[-1][0] == "t.tar.gz"


def zeros(name: str, size: int) -> bytes:
    """A compressed tar with one member of nothing but blanks."""
    return tarred({name: b" " * size})


@pytest.mark.parametrize("name", ["big.jsonl", "big.skipped"])
def test_a_bomb_is_given_up(tmp_path: Path, name: str) -> None:
    """Whether its members would be read or skipped: a stream has to be unpacked either way."""
    options = ReadingOptions(limits=Limits(inflated_bytes=3_000_000))
    found = brief(outcomes_of(tmp_path, zeros(name, 9_000_000), "t.tar.gz", options))
    assert found == [("t.tar.gz", "inflates_too_much")]


def test_a_zip_bomb_is_given_up(tmp_path: Path) -> None:
    """The bytes that come out are counted, not those that are promised."""
    options = ReadingOptions(limits=Limits(inflated_bytes=3_000_000))
    raw = zipped({"a.jsonl": b" " * 9_000_000, "b.md": WORDS})
    found = brief(outcomes_of(tmp_path, raw, "z.zip", options))
    assert found == [("z.zip", "inflates_too_much")]


def test_an_office_file_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    """Its directory says so before."""
    raw = io.BytesIO(WRITERS["docx"](story(1)))
    with zipfile.ZipFile(raw, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/more.xml", b" " * 3_000_000)
    options = ReadingOptions(limits=Limits(package_bytes=2_000_000))
    ((_, code),) = brief(outcomes_of(tmp_path, raw.getvalue(), "a.docx", options))
    assert code == "inflates_too_much"


@pytest.mark.parametrize(
    ("name", "pack"), [("n.jsonl.gz", gzip.compress), ("n.jsonl.xz", lzma.compress)]
)
def test_a_compressed_file_keeps_its_name(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    """It is read by the ending before."""
    raw = pack(b'{"id": "a", "text": "one"}\n{"text": "two"}\n')
    assert brief(outcomes_of(tmp_path, raw, name)) == [
        (f"{name}#a", "parsed"),
        (f"{name}#L2", "parsed"),
    ]
    ((_, code),) = brief(outcomes_of(tmp_path, pack(b"x"), name.replace("jsonl", "what")))
    assert code == "unknown_type"


def letter() -> EmailMessage:
    """A mail with two bodies and two attachments."""
    message = EmailMessage()
    message["Subject"] = "Quarterly réport"
    message["From"] = "Ann Á <ann@x.example>"
    message["To"], message["Message-ID"] = "b@x.example", "<1@x.example>"
    message["Date"] = "Tue, 03 Mar 2026 10:00:00 +0100"
    message.set_content("Dear all,\n\nplease find the report.\n")
    message.add_alternative("<p>Dear <b>all</b></p>", subtype="html")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="../rep.pdf")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    return message


def test_a_mail_has_fields_and_attachments(tmp_path: Path) -> None:
    """The plain body counts; an attachment is an input, its folder no part of its name."""
    outcomes = outcomes_of(tmp_path, letter().as_bytes(), "m.eml")
    assert brief(outcomes) == [
        ("m.eml", "parsed"),
        ("m.eml!/rep.pdf", "parsed"),
        ("m.eml!/logo.png", "unknown type .png"),
    ]
    assert isinstance(outcomes[0], Parsed)
    document = outcomes[0].document
    assert document.text.split() == "Dear all, please find the report.".split()
    assert (document.title, document.author) == ("Quarterly réport", "Ann Á <ann@x.example>")
    assert document.published == "2026-03-03T09:00:00+00:00"
    assert document.metadata == {"to": "b@x.example", "message_id": "<1@x.example>"}


def test_a_forwarded_mail_is_an_input_with_its_own_attachments(tmp_path: Path) -> None:
    """And a mail of HTML only is read as a page."""
    message = EmailMessage()
    message["Subject"] = "Fwd"
    message.set_content("<h1>See below</h1><p>Words.</p>", subtype="html")
    message.add_attachment(letter())
    outcomes = outcomes_of(tmp_path, message.as_bytes(), "m.eml")
    assert [name for name, _ in brief(outcomes)] == [
        "m.eml",
        "m.eml!/attachment-1.eml",
        "m.eml!/attachment-1.eml!/rep.pdf",
        "m.eml!/attachment-1.eml!/logo.png",
    ]
    assert isinstance(outcomes[0], Parsed)
    assert outcomes[0].document.text == "See below\n\nWords."


def test_each_message_of_a_mailbox_is_a_document(tmp_path: Path) -> None:
    """One that cannot be decoded is rejected alone; a quoted From is a From."""
    line = b"From a@x.example Tue Mar  3 10:00:00 2026\n"
    bad = b'Subject: bad\nContent-Type: text/plain; charset="utf-8"\n\ncaf\xe9\n'
    raw = line + letter().as_bytes() + b"\n" + line + bad + b"\n"
    raw += line + b"Subject: three\n\n>From here on\nFrom words alone.\n"
    outcomes = outcomes_of(tmp_path, raw, "b.mbox")
    assert brief(outcomes) == [
        ("b.mbox#1", "parsed"),
        ("b.mbox#1!/rep.pdf", "parsed"),
        ("b.mbox#1!/logo.png", "unknown type .png"),
        ("b.mbox#2", "undecodable"),
        ("b.mbox#3", "parsed"),
    ]
    assert isinstance(outcomes[4], Parsed)
    assert outcomes[4].document.text.strip() == "From here on\nFrom words alone."


def test_elements_of_an_array_are_documents(tmp_path: Path) -> None:
    """Read one after the other: what comes before an error is kept."""
    raw = b'[{"id": "a", "text": "one"}, {"text": "two"}, 5, {"text": "thr'
    outcomes = outcomes_of(tmp_path, raw, "a.json")
    assert brief(outcomes) == [
        ("a.json#a", "parsed"),
        ("a.json#E2", "parsed"),
        ("a.json#E3", "not_an_object"),
        ("a.json", "bad_json"),
    ]
    assert [one.place for one in outcomes if isinstance(one, Parsed)] == ["element 1", "element 2"]


def test_an_array_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Elements larger than a piece, and letters on the border of two."""
    texts = [f"{'é' * number} words" for number in (1, 70_000, 3, 200_000, 32_767)]
    raw = json.dumps([{"text": text} for text in texts], ensure_ascii=False).encode()
    outcomes = outcomes_of(tmp_path, raw, "a.json")
    assert [one.document.text for one in outcomes if isinstance(one, Parsed)] == texts
    options = ReadingOptions(limits=Limits(record_bytes=100_000))
    assert brief(outcomes_of(tmp_path, raw, "a.json", options))[-1] == (
        "a.json",
        "record_too_large",
    )


def test_an_object_is_one_document_or_data(tmp_path: Path) -> None:
    """With a text field a document under the file's own name; else its own text."""
    record = b'{"title": "T", "text": "Some words.", "team": "ops"}'
    (outcome,) = outcomes_of(tmp_path, record, "a.json")
    assert isinstance(outcome, Parsed)
    assert (outcome.document.id, outcome.document.title) == ("a.json", "T")
    assert outcome.document.metadata == {"team": "ops"}
    for data in (b'{"name": "pkg", "version": 1.10}', b"[1, 2]", b'"words"'):
        (outcome,) = outcomes_of(tmp_path, data, "a.json")
        assert isinstance(outcome, Parsed)
        assert outcome.document.text == data.decode()


def test_fields_are_taken_from_where_the_mapping_says(tmp_path: Path) -> None:
    """Dotted paths into objects and arrays; what is mapped is no metadata any more."""
    paths = field_map(["text=body.head,body.parts.0", "id=key", "author=by.name", "acl=who"])
    options = ReadingOptions(fields=paths, records="data.items")
    record = {
        "key": 7,
        "body": {"head": "Head.", "parts": ["First.", "Second."]},
        "by": {"name": "Ann", "mail": "a@x.example"},
        "who": ["g1", "g2"],
        "text": "not this",
    }
    raw = json.dumps({"data": {"items": [record, {"key": 8}]}}).encode()
    first, second = outcomes_of(tmp_path, raw, "a.json", options)
    assert isinstance(first, Parsed)
    document = first.document
    assert (document.id, document.text) == ("a.json#7", "Head.\n\nFirst.")
    assert (document.author, document.acl) == ("Ann", ("g1", "g2"))
    assert document.metadata["by.mail"] == "a@x.example"
    assert isinstance(second, Rejected)
    assert second.code == "no_text_field"


@pytest.mark.parametrize("wrong", ["text", "text=", "words=body", "=x"])
def test_a_mapping_that_is_none_is_refused(wrong: str) -> None:
    """With the names that there are."""
    with pytest.raises(UsageError, match="not understood"):
        field_map([wrong])


def test_options_travel_as_json() -> None:
    """To the parser child and back."""
    options = ReadingOptions(
        fields=field_map(["text=a.b,c"]), records="x", acl=("g",), limits=Limits(pages=3)
    )
    assert ReadingOptions.from_json(json.loads(json.dumps(options.as_json()))) == options


def test_every_limit_has_a_code_that_is_explained() -> None:
    """And a place in the documentation."""
    assert {code for _, _, code in table()} == set(CODES.values())
    assert set(CODES.values()) <= set(REASONS)


def test_a_long_jsonl_file_is_not_held(tmp_path: Path) -> None:
    """Its records come while the file is still being read."""
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        for _ in range(5_000):
            file.write(b'{"text": "%s"}\n' % (b"words " * 100))
    outcomes: Iterator[Outcome] = read(Listed(path, "long.jsonl"))
    import tracemalloc

    next(outcomes)
    tracemalloc.start()
    for _ in range(1_000):
        next(outcomes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), suffix=st.sampled_from([".zip", ".tar.gz", ".tar", ".eml", ".mbox"]))
def test_damaged_containers_have_outcomes(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    """Whatever byte is wrong: documents, skips and rejections with known codes."""
    parts = {"a.md": WORDS, "b.jsonl": b'{"text": "one"}\n', "c.html": b"<p>words</p>"}
    mbox = b"From a@x.example Tue Mar  3 10:00:00 2026\n" + letter().as_bytes()
    samples = {
        ".zip": zipped(parts),
        ".tar.gz": tarred(parts),
        ".tar": tarred(parts, "w"),
        ".eml": letter().as_bytes(),
        ".mbox": mbox,
    }
    raw = bytearray(samples[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    outcomes = outcomes_of(tmp_path, bytes(raw) or b"x", f"f{suffix}")
    assert outcomes
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            assert outcome.code in REASONS
