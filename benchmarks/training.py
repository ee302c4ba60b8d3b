"""Tokens a second of ``esrag finetune`` beside a bare peft loop, step by step in turn.

    python -m benchmarks.training --base FOLDER [--data EXAMPLES.jsonl] [--steps 6] [--batch 12]
    python -m benchmarks.training --base FOLDER --random 4096,32,32 --method full --beside ''

Three loops take the same packs with the same recipe, one step each in turn, so that whatever else
the machine does meets all of them:

    esrag       the loop as it is, with its metrics, checks and clipping
    bare        the same model calls and packs, and nothing around them: what the loop itself costs
    transformers
                packs by position ids with transformers' own mask, labels, and the head everywhere:
                what one writes with peft and no more

Reported are medians of the ratios of neighbouring steps, by the clock and by the processor's time;
how much of what goes through the model is padding; FLOPs a second, and on a GPU what share of its
peak that is (MFU).  ``--random`` takes a Llama of random weights, as large as a GPU holds: speed
does not ask what the weights are.  Without ``--data`` the texts are made up: closed-book and
grounded prompts of usual lengths.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from esrag import prompting
from esrag.costs.gpus import gpu_of_device
from esrag.costs.shapes import shape_of
from esrag.costs.work import TrainingWork
from esrag.examples.rows import read_examples
from esrag.testing import make_hit
from esrag.training.attention import Rows
from esrag.training.encoding import ChatEncoder
from esrag.training.loading import Trainee, device_of, load_trainee
from esrag.training.loop import Loop, device_name, in_passes
from esrag.training.losses import AnswerLoss, pack_of
from esrag.training.packing import Order, Row, packed
from esrag.training.recipe import Recipe
from esrag.training.run_folder import RunFolder
from esrag.types import Example, ExampleSource, Message

Step = Callable[[int], int]
WORDS = "release index shard query vector node cluster field mapping token model answer".split()


def rows_like_a_data_set(encoder: ChatEncoder, count: int) -> list[Row]:
    """Half closed-book questions, half grounded ones with three passages."""
    pick = random.Random(7)

    def text(words: int) -> str:
        return " ".join(pick.choice(WORDS) for _ in range(words)) + "."

    source = ExampleSource("i", "s", (), (), (), (), maker="benchmark", seed=7)
    rows = []
    for number in range(count):
        question = f"What is {text(pick.randint(4, 9))}"
        if number % 2:
            prompt = prompting.closed_book(question)
        else:
            hits = [make_hit(str(n), text(pick.randint(30, 90))) for n in range(3)]
            prompt = prompting.compose(question, hits, fence=f"{number:08x}")
        answer = Message("assistant", text(pick.randint(6, 24)))
        example = Example(
            str(number), "knowledge", "train", (*prompt, answer), question, answer.content, source
        )
        rows.append(encoder.row(example))
    return rows


def bare_step(trainee: Trainee, rows: Sequence[Row], recipe: Recipe, *, plain: bool) -> Step:
    """A loop without anything around it; ``plain`` uses transformers' own mask and loss."""
    weights = list(trainee.trained().values())
    optimizer = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, fused=True)
    order = Order(len(rows), batch=recipe.batch, seed=recipe.seed)
    measure = AnswerLoss(trainee.model)

    def step(number: int) -> int:
        batch = [rows[each] for each in order.batch(number)]
        answers = sum(row.answer_tokens for row in batch)
        for part in in_passes(batch, trainee, capacity=recipe.pack_tokens):
            pack = pack_of(part, trainee.device)
            if plain:
                labels = torch.full_like(pack.ids, -100)
                labels[0, pack.before + 1] = pack.targets
                loss = trainee.model(
                    input_ids=pack.ids,
                    position_ids=pack.positions,
                    labels=labels,
                    num_items_in_batch=answers,
                    use_cache=False,
                ).loss
                loss.backward()
            else:
                with Rows.of(pack.lengths):
                    (measure(pack) / answers).backward()
        torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return sum(len(row.tokens) for row in batch)

    return step


@dataclass(frozen=True)
class Speed:
    """Tokens a second of one step, by the clock and by the processor's time."""

    clock: float
    processor: float


def timed(step: Step, number: int, device: torch.device) -> Speed:
    """The speed of one step."""
    begun, worked = time.perf_counter(), time.process_time()
    tokens = step(number)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return Speed(
        tokens / (time.perf_counter() - begun), tokens / max(time.process_time() - worked, 1e-6)
    )


def measured(
    base: Path, rows: Sequence[Row], recipe: Recipe, *, steps: int, contenders: Sequence[str]
) -> dict[str, Any]:
    """Each loop has weights of its own; they take one step each in turn."""
    device = device_of("auto")
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place) / "run")
        with folder.held():
            trainees = {name: load_trainee(base, recipe, device=device) for name in contenders}
            loops = _loops(trainees, rows, recipe, folder)
            found: dict[str, list[Speed]] = {name: [] for name in loops}
            for number in range(steps + 1):
                for name in _turned(list(loops), number):
                    speed = timed(loops[name], number, device)
                    if number:  # the first step warms up
                        found[name].append(speed)
    trainable = sum(each.numel() for each in trainees["esrag"].trained().values())
    return {
        "device": device_name(device),
        "cores": os.cpu_count(),
        "load_before_and_after": [],
        "base": base.name,
        "method": recipe.method,
        "recipe": {"batch": recipe.batch, "pack_tokens": recipe.pack_tokens},
        "steps": steps,
        "tokens_per_second": {
            name: round(statistics.median(each.clock for each in speeds), 1)
            for name, speeds in found.items()
        },
        **{
            f"ratio_to_{name}": _ratios(found["esrag"], found[name])
            for name in found
            if name != "esrag"
        },
        **_utilisation(base, rows, recipe, trainable, found["esrag"], device),
        "packing": _packing(rows, recipe, steps),
    }


def _turned(names: Sequence[str], number: int) -> list[str]:
    """Each loop comes first, and after each other one, equally often."""
    first = number % len(names)
    turned = [*names[first:], *names[:first]]
    return turned if number // len(names) % 2 else turned[::-1]


def _loops(
    trainees: Mapping[str, Trainee], rows: Sequence[Row], recipe: Recipe, folder: RunFolder
) -> dict[str, Step]:
    loop = Loop(trainees["esrag"], rows, recipe, folder=folder)

    def ours(number: int) -> int:
        del number  # the loop counts by itself
        before = loop.progress.tokens
        loop.one_step()
        return loop.progress.tokens - before

    loops: dict[str, Step] = {"esrag": ours}
    for name in set(trainees) - {"esrag"}:
        plain = name == "transformers"
        if plain:
            model = trainees[name].model
            getattr(model, "get_base_model", lambda model=model: model)().set_attn_implementation(
                "sdpa"
            )
        loops[name] = bare_step(trainees[name], rows, recipe, plain=plain)
    return dict(sorted(loops.items()))


def _utilisation(
    base: Path,
    rows: Sequence[Row],
    recipe: Recipe,
    trainable: int,
    speeds: Sequence[Speed],
    device: torch.device,
) -> dict[str, Any]:
    """FLOPs a second that the model needs (MFU where the GPU's peak is known)."""
    tokens = sum(len(row.tokens) for row in rows)
    work = TrainingWork(
        shape_of(str(base)),
        recipe.method,
        tokens,
        length=tokens / len(rows),
        loss_share=sum(row.answer_tokens for row in rows) / tokens,
        trainable=trainable,
        checkpointing=recipe.gradient_checkpointing,
    )
    flops = work.flops_a_token * statistics.median(each.clock for each in speeds)
    gpu = gpu_of_device(device_name(device))
    found: dict[str, Any] = {"teraflops_per_second": round(flops / 10**12, 4)}
    if gpu is not None:
        found |= {"gpu": gpu.name, "mfu": round(flops / gpu.peak, 4)}
        found["peak_gpu_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 1)
    return found


def _packing(rows: Sequence[Row], recipe: Recipe, steps: int) -> dict[str, Any]:
    """What goes through the model beside the rows, and how far packs are filled."""
    order = Order(len(rows), batch=recipe.batch, seed=recipe.seed)
    computed = needed = passes = padded = 0
    for number in range(steps + 1):
        batch = [rows[each] for each in order.batch(number)]
        lengths = [len(row.tokens) for row in batch]
        packs = [
            [batch[each] for each in pack] for pack in packed(lengths, capacity=recipe.pack_tokens)
        ]
        computed += sum(pack_of(pack, torch.device("cpu")).ids.numel() for pack in packs)
        needed += sum(lengths)
        passes += len(packs)
        padded += max(lengths) * len(lengths)
    return {
        "rows": len(rows),
        "mean_length": round(sum(len(row.tokens) for row in rows) / len(rows), 1),
        "waste": round(1 - needed / computed, 4),
        "waste_if_padded_to_the_longest": round(1 - needed / padded, 4),
        "tokens_a_pass": round(needed / passes, 1),
    }


def _ratios(ours: Sequence[Speed], theirs: Sequence[Speed]) -> dict[str, dict[str, float]]:
    return {
        kind: _ratio(
            [getattr(each, kind) for each in ours], [getattr(each, kind) for each in theirs]
        )
        for kind in ("clock", "processor")
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return {
        "median": round(statistics.median(ratios), 3),
        "least": round(ratios[0], 3),
        "most": round(ratios[-1], 3),
    }


def random_model(base: Path, target: Path, *, hidden: int, layers: int, heads: int) -> Path:
    """A Llama of random bfloat16 weights with the tokenizer of ``base``: for speed alone."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=7 * hidden // 2,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.device(device_of("auto")):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    return target


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--data", type=Path, help="a data set's JSONL file, else made-up texts")
    parser.add_argument("--method", choices=["lora", "full"], default="lora")
    parser.add_argument("--random", metavar="HIDDEN,LAYERS,HEADS", help="a model of random weights")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--pack-tokens", type=int, default=1024)
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beside", default="bare,transformers", help="other loops; '' for none")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = Recipe(
        method=options.method,
        batch=options.batch,
        pack_tokens=options.pack_tokens,
        gradient_checkpointing=options.gradient_checkpointing,
        epochs=1000.0,
    )
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        base = options.base
        if options.random:
            hidden, layers, heads = map(int, options.random.split(","))
            base = random_model(base, Path(place), hidden=hidden, layers=layers, heads=heads)
        encoder = ChatEncoder.from_folder(base)
        rows = (
            encoder.rows(
                (each for each in read_examples(options.data) if each.split == "train"),
                max_tokens=recipe.max_tokens,
            ).rows
            if options.data
            else rows_like_a_data_set(encoder, recipe.batch * (options.steps + 1))
        )
        contenders = ["esrag", *filter(None, options.beside.split(","))]
        found = measured(base, rows, recipe, steps=options.steps, contenders=contenders)
    found["base"] = options.random or options.base.name
    found["load_before_and_after"] = [round(load, 1), round(os.getloadavg()[0], 1)]
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
