"""Does a generator say what transformers says?  ``python -m benchmarks.greedy_agreement``.

    prompts ─► transformers, greedy, alone ─┐
            └► /v1/completions of URL ──────┴─► same text, a tie, or another answer

What any faster backend for the same weights must pass before it is offered: the server under URL
may be ours, llama.cpp's or anybody's who takes OpenAI's completions.  Where two tokens are as good
as equally likely, rounding may decide; everything else counts as another answer, and the exit code
says so.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import httpx

PROMPTS = (
    "The capital of France is",
    "Once upon a time there was a",
    "def fibonacci(n):\n    ",
    "Q: What is 2+2?\nA:",
    "One, two, three, four,",
    "Dear Sir or Madam,\n",
    "Water boils at",
    "The three primary colours are",
    "Die Hauptstadt von Deutschland ist",
    "SELECT name FROM users WHERE",
    "Elasticsearch is a",
    "To bake bread you need",
)
TIE = 0.3  # difference of log-probabilities that bf16 may turn over


@dataclass(frozen=True, slots=True)
class Report:
    """One comparison; of a tie, how much less likely the other token was."""

    prompts: int
    tokens: int
    same: int
    ties: list[float]
    others: list[str]


class Reference:
    """The weights under transformers' own attention, one prompt at a time."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(2)
        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()

    def answer(self, prompt: str, *, tokens: int) -> list[int]:
        """Ids of the greedy answer."""
        given = self._tokenizer(prompt, return_tensors="pt").input_ids
        everything = self._torch.ones_like(given)
        with self._torch.inference_mode():
            found = self._model.generate(
                given, attention_mask=everything, max_new_tokens=tokens, do_sample=False
            )
        return list(found[0, given.shape[1] :].tolist())

    def text(self, ids: list[int]) -> str:
        """What a completion shows of these ids."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def distance(self, prompt: str, ids: list[int], other: str) -> float:
        """How much less likely the other text's first different token is than the greedy one."""
        theirs = self._tokenizer(other, add_special_tokens=False).input_ids
        place = next(
            (at for at, pair in enumerate(zip(ids, theirs, strict=False)) if pair[0] != pair[1]),
            min(len(ids), len(theirs)),
        )
        if place >= len(ids):
            return float("inf")
        before = self._tokenizer(prompt).input_ids + ids[:place]
        with self._torch.inference_mode():
            logits = self._model(self._torch.tensor([before])).logits[0, -1].float()
        end = self._tokenizer.eos_token_id
        second = theirs[place] if place < len(theirs) else end
        return float(logits[ids[place]] - logits[second])


def compare(reference: Reference, url: str, *, tokens: int, clients: int) -> Report:
    """Ask all prompts, several at a time, and judge what differs."""

    def ask(prompt: str) -> str:
        body = {"model": "tgi", "prompt": prompt, "max_tokens": tokens, "temperature": 0}
        answer = httpx.post(f"{url}/v1/completions", json=body, timeout=300).raise_for_status()
        return str(answer.json()["choices"][0]["text"])

    with ThreadPoolExecutor(clients) as pool:
        texts = list(pool.map(ask, PROMPTS))
    same = 0
    ties: list[float] = []
    others: list[str] = []
    for prompt, text in zip(PROMPTS, texts, strict=True):
        ids = reference.answer(prompt, tokens=tokens)
        if reference.text(ids) == text:
            same += 1
            continue
        distance = reference.distance(prompt, ids, text)
        if distance < TIE:
            ties.append(round(distance, 3))
        else:
            others.append(f"{prompt!r}: {text!r} instead of {reference.text(ids)!r}")
    return Report(len(PROMPTS), tokens, same, ties, others)


@click.command()
@click.option("--url", required=True, help="Address before /v1/completions.")
@click.option("--model", default="packaged", help="The same weights for transformers.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder for converted models.")
@click.option("--tokens", default=24, show_default=True)
@click.option("--clients", default=1, show_default=True, help="How many ask at once.")
def main(url: str, model: str, data: Path | None, tokens: int, clients: int) -> None:
    """Compare greedy texts; exit code 1 where one is another answer."""
    from esrag.base_models.source import find_model
    from esrag.local.tgi import machine

    machine.prepare(2)  # OpenMP's own defaults are ruinous beside other work
    with tempfile.TemporaryDirectory() as temporary:
        folder = find_model(model, data_dir=data or Path(temporary)).folder
        report = compare(Reference(folder), url.rstrip("/"), tokens=tokens, clients=clients)
    click.echo(json.dumps(asdict(report), indent=2, ensure_ascii=False))
    sys.exit(bool(report.others))


if __name__ == "__main__":
    main()
