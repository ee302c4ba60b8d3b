"""``esrag reembed``: the documents of a set get another model or mapping, while they are used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.cli.assembly import embedder_from, embedder_of
from esrag.cli.connection import connect_with, connection_flags, settings_from
from esrag.cli.planning import (
    bundle_from,
    choices_from,
    confirm,
    lock_flags,
    lock_terms,
    show_plan,
)
from esrag.cli.preflight import explaining_refusals, require_permission
from esrag.errors import ConflictError
from esrag.settings import Settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from esrag.bundle import ModelBundle
    from esrag.reembedding.copying import Dress
    from esrag.reembedding.journal import Move
    from esrag.reembedding.moving import Gate, Moved, Options, Step
    from esrag.reembedding.planning import Intent
    from esrag.state.actions import Plan
    from esrag.state.apply import Progress
    from esrag.types import Hit

_MOST_AT_ONCE = 256


@click.command()
@connection_flags
@click.option("--model-id", metavar="NAME", help="Trained model to change to.")
@click.option("--model-source", metavar="SOURCE", help="Where that model is built from.")
@click.option("--language", metavar="NAME", help="Language analyzer to change to.")
@click.option("--vectors", type=click.Choice(["float", "int8", "bbq"]), help="Storage of vectors.")
@click.option("--force", is_flag=True, help="Make a new generation though nothing differs.")
@click.option("--embed-again", is_flag=True, help="Embed anew though the model is the same.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Chunks a second."
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a search may take that began before the change.",
)
@click.option(
    "--gate",
    "gate_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Questions with evidence: the new generation must find as much as the old one.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How much less recall the gate lets pass.",
)
@click.option("--rollback", is_flag=True, help="Go back to the generation that was live before.")
@click.option("--abandon", is_flag=True, help="Give up what was cut off, and delete the copy.")
@click.option("--prune", is_flag=True, help="Delete old generations, and models nothing uses.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@lock_flags
@click.option("--json", "as_json", is_flag=True, help="Print plan and outcome as JSON.")
def reembed(
    *,
    set_name: str | None,
    elasticsearch_url: str | None,
    model_id: str | None,
    model_source: str | None,
    language: str | None,
    vectors: str | None,
    force: bool,
    embed_again: bool,
    rate: float | None,
    grace: float,
    gate_file: Path | None,
    tolerance: float,
    rollback: bool,
    abandon: bool,
    prune: bool,
    yes: bool,
    wait: float,
    force_unlock: bool,
    as_json: bool,
) -> None:
    """Move the documents to a new generation: another model, language or storage of vectors.

    What is wanted comes from the settings and these options. Documents are copied in the cluster,
    embedded anew where the model is another, while the old generation goes on to serve; then the
    alias moves in one step. A run that is cut off is continued by the same command.
    """
    if rollback + abandon + prune > 1:
        raise click.UsageError("--rollback, --abandon and --prune exclude each other")
    settings = settings_from(
        set_name=set_name,
        elasticsearch_url=elasticsearch_url,
        model=_given(id=model_id, source=model_source),
        index=_given(language=language, vectors=vectors),
    )
    options = _options(settings, rate=rate, grace=grace, tolerance=tolerance)
    desk = _Desk(settings, yes=yes, as_json=as_json, wait=wait, force_unlock=force_unlock)
    with explaining_refusals(desk.client, "reembed", settings.index.set):
        if abandon:
            desk.give_up()
        elif prune:
            desk.prune()
        elif rollback:
            desk.go_back(options)
        else:
            desk.move(
                options,
                force=force,
                embed_again=embed_again,
                gate_file=gate_file,
            )


class _Desk:
    """The command's four jobs, with what they share."""

    def __init__(
        self, settings: Settings, *, yes: bool, as_json: bool, wait: float, force_unlock: bool
    ) -> None:
        self._settings = settings
        self._set = settings.index.set
        self._yes = yes
        self._as_json = as_json
        self._wait = wait
        self._force_unlock = force_unlock
        self.client: Elasticsearch = connect_with(settings)

    def move(
        self, options: Options, *, force: bool, embed_again: bool, gate_file: Path | None
    ) -> None:
        """Go to what the settings say."""
        from esrag.questions import load_questions
        from esrag.reembedding.run import carry_out

        questions = load_questions(gate_file) if gate_file else None
        intent = self._intent(force=force, embed_again=embed_again)
        if intent is None:
            self._nothing_to_do()
            return
        self._show(intent.plan)
        confirm("reembed", yes=self._yes)
        with ExitStack() as stack:
            progress, on_step = stack.enter_context(self._locked())
            intent = self._unmoved(intent, force=force, embed_again=embed_again)
            dress = self._dress(
                intent.move, _tier(intent), stack, bundle=intent.survey.desired.bundle
            )
            moved = carry_out(
                self.client,
                intent,
                dress,
                options=options,
                gate=self._gate(questions, stack) if questions else None,
                progress=progress,
                on_step=on_step,
            )
        self._report(intent.move, moved)

    def go_back(self, options: Options) -> None:
        """Return to the old generation, with what was written since."""
        from esrag.reembedding.planning import plan_rollback
        from esrag.reembedding.run import carry_back

        move = plan_rollback(self.client, self._set)
        if not self._as_json:
            click.echo(
                f"{move.source} hands over to {move.target}; what was written since the change "
                "is brought along."
            )
        confirm("reembed --rollback", yes=self._yes)
        with ExitStack() as stack:
            _, on_step = stack.enter_context(self._locked())
            move = plan_rollback(self.client, self._set)
            dress = self._dress(move, self._profile_tier(move.target), stack, bundle=None)
            moved = carry_back(
                self.client,
                move,
                dress,
                choices=choices_from(self._settings),
                options=options,
                on_step=on_step,
            )
        self._report(move, moved)

    def give_up(self) -> None:
        """End a move that was cut off."""
        from esrag.reembedding.journal import read_journal
        from esrag.reembedding.retiring import give_up

        move = read_journal(self.client, self._set)
        if move is not None and not move.finished and not self._as_json:
            click.echo(f"{move.source} stays; the unfinished {move.target} is given up.")
        confirm("reembed --abandon", yes=self._yes)
        with self._locked():
            ended = give_up(self.client, self._set)
        if self._as_json:
            click.echo(json.dumps({"given_up": ended.target, "serves": ended.source}, indent=2))
        else:
            click.echo(f"{ended.source} serves as before.", err=True)

    def prune(self) -> None:
        """Delete what is not needed any more."""
        from esrag.reembedding.retiring import find_leftovers, remove_leftovers

        found = find_leftovers(self.client, self._set)
        if not self._as_json:
            for line in found.kept:
                click.echo(f"kept {line}", err=True)
        if not found.plan.changes:
            self._nothing_to_do()
            return
        self._show(found.plan)
        confirm("reembed --prune", yes=self._yes)
        with self._locked():
            now = find_leftovers(self.client, self._set)
            _require_shown(found.plan, now.plan)
            remove_leftovers(self.client, now)
        if self._as_json:
            self._print({"deleted": _names(found.plan), "kept": list(found.kept)})
        else:
            click.echo(f"Deleted {len(found.plan.changes)} objects.", err=True)

    # -- pieces ---------------------------------------------------------------------------------

    def _intent(self, *, force: bool, embed_again: bool) -> Intent | None:
        """The plan; when a model must be uploaded and no bundle is here, it is built first."""
        from esrag.cli.planning import choices_from
        from esrag.reembedding.planning import plan_move

        choices, bundle = choices_from(self._settings), bundle_from(self._settings)

        def plan(bundle: ModelBundle | None) -> Intent | None:
            return plan_move(self.client, choices, bundle, force=force, embed_again=embed_again)

        intent = plan(bundle)
        if bundle is not None or intent is None:
            return intent
        if all(action.kind != "trained model" for action in intent.plan.changes):
            return intent
        from esrag.cli.model import build_with_progress

        model = self._settings.model
        built = build_with_progress(self._settings, source=model.source, model_id=model.id)
        return plan(built.bundle)

    def _dress(
        self, move: Move, embedding: str, stack: ExitStack, *, bundle: ModelBundle | None
    ) -> Dress:
        """How chunks of this move get their vectors."""
        from esrag.reembedding.dressing import embedded_by_cluster, with_own_vectors

        if embedding == "cluster":
            dress = embedded_by_cluster(move.pipeline)
        else:
            dress = self._dress_here(move, stack, bundle)
        return with_own_vectors(dress) if move.own_vectors else dress

    def _dress_here(self, move: Move, stack: ExitStack, bundle: ModelBundle | None) -> Dress:
        from esrag.cluster.profile import read_profile
        from esrag.embedding.inputs import embedding_input
        from esrag.reembedding.dressing import embedded_by_client
        from esrag.resources import load_body
        from esrag.state.desired import EMBED_FILE

        if bundle is not None:
            embedder = embedder_of(self._settings, bundle, measure=True)
        else:
            profile = read_profile(self.client, move.target)
            embedder = embedder_from(self._settings, profile, measure=True)
        stack.enter_context(embedder)
        text_of = embedding_input(load_body(EMBED_FILE, project=self._settings.project_dir))
        return embedded_by_client(
            lambda texts: embedder.embed(texts, "ingest"), text_of, move.pipeline
        )

    def _gate(self, questions: Sequence[Any], stack: ExitStack) -> Gate:
        """Asks both generations through the search template of the settings."""
        from esrag.names import Names
        from esrag.reembedding.checks import GATE_HITS, measure_gate
        from esrag.retrieval import Retriever
        from esrag.types import Query

        retrievers: dict[str, Retriever] = {}

        def ask(index: str, question: str) -> Sequence[Hit]:
            if index not in retrievers:
                retrievers[index] = stack.enter_context(
                    Retriever(
                        self.client,
                        Names(self._set),
                        self._settings.retrieval.template,
                        model_id=self._settings.model.id,
                        local=lambda profile: embedder_from(self._settings, profile),
                        index=index,
                    )
                )
            return retrievers[index].retrieve(Query(question, GATE_HITS)).hits

        return lambda move: measure_gate(questions, ask, old=move.source, new=move.target)

    def _profile_tier(self, index: str) -> str:
        from esrag.cluster.profile import read_profile

        return read_profile(self.client, index).embedding

    def _unmoved(self, shown: Intent, *, force: bool, embed_again: bool) -> Intent:
        """The intent as it is now, under the lock; raises ConflictError when it is another."""
        now = self._intent(force=force, embed_again=embed_again)
        if now is None:
            raise ConflictError(
                "somebody else has done this since the plan was shown",
                hint="Look at it with: esrag status",
            )
        _require_shown(shown.plan, now.plan)
        return now

    @contextmanager
    def _locked(self) -> Iterator[tuple[Progress, Callable[[Step], None]]]:
        """Hold the cluster's lock, and show the steps; a signal stops between two requests."""
        from esrag.cli.stopping import stopping_at_safe_points
        from esrag.cluster.capabilities import probe
        from esrag.state.lock import held
        from esrag.state.setting_up import make_notes_index

        require_permission(self.client, "reembed", self._set, tier=probe(self.client).tier)

        require_permission(
            self.client,
            "reembed",
            self._set,
            tier=probe(self.client).tier,
            endpoints=True,
        )
        with stopping_at_safe_points() as safe_point:
            terms = lock_terms(
                f"reembed --set {self._set}",
                wait=self._wait,
                force=self._force_unlock,
                safe_point=safe_point,
            )
            with held(self.client, terms, prepare=lambda: make_notes_index(self.client)) as lock:

                def at_each_step() -> None:
                    safe_point()
                    lock.require()

                with _shown(at_each_step) as relays:
                    yield relays

    def _show(self, plan: Plan) -> None:
        if not self._as_json:
            show_plan(plan, as_json=False)

    def _nothing_to_do(self) -> None:
        if self._as_json:
            self._print({"changes": 0})
        else:
            click.echo("Nothing to do.")

    def _report(self, move: Move, moved: Moved) -> None:
        if self._as_json:
            self._print(_moved_as_json(move, moved))
            return
        vectors = moved.vectors
        held = f"{vectors.chunks} chunks, each with a vector; " if vectors else ""
        click.echo(
            f"{move.target} serves: {held}{moved.sent} sent, {moved.removed} removed; "
            f"writes waited {moved.blocked_seconds:.1f} s."
        )
        if moved.gate is not None:
            click.echo(moved.gate.describe())
        click.echo(f"{move.source} is kept until: esrag reembed --prune", err=True)
        self._remind(move)

    def _remind(self, move: Move) -> None:
        """The settings must name what the index holds, or the next setup would undo it."""
        wanted = settings_from(set_name=self._set)
        now = self._settings
        same = wanted.model.id == now.model.id and wanted.index == now.index
        if move.returning or not same:
            click.echo(
                f"Let model.id and [index] in esrag.toml say what {move.target} holds before the "
                "next: esrag setup",
                err=True,
            )

    def _print(self, facts: dict[str, Any]) -> None:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def _given(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _options(settings: Settings, *, rate: float | None, grace: float, tolerance: float) -> Options:
    from esrag.reembedding.moving import Options

    at_once = max(1, min(_MOST_AT_ONCE, settings.model.queue_capacity // 2))
    return Options(rate=rate, max_batch=at_once, grace=grace, tolerance=tolerance)


def _tier(intent: Intent) -> str:
    return intent.survey.desired.tier.embedding


def _names(plan: Plan) -> list[str]:
    return [f"{action.kind} {action.name}" for action in plan.changes]


def _moved_as_json(move: Move, moved: Moved) -> dict[str, Any]:
    gate = moved.gate
    return {
        "source": move.source,
        "target": move.target,
        "sent": moved.sent,
        "removed": moved.removed,
        "own_vectors": move.own_vectors,
        "chunks": moved.vectors.chunks if moved.vectors else None,
        "writes_waited_seconds": round(moved.blocked_seconds, 3),
        "gate": None
        if gate is None
        else {"questions": gate.questions, "old": gate.old, "new": gate.new},
    }


def _require_shown(shown: Plan, now: Plan) -> None:
    """Raises ConflictError when steps are needed by now that nobody has seen."""
    from esrag.state.setting_up import moved_actions

    moved = moved_actions(shown, now)
    if moved:
        raise ConflictError(
            "the cluster was changed since the plan was shown; this would be done now:\n"
            + "\n".join(f"  {action.describe()}" for action in moved),
            hint="Nothing was changed. Run the same command again.",
        )


@contextmanager
def _shown(
    at_each_step: Callable[[], None],
) -> Iterator[tuple[Progress, Callable[[Step], None]]]:
    """Two relays to the terminal: of setup's steps, and of the move's."""
    from esrag.cli.progress import Steps
    from esrag.state.apply import Step as SetupStep

    with Steps() as steps:

        def progress(step: SetupStep) -> None:
            if step.finished:
                steps.end()
            elif step.begins:
                steps.begin(f"{step.action.verb} {step.action.kind} {step.action.name}")
            else:
                steps.advance(step.done, step.total)
            at_each_step()

        def on_step(step: Step) -> None:
            if step.finished:
                steps.end()
            elif step.total:
                steps.advance(step.done, step.total)
            else:
                steps.begin(step.title)
            at_each_step()

        yield progress, on_step
