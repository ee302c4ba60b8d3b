"""What holds for the spans of any reply, hostile ones included."""

import random
import string
from dataclasses import replace

import pytest

from esrag.evaluation.pool import build_pool
from esrag.evaluation.records import Passage, Reply, Span
from esrag.evaluation.scoring import score
from esrag.evaluation.spans import MOST_JUDGED, SpanMaker
from esrag.questions import Evidence, KnownQuestion

QUOTE = "Aster 4.2.1 was released on 3 March 2026."
QUESTION = KnownQuestion(
    id="release",
    text="When did Aster 4.2.1 come out?",
    kind="single_fact",
    split="test",
    answer="3 March 2026",
    answer_groups=(("3 March 2026", "2026-03-03"),),
    evidence=(Evidence("notes", QUOTE),),
)
NO_ANSWER = replace(QUESTION, id="none", answer="", answer_groups=(), evidence=())
PASSAGES = (
    Passage("notes#0", "notes", 1, 1.0, f"{QUOTE} It fixes two faults.", title="Aster", start=40),
    Passage("old#0", "old", 2, 0.5, "Aster 4.2.0 was released on 9 January 2026.", title="Aster"),
)
POOL = build_pool(QUESTION, around=PASSAGES[:1], reference=PASSAGES, replies=())
HOSTILE = (
    "",
    " \n\t ",
    "[1]",
    "[1] [2], (3).",
    "\x00\x01\x02",
    "\u202e2026 hcraM 3\u202c",
    "<script>alert(1)</script>",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "```\ncode = 1\n```",
    "# Heading\n\n> quoted **3 March 2026**\n\n1. one\n2. two",
    "….?!" * 100,
    "3 March 2026" * 300,
    "a" * 5000,
    "1" * 5000,
    "(" * 2000,
    "-" * 3000,
    "9,9" * 600 + ".",
    "\ud800 lone surrogate",
    "é" * 1500 + " 3 March 2026.",
    "今日は晴れです。三月三日。",
    "قديم جدا 2026",
    "not " * 400 + ".",
    "and, " * 380,
)


def spans_of(text: str, question: KnownQuestion = QUESTION) -> tuple[Span, ...]:
    """The spans of a reply."""
    return SpanMaker(question, POOL).spans(text)


def check(text: str, spans: tuple[Span, ...]) -> None:
    """Spans are in order, apart, within the text; a colour has its reason and its evidence."""
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        end = span.end
        assert span.why
        if span.kind in ("supported", "contradicted"):
            assert span.evidence
            assert span.judge != "none"
        for evidence in span.evidence:
            assert evidence.quote
            assert evidence.document_id


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_reply_breaks_the_order_of_spans(text: str) -> None:
    """Whatever a model writes, spans stay within it and in order."""
    for question in (QUESTION, NO_ANSWER):
        check(text, spans_of(text, question))


def test_spans_of_random_replies_are_in_order() -> None:
    """Pieces of true and false answers, marks and signs in any order."""
    draw = random.Random(7)
    pieces = [
        "3 March 2026",
        "9 January 2026",
        ". ",
        ", ",
        " and ",
        "\n",
        "- ",
        "[1]",
        "not ",
        "**",
    ]
    pieces += [QUOTE, "It weighs 4 kg", "I do not know", "\u200f", "(", ")", "| ", "`x`", "? "]
    for _ in range(150):
        text = "".join(
            draw.choice((*pieces, draw.choice(string.printable)))
            for _ in range(draw.randint(1, 20))
        )
        spans = spans_of(text)
        check(text, spans)
        assert spans == spans_of(text)


def test_a_verdict_does_not_depend_on_the_reply_judged_before() -> None:
    """One maker judges the replies of all systems."""
    maker = SpanMaker(QUESTION, POOL)
    texts = ["3 March 2026", "9 January 2026. It fixes two faults.", "I do not know."]
    before = [maker.spans(text) for text in texts]
    assert [maker.spans(text) for text in reversed(texts)] == before[::-1]
    assert before == [spans_of(text) for text in texts]


def test_a_reply_of_a_megabyte_is_judged_as_far_as_it_is_worth() -> None:
    """What repeats itself is judged once; what does not, up to a bound; the rest is one stretch."""
    alike = "The answer is 9 January 2026. " * 35_000
    assert {span.kind for span in spans_of(alike)} == {"contradicted"}
    different = " ".join(f"Item {number} is blue." for number in range(MOST_JUDGED * 3))
    spans = spans_of(f"{different} Item 1 is blue. The answer is 3 May 2020.")
    kinds = [span.kind for span in spans]
    assert len(kinds) == MOST_JUDGED + 3
    assert kinds[-3:] == ["unjudged", kinds[1], "unjudged"]
    assert different[spans[-3].start :].startswith(f"Item {MOST_JUDGED} is blue.")


@pytest.mark.parametrize(
    "text",
    [
        "13. 14.",
        "No, no.",
        "Aster, [WKB-417](../codes.html).",
        "The passage is not available.",
        "The passage contains a list of boats lent to Aster, but it does not give a date.",
        "The passage is a factual report about Aster, but it is not one about its release.",
        "The passage 9160f1 is a continuation of the passage 9160f2.",
        "The passage contains a list of details about what happened in March 2026.",
        "The release notes contain a list of the latest changes.",
        "The passage is: <passage 2d3047> Aster",
        "To: owners of Aster",
        ", according to the [support policy](../support.md).",
        "[WKB-417] (../reference/error-codes.html).",
        "Aster 4.2.1.1.2.1.1.2.2.2.2.2.2.2.2.2.2.2.2.2.",
        '- The original sentence: "I need',
        "The release of the environment is the release of the environment.",
        "I am not familiar with the exact date, but I can list the days of the month.",
        "I am not a human.",
        "Aster team Date: 2026 URL: https://aster.example/notes",
    ],
)
def test_what_states_nothing_has_no_colour(text: str) -> None:
    """Numbering, titles, bylines and words about the speaker are neither blue nor red."""
    assert {span.kind for span in spans_of(text)} <= {"unjudged", "refusal"}


@pytest.mark.parametrize(
    "text",
    [
        "13 March 2026.",
        "No.",
        "Halden",
        "Halden harbour master",
        "15 percent",
        "- Several release notes",
        "Aster notes, 5 March 2026",
        "Aster, 5 March 2026.",
        "It came out on 3 March 2026 because the harbour was flooded.",
        "I think that it was released in May.",
        "Aster was the last release.",
        "Several release notes say that it was never released.",
    ],
)
def test_what_may_be_an_answer_has_one(text: str) -> None:
    """A date in a phrase, a yes or no where it is asked for, and what the speaker thinks."""
    asked = replace(QUESTION, text="Is 3 March 2026 when Aster 4.2.1 came out?")
    for question in (asked,) if text == "No." else (QUESTION,):
        assert {span.kind for span in spans_of(text, question)} & {"contradicted", "unsupported"}


def test_a_passage_that_is_shown_as_one_is_judged_by_what_it_says() -> None:
    """Small models write the label of a passage before its words."""
    (span,) = spans_of(f"The passage is: <passage 2d3047> {QUOTE}")
    assert span.kind == "supported"


@pytest.mark.parametrize(
    "text",
    [
        "It was two faults that Aster fixes.",
        "Aster 4.2.1 was released by sailors on 3 March 2026.",
    ],
)
def test_what_is_near_to_a_passage_is_left_open(text: str) -> None:
    """The words of a passage in another order, or the reference beside words of nowhere."""
    assert [span.kind for span in spans_of(text)] == ["unsettled"]


def test_a_value_that_may_be_of_another_version_is_left_open() -> None:
    """A quotation that names nothing is no answer to what is asked of another version."""
    quote = "The window in which alarms of one sensor count as duplicates is 5 minutes by default."
    asked = replace(
        QUESTION,
        text="Default window for duplicate alarms in Aster 4.2.1?",
        answer="2 minutes",
        answer_groups=(("2 minutes",),),
        evidence=(Evidence("notes", "The window is 2 minutes now."),),
    )
    own = Passage("notes#0", "notes", 1, 1.0, "The window is 2 minutes now.", title="Aster 4.2.1")
    older = Passage("old#0", "old", 2, 0.5, quote, title="Aster 4.2.0")
    pool = build_pool(asked, around=(), reference=(own, older), replies=())
    (span,) = SpanMaker(asked, pool).spans(quote)
    assert (span.kind, span.evidence[0].quote) == ("unsettled", quote)


def test_words_within_a_phrase_are_no_quotation() -> None:
    """What is said of a part is not said of the whole: "the radio of the Aster is gone"."""
    quote = "The radio module of the Aster 4.2.1 is no longer made by anybody we know."
    pool = build_pool(
        QUESTION, around=(), reference=(replace(PASSAGES[0], text=quote),), replies=()
    )
    (span,) = SpanMaker(QUESTION, pool).spans(
        "The Aster 4.2.1 is no longer made by anybody we know."
    )
    assert span.kind == "unsettled"


def test_units_that_stand_side_by_side_are_read_apart() -> None:
    """A system that quotes joins whole units by a blank, and some end without a full stop."""
    row = "What: aster flash; Deprecated: 21 May 2026; Instead: aster update"
    behind = "aster 1.6.0 was released on 27 August 2026."
    head = "| What | Deprecated | Instead |\n| --- | --- | --- |"
    table = f"{head}\n| aster flash | 21 May 2026 | aster update |"
    pool = build_pool(
        QUESTION,
        around=(),
        reference=(
            *PASSAGES,
            Passage("t#0", "t", 3, 0.4, table, title="Aster"),
            Passage("u#0", "u", 4, 0.3, f"Date: 5 May 2026\n\n{behind}", title="Aster"),
        ),
        replies=(),
    )
    text = f"{row} {behind}"
    spans = SpanMaker(QUESTION, pool).spans(text)
    assert [(text[s.start : s.end], s.kind) for s in spans] == [
        (row, "supported"),
        (behind, "supported"),
    ]


def test_a_clause_that_leads_in_has_no_colour_of_its_own() -> None:
    """A phrase before the first clause with a verb says nothing; with a value it does."""
    text = f"Paying a year ahead, {QUOTE}"
    assert [span.kind for span in spans_of(text)] == ["unjudged", "supported"]
    text = f"Until 9 May 2027, {QUOTE}"
    assert "unjudged" not in {span.kind for span in spans_of(text)}


def test_a_phrase_beside_other_sentences_is_a_label() -> None:
    """Alone it is the answer that a system gives; an item of a list may be one of several."""
    kinds = {"unsupported", "contradicted"}
    assert {span.kind for span in spans_of("Halden harbour master")} <= kinds
    (label, _) = spans_of("Halden harbour master. It smells of roses.")
    assert (label.kind, label.why) == ("unjudged", "a label states nothing")
    spans = spans_of("- Halden harbour master\n- It smells of roses.")
    assert [span.kind for span in spans] == ["unsupported"] * 2


def test_a_reference_that_is_half_a_sentence_is_blue() -> None:
    """Why and when are answered so, and it does not break off."""
    why = "because the crane of the harbour had rusted through"
    asked = replace(
        QUESTION,
        text="Why was Aster 4.2.1 late?",
        answer=why,
        answer_groups=((why,),),
        evidence=(Evidence("notes", f"It was late {why}."),),
    )
    assert [span.kind for span in spans_of(why, asked)] == ["supported"]


def test_evidence_is_where_it_says() -> None:
    """Offsets count the characters of the document, and are -1 where nobody knows them."""
    (right,) = spans_of("3 March 2026")
    (evidence,) = right.evidence
    assert (evidence.quote, evidence.start, evidence.end) == (QUOTE, 40, 40 + len(QUOTE))
    (other,) = spans_of("Aster 4.2.0 was released on 9 January 2026.")
    assert other.evidence[0].start == -1


def test_all_systems_are_judged_by_the_same_pool() -> None:
    """A closed-book answer gets the verdict that the same words get from a system with passages."""
    reply = Reply("release", "rag", "answered", "3 March 2026", passages=PASSAGES)
    bare = Reply("release", "base", "answered", "3 March 2026")
    pool = build_pool(QUESTION, around=(), reference=(), replies=(reply, bare))
    first, second = score(QUESTION, reply, pool), score(QUESTION, bare, pool, kind="closed_book")
    assert first.spans == second.spans
    assert first.spans[0].kind == "supported"


def test_a_quote_that_no_passage_holds_is_evidence_itself() -> None:
    """The question file vouches for its quotes, even when the index does not have them."""
    pool = build_pool(QUESTION, around=(), reference=PASSAGES[1:], replies=())
    assert [passage.text for passage in pool] == [QUOTE, PASSAGES[1].text]
    (span,) = SpanMaker(QUESTION, pool).spans("3 March 2026")
    assert (span.kind, span.evidence[0].quote) == ("supported", QUOTE)


def test_the_pool_has_each_chunk_once_and_the_neighbours_of_evidence() -> None:
    """Evidence first, then what retrieval finds, then what systems were given."""
    around = tuple(Passage(f"n#{n}", "notes", n, 0.0, f"part {n}") for n in range(1, 6))
    around = (*around[:2], replace(around[2], text=QUOTE), *around[3:])
    pool = build_pool(QUESTION, around=around, reference=(around[0], *PASSAGES[1:]), replies=())
    assert [p.chunk_id for p in pool] == ["n#3", "n#2", "n#4", "n#1", "old#0"]
    assert [p.rank for p in pool] == [1, 2, 3, 4, 5]


def test_a_document_named_as_evidence_is_quoted_where_it_says_the_answer() -> None:
    """Judged data sets name documents and quote nothing."""
    named = replace(QUESTION, id="named", evidence=(Evidence("notes", ""),))
    pool = build_pool(named, around=PASSAGES[:1], reference=PASSAGES, replies=())
    assert [passage.chunk_id for passage in pool] == ["notes#0", "old#0"]
    (right,) = SpanMaker(named, pool).spans("Aster 4.2.1 was released on 3 March 2026.")
    assert (right.kind, right.evidence[0].quote) == ("supported", QUOTE)
    (wrong,) = SpanMaker(named, pool).spans("9 January 2026")
    assert (wrong.kind, wrong.evidence[0].quote) == ("contradicted", QUOTE)


@pytest.mark.parametrize("said", ["", "answerable", "unanswerable", "unknown"])
@pytest.mark.parametrize("groups", [(), (("3 March 2026",),), (("yes",),), (("",),)])
@pytest.mark.parametrize("evidence", [(), (Evidence("notes", ""),), (Evidence("gone", "no"),)])
def test_any_question_can_be_judged(said: str, groups: object, evidence: object) -> None:
    """Without reference, evidence or either; then its measures abstain."""
    question = replace(
        QUESTION,
        id=f"{said}-{groups}-{evidence}",
        answer="",
        answer_groups=groups,  # type: ignore[arg-type]
        evidence=evidence,  # type: ignore[arg-type]
        said=said,  # type: ignore[arg-type]
    )
    pool = build_pool(question, around=PASSAGES, reference=PASSAGES, replies=())
    for text in ("3 March 2026", "Yes.", "It fixes two faults.", "I do not know.", ""):
        scored = score(question, Reply(question.id, "s", "answered", text), pool)
        assert all(value is None or value == value for value in scored.metrics.values())
        if not groups:
            assert scored.metrics["right"] is None
