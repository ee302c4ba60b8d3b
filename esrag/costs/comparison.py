"""Four ways to give a model a corpus, side by side: own pre-training, continued, tuned, retrieved.

    Corpus + ModelShape + Rates ──compare──► four Ways

What each way customises, what it aims at and what it asks of people is the table of Elastic's
article (``published.ARTICLE``); hours, tokens and money are computed for this corpus.  An update
is one document in a hundred changed: retrieval embeds those again, while what training has put
into weights can only be trained anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from esrag.costs.estimates import UTILISATION, estimate, seconds_on
from esrag.costs.gpus import Gpu
from esrag.costs.shapes import ModelShape
from esrag.costs.work import TrainingWork, scratch_tokens

CHARACTERS_A_TOKEN = 4.0
UPDATED = 0.01  # of the documents
EMBEDDING_RATE = 60.0  # chunks a second, as esrag size takes it


@dataclass(frozen=True, slots=True)
class Corpus:
    """How much there is; ``characters`` of all chunks together."""

    documents: int
    chunks: int
    characters: int

    def tokens(self, characters_a_token: float = CHARACTERS_A_TOKEN) -> int:
        """Tokens of all chunks."""
        return round(self.characters / characters_a_token)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared: how much is trained, on what, and how questions are asked afterwards.

    ``examples`` and ``example_tokens`` describe the data set, ``passages`` what retrieval puts
    into a prompt.  ``embedding_rate``: chunks a second.  ``price`` is that of a GPU hour.
    """

    gpu: Gpu
    utilisation: float = UTILISATION
    price: float = 0.0
    examples: int = 0
    example_tokens: int = 300
    epochs: int = 3
    rank: int = 16
    passages: int = 5
    embedding_rate: float = EMBEDDING_RATE
    characters_a_token: float = CHARACTERS_A_TOKEN


@dataclass(frozen=True, slots=True)
class Way:
    """One way; hours are GPU hours, or hours of one processor for ``retrieval``.

    ``question_flops``: what it adds to each question.  ``notes`` say what the numbers do not.
    """

    name: str
    objective: str
    customises: str
    expertise: str
    tokens: int
    flops: float
    hours: float
    update_hours: float
    question_flops: float
    money: float
    update_money: float
    notes: str


def compare(corpus: Corpus, shape: ModelShape, plan: Plan) -> tuple[Way, ...]:
    """The four ways for this corpus and model, dearest first."""
    return (
        _scratch(corpus, shape, plan),
        _continued(corpus, shape, plan),
        _tuned(corpus, shape, plan),
        _retrieved(corpus, shape, plan),
    )


def _hours(work: TrainingWork, plan: Plan) -> float:
    return estimate(work, plan.gpu, utilisation=plan.utilisation).gpu_hours


def _scratch(corpus: Corpus, shape: ModelShape, plan: Plan) -> Way:
    tokens = scratch_tokens(shape.parameters)
    work = TrainingWork(shape, "full", tokens, 2048)
    hours = _hours(work, plan)
    share = corpus.tokens(plan.characters_a_token) / tokens
    return Way(
        name="pre-training",
        objective="predict the next token",
        customises="everything: architecture, size, tokenizer; makes a foundation model",
        expertise="high",
        tokens=tokens,
        flops=work.model_flops,
        hours=hours,
        update_hours=hours,
        question_flops=0.0,
        money=hours * plan.price,
        update_money=hours * plan.price,
        notes=f"wants 20 tokens a parameter, of which this corpus has {100 * share:.2g} %",
    )


def _continued(corpus: Corpus, shape: ModelShape, plan: Plan) -> Way:
    tokens = 2 * corpus.tokens(plan.characters_a_token)
    work = TrainingWork(shape, "full", tokens, 1024)
    hours = _hours(work, plan)
    return Way(
        name="continued pre-training",
        objective="predict the next token of the domain",
        customises="the weights, by the domain's text; the tokenizer can be extended",
        expertise="high",
        tokens=tokens,
        flops=work.model_flops,
        hours=hours,
        update_hours=hours * UPDATED,
        question_flops=0.0,
        money=hours * plan.price,
        update_money=hours * UPDATED * plan.price,
        notes="one pass, half of it general text against forgetting; "
        "what a document said before stays in the weights",
    )


def _tuned(corpus: Corpus, shape: ModelShape, plan: Plan) -> Way:
    examples = plan.examples or corpus.chunks
    tokens = examples * plan.example_tokens * plan.epochs
    work = TrainingWork(
        shape,
        "lora",
        tokens,
        plan.example_tokens,
        trainable=shape.lora_parameters(plan.rank),
    )
    hours = _hours(work, plan)
    return Way(
        name="fine-tuning",
        objective="do a task better",
        customises="an adapter, by examples of the task",
        expertise="medium",
        tokens=tokens,
        flops=work.model_flops,
        hours=hours,
        update_hours=hours,
        question_flops=0.0,
        money=hours * plan.price,
        update_money=hours * plan.price,
        notes=f"{examples:,} examples, {plan.epochs} passes; a changed fact wants the adapter "
        "trained anew, since the old one is in it",
    )


def _retrieved(corpus: Corpus, shape: ModelShape, plan: Plan) -> Way:
    hours = corpus.chunks / plan.embedding_rate / 3600
    chunk = corpus.tokens(plan.characters_a_token) / max(1, corpus.chunks)
    prompt = round(plan.passages * chunk)
    return Way(
        name="retrieval",
        objective="answer from the documents as they are now",
        customises="no weights: documents, search and prompt",
        expertise="low",
        tokens=0,
        flops=0.0,
        hours=hours,
        update_hours=hours * UPDATED,
        question_flops=TrainingWork(shape, "full", prompt, max(1, prompt), 0.0).forward,
        money=0.0,
        update_money=0.0,
        notes=f"nothing is trained: {corpus.chunks:,} chunks are embedded; each prompt is some "
        f"{prompt:,} tokens longer",
    )


def thousand_questions_hours(way: Way, plan: Plan) -> float:
    """GPU hours that the longer prompts of a thousand questions take."""
    return 1000 * way.question_flops / (plan.gpu.peak * plan.utilisation) / 3600


def hours_at(work: TrainingWork, flops_a_second: float) -> float:
    """Hours of the work on a device that achieves so much, as a run of one's own measured it."""
    return seconds_on(work, flops_a_second) / 3600
