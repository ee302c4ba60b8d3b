"""What others measured: whole runs to check the estimate against, and utilisations to start from.

The four runs are those of Elastic's article on domain-specific models (``ARTICLE``), which names
data and GPU hours.  What it leaves open is assumed, and each assumption is listed with its run:
the factor between estimate and publication says as much about them as about the formula.
"""

from __future__ import annotations

from dataclasses import dataclass

from esrag.costs.estimates import UTILISATION, estimate
from esrag.costs.gpus import gpu_named
from esrag.costs.shapes import KNOWN
from esrag.costs.work import Method, TrainingWork

ARTICLE = (
    "https://www.elastic.co/search-labs/blog/domain-specific-generative-ai-pre-training-"
    "fine-tuning-rag"
)


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run whose GPU hours were published; ``work`` rests on the ``assumed``."""

    name: str
    data: str
    gpu: str
    gpu_hours: float
    work: TrainingWork
    source: str
    assumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """``factor``: estimated GPU hours for each published one; 1 would be right.

    ``utilisation``: the share of the peak at which the estimate would have been right.
    """

    run: PublishedRun
    gpu_hours: float
    factor: float
    utilisation: float


def _work(
    model: str, method: Method, tokens: float, length: float, *targets: str, rank: int = 8
) -> TrainingWork:
    shape = KNOWN[model]
    trainable = shape.lora_parameters(rank, targets) if method == "lora" else 0
    return TrainingWork(shape, method, round(tokens), length, trainable=trainable)


_ALPACA = 52_002 * 136  # tokens of its examples once
_ALPACA_SIZE = (
    "136 tokens an example: the dataset's prompts are some 28 MB of text "
    "(huggingface.co/datasets/tatsu-lab/alpaca), 4 characters a token"
)

RUNS: tuple[PublishedRun, ...] = (
    PublishedRun(
        "Alpaca",
        "52 K instructions made by Self-Instruct",
        "a100-80gb",
        24,
        _work("llama-7b", "full", 3 * _ALPACA, 136),
        "https://crfm.stanford.edu/2023/03/13/alpaca.html (3 hours on 8 A100 with 80 GB)",
        (
            _ALPACA_SIZE,
            "3 passes, as its repository's command has it",
            "not counted: it padded each batch of 4 to its longest example, and gathered the "
            "sharded weights of the model for every such batch",
        ),
    ),
    PublishedRun(
        "xFinance",
        "493 M tokens unsupervised, then 82 K instructions",
        "a100-80gb",
        200,
        _work("llama-13b", "lora", 493e6 + 82_000 * 200, 2048, "q_proj", "v_proj"),
        "https://www.stochastic.ai/blog/xfinance-vs-bloomberg-gpt/ (13 billion parameters, LoRA)",
        (
            "A100, as in its makers' other figures; the GPU is not named",
            "1 pass, rows of 2,048 tokens, 200 tokens an instruction",
            "LoRA of rank 8 on queries and values",
        ),
    ),
    PublishedRun(
        "ChatDoctor",
        "110 K dialogues",
        "a100-80gb",
        18,
        _work("llama-7b", "full", 3 * 110_000 * 300, 300),
        "https://arxiv.org/abs/2303.14070 (6 A100)",
        ("3 passes", "300 tokens a dialogue"),
    ),
    PublishedRun(
        "falcon-40b-code-alpaca",
        "52 K and 20 K instructions",
        "a100-80gb",
        16,
        _work("falcon-40b", "lora", 3 * (_ALPACA + 20_022 * 150), 140, "q_proj", "k_proj"),
        "https://github.com/jina-ai/jerboa (LoRA, weights in 8 bits)",
        (
            _ALPACA_SIZE,
            "150 tokens an example of Code Alpaca",
            "3 passes and rank 8, the defaults of its training script",
            "A100 with 80 GB",
            "not counted: taking weights out of their 8 bits",
        ),
    ),
)


def check_runs(utilisation: float = UTILISATION) -> tuple[Check, ...]:
    """The estimate of each published run, and how far off it is."""
    checks = []
    for run in RUNS:
        hours = estimate(run.work, gpu_named(run.gpu), utilisation=utilisation).gpu_hours
        factor = hours / run.gpu_hours
        checks.append(Check(run, hours, factor, utilisation * factor))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class Throughput:
    """Tokens a second on each GPU, measured by others in a loop that was made for speed."""

    gpu: str
    gpus: int
    tokens_a_second: float  # on each
    work: TrainingWork
    source: str

    @property
    def utilisation(self) -> float:
        """The share of the peak that the model's FLOPs were."""
        return self.work.flops_a_token * self.tokens_a_second / gpu_named(self.gpu).peak


_VECTORLM = "https://github.com/VectorInstitute/vectorlm, docs/reference_throughput.md (torch 2.2)"
_FOUNDRY = "https://github.com/mosaicml/llm-foundry, scripts/train/benchmarking"
_ALL = tuple(KNOWN["llama-3-8b"].linear_layers())

THROUGHPUTS: tuple[Throughput, ...] = (
    Throughput("a100-80gb", 1, 3550.48, _work("llama-3-8b", "full", 1e6, 2048), _VECTORLM),
    Throughput("a100-80gb", 4, 12688.44 / 4, _work("llama-3-8b", "full", 1e6, 2048), _VECTORLM),
    Throughput("a100-80gb", 1, 4079.28, _work("llama-3-8b", "lora", 1e6, 2048, *_ALL), _VECTORLM),
    Throughput(
        "a100-80gb", 4, 14299.47 / 4, _work("llama-3-8b", "lora", 1e6, 2048, *_ALL), _VECTORLM
    ),
    Throughput("a100-80gb", 8, 4641, _work("llama-7b", "full", 1e6, 2048), f"{_FOUNDRY}: MPT-7B"),
    Throughput("h100", 8, 10643, _work("llama-7b", "full", 1e6, 2048), f"{_FOUNDRY}: MPT-7B"),
    Throughput("a100-80gb", 8, 2262, _work("llama-13b", "full", 1e6, 2048), f"{_FOUNDRY}: MPT-13B"),
    Throughput("h100", 8, 4792, _work("llama-13b", "full", 1e6, 2048), f"{_FOUNDRY}: MPT-13B"),
)
