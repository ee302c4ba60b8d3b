"""Tokens a second of ``esrag finetune`` beside a bare peft loop, step by step in turn.

    python -m benchmarks.training --base FOLDER [--steps 6] [--batch 12] [--threads 2]

Three loops take the same packs with the same recipe, one step each in turn, so that whatever else
the machine does meets all of them:

    esrag       the loop as it is, with its metrics, checks and clipping
    bare        the same model calls and packs, and nothing around them: what the loop itself costs
    transformers
                packs by position ids with transformers' own mask, labels, and the head everywhere:
                what one writes with peft and no more

Reported are medians of the ratios of neighbouring steps, and how much of the packs is padding or
unused.  The texts are made up: closed-book and grounded prompts of the lengths that data sets have.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from esrag import prompting
from esrag.costs.memory import FP32
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


def timed(step: Step, number: int, device: torch.device) -> float:
    """Tokens a second of one step."""
    begun = time.perf_counter()
    tokens = step(number)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return tokens / (time.perf_counter() - begun)


def measured(base: Path, recipe: Recipe, *, steps: int, device: torch.device) -> dict[str, Any]:
    """All three loops on one base model; each has weights of its own."""
    encoder = ChatEncoder.from_folder(base)
    rows = rows_like_a_data_set(encoder, recipe.batch * (steps + 1))
    models = {
        name: load_trainee(base, recipe, device=device) for name in ("esrag", "bare", "plain")
    }
    models["plain"].model.get_base_model().set_attn_implementation("sdpa")
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place) / "run")
        with folder.held():
            loop = Loop(models["esrag"], rows, recipe, folder=folder)

            def ours(number: int) -> int:
                del number  # the loop counts by itself
                before = loop.progress.tokens
                loop.one_step()
                return loop.progress.tokens - before

            loops: dict[str, Step] = {
                "esrag": ours,
                "bare": bare_step(models["bare"], rows, recipe, plain=False),
                "transformers": bare_step(models["plain"], rows, recipe, plain=True),
            }
            found: dict[str, list[float]] = {name: [] for name in loops}
            for number in range(steps + 1):
                names = list(loops) if number % 2 else list(reversed(loops))
                for name in names:
                    speed = timed(loops[name], number, device)
                    if number:  # the first step warms up
                        found[name].append(speed)
    lengths = [len(row.tokens) for row in rows]
    packs = packed(lengths, capacity=recipe.pack_tokens)
    return {
        "device": device_name(device),
        "base": base.name,
        "recipe": {"batch": recipe.batch, "pack_tokens": recipe.pack_tokens},
        "steps": steps,
        "tokens_per_second": {name: round(statistics.median(v), 1) for name, v in found.items()},
        "ratio_to_bare": _ratio(found["esrag"], found["bare"]),
        "ratio_to_transformers": _ratio(found["esrag"], found["transformers"]),
        "padding": 0.0,  # rows lie one after the other; nothing is added to them
        "unused": round(1 - sum(lengths) / (recipe.pack_tokens * len(packs)), 4),
        "adapter_mib": round(
            FP32 * sum(each.numel() for each in models["esrag"].trained().values()) / 2**20, 1
        ),
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return {
        "median": round(statistics.median(ratios), 3),
        "least": round(ratios[0], 3),
        "most": round(ratios[-1], 3),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--pack-tokens", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = Recipe(batch=options.batch, pack_tokens=options.pack_tokens, epochs=1000.0)
    found = measured(options.base, recipe, steps=options.steps, device=device_of(options.device))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
