"""Each measure by hand: its values, and who abstains."""

from dataclasses import replace

import pytest

from esrag.evaluation.answer_metrics import MEASURES, Prices, cost_of
from esrag.evaluation.pool import build_pool
from esrag.evaluation.records import Cited, Passage, Reply, SystemKind, Usage
from esrag.evaluation.scoring import score
from esrag.questions import Evidence, KnownQuestion

QUESTION = KnownQuestion(
    id="weight",
    text="How heavy is the G4?",
    kind="single_fact",
    split="test",
    answer="1,180 g",
    answer_groups=(("1,180 g",),),
    evidence=(Evidence("g4", "The G4 weighs 1,180 g."),),
)
NO_ANSWER = replace(QUESTION, id="none", answer="", answer_groups=(), evidence=())
DATED = replace(
    QUESTION,
    id="dated",
    text="When did the G4 ship?",
    answer="2 March 2026",
    answer_groups=(("2 March 2026",),),
    evidence=(Evidence("g4", "The G4 ships since 2 March 2026."),),
)
PASSAGES = (
    Passage(
        "g4#0", "g4", 1, 1.0, "The G4 weighs 1,180 g. The G4 ships since 2 March 2026.", start=0
    ),
    Passage("g2#0", "g2", 2, 0.5, "The G2 weighs 410 g.", start=0),
)


def metrics(
    text: str,
    question: KnownQuestion = QUESTION,
    *,
    kind: SystemKind = "rag",
    prices: Prices | None = None,
    **parts: object,
) -> dict[str, float | None]:
    """The metrics of a reply to ``question``."""
    reply = Reply(question.id, "s", "answered", text, passages=PASSAGES)
    reply = replace(reply, **parts)  # type: ignore[arg-type]
    pool = build_pool(question, around=PASSAGES[:1], reference=PASSAGES, replies=())
    return dict(score(question, reply, pool, kind=kind, prices=prices).metrics)


def test_every_measure_has_a_value_or_abstains() -> None:
    """The metrics of a reply are those that are registered, and never NaN."""
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    assert all(measure.about and measure.title and measure.unit for measure in MEASURES)
    for question in (QUESTION, NO_ANSWER):
        found = metrics("1,180 g", question)
        assert list(found) == names
        assert all(value is None or value == value for value in found.values())


@pytest.mark.parametrize(
    ("text", "right", "exact", "f1", "number"),
    [
        ("1,180 g", 1, 1, 1.0, 1),
        ("1180 grams", 1, 1, 0.5, 1),
        ("1.18 kg", 1, 1, 0.0, 1),
        ("The G4 weighs 1,180 g.", 1, 0, 2 * 2 / (4 + 2), 1),
        ("410 g", 0, 0, 0.5, 0),
        ("It does not weigh 1,180 g.", 0, 0, 2 * 2 / (6 + 2), 1),
        ("", 0, 0, 0.0, 0),
        ("I do not know.", 0, 0, 0.0, 0),
    ],
)
def test_right_exact_and_f1(text: str, right: int, exact: int, f1: float, number: int) -> None:
    """A converted unit is right and exact; whoever denies the reference does not say it."""
    found = metrics(text)
    assert (found["right"], found["exact_match"], found["numeric_equality"]) == (
        right,
        exact,
        number,
    )
    assert found["token_f1"] == pytest.approx(f1)
    assert found["date_equality"] is None


def test_dates_are_equal_in_any_form() -> None:
    """A month is less exact than a day."""
    assert metrics("2026-03-02", DATED)["date_equality"] == 1
    assert metrics("March 2026", DATED)["date_equality"] == 0
    assert metrics("March 2026", DATED)["right"] == 0


def test_a_question_without_an_answer_wants_a_refusal() -> None:
    """Right abstains; right_or_refuses and recall of refusals say whether it was refused."""
    refused, stated = metrics("I do not know.", NO_ANSWER), metrics("410 g", NO_ANSWER)
    assert refused["right"] is stated["right"] is None
    assert (refused["right_or_refuses"], stated["right_or_refuses"]) == (1, 0)
    assert (refused["refusal_recall"], stated["refusal_recall"]) == (1, 0)
    assert (refused["refusal_precision"], stated["refusal_precision"]) == (1, None)
    assert (refused["invented"], stated["invented"]) == (0, 1)
    assert refused["wrongly_refused"] is None


def test_a_long_reference_without_forms_says_nothing_of_right_and_wrong() -> None:
    """Nobody repeats a sentence word by word; its words are compared all the same."""
    long = replace(
        QUESTION,
        answer="The G4 weighs 1,180 g, without its bracket and its power supply.",
        answer_groups=(),
    )
    found = metrics("The G4 weighs 1,180 g.", long)
    for name in ("right", "right_or_refuses", "invented", "exact_match"):
        assert found[name] is None, name
    assert found["supported_share"] == 1
    assert found["token_f1"] is not None
    assert 0 < found["token_f1"] < 1
    with_forms = replace(long, answer_groups=(("1,180 g",),))
    assert metrics("The G4 weighs 1,180 g.", with_forms)["right"] == 1


@pytest.mark.parametrize("text", ["How heavy is the G4?", "The weight of the G4"])
def test_what_states_nothing_is_no_refusal(text: str) -> None:
    """To say the question again declines nothing, and invents nothing."""
    found = metrics(text, NO_ANSWER)
    assert (found["right_or_refuses"], found["refusal_recall"], found["invented"]) == (0, 0, 0)
    assert found["refusal_precision"] is None
    assert metrics(text)["wrongly_refused"] == 0
    for silent in (metrics("", NO_ANSWER), metrics(text, NO_ANSWER, status="refused")):
        assert silent["refusal_recall"] == 1


def test_a_refusal_of_a_question_with_an_answer_is_wrong() -> None:
    """It counts against the precision of refusals, and invents nothing."""
    found = metrics("The documents do not say it.")
    assert (found["right"], found["refusal_precision"], found["wrongly_refused"]) == (0, 0, 1)
    assert found["refusal_recall"] is None
    assert found["invented"] == 0
    assert found["supported_share"] is None


def test_shares_count_coloured_spans() -> None:
    """Blue, contradicted and unsupported spans; what states nothing has no part."""
    found = metrics("Here is the answer: 1,180 g. The G2 weighs 500 g. It smells of roses.")
    assert found["supported_share"] == pytest.approx(1 / 3)
    assert found["contradicted_share"] == pytest.approx(1 / 3)
    assert found["unsupported_share"] == pytest.approx(1 / 3)


def test_citations_lead_to_evidence_or_not() -> None:
    """Precision over what is cited, recall over the evidence; closed book has none."""
    good, bad = Cited(0, "g4#0", "g4"), Cited(0, "g2#0", "g2")
    both = metrics("The G4 weighs 1,180 g.", cited=(good, bad))
    assert (both["citation_precision"], both["citation_recall"]) == (0.5, 1)
    none = metrics("The G4 weighs 1,180 g.")
    assert (none["citation_precision"], none["citation_recall"]) == (None, 0)
    assert metrics("1,180 g", kind="closed_book")["citation_recall"] is None
    lost = metrics("1,180 g", cited=(Cited(0, "gone", "gone"),))
    assert (lost["citation_precision"], lost["citation_recall"]) == (0, 0)


def test_a_failed_reply_is_wrong_and_not_left_out() -> None:
    """It is no refusal either, whatever text it carries."""
    found = metrics("1,180 g", status="failed", error="timed out")
    for name in ("right", "right_or_refuses", "exact_match", "token_f1", "numeric_equality"):
        assert found[name] == 0
    assert found["citation_recall"] == 0
    for name in ("refusal_precision", "invented", "wrongly_refused", "words", "supported_share"):
        assert found[name] is None, name
    failed = metrics("", NO_ANSWER, status="failed")
    assert (failed["right_or_refuses"], failed["refusal_recall"]) == (0, 0)


def test_a_system_that_only_finds_passages_has_no_measures_of_answers() -> None:
    """Its seconds count nevertheless."""
    found = metrics("", kind="retrieval", usage=Usage(seconds=0.2))
    assert {name for name, value in found.items() if value is not None} == {"seconds"}


def test_effort_and_cost() -> None:
    """Words, seconds and tokens as they are; cost only at prices."""
    usage = Usage(seconds=3.6, prompt_tokens=500, generated_tokens=100)
    found = metrics("two words", usage=usage)
    assert (found["words"], found["seconds"], found["tokens"]) == (2, 3.6, 100)
    assert (found["prompt_tokens"], found["cost"]) == (500, None)
    prices = Prices(prompt_per_million=1.0, generated_per_million=2.0, per_hour=10.0)
    cost = 500e-6 + 200e-6 + 0.01
    assert metrics("x", usage=usage, prices=prices)["cost"] == pytest.approx(cost)
    replies = [Reply("a", "s", "answered", usage=usage)] * 3
    assert cost_of(replies, prices) == pytest.approx(3 * cost)
