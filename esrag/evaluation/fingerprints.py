"""What a reply depends on, as one sha256: the same command asks again only what has changed.

    question + the system's kind and settings + prompt + index's state + model and adapter ─► key

Addresses, time limits and secrets are left out: they change where and how long is asked, not what
is replied.  Where a generator does not tell its model, its address stands for it.  Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from esrag import prompting
from esrag.evaluation.plain import as_plain
from esrag.evaluation.records import System
from esrag.evaluation.systems import SEARCHING
from esrag.questions import KnownQuestion
from esrag.settings import Settings

# by kind of system: the sections that matter, and what in them does not change a reply
_GENERATOR = "generator"
_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "rag": (_GENERATOR, "retrieval", "answer", "model", "index"),
    "extractive": ("retrieval", "answer", "model", "index"),
    "retrieval": ("retrieval", "model", "index"),
    "closed_book": (_GENERATOR,),
}
_NOT_OF_REPLIES: Mapping[str, tuple[str, ...]] = {
    _GENERATOR: (
        "url",
        "api_key",
        "ca_certs",
        "connect_timeout",
        "first_token_timeout",
        "token_timeout",
        "total_timeout",
    ),
    "answer": ("log", "speculate", "rewrite"),
    "model": (
        "source",
        "allocations",
        "threads",
        "queue_capacity",
        "adaptive_max",
        "search_allocations",
        "search_threads",
    ),
    "index": ("vectors", "language"),
}


def reply_settings(system: System, settings: Settings) -> dict[str, object]:
    """The settings that change what a system replies, by ``section.name``; none is a secret."""
    found: dict[str, object] = {}
    for section in _OF_KIND[system.kind]:
        values: BaseModel = getattr(settings, section)
        for name, value in values.model_dump(mode="json").items():
            if name not in _NOT_OF_REPLIES.get(section, ()):
                found[f"{section}.{name}"] = value
    return found


def reply_key(
    question: KnownQuestion,
    system: System,
    settings: Mapping[str, object],
    *,
    model: str,
    index: str,
) -> str:
    """The fingerprint of a reply; ``settings`` as ``reply_settings`` gives them.

    ``model`` says which model answers, its adapter included; ``index`` what is searched.
    """
    prompt = {
        "rag": prompting.SYSTEM,
        "closed_book": prompting.CLOSED_BOOK_SYSTEM,
    }.get(system.kind, "")
    return _sha256(
        {
            "question": [question.id, question.text],
            "kind": system.kind,
            "settings": settings,
            "prompt": prompt,
            "model": model,
            "index": index if system.kind in SEARCHING else "",
        }
    )


def model_name(system: System) -> str:
    """Under which name a run keeps what model answered."""
    return f"model of {system.name}"


def index_name(system: System) -> str:
    """Under which name a run keeps what was searched."""
    return f"index of {system.name}"


def evidence_key(question: KnownQuestion, *, index: str) -> str:
    """The fingerprint of what a question is judged by besides the systems' passages."""
    return _sha256({"question": as_plain(question), "index": index})


def questions_fingerprint(questions: Sequence[KnownQuestion]) -> str:
    """The fingerprint of a set of questions with their answers."""
    return _sha256([as_plain(question) for question in questions])


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
