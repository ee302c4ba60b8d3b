"""An inference_config ``{task: {...}}`` to the task it names, checked.

The configuration is the model's own merged with what the call brings: the question, the text to
compare with, the labels to choose from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from esrag.local.mlnode.problems import Problem
from esrag.local.mlnode.tasks.answers import QuestionAnswering
from esrag.local.mlnode.tasks.classification import TextClassification
from esrag.local.mlnode.tasks.embedding import TextEmbedding
from esrag.local.mlnode.tasks.entities import NamedEntities, require_tags
from esrag.local.mlnode.tasks.expansion import TextExpansion
from esrag.local.mlnode.tasks.mask import FillMask
from esrag.local.mlnode.tasks.pass_through import PassThrough
from esrag.local.mlnode.tasks.similarity import TextSimilarity
from esrag.local.mlnode.tasks.task import Output, Task, strings, text, whole_number
from esrag.local.mlnode.tasks.zero_shot import TEMPLATE, ZeroShotClassification
from esrag.local.mlnode.tokenization import (
    TokenizationSettings,
    flag,
    only_entry,
    read_tokenization,
)

Options = Mapping[str, Any]
Read = Callable[[Options, TokenizationSettings], Task]


def read_task(inference_config: object) -> Task:
    """The task of a call."""
    name, options, settings = _open(inference_config)
    return _TASKS[name][0](options, settings)


def read_kind(inference_config: object) -> tuple[str, Output, TokenizationSettings]:
    """What a deployment must know before any call: the task's name, its output, its tokens."""
    name, _, settings = _open(inference_config)
    return name, _TASKS[name][1], settings


def _open(inference_config: object) -> tuple[str, Options, TokenizationSettings]:
    name, options = only_entry(inference_config, "inference_config")
    if name not in _TASKS:
        raise Problem(
            "bad_request",
            f"Task [{name}] is not covered by this ML node process; covered: {', '.join(_TASKS)}",
        )
    return name, options, read_tokenization(name, options, windows=name in _WITH_WINDOWS)


def _similarity(options: Options, settings: TokenizationSettings) -> Task:
    combination = options.get("span_score_combination_function") or "max"
    if combination not in ("max", "mean"):
        raise Problem("bad_request", f"[span_score_combination_function] cannot be [{combination}]")
    return TextSimilarity(
        settings, text(options, "text"), cast(Literal["max", "mean"], combination)
    )


def _zero_shot(options: Options, settings: TokenizationSettings) -> Task:
    outcomes = [label.lower() for label in strings(options, "classification_labels")]
    if "entailment" not in outcomes or "contradiction" not in outcomes:
        raise Problem(
            "bad_request",
            "zero_shot_classification requires [entailment] and [contradiction] in "
            "classification_labels",
        )
    labels = strings(options, "labels")
    if not labels:
        raise Problem("bad_request", "zero_shot_classification requires non-empty [labels]")
    return ZeroShotClassification(
        settings,
        labels,
        outcomes.index("entailment"),
        outcomes.index("contradiction"),
        text(options, "hypothesis_template", default=TEMPLATE),
        flag(options, "multi_label", default=False),
    )


def _answers(options: Options, settings: TokenizationSettings) -> Task:
    longest = whole_number(options, "max_answer_length", default=15)
    if longest < 1:
        raise Problem("bad_request", "[max_answer_length] must be a positive integer")
    return QuestionAnswering(
        settings,
        text(options, "question"),
        longest,
        whole_number(options, "num_top_classes", default=0),
    )


_TASKS: dict[str, tuple[Read, Output]] = {
    "fill_mask": (
        lambda o, s: FillMask(s, whole_number(o, "num_top_classes", default=5)),
        FillMask.output,
    ),
    "ner": (
        lambda o, s: NamedEntities(s, require_tags(strings(o, "classification_labels"))),
        NamedEntities.output,
    ),
    "pass_through": (lambda _, s: PassThrough(s), PassThrough.output),
    "question_answering": (_answers, QuestionAnswering.output),
    "text_classification": (
        lambda o, s: TextClassification(s, strings(o, "classification_labels")),
        TextClassification.output,
    ),
    "text_embedding": (lambda _, s: TextEmbedding(s), TextEmbedding.output),
    "text_expansion": (lambda _, s: TextExpansion(s), TextExpansion.output),
    "text_similarity": (_similarity, TextSimilarity.output),
    "zero_shot_classification": (_zero_shot, ZeroShotClassification.output),
}
_WITH_WINDOWS = frozenset(
    ("question_answering", "text_classification", "text_expansion", "text_similarity")
)
