"""Trains a system's model again after a fact changed, and has its generator load the adapter.

    run of the system ─► its rows, the changed ones with the new text ─► the same recipe ─► adapter
                                                              ─► registered ─► loaded ─► asked

Nothing of the run that there is changes: the new run and the adapter have names of their own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.finetune import base_of, carried_out, data_set, planned
from esrag.errors import EsragError, UnavailableError, UnsupportedError, UsageError
from esrag.evaluation.changed_rows import ChangedRows, changed_rows
from esrag.evaluation.records import System
from esrag.evaluation.system_costs import runs_of
from esrag.evaluation.systems import settings_of
from esrag.evaluation.updating import Ask, Change, Subject, Trained

if TYPE_CHECKING:
    from esrag.generation.generator import Generator
    from esrag.settings import Settings
    from esrag.training.finetuning import Outcome

_AGAIN = "Give the same command again: what was trained is kept."


@dataclass
class TrainingAgain:
    """Trains the systems of one experiment again.

    ``rows_in`` is a folder for the changed rows, ``ask_of`` makes a system ready to be asked;
    adapters are unloaded and forgotten when ``cleaning`` ends, unless ``keep``.
    """

    settings: Settings
    change: Change
    rows_in: Path
    ask_of: Callable[[System], Ask]
    cleaning: ExitStack
    keep: bool = False
    _kept: dict[str, Trained] = field(default_factory=dict)

    def require(self, system: System) -> None:
        """Raise, before anything is changed, what would stop the training or the loading."""
        from esrag.adapters.serving import standing
        from esrag.cli.finetune import require_libraries

        require_libraries()
        self._rows(self._run_of(system))
        with self._generator(system) as generator:
            if not standing(generator).loads:
                raise UnsupportedError(
                    "the generator loads no adapter while it runs (TGI does so at its start only)",
                    hint="Use esrag's own server or vLLM for this, or leave --retrain out.",
                )

    def __call__(self, subject: Subject) -> Trained:
        """Train, register, load; a run that several systems share is trained once."""
        system = subject.system
        name = self._run_of(system)
        if name not in self._kept:
            self._kept[name] = self._trained(system, name)
        else:
            self._kept[name] = replace(self._kept[name], ask=self.ask_of(self._renamed(system)))
        return self._kept[name]

    def _trained(self, system: System, run: str) -> Trained:
        began = time.monotonic()
        rows = self._rows(run)
        outcome = self._train(run, rows)
        spent = time.monotonic() - began
        costs = outcome.folder.facts().get("costs") or {}
        earlier = outcome.done_before or outcome.resumed_at > 0
        # of a run that was gone on with, the seconds are those of all its parts
        seconds = max(spent, float(costs.get("wall_seconds") or 0.0)) if earlier else spent
        began = time.monotonic()
        self._load(system, outcome)
        ask = self.ask_of(self._renamed(system))
        seconds += time.monotonic() - began
        told = (
            f"{rows.changed} of {len(rows.rows)} rows say the new; trained again as run {run} was, "
            f"{outcome.progress.step} steps on {costs.get('device', 'this machine')}"
            + (", kept from an earlier try." if earlier else ".")
        )
        return Trained(round(seconds, 3), ask, told)

    def _run_of(self, system: System) -> str:
        """The run that made the system's adapter: the last that it names."""
        runs = runs_of(system, self.settings.data_dir)
        if not runs:
            raise UsageError(
                f"nobody says which training run {system.name} comes from",
                hint='Name it in the file of systems: runs = ["NAME"]',
            )
        return Path(runs[-1]).name

    def facts_of(self, run: str) -> dict[str, Any]:
        """What the folder of a run says; raises UnsupportedError where it made no adapter."""
        from esrag.training.run_folder import RunFolder

        facts = RunFolder.named(run, data_dir=self.settings.data_dir).facts()
        if facts.get("kind") != "finetune" or facts.get("published") != "adapter":
            raise UnsupportedError(
                f"run {run} made no adapter, so it is not trained again here",
                hint="esrag finetune makes adapters; leave --retrain out for other runs.",
            )
        return facts

    def _rows(self, run: str) -> ChangedRows:
        from esrag.examples.rows import read_examples

        place = Path(self.facts_of(run)["data"]["place"])
        file = place / "examples.jsonl" if place.is_dir() else place
        change = self.change
        return changed_rows(
            read_examples(file), document_id=change.document_id, old=change.old, new=change.new
        )

    def _train(self, run: str, rows: ChangedRows) -> Outcome:
        from esrag.disk import disk_errors
        from esrag.examples.rows import write_examples
        from esrag.training.recipe import Recipe
        from esrag.training.run_folder import RunFolder

        facts = self.facts_of(run)
        file = self.rows_in / f"{self._name(run)}.jsonl"
        with disk_errors(file, when_full=_AGAIN):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_examples(file, rows.rows)
        plan = planned(
            data_set(file),
            base_of(facts["base"]["folder"], self.settings),
            Recipe.from_json(facts["recipe"]),
            self.settings,
        )
        folder = RunFolder.named(self._name(run), data_dir=self.settings.data_dir)
        told = f"{rows.changed} of {len(rows.rows)} rows say {self.change.new!r} now"
        click.echo(f"Training again as run {run} was; {told}. New run: {folder.name}", err=True)
        return carried_out(plan, folder)

    def _load(self, system: System, outcome: Outcome) -> None:
        from esrag.adapters.registry import Base, Registry
        from esrag.adapters.serving import load

        facts = outcome.folder.facts()["base"]
        registry = Registry(self.settings.data_dir / "adapters")
        name = self._name(self._run_of(system))
        base = Base(facts["model"], Path(facts["folder"]))
        added = registry.add(name, outcome.published, base, replace=True)
        if not self.keep:
            self.cleaning.callback(self._forget, system, name)
        with self._generator(system) as generator:
            if load(generator, added.adapter) == "at start only":
                raise UnavailableError(
                    f"the generator does not load the adapter {name} while it runs", hint=_AGAIN
                )

    def _forget(self, system: System, name: str) -> None:
        """Leave neither registry nor generator with an adapter that only this needed."""
        from esrag.adapters.registry import Registry
        from esrag.adapters.serving import unload

        try:
            with self._generator(system) as generator:
                unload(generator, name)
            Registry(self.settings.data_dir / "adapters").remove(name)
        except EsragError as error:
            click.echo(
                f"The adapter {name} was not removed: {error.message}. To remove it: "
                f"esrag adapter remove {name} --yes",
                err=True,
            )

    def _generator(self, system: System) -> Generator:
        from esrag.generation.generator import Generator
        from esrag.generator_place import messages_place

        return Generator(messages_place(settings_of(system, self.settings)))

    def _renamed(self, system: System) -> System:
        """The system with the new adapter."""
        name = self._name(self._run_of(system))
        overrides = {**system.overrides, "generator.model": name}
        return replace(system, adapter=name, overrides=overrides)

    def _name(self, run: str) -> str:
        """The name of the new run, its rows and its adapter: the same change has the same."""
        change = self.change
        key = "\0".join((run, change.document_id, change.old, change.new))
        return f"{run[:40]}-update-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
