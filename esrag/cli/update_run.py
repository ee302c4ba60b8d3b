"""One update experiment: its checks, the copy of the set, and what systems are asked there.

checks, nothing changed yet ─► copy of the set ─► updating.carry_out ─► story and costs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esrag.errors import UsageError
from esrag.evaluation.asking import Limits, ask_one
from esrag.evaluation.copied_set import CopiedSet, changed
from esrag.evaluation.preparing import ready
from esrag.evaluation.records import System, UpdateStep
from esrag.evaluation.run_folder import RunFolder
from esrag.evaluation.storage import read_run
from esrag.evaluation.system_costs import costs_of_run, runs_of
from esrag.evaluation.systems import settings_of
from esrag.evaluation.updating import Ask, Change, Found, Subject, Waiting, carry_out
from esrag.generation.cancelling import Cancellation
from esrag.names import Names
from esrag.questions import KnownQuestion
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.cli.set_copy import SetCopy
    from esrag.cli.training_again import TrainingAgain


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the change, which systems, and whether training is a part of it.

    ``patience`` are seconds that a system has to say the new answer, ``deadline`` those of one
    answer; ``elasticsearch_url`` is the address that the user gave, if any.
    """

    change: Change
    systems: tuple[str, ...] = ()
    retrain: bool = False
    keep: bool = False
    patience: float = 60.0
    deadline: float = 240.0
    elasticsearch_url: str | None = None


@dataclass
class Experiment:
    """An experiment on the set of ``settings`` with the systems of a run, whose folder is held."""

    wanted: Wanted
    folder: RunFolder
    settings: Settings
    told: Callable[[UpdateStep], None] = lambda _: None
    _notes: list[str] = field(default_factory=list)

    def carry_out(self) -> Found:
        """Check what can be checked, then make the copy and ask, change, train, ask.

        Raises UsageError when the document does not hold the text, before anything is made;
        ConflictError when there is a set of the copy's name; and what asking, indexing and
        training raise.
        """
        from esrag.cli.calling_off import called_off_by_signals
        from esrag.cli.connection import connect_with
        from esrag.cli.preflight import explaining_refusals
        from esrag.cli.set_copy import set_copy

        systems = self._systems()
        learnt = {system.name: self._trained(system) for system in systems}
        with connect_with(self.settings) as client:
            with explaining_refusals(client, "ask", self.settings.index.set):
                self._require(client, [each for each in systems if learnt[each.name] is not None])
            with (
                called_off_by_signals() as cancel,
                set_copy(
                    self.settings,
                    client,
                    elasticsearch_url=self.wanted.elasticsearch_url,
                    keep=self.wanted.keep,
                ) as made,
                ExitStack() as at_hand,
            ):
                asking = _Asking(made.settings, client, at_hand, cancel, self.wanted.deadline)
                subjects = [
                    Subject(system, asking.ask_of(system), learnt[system.name])
                    for system in systems
                ]
                note = " ".join(dict.fromkeys([_copied(made), *self._notes]))
                return carry_out(
                    self.wanted.change,
                    subjects,
                    _Changing(made, self.wanted.change),
                    train_again=self._training(asking.ask_of, at_hand)
                    if self.wanted.retrain
                    else None,
                    waiting=Waiting(patience=self.wanted.patience),
                    told=self.told,
                    note=note,
                )

    def _systems(self) -> tuple[System, ...]:
        """The systems that answer from this set or from memory; the others are told of."""
        name = self.folder.name
        known = {system.name: system for system in read_run(self.folder).systems}
        for each in self.wanted.systems:
            if each not in known:
                raise UsageError(f"run {name} has no system {each}; there are {', '.join(known)}")
        chosen = []
        for system in known.values():
            if self.wanted.systems and system.name not in self.wanted.systems:
                continue
            if system.kind == "retrieval":
                self._notes.append(f"{system.name} only finds passages and was not asked.")
            elif settings_of(system, self.settings).index.set != self.settings.index.set:
                self._notes.append(f"{system.name} answers from another document set.")
            else:
                chosen.append(system)
        if not chosen:
            raise UsageError(f"no system of run {name} can be asked for a fact")
        return tuple(chosen)

    def _trained(self, system: System) -> float | None:
        """What the training of a system that answers from memory took; None without one."""
        if system.kind != "closed_book":
            return None
        data_dir = self.settings.data_dir
        try:
            found = [costs_of_run(data_dir / "runs" / each) for each in runs_of(system, data_dir)]
        except UsageError as error:
            self._notes.append(f"{system.name}: {error.message}.")
            return None
        return sum(each.wall_seconds for each in found) if found else None

    def _require(self, client: Elasticsearch, learnt: Sequence[System]) -> None:
        """Raise, before a copy is made, what would end the experiment later."""
        from esrag.cli.adapter_choice import require_adapter
        from esrag.cluster.chunk_index import ChunkIndex

        names, change = Names(self.settings.index.set), self.wanted.change
        ChunkIndex(client, names).require()
        document = CopiedSet(client, names.alias, copy=names.set).document(change.document_id)
        changed(document, change.old, change.new)
        for system in self._systems():
            if system.adapter:
                require_adapter(settings_of(system, self.settings), system.adapter)
        if not self.wanted.retrain:
            return
        if not learnt:
            raise UsageError(
                "--retrain has nothing to train: no system answers from memory with an adapter "
                "whose training run is here",
                hint="esrag compare --adapter NAME adds such a system to a run.",
            )
        again = self._training(_nobody, ExitStack())
        for system in learnt:
            again.require(system)

    def _training(self, ask_of: Callable[[System], Ask], cleaning: ExitStack) -> TrainingAgain:
        from esrag.cli.training_again import TrainingAgain

        return TrainingAgain(
            self.settings,
            self.wanted.change,
            self.folder.path / "updates",
            ask_of,
            cleaning,
            keep=self.wanted.keep,
        )


@dataclass(frozen=True)
class _Asking:
    """Makes systems ready to be asked on the copy, until ``at_hand`` ends."""

    settings: Settings
    client: Elasticsearch
    at_hand: ExitStack
    cancel: Cancellation
    deadline: float

    def ask_of(self, system: System) -> Ask:
        """The system; each call asks it the question of the change."""
        from esrag.cli.assembly import assembly_from

        own = settings_of(system, self.settings)
        asker = self.at_hand.enter_context(ready(system, own, self.client, assembly_from)).asker
        limits = Limits(parallel=1, deadline=self.deadline)
        return lambda question: ask_one(asker, _known(question), limits, self.cancel)


@dataclass(frozen=True)
class _Changing:
    """Changes the document in the copy, by the way of any document that changed."""

    made: SetCopy
    wanted: Change

    def change(self) -> float:
        """Seconds until a search sees the new text and the old no more."""
        before = self.made.source.document(self.wanted.document_id)
        return self.made.index([changed(before, self.wanted.old, self.wanted.new)])


def _known(question: str) -> KnownQuestion:
    return KnownQuestion("update", question, "update", "", "", (), ())


def _nobody(system: System) -> Ask:
    raise TypeError(f"{system.name} is not asked while things are checked")


def _copied(made: SetCopy) -> str:
    return (
        f"Measured on a copy of the set: {made.source.count:,} documents, {made.chunks:,} chunks."
    )
