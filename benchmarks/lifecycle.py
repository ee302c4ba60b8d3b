"""A corpus through its whole life: indexed, left alone, changed, pruned, verified, each step timed.

    python -m benchmarks.lifecycle --beir FOLDER [--documents 5000] [--set NAME] [--out FILE]
    python -m benchmarks.lifecycle --mixed 1000
    python -m benchmarks.lifecycle --folder FOLDER

``--beir`` writes each record of a BEIR set's corpus.jsonl as a text file of its own; ``--mixed``
writes files of 21 formats, the ones the tests read; ``--folder`` takes a copy of a folder.  Then,
with the command line and the cluster that the settings name (``esrag setup`` must have made the
set):

1. everything is ingested, and again: nothing may be sent;
2. 50 files are changed: exactly their documents may be sent again.  Text gets a further sentence;
   of a mixed corpus PDF, DOCX, PPTX, XLSX, EPUB and the other formats are written with other facts;
3. 20 files are deleted and the folder is ingested with ``--prune``: exactly their documents may go;
4. ``esrag ingest verify`` compares the books with the index;
5. of a mixed corpus a fact of each format is searched for, old and new, and must be in a hit of
   its document, on its page where the format has pages; facts that were replaced must be gone.

Prints one JSON object; exits with 1 when a step did not do what it should.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from mixed_corpus import MANY, Made, build, rewrite

CHANGED = 50
DELETED = 20
COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
CHANGEABLE = (".txt", ".md", ".html", ".rst", ".adoc", ".csv", ".py", ".eml")


@dataclass
class Corpus:
    """A folder, and of a mixed one what was written there, by path."""

    folder: Path
    made: dict[Path, Made] = field(default_factory=dict)

    def sample(self) -> list[Path]:
        """The files to be changed, then those to be deleted; with a seed, the same each time."""
        draw = random.Random(1)
        if not self.made:
            files = [p for p in self.folder.rglob("*") if p.suffix in CHANGEABLE]
            return draw.sample(sorted(files), CHANGED + DELETED)
        single = sorted(path for path, one in self.made.items() if one.form not in MANY)
        changed = draw.sample(single, CHANGED)
        rest = sorted(set(self.made).difference(changed))
        return changed + draw.sample(rest, DELETED)

    def change(self, path: Path) -> None:
        """Other facts in a file of a known story, a further sentence in any other."""
        if path in self.made:
            self.made[path] = rewrite(self.folder, self.made[path].number, version=1)
        else:
            add_sentence(path)

    def documents(self, paths: Iterable[Path]) -> int:
        """How many documents these files are."""
        return sum(len(self.made[path].documents) if self.made else 1 for path in paths)


def main() -> int:
    """Run the steps and print what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--beir", type=Path)
    source.add_argument("--mixed", type=int, metavar="FILES")
    source.add_argument("--folder", type=Path)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--set", default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="esrag-lifecycle-") as scratch:
        corpus = Corpus(Path(scratch) / "corpus")
        if options.beir:
            write_texts(options.beir / "corpus.jsonl", corpus.folder, options.documents)
        elif options.mixed:
            made = build(corpus.folder, options.mixed)
            corpus.made = {corpus.folder / one.name: one for one in made}
        else:
            shutil.copytree(options.folder, corpus.folder)
        result = live(corpus, options.set)
    text = json.dumps({"machine": platform.platform(), **result}, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0 if result["as_expected"] else 1


def write_texts(corpus: Path, folder: Path, limit: int) -> None:
    """One text file a record: the title as a heading, then the text."""
    folder.mkdir(parents=True)
    with corpus.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number == limit:
                return
            record = json.loads(line)
            shard = folder / f"{number // 500:03}"
            shard.mkdir(exist_ok=True)
            text = f"# {record.get('title') or record['_id']}\n\n{record['text']}\n"
            (shard / f"{record['_id']}.md").write_text(text, encoding="utf-8")


def live(corpus: Corpus, set_name: str) -> dict[str, Any]:
    """Every step with its report."""
    touched = corpus.sample()
    before = dict(corpus.made)
    gone = corpus.documents(touched[CHANGED:])
    first = ingest(set_name, corpus.folder)
    again = ingest(set_name, corpus.folder)
    for path in touched[:CHANGED]:
        corpus.change(path)
    changed = ingest(set_name, corpus.folder)
    for path in touched[CHANGED:]:
        path.unlink()
    pruned = ingest(set_name, corpus.folder, "--prune")
    verified = run("ingest", "verify", "--set", set_name, "--json")
    searched = search_facts(corpus, before, touched, set_name) if corpus.made else None
    known = first["counts"]["indexed"]
    return {
        "as_expected": first["counts"]["open"] == 0
        and (not corpus.made or known == sum(len(one.documents) for one in before.values()))
        and (again["counts"]["indexed"], again["counts"]["unchanged"]) == (0, known)
        and (changed["counts"]["indexed"], changed["counts"]["unchanged"])
        == (CHANGED, known - CHANGED)
        and pruned["counts"]["indexed"] == 0
        and (pruned["counts"]["unchanged"], pruned["documents_pruned"]) == (known - gone, gone)
        and verified["exit"] == 0
        and (searched is None or not searched["wrong"]),
        "first": first,
        "again": again,
        "changed": changed,
        "changed_formats": formats_of(touched[:CHANGED]),
        "pruned": pruned,
        "verified": verified,
        "searched": searched,
    }


def formats_of(paths: Iterable[Path]) -> dict[str, int]:
    """How many files of each ending."""
    endings = [path.suffix for path in paths]
    return {ending: endings.count(ending) for ending in sorted(set(endings))}


def search_facts(
    corpus: Corpus, before: dict[Path, Made], touched: list[Path], set_name: str
) -> dict[str, Any]:
    """A fact of each format, the facts of a changed file of each, and facts that must be gone."""
    present: dict[tuple[str, bool], Path] = {}
    for path, one in corpus.made.items():
        if path not in touched[CHANGED:]:
            present.setdefault((one.form, path in touched[:CHANGED]), path)
    wrong: list[str] = []
    pages: dict[str, int] = {}
    for (form, is_changed), path in sorted(present.items()):
        one = corpus.made[path]
        # in an archive or a file of records the first facts are those of the first document
        hit = hit_with(one.facts[-1], set_name)
        if hit is None or not hit["document_id"].startswith(one.name):
            wrong.append(f"not found: {one.facts[-1]} of {one.name}")
        elif form == "pdf":
            pages[one.name] = hit["page"]
            if hit["page"] != len(one.facts):  # each section begins on a page of its own
                wrong.append(f"on page {hit['page']}: {one.facts[-1]} of {one.name}")
        if is_changed and hit_with(before[path].facts[-1], set_name):
            wrong.append(f"still found: {before[path].facts[-1]} of {one.name}")
    for path in touched[CHANGED:]:
        if hit_with(corpus.made[path].facts[-1], set_name):
            wrong.append(f"still found: {corpus.made[path].facts[-1]} of {corpus.made[path].name}")
    return {"facts": len(present), "pdf_pages": pages, "wrong": wrong}


def hit_with(fact: str, set_name: str) -> dict[str, Any] | None:
    """The first of ten hits whose text has the fact, however its lines are broken."""
    found = run("search", "--set", set_name, "--json", "-k", "10", fact)
    for hit in found["hits"]:
        if fact in " ".join(hit["text"].split()):
            return dict(hit)
    return None


def add_sentence(path: Path) -> None:
    """Another sentence at a place where every format of CHANGEABLE takes one."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = text.replace("</p>", " This sentence was added later.</p>", 1)
    elif path.suffix == ".csv":
        text = text.rstrip("\n") + "\n" + text.rstrip("\n").splitlines()[-1] + "\n"
    else:
        text += "\n# This sentence was added later.\n"
    path.write_text(text, encoding="utf-8")


def ingest(set_name: str, folder: Path, *options: str) -> dict[str, Any]:
    """One run; its report without the lists."""
    report = run("ingest", "--set", set_name, "--json", *options, str(folder))
    report["rejected"] = len(report.get("rejected", ()))
    for name in ("ledger", "cluster", "run_id", "dead_letters"):  # mean nothing elsewhere
        del report[name]
    return report


def run(*arguments: Sequence[str] | str) -> dict[str, Any]:
    """A command's JSON, its exit code and the seconds it took."""
    began = time.monotonic()
    ended = subprocess.run(
        [*COMMAND, *(str(each) for each in arguments)], capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 3):
        sys.exit(f"{' '.join(map(str, arguments))} ended with {ended.returncode}:\n{ended.stderr}")
    found = json.loads(ended.stdout)
    if isinstance(found, list):
        found = {"hits": found}
    return {**found, "exit": ended.returncode, "wall_seconds": round(time.monotonic() - began, 2)}


if __name__ == "__main__":
    sys.exit(main())
