"""What the search templates find on judged questions: ``python -m benchmarks.retrieval``.

    python -m benchmarks.retrieval prepare FOLDER…                  # a document set each; minutes
    python -m benchmarks.retrieval measure FOLDER… [--out FILE]     # the table

FOLDER is a data set in BEIR's layout (``benchmarks/judged.py``); our sample is always measured
too.  Needs a running stack whose cluster embeds (``esrag local up``).  Each data set is indexed
in two ways, as two document sets:

    chunks     as ``esrag ingest`` cuts it; a document stands where its best chunk stands
    passages   one chunk a document; the model reads its first 256 tokens, words are found anywhere

Questions go through ``Retriever``, as those of ``esrag search`` do; repeated passages are not left
out, as the ranking is measured.
"exact" is the ranking by the cosine with every vector of the index, computed here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from elasticsearch import Elasticsearch

    from benchmarks.judged import Judged
    from esrag.settings import Settings

COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
SAMPLE = "sample"  # as benchmarks/judged.py calls it
COLUMNS = ("chunks", "passages")
KINDS = ("lexical", "semantic", "hybrid", "linear")
FETCHED = 100  # chunks asked for, so that ten documents are among them
BATCH = 32

folders = click.argument(
    "folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)


@click.group()
def main() -> None:
    """Measure retrieval on judged questions."""


def data_sets(given: Sequence[Path]) -> list[Judged]:
    """Our sample, and what was named."""
    from benchmarks.judged import load, load_sample

    return [load_sample(), *map(load, given)]


def set_name(judged: Judged, column: str) -> str:
    """The document set in which a data set is indexed in this way."""
    name = judged.name.lower()
    return name if column == "chunks" else f"{name}-whole"


def columns_of(judged: Judged, wanted: Sequence[str]) -> list[str]:
    """How a data set is indexed; our sample is a folder of files of many kinds, and is cut."""
    return [each for each in wanted if judged.name != SAMPLE or each == "chunks"]


@main.command()
@folders
@click.option("--column", "columns", type=click.Choice(COLUMNS), multiple=True, default=COLUMNS)
def prepare(folders: tuple[Path, ...], columns: tuple[str, ...]) -> None:
    """Index the data sets; what is there already is not sent again."""
    for judged in data_sets(folders):
        for column in columns_of(judged, columns):
            name = set_name(judged, column)
            subprocess.run([*COMMAND, "setup", "--set", name, "--yes"], check=True)
            if column == "chunks":
                _ingest(judged, name)
            else:
                _index_whole(judged, name)


def _ingest(judged: Judged, name: str) -> None:
    """As a user would; where a record has a title and no text, the title is the text."""
    if judged.name == SAMPLE:
        subprocess.run([*COMMAND, "ingest", "--set", name, str(judged.corpus)], check=True)
        return
    with tempfile.TemporaryDirectory(prefix="esrag-judged-") as folder:
        corpus = Path(folder) / judged.corpus.name
        with corpus.open("w", encoding="utf-8") as lines:
            for record in _documents(judged):
                lines.write(json.dumps(record) + "\n")
        words = ["ingest", "--set", name, "--origin", f"judged-{name}", str(corpus)]
        subprocess.run([*COMMAND, *words], check=True)


def _index_whole(judged: Judged, name: str) -> None:
    """One chunk a document, through the index's own pipeline."""
    from elasticsearch import helpers

    from esrag.cli.connection import connect_with
    from esrag.names import Names
    from esrag.settings import load_settings

    documents = list(_documents(judged))
    index = Names(name).alias
    with connect_with(load_settings()).options(request_timeout=300) as client:
        if client.count(index=index)["count"] == len(documents):
            return
        actions = (
            {
                "_index": index,
                "_id": document["id"],
                "document_id": document["id"],
                "position": 0,
                "start": 0,
                "end": len(document["text"]),
                "text": document["text"],
                "title": document["title"],
                "context": document["title"],
            }
            for document in documents
        )
        helpers.bulk(client, actions, chunk_size=BATCH)
        client.indices.refresh(index=index)


def _documents(judged: Judged) -> Iterator[dict[str, str]]:
    """Ids, titles and texts."""
    from benchmarks.judged import records

    for each in records(judged.corpus):
        title = each.get("title", "")
        yield {"id": each["_id"], "title": title, "text": each["text"].strip() or title}


@main.command()
@folders
@click.option("--column", "columns", type=click.Choice(COLUMNS), multiple=True, default=COLUMNS)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, default=KINDS)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def measure(
    folders: tuple[Path, ...],
    columns: tuple[str, ...],
    kinds: tuple[str, ...],
    out: Path | None,
) -> None:
    """Ask every judged question of every template and print the tables."""
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    settings = load_settings()
    rows: list[dict[str, Any]] = []
    with connect_with(settings) as client:
        for judged in data_sets(folders):
            for column in columns_of(judged, columns):
                for row in measured(settings, client, judged, column, kinds):
                    rows.append(row)
                    click.echo(as_line(row))
    write(out, {"command": "measure", "rows": rows})


def measured(
    settings: Settings, client: Elasticsearch, judged: Judged, column: str, kinds: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A row for each split of a data set."""
    from benchmarks import judged as measures
    from esrag.names import Names
    from esrag.statistics import interval, paired_interval

    name = set_name(judged, column)
    chosen = settings.model_copy(update={"index": settings.index.model_copy(update={"set": name})})
    runs = {kind: run_of(chosen, client, judged, column, kind) for kind in kinds}
    vectors = Vectors.read(client, Names(name).alias)
    runs["exact"] = vectors.run(client, settings.model.id, judged, column)
    for split, qrels in judged.splits.items():
        values = {kind: measures.per_question(run, qrels) for kind, run in runs.items()}
        row: dict[str, Any] = {
            "set": judged.name,
            "column": column,
            "split": split,
            "questions": len(qrels),
            "chunks": len(vectors.documents),
            "ndcg@10": {kind: interval(each).words() for kind, each in values.items()},
            "recall@10": {
                kind: round(measures.mean_recall(run, qrels, 10), 3) for kind, run in runs.items()
            },
        }
        if {"lexical", "semantic"} <= set(runs):
            better = max(("lexical", "semantic"), key=lambda kind: float(values[kind].mean()))
            row["better leg"] = better
            row["over better leg"] = {
                kind: paired_interval(values[kind] - values[better]).words(sign=True)
                for kind in ("hybrid", "linear")
                if kind in values
            }
            row["semantic less exact"] = paired_interval(
                values["semantic"] - values["exact"]
            ).words(sign=True)
        yield row


def run_of(
    settings: Settings, client: Elasticsearch, judged: Judged, column: str, kind: str
) -> dict[str, list[str]]:
    """The documents that one template finds for each judged question."""
    from rich.console import Console
    from rich.progress import track

    from benchmarks.judged import documents_of
    from esrag.names import Names
    from esrag.retrieval import Retriever
    from esrag.types import Query

    asked = {name for qrels in judged.splits.values() for name in qrels}
    found: dict[str, list[str]] = {}
    words = f"{settings.index.set}: {kind}"
    retriever = Retriever(client, Names(settings.index.set), kind, model_id=settings.model.id)
    for name in track(sorted(asked), words, console=Console(stderr=True), transient=True):
        hits = retriever.retrieve(Query(judged.questions[name], FETCHED)).hits
        found[name] = documents_of([plain(judged, column, hit.document_id) for hit in hits])
    return found


def plain(judged: Judged, column: str, document_id: str) -> str:
    """A document's id as the judgements have it."""
    return document_id.removeprefix(judged.strip) if column == "chunks" else document_id


class Vectors:
    """Every vector of an index, and the document it belongs to."""

    def __init__(self, documents: list[str], matrix: np.ndarray) -> None:
        self.documents = documents
        self.matrix = matrix

    @classmethod
    def read(cls, client: Elasticsearch, index: str) -> Vectors:
        """From the index itself, so that both rankings look at the same vectors."""
        import numpy as np
        from elasticsearch import helpers

        shown = {"includes": ["document_id", "embedding"], "exclude_vectors": False}
        hits = helpers.scan(client, index=index, query={"_source": shown}, size=1000)
        pairs = [(hit["_source"]["document_id"], hit["_source"]["embedding"]) for hit in hits]
        matrix = np.array([vector for _, vector in pairs], dtype=np.float32)
        return cls([document for document, _ in pairs], normed(matrix))

    def run(
        self, client: Elasticsearch, model_id: str, judged: Judged, column: str
    ) -> dict[str, list[str]]:
        """The documents by the best cosine of their chunks."""
        import numpy as np

        from benchmarks.judged import documents_of

        asked = sorted({name for qrels in judged.splits.values() for name in qrels})
        found: dict[str, list[str]] = {}
        for first in range(0, len(asked), BATCH):
            names = asked[first : first + BATCH]
            questions = embedded(client, model_id, [judged.questions[name] for name in names])
            for name, scores in zip(names, questions @ self.matrix.T, strict=True):
                best = np.argsort(-scores, kind="stable")[:FETCHED]
                found[name] = documents_of(
                    [plain(judged, column, self.documents[place]) for place in best]
                )
        return found


def embedded(client: Elasticsearch, model_id: str, texts: Sequence[str]) -> np.ndarray:
    """The questions' vectors, of length one."""
    import numpy as np

    from esrag.cluster.embedding import embed

    return normed(np.array(embed(client, model_id, texts), dtype=np.float32))


def normed(matrix: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    import numpy as np

    lengths: np.ndarray = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / lengths


def as_line(row: dict[str, Any]) -> str:
    """A row of the table in the documentation."""
    cells = [f"{row['set']} {row['split']} ({row['questions']})", row["column"]]
    cells += [str(row["ndcg@10"].get(kind, "")) for kind in (*KINDS, "exact")]
    cells += [str(row.get("over better leg", {}).get(kind, "")) for kind in ("hybrid", "linear")]
    return "| " + " | ".join(cells) + " |"


def write(out: Path | None, record: dict[str, Any]) -> None:
    """Keep a run with what it ran on."""
    from benchmarks.ingest import machine

    if out:
        head = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
        out.write_text(json.dumps({**head, **record}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
