"""Bad JSONL."""

from __future__ import annotations

import json

from bad_case import CUT, Bad

_FINE = '{"id": "fine", "text": "some words"}\n'


def jsonl() -> list[Bad]:
    """Records that are none; the lines around them come through."""

    def line(*, text: object = "words", **fields: object) -> str:
        return json.dumps({"text": text, **fields}) + "\n"

    deep = '{"text": "words", "a": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
    return [
        Bad("bad-line.jsonl", _FINE + "{nonsense}\n" + _FINE, (CUT, "bad_json"), "in the middle"),
        Bad("cut-off.jsonl", _FINE + '{"id": "b", "te', (CUT, "bad_json"), "ends in a record"),
        Bad("empty.jsonl", b"", ("empty",), "no bytes"),
        Bad("blank-lines.jsonl", "\n\n \n" + _FINE + "\n\n", (CUT,), "blank lines are none"),
        Bad("mark.jsonl", "\ufeff" + _FINE, (CUT,), "a byte order mark"),
        Bad("utf16.jsonl", _FINE.encode("utf-16"), (CUT,), "UTF-16 that says so"),
        Bad(
            "latin1.jsonl",
            _FINE.encode() + b'{"text": "Stra\xdfe"}\n',
            (CUT, "undecodable"),
            "a line",
        ),
        Bad("binary.jsonl", bytes(range(256)) * 4, ("nul_byte", "undecodable"), "no text at all"),
        Bad("duplicate-ids.jsonl", _FINE + _FINE, (CUT,), "the engine rejects the second"),
        Bad(
            "duplicate-keys.jsonl",
            '{"text": "a", "text": "words"}\n',
            (CUT,),
            "the last one counts",
        ),
        Bad("long-id.jsonl", _FINE + line(id="x" * 600), (CUT, "id_too_long"), "id of 600 bytes"),
        Bad("clash.jsonl", line(id=1) + line(id="1"), (CUT,), "number and string: the same id"),
        Bad("id-list.jsonl", line(id=[1]), ("bad_id",), "an id that is a list"),
        Bad("id-nul.jsonl", line(id="a\0b"), ("bad_id",), "an id with NUL"),
        Bad("id-odd.jsonl", line(id="a\nb\x1b[31m\u202e"), (CUT,), "an id with escapes"),
        Bad("id-climbs.jsonl", line(id="../../etc/passwd"), (CUT,), "an id is no path"),
        Bad("huge-number.jsonl", '{"text": "words", "n": 1e400}\n', (CUT,), "kept as written"),
        Bad(
            "long-number.jsonl",
            '{"text": "words", "n": ' + "9" * 3000 + "}\n",
            (CUT,),
            "as written",
        ),
        Bad(
            "longer-number.jsonl",
            '{"text": "words", "n": ' + "9" * 100_000 + "}\n",
            ("metadata",),
            "a number of 100,000 digits",
        ),
        Bad("nan.jsonl", '{"text": "words", "n": NaN}\n', ("bad_json",), "NaN is not JSON"),
        Bad("deep.jsonl", _FINE + deep, (CUT, "too_deep"), "100,000 lists inside one another"),
        Bad(
            "deep-object.jsonl",
            '{"text": "words", "a": ' + '{"b": ' * 600 + "1" + "}" * 600 + "}\n",
            (CUT,),
            "a name of 600 parts",
        ),
        Bad(
            "fields.jsonl",
            line(**{f"f{n}": "x" for n in range(1001)}),
            ("metadata",),
            "1,001 fields",
        ),
        Bad(
            "long-field.jsonl", line(note="x" * 5000), ("metadata",), "5,000 characters of metadata"
        ),
        Bad("not-object.jsonl", '[1]\n"x"\n7\nnull\ntrue\n', ("not_an_object",), "no objects"),
        Bad(
            "no-text.jsonl", '{"id": "a", "summary": "words"}\n{}\n', ("no_text_field",), "no text"
        ),
        Bad(
            "text-number.jsonl",
            line(text=7) + line(text=None) + line(text=["words"]),
            (CUT, "text_not_a_string"),
            "a number is taken as written",
        ),
        Bad("text-empty.jsonl", line(text="") + line(text=" \n…"), ("empty",), "nothing in it"),
        Bad("nul.jsonl", line(text="a\0b"), ("nul_byte",), "NUL by escape"),
        Bad("half-pair.jsonl", '{"text": "words \\ud800"}\n', ("lone_surrogate",), "half a pair"),
        Bad(
            "half-pair-name.jsonl",
            '{"text": "words", "\\udfff": "x"}\n',
            ("lone_surrogate",),
            "in the name of a field",
        ),
        Bad(
            "metadata-list.jsonl", line(metadata=[1, 2]), ("metadata",), "metadata that are a list"
        ),
        Bad(
            "long-record.jsonl",
            _FINE + line(text="word " * 1_900_000) + _FINE,
            (CUT, "record_too_large"),
            "9 MB in a line",
        ),
        Bad("no-line-end.jsonl", "{" * 9_000_000, ("record_too_large",), "9 MB, no end in sight"),
        Bad("returns.jsonl", _FINE.replace("\n", "\r") * 3, ("bad_json",), "line ends of old Macs"),
        Bad(
            "no-records.jsonl", _FINE + "x\n" * 20_000, (CUT, "bad_json", "broken"), "20,000 lines"
        ),
        Bad("is-an-array.jsonl", f"[{_FINE.strip()}]", ("not_an_object",), "a JSON array"),
        Bad("many.jsonl", "".join(line(id=n) for n in range(2000)), (CUT,), "2,000 records"),
    ]
