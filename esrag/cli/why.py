"""How an answer came about, from its record: for ``ask --why`` and ``explain``.

steps and times ─ passages and their scores ─ prompt ─ what was generated, with each verdict
"""

from __future__ import annotations

import textwrap

import click

from esrag.answering.record import AnswerRecord, HitRecord, PromptRecord, VerdictRecord
from esrag.cli.printable import one_line, printable

_COLOURS = {"supported": "green", "unsupported": "red"}


def show_why(record: AnswerRecord) -> None:
    """All that the record knows, in the order in which it happened."""
    _title("How this answer came about")
    _pair("answer", record.id)
    if record.standalone and record.standalone != record.question:
        _pair("searched for", record.standalone)
    _pair("confidence", _confidence(record))
    for step, ended in record.steps.items():
        took = record.seconds.get(step)
        _pair(step, f"{ended}{f', {_time(took)}' if took is not None else ''}")
    others = {step: took for step, took in record.seconds.items() if step not in record.steps}
    if others:
        _pair("times", ", ".join(f"{step} {_time(took)}" for step, took in others.items()))
    if record.model:
        tokens = f"{record.prompt_tokens:,} tokens in, {record.generated_tokens:,} out"
        _pair("generator", f"{record.model}: {tokens}")
    given = record.prompt.passages if record.prompt else []
    _show_hits(record.hits or [], given)
    if record.prompt:
        _show_prompt(record.prompt)
    _show_generated(record)


def _show_hits(hits: list[HitRecord], given: list[str]) -> None:
    _title("Passages")
    if not hits:
        click.echo("  none")
    for hit in hits:
        number = f"[{given.index(hit.chunk_id) + 1}]" if hit.chunk_id in given else ""
        scores = ", ".join(f"{name} {score:.4f}" for name, score in hit.scores.items())
        context = " › ".join(dict.fromkeys(filter(None, (hit.title, *hit.heading_path))))
        click.echo(
            f"  {hit.rank:>2}. {hit.score:.4f} {number:>4} "
            f"{one_line(context or hit.document_id, 120)}"
        )
        click.secho(f"      {one_line(hit.chunk_id)}{f'; {scores}' if scores else ''}", dim=True)
    if given:
        click.secho("  The numbers in brackets are those of the prompt.", dim=True)


def _show_prompt(prompt: PromptRecord) -> None:
    _title(f"Prompt, at most {prompt.tokens:,} tokens")
    for message in prompt.messages:
        click.secho(f"  {message.role}", bold=True)
        click.echo(textwrap.indent(printable(message.content), "    "))


def _show_generated(record: AnswerRecord) -> None:
    if not (record.generated_text or record.verdicts):
        return
    _title("Generated")
    if not record.verdicts:
        click.echo(textwrap.indent(printable(record.generated_text), "  "))
    for verdict in record.verdicts:
        click.echo(
            f"  {click.style(verdict.kind, fg=_COLOURS.get(verdict.kind, 'yellow'))}: "
            f"{one_line(verdict.text, 1000)}"
        )
        for line in _reasons(verdict):
            click.secho(f"      {line}", dim=True)
    if record.invalid_citations:
        click.echo(f"  cited, though not given: {record.invalid_citations}")


def _reasons(verdict: VerdictRecord) -> list[str]:
    lines = []
    if verdict.why:
        lines.append(one_line(verdict.why))
    if verdict.cited or verdict.invalid:
        invalid = f"; not given: {_numbers(verdict.invalid)}" if verdict.invalid else ""
        lines.append(f"cites {_numbers(verdict.cited) or 'nothing'}{invalid}")
    if verdict.support:
        place = f"{one_line(verdict.support.document_id)}, {verdict.support.start:,}"
        lines.append(f"carried by {place}: {one_line(verdict.support.quote)}")
    if verdict.scores:
        lines.append(", ".join(f"{name} {score:.2f}" for name, score in verdict.scores.items()))
    return lines


def _confidence(record: AnswerRecord) -> str:
    side = "below" if record.confidence < record.threshold else "at least"
    return f"{record.confidence:.4f}, {side} the threshold {record.threshold:.4f}"


def _numbers(numbers: list[int]) -> str:
    return "".join(f"[{number}]" for number in numbers)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _title(words: str) -> None:
    click.secho(f"\n{words}", bold=True)


def _pair(name: str, value: str) -> None:
    click.echo(f"  {name:<12} {one_line(value, 1000)}")
