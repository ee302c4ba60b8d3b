"""A pre-training run in words: its README.md, and that of the model that it published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esrag.training.cards import readers_line


def pretraining_card(facts: Mapping[str, Any]) -> str:
    """What it is, from what, how, and what was measured; no time, so that it can be repeated."""
    recipe, base, data = facts["recipe"], facts["base"], facts.get("data", {})
    versions = ", ".join(f"{name} {each}" for name, each in facts["versions"].items())
    lines = [
        f"# {facts['name']}",
        "",
        f"This is {base['model']}, trained further on text by esrag pretrain.",
        "",
        f"- Base model: {base['model']}, weights {base['fingerprint'][:16]}…",
        *_data(data),
        f"- Recipe: method {recipe['method']}, "
        + (f"{recipe['max_steps']} steps" if recipe["max_steps"] else f"{recipe['epochs']} epochs")
        + f", {recipe['batch']} rows a step, seed {recipe['seed']}",
        f"- Versions: {versions}",
        "",
        "It may repeat what it read: whoever may not see the documents should not be served by it.",
        "",
        *_measured(facts.get("verdict")),
    ]
    return "\n".join(lines)


def _data(data: Mapping[str, Any]) -> list[str]:
    if not data:
        return []
    parts = data["parts"]
    lines = [
        f"- Corpus: {data['place']}, {parts['train']['documents']} documents, "
        f"{parts['train']['tokens']} tokens, sha256 {data['fingerprint'][:16]}…",
        *readers_line(data.get("readers", ())),
        f"- Replay: {parts['replay']['tokens']} tokens of general text",
        f"- Measured on {parts['domain']['documents']} held-out documents and "
        f"{parts['control']['documents']} from outside",
    ]
    if data["new_tokens"]:
        fertility = data["fertility"]
        lines.append(
            f"- Tokenizer: {data['new_tokens']} new tokens; tokens a word of held-out text "
            f"{fertility['domain_before']} before, {fertility['domain']} after"
        )
    return lines


def _measured(verdict: Mapping[str, Any] | None) -> list[str]:
    if not verdict:
        return ["It has not been measured yet.", ""]
    rows = [
        verdict["words"],
        "",
        "| text | before | after | change | 95 % |",
        "|---|---|---|---|---|",
    ]
    for name in ("domain", "control"):
        each = verdict[name]
        rows.append(
            f"| {name} | {each['before']:.3f} | {each['after']:.3f} | {each['change']:+.4f} | "
            f"{each['low']:+.4f} to {each['high']:+.4f} |"
        )
    rows.append(
        f"| domain beyond control | | | {verdict['gain']:+.4f} | "
        f"{verdict['low']:+.4f} to {verdict['high']:+.4f} |"
    )
    return [
        *rows,
        "",
        "Before and after are perplexities, the change is that of their logarithm.",
        "",
    ]
