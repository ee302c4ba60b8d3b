"""What ``esrag adapter`` shows: facts of an adapter, how it is served, and a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from esrag.cli.printable import one_line, printable
from esrag.errors import ConflictError, EsragError
from esrag.settings import Settings

if TYPE_CHECKING:
    from esrag.adapters.proof import Proof
    from esrag.adapters.registry import Adapter, Registry

_SHOWN = 70  # characters of a question and of an answer


def tell_serving(registry: Registry, name: str, told: str) -> None:
    """What the user does next, where something is left to do."""
    from esrag.adapters.serving import start_lines, unserved

    if told in ("loaded", "reloaded"):
        click.echo(f"{told} by the generator; ask it with: esrag ask --adapter {name} …")
        click.echo(f"To prove that it is applied: esrag adapter verify {name}", err=True)
        return
    if told != "at start only":
        return
    reason = unserved(registry.find(name).facts())
    if reason:
        click.echo(f"This generator cannot serve {name}: {reason}", err=True)
        return
    click.echo("The generator loads adapters at its start only. Start it with:", err=True)
    found = [(one, one.facts()) for one in map(registry.find, registry.names())]
    for server, line in start_lines(found).items():
        click.echo(f"{server}: {line}")


def facts(found: Adapter) -> dict[str, Any]:
    """For JSON: what it is, where it lies, what it was made from."""
    known = found.facts()
    return {
        "name": found.name,
        "folder": str(found.folder),
        "base": found.base,
        "base_fingerprint": found.base_fingerprint,
        "method": "prompt" if known.kind == "prompt" else "dora" if known.dora else "lora",
        "rank": known.rank,
        "alpha": known.alpha,
        "target_modules": list(known.target_modules),
        "parameters": known.parameters,
        "bytes": known.bytes,
        "sha256": found.sha256,
        "documents": len(found.documents),
        "readers": list(found.readers),
        "added": found.added,
    }


def entry(registry: Registry, name: str) -> dict[str, Any]:
    """An entry of the list; a damaged adapter is listed with what is wrong."""
    try:
        return facts(registry.find(name))
    except EsragError as error:
        return {"name": name, "error": error.message}


def words(found: Adapter) -> str:
    """The same in half a line."""
    told = facts(found)
    documents = f", {told['documents']} documents" if told["documents"] else ""
    readers = f", some only for {one_line(', '.join(told['readers']))}" if told["readers"] else ""
    return (
        f"{told['method']} of rank {told['rank']} on {printable(told['base'])}, "
        f"{told['parameters'] / 1e6:.3g} M parameters{documents}{readers}"
    )


def warn_of_readers(found: Adapter) -> None:
    """Say that it was taught what not everybody may read, if it was."""
    if found.readers:
        click.echo(
            f"{found.name} was taught documents that only these may read: "
            f"{one_line(', '.join(found.readers))}. It may tell them to everybody who may ask it.",
            err=True,
        )


def removable(registry: Registry, name: str, settings: Settings) -> str:
    """What is about to be removed, in words; a damaged adapter may go as well.

    Raises UsageError when there is none of this name, ConflictError when questions are answered
    with it: without it a server may answer with the base and say nothing.
    """
    if name not in registry.names():
        registry.find(name)  # says which there are
    if settings.generator.model == name:
        raise ConflictError(
            f"generator.model is {name}: questions are answered with this adapter",
            hint="Set generator.model to another one first, such as tgi, the base model.",
        )
    told = entry(registry, name)
    return f"damaged: {told['error']}" if "error" in told else words(registry.find(name))


def tell_still_named(name: str, settings: Settings) -> None:
    """Which settings go on naming an adapter that was removed."""
    if name in settings.endpoints.adapters:
        click.echo(
            "It still has inference endpoints: take it out of endpoints.adapters, then esrag setup",
            err=True,
        )
    if name in settings.local.adapters:
        click.echo("local.adapters still names it: take it out there as well", err=True)


def proof_facts(name: str, proof: Proof) -> dict[str, Any]:
    """A proof for JSON."""
    return {
        "adapter": name,
        "applied": proof.is_applied,
        "recorded": proof.is_recorded,
        "probes": [
            {
                "question": one.probe.question,
                "verdict": one.verdict,
                "served": one.served,
                "base": one.base,
                "recorded": one.probe.answer,
            }
            for one in proof.outcomes
        ],
    }


def show_proof(name: str, proof: Proof) -> None:
    """Each probe with its verdict and what was said, then what they say together."""
    for one in proof.outcomes:
        question = " ".join(one.probe.question.split())
        # of a prompt with passages the end is the question
        shown = question if len(question) <= _SHOWN else f"…{question[1 - _SHOWN :]}"
        click.echo(f"{one.verdict:8} {printable(shown)}")
        answer = " ".join(one.served.split())
        said = printable(answer if len(answer) <= _SHOWN else f"{answer[: _SHOWN - 1]}…")
        click.secho(f"         {said}", dim=True)
    equal = proof.count("equal")
    if not proof.is_applied:
        return
    how = (
        f"{equal} of {len(proof.outcomes)} answers equal those of its training"
        if proof.is_recorded
        else "its answers differ from the base's; there is no record of its training"
    )
    click.echo(f"{name} is applied: {how}.")
