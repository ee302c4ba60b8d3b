"""The card of a run: what was tuned on what, and what the gate found, in words.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNUSED = (
    "The gate rejected this run: its gain is not beyond chance, so no model was written.\n"
    "What would help: more or better questions, and judged ones before made ones.\n"
)


def card_of(name: str, facts: Mapping[str, Any]) -> str:
    """README.md of a run folder and of its model; nothing in it depends on when it was written."""
    data, recipe = facts["data"], facts["recipe"]
    questions = data["questions"]
    lines = [
        f"# {name}",
        "",
        f"The embedding model {facts['base']['model']}, tuned by esrag.",
        "",
        summary(facts),
        "",
        _UNUSED if facts["status"] == "rejected" else "The gate accepted it.\n",
        "| what | |",
        "|---|---|",
        f"| chunks, documents | {data['chunks']}, {data['documents']} |",
        f"| questions from | {data.get('questions from', '')} |",
        f"| questions to train, choose, judge | {questions['train']}, {questions['dev']}, "
        f"{questions['test']} |",
        f"| given up, as they share a document with a held-out one | {questions['given up']} |",
        f"| loss, epochs, questions a step | {recipe['loss']}, {recipe['epochs']}, "
        f"{recipe['batch']} |",
        f"| learning rate, hard negatives, seed | {recipe['learning_rate']}, "
        f"{recipe['negatives']}, {recipe['seed']} |",
        f"| chosen on dev | epoch {facts['dev']['epoch']}, {facts['dev']['share']} of the way "
        "from the base's weights |",
        f"| base's weights | {facts['base']['fingerprint']} |",
        f"| data | {data['fingerprint']} |",
        "",
        "Splits share neither a document nor a question.",
        "The measure is of exact dense search over all chunks, a document where its best chunk "
        "stands; hybrid search, which ranks by words as well, gains less.",
        "",
    ]
    return "\n".join(lines)


def summary(facts: Mapping[str, Any]) -> str:
    """The verdict in one line."""
    verdict = facts["verdict"]
    base, tuned, gain = verdict["base"], verdict["tuned"], verdict["difference"]
    return (
        f"{verdict['measure']} of {verdict['questions']} held-out questions: "
        f"base {base['mean']:.3f} [{base['low']:.3f}, {base['high']:.3f}], "
        f"tuned {tuned['mean']:.3f} [{tuned['low']:.3f}, {tuned['high']:.3f}], "
        f"difference {gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]; "
        f"{verdict['better']} better, {verdict['worse']} worse"
    )
