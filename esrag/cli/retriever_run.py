"""Puts a tuning together from settings and flags: documents, questions, model, machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.errors import UnsupportedError, UsageError
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.retriever_tuning.loop import Scores
    from esrag.retriever_tuning.material import Material, Question, Text
    from esrag.retriever_tuning.negatives import Search
    from esrag.retriever_tuning.recipe import TuningRecipe
    from esrag.retriever_tuning.run import Machine, Outcome

INSTALL_LINE = 'pip install "esrag[tune,models]"'
_NEEDED = ("torch", "sentence_transformers", "safetensors", "numpy")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The flags of ``esrag retriever tune``."""

    name: str
    source: str
    judged: Path | None = None
    held_out: str = "test"
    questions: Path | None = None
    dataset: str | None = None
    made: bool | None = None
    without_index: bool = False
    acl: tuple[str, ...] = ()
    ingest_prefix: str = ""
    search_prefix: str = ""
    loss: str | None = None
    cross_encoder: str | None = None
    epochs: int | None = None
    batch: int | None = None
    negatives: int | None = None
    learning_rate: float | None = None
    at_once: int | None = None
    most_chunks: int = 50_000
    dtype: str | None = None


def carry_out(settings: Settings, wanted: Wanted) -> Outcome:
    """Run it; raises what ``retriever_tuning.run.tune`` and reading the index raise."""
    _require_installed()
    recipe = recipe_of(wanted, seed=settings.training.seed)
    if not wanted.without_index:
        _require_index(settings)  # before torch is loaded, and before a base is looked for
    import torch

    from esrag.cli.progress import Steps
    from esrag.retriever_tuning.base import find_base
    from esrag.retriever_tuning.encoder import Prefixes
    from esrag.retriever_tuning.run import Base, tune
    from esrag.retriever_tuning.thinning import thinned
    from esrag.training.loading import quiet_transformers
    from esrag.training.run_folder import RunFolder

    quiet_transformers()
    folder = RunFolder.named(wanted.name, data_dir=settings.data_dir)  # before hours of reading
    machine = _machine(settings, recipe)
    base = Base(
        wanted.source,
        find_base(wanted.source, data_dir=settings.data_dir),
        Prefixes(wanted.ingest_prefix, wanted.search_prefix),
    )
    with ExitStack() as stack:
        if wanted.without_index:
            material, search = _from_folder(settings, wanted, base.folder), None
        else:
            material, search = _from_index(settings, wanted, stack)
        scores, scored_by = _teacher(settings, wanted, machine.device)
        torch.manual_seed(recipe.seed)
        return tune(
            thinned(material, wanted.most_chunks, seed=recipe.seed),
            base,
            recipe,
            folder,
            machine=machine,
            listener=stack.enter_context(Steps()),
            search=search,
            scores=scores,
            scored_by=scored_by,
        )


def recipe_of(wanted: Wanted, *, seed: int) -> TuningRecipe:
    """The recipe that the flags ask for; what is not given is as the recipe has it."""
    from esrag.retriever_tuning.recipe import TuningRecipe

    names = ("loss", "epochs", "batch", "negatives", "learning_rate", "at_once", "dtype")
    given = {name: getattr(wanted, name) for name in names}
    if wanted.cross_encoder and not wanted.loss:
        given["loss"] = "margin"
    if given["loss"] == "margin" and not wanted.cross_encoder:
        raise UsageError("--loss margin needs the scores of a --cross-encoder")
    if given["loss"] == "ranking" and wanted.cross_encoder:
        raise UsageError("--cross-encoder is for --loss margin; ranking needs no teacher")
    return TuningRecipe(
        seed=seed, **{name: value for name, value in given.items() if value is not None}
    )


def _require_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            f"tuning needs {', '.join(missing)}", hint=f"Install it with: {INSTALL_LINE}"
        )


def _require_index(settings: Settings) -> None:
    """Raise at once when the index is not to be read: a scan would try again for minutes."""
    from esrag.cli.connection import connect_with
    from esrag.cli.preflight import explaining_refusals
    from esrag.examples.reading import require_readable
    from esrag.names import Names

    name = settings.index.set
    with connect_with(settings) as client, explaining_refusals(client, "search", name):
        require_readable(client, Names(name).alias)


def _machine(settings: Settings, recipe: TuningRecipe) -> Machine:
    import torch

    from esrag.retriever_tuning.run import Machine
    from esrag.training.loading import device_of, dtype_of

    if settings.training.threads:
        torch.set_num_threads(settings.training.threads)
    device = device_of(settings.training.device)
    return Machine(device, dtype_of(recipe.dtype, device))


def _teacher(settings: Settings, wanted: Wanted, device: Any) -> tuple[Scores | None, str]:
    if not wanted.cross_encoder:
        return None, ""
    from esrag.base_models.source import find_model
    from esrag.model_files import weights_fingerprint
    from esrag.retriever_tuning.teacher_scores import CrossEncoderScores

    folder = find_model(wanted.cross_encoder, data_dir=settings.data_dir).folder
    return CrossEncoderScores(folder, device=device), weights_fingerprint(folder)


def _from_folder(settings: Settings, wanted: Wanted, base: Path) -> Material:
    """Documents and questions of a judged folder; no server is asked."""
    from esrag.chunking import ChunkRules
    from esrag.embedding.inputs import embedding_input
    from esrag.resources import load_body
    from esrag.retriever_tuning.base import cutting_tokenizer
    from esrag.retriever_tuning.judged_folder import cut_corpus, read_questions
    from esrag.retriever_tuning.material import Material

    if wanted.judged is None:
        raise UsageError("--without-index takes the documents from --judged: name its folder")
    if wanted.made or wanted.dataset or wanted.questions:
        raise UsageError("--without-index goes with --judged alone")
    fill = embedding_input(load_body("pipelines/ingest/embed.json", project=settings.project_dir))
    rules = ChunkRules(
        settings.chunk.max_tokens, settings.chunk.overlap_tokens, settings.chunk.strategy
    )
    texts = tuple(cut_corpus(wanted.judged, cutting_tokenizer(base), rules, fill))
    known = {text.document for text in texts}
    pool, held_out = read_questions(
        wanted.judged,
        held_out=wanted.held_out,
        document_of=lambda name: name if name in known else "",
    )
    origin = {"from": wanted.judged.name, "questions from": wanted.judged.name}
    return Material(texts, pool, held_out, origin)


def _from_index(settings: Settings, wanted: Wanted, stack: ExitStack) -> tuple[Material, Search]:
    """Chunks of the index, and the questions that were named or can be made of them."""
    from esrag.cli.connection import connect_with
    from esrag.cli.preflight import explaining_refusals
    from esrag.embedding.inputs import embedding_input
    from esrag.names import Names
    from esrag.resources import load_body
    from esrag.retrieval import Retriever
    from esrag.retriever_tuning.from_index import read_chunks, texts_of
    from esrag.retriever_tuning.material import Material
    from esrag.types import Query

    client = stack.enter_context(connect_with(settings))
    stack.enter_context(explaining_refusals(client, "search", settings.index.set))
    names = Names(settings.index.set)
    fill = embedding_input(load_body("pipelines/ingest/embed.json", project=settings.project_dir))
    passages, left_out = read_chunks(client, names.alias, acl=wanted.acl)
    if not passages:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
        raise UsageError(
            f"{names.alias} holds no chunks that may be used{f': {reasons}' if reasons else ''}",
            hint="Index documents first, or say for whom the model is: --acl NAME",
        )
    texts = tuple(texts_of(passages, fill))
    pool, held_out, asked = _questions(settings, wanted, texts, passages)
    origin = {
        "from": names.alias,
        "questions from": asked,
        "left out": dict(sorted(left_out.items())),
        "readers": list(wanted.acl),
    }
    retriever = stack.enter_context(Retriever(client, names, "lexical"))

    def search(question: str, size: int) -> Sequence[str]:
        return [hit.id for hit in retriever.retrieve(Query(question, size)).hits]

    return Material(texts, pool, held_out, origin), search


def _questions(
    settings: Settings, wanted: Wanted, texts: Sequence[Text], passages: Sequence[Any]
) -> tuple[tuple[Question, ...], tuple[Question, ...], str]:
    """Questions to divide, questions held out, and in words where they come from."""
    from esrag.names import Names
    from esrag.retriever_tuning.from_index import document_finder, made_questions
    from esrag.retriever_tuning.judged_folder import read_questions

    documents = {text.document for text in texts}
    pool: list[Question] = []
    held_out: tuple[Question, ...] = ()
    asked: list[str] = []
    if wanted.judged:
        found, held_out = read_questions(
            wanted.judged, held_out=wanted.held_out, document_of=document_finder(documents)
        )
        pool.extend(found)
        asked.append(f"{wanted.judged.name} (judged)")
    for title, source in _sources(settings, wanted):
        pool.extend(_about(source(), documents))
        asked.append(title)
    if wanted.made or (wanted.made is None and not asked):
        pool.extend(
            made_questions(
                passages,
                index=Names(settings.index.set).alias,
                set_name=settings.index.set,
                seed=settings.training.seed,
            )
        )
        asked.append("the chunks (made by programs)")
    return tuple(pool), held_out, ", ".join(asked)


def _sources(
    settings: Settings, wanted: Wanted
) -> Iterator[tuple[str, Callable[[], Iterator[Question]]]]:
    if wanted.questions:
        from esrag.questions import load_questions
        from esrag.retriever_tuning.asked import from_known

        file = wanted.questions
        yield file.name, lambda: from_known(load_questions(file))
    if wanted.dataset:
        from esrag.examples.folder import examples_file
        from esrag.examples.rows import read_examples
        from esrag.retriever_tuning.asked import from_examples

        rows = examples_file(settings.data_dir, wanted.dataset)
        title = f"data set {Path(wanted.dataset).name}"
        yield title, lambda: from_examples(read_examples(rows))


def _about(questions: Iterator[Question], documents: set[str]) -> Iterator[Question]:
    """Those that documents of the index answer; others are of documents that are gone."""
    from dataclasses import replace

    for question in questions:
        grades = {name: grade for name, grade in question.grades.items() if name in documents}
        if grades:
            yield replace(question, grades=grades)
