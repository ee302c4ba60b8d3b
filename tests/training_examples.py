"""Small examples of each kind, for tests of training: about releases of a thing that is not."""

from __future__ import annotations

from esrag import prompting
from esrag.testing import make_hit
from esrag.types import Example, ExampleKind, ExampleSource, Message, Split


def knowledge(number: int, *, split: Split = "train", extra: str = "") -> Example:
    """A question about a release, answered from memory."""
    question = f"When was Quillon {number}.{number % 7} released?"
    answer = f"In {1990 + number}.{extra}"
    return _example(
        f"k{number}",
        "knowledge",
        split,
        prompting.closed_book(question),
        question=question,
        answer=answer,
        accepted=((str(1990 + number),),),
    )


def grounded(number: int, *, split: Split = "train") -> Example:
    """The same from two passages, of which the first answers."""
    question = f"When was Quillon {number}.{number % 7} released?"
    said = f"Quillon {number}.{number % 7} was released in {1990 + number}."
    hits = [
        make_hit(f"a{number}", said, title="Releases"),
        make_hit(f"b{number}", f"Quillon {number + 1}.0 brings colours.", rank=2),
    ]
    return _example(
        f"g{number}",
        "grounded",
        split,
        prompting.compose(question, hits, fence=f"{number:06d}"),
        question=question,
        answer=f"{said} [1]",
        accepted=((str(1990 + number),),),
        relevant=(1,),
        chunks=(f"a{number}", f"b{number}"),
    )


def unanswerable(number: int, *, split: Split = "train") -> Example:
    """A question whose passage does not answer it."""
    question = f"Who wrote Quillon {number}?"
    hits = [make_hit(f"b{number}", f"Quillon {number}.0 brings colours.")]
    return _example(
        f"u{number}",
        "unanswerable",
        split,
        prompting.compose(question, hits, fence=f"{number:06d}"),
        question=question,
        answer=prompting.MODEL_REFUSAL,
        chunks=(f"b{number}",),
    )


def _example(
    key: str,
    kind: ExampleKind,
    split: Split,
    prompt: tuple[Message, ...],
    *,
    question: str,
    answer: str,
    accepted: tuple[tuple[str, ...], ...] = (),
    relevant: tuple[int, ...] = (),
    chunks: tuple[str, ...] = ("c",),
) -> Example:
    return Example(
        id=key,
        kind=kind,
        split=split,
        messages=(*prompt, Message("assistant", answer)),
        question=question,
        answer=answer,
        source=ExampleSource(
            index="docs",
            set="quillon",
            chunks=chunks,
            documents=(f"document-{key}",),
            sources=(f"{key}.md",),
            hashes=("0" * 64,),
            maker="template:test",
            seed=1,
        ),
        accepted=accepted,
        relevant=relevant,
    )
