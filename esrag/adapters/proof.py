"""Proves that an endpoint applies an adapter, by what it says at temperature 0.

Servers have served the base under an adapter's name without a word: TGI does it with every name
that it does not know, vLLM did with adapters whose modules it did not find.  So each probe is asked
twice, with the adapter and without, and compared with what was recorded at training time.

    served          recorded        verdict
    = recorded                      equal
    ≠ recorded, but shares more with it than with the base's     close: rounding of another server
    = the base's    ≠ the base's    base: the adapter is not applied
    anything else, where by the record two tokens were nearly as likely      close
    anything else                   other: some other weights

Without a record the best that can be said is that adapter and base differ.  Pure: asking is a
function that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from esrag.adapters.probes import Probe

Verdict = Literal["equal", "close", "same", "differs", "base", "other"]
Ask = Callable[[Probe, str], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe: what the adapter said, what the base said, and what follows.

    ``same`` is a probe that cannot tell: by its record adapter and base agree, and they do.
    """

    probe: Probe
    served: str
    base: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """What all probes say together."""

    outcomes: tuple[Outcome, ...]

    @property
    def is_recorded(self) -> bool:
        """Whether there was a record to compare with."""
        return any(outcome.probe.is_recorded for outcome in self.outcomes)

    @property
    def is_applied(self) -> bool:
        """The adapter is applied, and where there is a record it is this very adapter."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        if not self.is_recorded:
            return "differs" in verdicts
        # one probe at least has to say all of it: closeness alone may be another training
        telling = [one for one in self.outcomes if one.verdict == "equal" and _tells(one)]
        return bool(telling) and not {"base", "other"} & set(verdicts)

    def count(self, verdict: Verdict) -> int:
        """How many probes ended so."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)


def prove(probes: Sequence[Probe], *, adapter: str, base: str, ask: Ask) -> Proof:
    """Ask each probe of ``adapter`` and of ``base``, names as the endpoint knows them."""
    outcomes = []
    for probe in probes:
        served, without = ask(probe, adapter), ask(probe, base)
        outcomes.append(Outcome(probe, served, without, _verdict(probe, served, without)))
    return Proof(tuple(outcomes))


def _verdict(probe: Probe, served: str, without: str) -> Verdict:
    served, without = served.strip(), without.strip()
    if not probe.is_recorded:
        return "base" if served == without else "differs"
    answer, base_answer = probe.answer.strip(), probe.base_answer.strip()
    if answer == base_answer:
        return "same" if served == without else "other"
    if served == answer:
        return "equal"
    if served == without:
        return "base"
    near = probe.is_narrow or _shared(served, answer) > _shared(served, without)
    return "close" if near else "other"


def _tells(outcome: Outcome) -> bool:
    return outcome.served.strip() != outcome.base.strip()


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
