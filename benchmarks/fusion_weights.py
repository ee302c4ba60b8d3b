"""Which numbers of the fusing templates find most: ``python -m benchmarks.fusion_weights``.

    python -m benchmarks.fusion_weights FOLDER… [--out FILE]

Looks at train splits alone: ``qrels/train.tsv`` of each FOLDER, and the calibration half of our
sample.  The legs are those of the template ``linear`` as it is stored, each run once for each
question; the fusions are then computed here, as the client does for a cluster that may not fuse.
A line gives nDCG@10 of documents for each set, and of the sample the share of the evidence that is
among the first five chunks.  Needs the document sets of ``benchmarks.retrieval prepare``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esrag.fusion import Fused, Ranked, combine, fuse

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from benchmarks.judged import Judged

TRAIN = ("train", "calibration")
WINDOW = 100
WEIGHTS = (0.5, 1.0, 1.5, 2.0)
CONSTANTS = (5, 10, 20, 60)
EVIDENCE_AT = 5

Rankings = tuple[tuple[Ranked, ...], ...]


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(folders: tuple[Path, ...], out: Path | None) -> None:
    """Try every combination and print it."""
    from benchmarks.retrieval import data_sets, write
    from esrag.cli.connection import connect_with
    from esrag.settings import load_settings

    model_id = load_settings().model.id
    with connect_with(load_settings()) as client:
        trained = [
            Trained(client, model_id, judged, split)
            for judged in data_sets(folders)
            for split in judged.splits
            if split in TRAIN
        ]
    rows = []
    for numbers in combinations():
        row = {**numbers}
        for each in trained:
            row |= each.measured(numbers)
        rows.append(row)
        click.echo(json.dumps(row))
    write(out, {"command": "fusion_weights", "window": WINDOW, "rows": rows})


def combinations() -> Iterator[dict[str, Any]]:
    """RRF by its constant and the weight of meaning; linear by the weights of codes and meaning."""
    for constant, meaning in itertools.product(CONSTANTS, (1.0, 1.5)):
        yield {"fusion": "rrf", "constant": constant, "weights": [1.0, 1.0, meaning]}
    for normalizer in ("minmax", "l2_norm"):
        for codes, meaning in itertools.product((0.0, *WEIGHTS), WEIGHTS):
            yield {"fusion": normalizer, "weights": [1.0, codes, meaning]}


class Trained:
    """The rankings of every leg for the questions of one split."""

    def __init__(self, client: Elasticsearch, model_id: str, judged: Judged, split: str) -> None:
        from benchmarks.retrieval import embedded, set_name

        self.name = f"{judged.name} {split}"
        self.judged = judged
        self.qrels = judged.splits[split]
        self.sources: dict[str, Mapping[str, Any]] = {}
        self.rankings: dict[str, Rankings] = {}
        self.evidence = evidence_of(judged)
        set_id = set_name(judged, "chunks")
        names = list(self.qrels)
        for first in range(0, len(names), 32):
            some = names[first : first + 32]
            vectors = embedded(client, model_id, [judged.questions[name] for name in some])
            for name, vector in zip(some, vectors, strict=True):
                self.rankings[name] = self.ranked(
                    client, set_id, judged.questions[name], vector.tolist()
                )

    def ranked(
        self, client: Elasticsearch, set_id: str, question: str, vector: list[float]
    ) -> Rankings:
        """The legs of the stored template, one by one."""
        params = {"query": question, "query_vector": vector, "rank_window_size": WINDOW}
        rendered = client.render_search_template(id=f"esrag-linear-{set_id}", params=params)
        legs = rendered["template_output"]["retriever"]["linear"]["retrievers"]
        shown = ["document_id", "text"] if self.evidence else ["document_id"]
        searches: list[dict[str, Any]] = []
        for leg in legs:
            body = {"retriever": leg["retriever"], "size": WINDOW, "_source": shown}
            searches += [{"index": f"esrag-docs-{set_id}"}, body]
        found = []
        for answer in client.msearch(searches=searches)["responses"]:
            hits = answer["hits"]["hits"]
            self.sources |= {hit["_id"]: hit["_source"] for hit in hits}
            found.append(
                tuple(
                    Ranked("", hit["_id"], place, float(hit["_score"]))
                    for place, hit in enumerate(hits)
                )
            )
        return tuple(found)

    def measured(self, numbers: Mapping[str, Any]) -> dict[str, float]:
        """nDCG of documents, and recall of evidence where it is known."""
        from benchmarks.judged import documents_of, per_question

        fused = {name: fused_by(numbers, each) for name, each in self.rankings.items()}
        run = {
            name: documents_of(
                [
                    self.sources[hit.id]["document_id"].removeprefix(self.judged.strip)
                    for hit in hits
                ]
            )
            for name, hits in fused.items()
        }
        found = {f"ndcg@10 {self.name}": round(float(per_question(run, self.qrels).mean()), 4)}
        if self.evidence:
            found[f"evidence@{EVIDENCE_AT} {self.name}"] = self.evidence_recall(fused)
        return found

    def evidence_recall(self, fused: Mapping[str, Sequence[Fused]]) -> float:
        """Share of the pieces of evidence whose words stand in the first chunks."""
        shares = []
        for name, hits in fused.items():
            texts = [self.sources[hit.id]["text"] for hit in hits[:EVIDENCE_AT]]
            quotes = self.evidence[name]
            held = [any(form in text for form in forms for text in texts) for forms in quotes]
            shares.append(sum(held) / len(held))
        return round(sum(shares) / len(shares), 4)


def fused_by(numbers: Mapping[str, Any], rankings: Rankings) -> tuple[Fused, ...]:
    """One way to fuse."""
    weights = numbers["weights"]
    if numbers["fusion"] == "rrf":
        return fuse(rankings, constant=numbers["constant"], window=WINDOW, weights=weights)
    normalizers = [numbers["fusion"]] * len(weights)
    return combine(rankings, weights=weights, normalizers=normalizers, window=WINDOW)


def evidence_of(judged: Judged) -> dict[str, list[list[str]]]:
    """For each question of our sample its quotes, each with what serves as well."""
    from benchmarks.judged import SAMPLE
    from esrag.questions import load_questions
    from esrag.sample import questions_file

    if judged.name != SAMPLE:
        return {}
    return {
        known.id: [[place.quote for place in (each, *each.also)] for each in known.evidence]
        for known in load_questions(questions_file())
    }


if __name__ == "__main__":
    main()
