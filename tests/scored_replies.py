"""Scored replies made by hand, for the tests of comparisons, gates and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esrag.evaluation.records import Measure, Reply, Scored

RIGHT = Measure("right", "Right", kind="yes/no", primary=True, when_failed=0.0)
F1 = Measure("f1", "Word F1", kind="number", primary=True, when_failed=0.0)
INVENTED = Measure("invented", "Invented", better="lower", kind="yes/no")
SECONDS = Measure("seconds", "Seconds", better="lower", unit="s")
WORDS = Measure("words", "Words", better="neither")
MEASURES = (RIGHT, F1, INVENTED, SECONDS, WORDS)


def scored(
    system: str,
    measure: str,
    values: Sequence[float | None] | Mapping[str, float | None],
    *,
    failed: Sequence[str] = (),
) -> tuple[Scored, ...]:
    """One reply for each value; the questions of a sequence are q000, q001 and so on."""
    named = (
        values
        if isinstance(values, Mapping)
        else {f"q{number:03d}": value for number, value in enumerate(values)}
    )
    return tuple(
        Scored(
            Reply(
                question,
                system,
                "failed" if question in failed else "answered",
                error="no answer in time" if question in failed else "",
                error_code="timed_out" if question in failed else "",
            ),
            metrics={measure: value},
        )
        for question, value in named.items()
    )


def both_metrics(
    system: str, right: Sequence[float], f1: Sequence[float | None]
) -> tuple[Scored, ...]:
    """Replies with a metric of either measure, in the order of the questions."""
    return tuple(
        Scored(Reply(f"q{number:03d}", system, "answered"), metrics={"right": yes, "f1": part})
        for number, (yes, part) in enumerate(zip(right, f1, strict=True))
    )
