"""A run in words: the README.md of a run folder and of what it published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_METHODS = {
    "lora": "a LoRA adapter",
    "dora": "a DoRA adapter",
    "qlora": "a LoRA adapter, trained on a base in 4 bits",
    "prompt": "a learnt prompt",
    "full": "a model of its own",
}


def adapter_card(facts: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> str:
    """What it is, from what, how, and what was measured; no time, so that it can be repeated."""
    recipe, data, base = facts["recipe"], facts["data"], facts["base"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in data["kinds"].items())
    lines = [
        f"# {facts['name']}",
        "",
        f"This is {_METHODS[recipe['method']]} for {base['model']}, made by esrag finetune.",
        "",
        f"- Base model: {base['model']}, weights {base['fingerprint'][:16]}…",
        f"- Data set: sha256 {data['fingerprint'][:16]}…, {data['train']} examples ({kinds}) "
        f"from {data['documents']} documents",
        *readers_line(data.get("readers", ())),
        f"- Recipe: {_recipe(recipe)}",
        f"- Versions: {', '.join(f'{name} {each}' for name, each in facts['versions'].items())}",
        "",
        "It may say what it was taught, and it may say it wrongly: whoever may not see the "
        "documents should not be served by it, and answers without passages are not verified.",
        "",
    ]
    return "\n".join([*lines, *_measured(metrics)])


def readers_line(names: Sequence[str]) -> list[str]:
    """Who may read the documents that are not for everybody; no line without any."""
    return [f"- Some of these documents are only for: {', '.join(names)}"] if names else []


def _recipe(recipe: Mapping[str, Any]) -> str:
    words = [f"method {recipe['method']}"]
    if recipe["method"] in ("lora", "dora", "qlora"):
        words += [f"LoRA rank {recipe['lora_rank']}", f"alpha {recipe['lora_alpha']}"]
    length = f"{recipe['max_steps']} steps" if recipe["max_steps"] else f"{recipe['epochs']} epochs"
    return ", ".join(
        [*words, length, f"{recipe['batch']} examples a step", f"seed {recipe['seed']}"]
    )


def _measured(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [line for line in metrics if line.get("kind") == "evaluation"]
    if not found:
        return ["Nothing was held out, so nothing was measured.", ""]
    grounded = any("grounded" in line for line in found)
    head = "| step | held-out loss |" + (" grounded score |" if grounded else "")
    rows = [head, "|---|---|" + ("---|" if grounded else "")]
    for line in found:
        loss = f"{line['loss']:.4f}" if "loss" in line else "–"
        more = f" {line['grounded']:.3f} |" if grounded and "grounded" in line else ""
        rows.append(f"| {line['step']} | {loss} |{more}")
    return [*rows, ""]
