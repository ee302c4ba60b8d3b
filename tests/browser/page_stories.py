"""Answers for the page, made of the sample documents: their records, events and documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from scripted_server import Event

import esrag

SAMPLE = Path(esrag.__file__).parent / "sample" / "documents"


def document(source: str, *, size: int = 420, **fields: Any) -> dict[str, Any]:
    """A sample document cut at blank lines into passages of about ``size`` characters."""
    return cut(source, (SAMPLE / source).read_text(encoding="utf-8"), size=size, **fields)


def cut(source: str, text: str, *, size: int = 420, **fields: Any) -> dict[str, Any]:
    """A document of this text, as GET /v1/documents gives it whole."""
    ends = [match.end() for match in re.finditer(r"\n\s*\n", text)] + [len(text)]
    passages: list[dict[str, Any]] = []
    start = 0
    for end in ends:
        if end - start < size and end != len(text):
            continue
        passages.append(
            {
                "chunk_id": f"{source}-{len(passages)}",
                "position": len(passages),
                "start": start,
                "end": end,
                "text": text[start:end].rstrip(),
                "heading_path": [],
                "page": None,
                "last_page": None,
            }
        )
        start = end
    made = {
        "document_id": source,
        "title": source,
        "source": source,
        "url": "",
        "origin": "",
        "author": "",
        "language": "en",
        "published": "",
        "modified": "",
    }
    return {**made, "chunk_count": len(passages), "passages": passages, **fields}


def hit_of(found: dict[str, Any], position: int = 0, **fields: Any) -> dict[str, Any]:
    """The passage of a document as a hit."""
    passage = found["passages"][position]
    names = ("document_id", "title", "source", "url", "origin", "author", "language")
    return {
        **{name: found[name] for name in (*names, "published", "modified")},
        **passage,
        "rank": 1,
        "score": 0.1,
        "scores": {},
        "highlights": [],
        "metadata": {},
        **fields,
    }


def hit_with(found: dict[str, Any], words: str, **fields: Any) -> dict[str, Any]:
    """The passage of a document that holds these words."""
    places = [p["position"] for p in found["passages"] if words in p["text"]]
    return hit_of(found, places[0], **fields)


def citation(number: int, hit: dict[str, Any], words: str) -> dict[str, Any]:
    """A citation of words of a hit; its offsets are those in the document."""
    start = hit["start"] + hit["text"].index(words)
    return {
        "number": number,
        "chunk_id": hit["chunk_id"],
        "document_id": hit["document_id"],
        "quote": words,
        "start": start,
        "end": start + len(words),
    }


def sentence(text: str, *citations: dict[str, Any], supported: bool = True) -> dict[str, Any]:
    """A sentence of an answer."""
    return {"text": text, "supported": supported, "citations": list(citations)}


def record(kind: str, sentences: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """The record of an answer, with the fields that docs/answer.schema.json has."""
    made = {
        "format": 1,
        "id": "5f0c6b2f1d7e4a7c9a4cf0f7b5a0d9e1",
        "question": "",
        "standalone": "",
        "kind": kind,
        "complete": True,
        "answer": " ".join(each["text"] for each in sentences),
        "sentences": sentences,
        "sources": [],
        "confidence": 0.86,
        "threshold": 0.69,
        "degraded": "",
        "notes": [],
        "steps": {"retrieve": "10 passages", "assess": "enough", "generate": "3 sentences"},
        "verdicts": [],
        "dropped": [],
        "invalid_citations": 0,
        "generated_text": "",
        "model": "smollm2" if kind == "generated" else "",
        "prompt_tokens": 0,
        "generated_tokens": 0,
        "seconds": {"retrieve": 0.021, "assess": 0.034, "generate": 1.42, "total": 1.51},
        "hits": None,
        "prompt": None,
        "error": None,
    }
    return {**made, **fields}


def events(hits: list[dict[str, Any]], answer: dict[str, Any]) -> list[Event]:
    """The whole stream of an answer."""
    told = [("sentence", {"kind": answer["kind"], **each}) for each in answer["sentences"]]
    rewritten = (
        [("rewritten", {"standalone": answer["standalone"]})] if answer["standalone"] else []
    )
    searched = ("sources", {"hits": hits, "facets": []})
    return [*rewritten, searched, *told, ("answer", answer)]


REFUSAL = "The documents do not answer this question."
