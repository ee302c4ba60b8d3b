"""A corpus through its whole life: indexed, left alone, changed, pruned, verified, each step timed.

    python -m benchmarks.lifecycle --beir FOLDER [--documents 5000] [--set NAME] [--out FILE]
    python -m benchmarks.lifecycle --folder FOLDER

``--beir`` writes each record of a BEIR set's corpus.jsonl as a text file of its own;
``--folder`` takes a copy of a folder.  Then, with the command line and the cluster that the
settings name (``esrag setup`` must have made the set):

1. everything is ingested, and again: nothing may be sent;
2. 50 documents get another first sentence: exactly these may be sent again;
3. 20 are deleted and the folder is ingested with ``--prune``: exactly these may go;
4. ``esrag ingest verify`` compares the books with the index.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHANGED = 50
DELETED = 20
COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]
CHANGEABLE = (".txt", ".md", ".html", ".rst", ".adoc", ".csv", ".py", ".eml")


def main() -> int:
    """Run the steps and print what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--beir", type=Path)
    source.add_argument("--folder", type=Path)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--set", default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="esrag-lifecycle-") as scratch:
        folder = Path(scratch) / "corpus"
        if options.beir:
            write_texts(options.beir / "corpus.jsonl", folder, options.documents)
        else:
            shutil.copytree(options.folder, folder)
        result = live(folder, options.set)
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


def live(folder: Path, set_name: str) -> dict[str, Any]:
    """Every step with its report."""
    draw = random.Random(1)
    first = ingest(set_name, folder)
    again = ingest(set_name, folder)
    files = sorted(path for path in folder.rglob("*") if path.suffix in CHANGEABLE)
    touched = draw.sample(files, CHANGED + DELETED)
    for path in touched[:CHANGED]:
        change(path)
    changed = ingest(set_name, folder)
    for path in touched[CHANGED:]:
        path.unlink()
    pruned = ingest(set_name, folder, "--prune")
    verified = run("ingest", "verify", "--set", set_name, "--json")
    known = first["counts"]["indexed"]
    return {
        "as_expected": first["counts"]["open"] == 0
        and (again["counts"]["indexed"], again["counts"]["unchanged"]) == (0, known)
        and (changed["counts"]["indexed"], changed["counts"]["unchanged"])
        == (CHANGED, known - CHANGED)
        and pruned["counts"]["indexed"] == 0
        and pruned["counts"]["unchanged"] == known - DELETED
        and verified["exit"] == 0,
        "first": first,
        "again": again,
        "changed": changed,
        "pruned": pruned,
        "verified": verified,
    }


def change(path: Path) -> None:
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
    return report


def run(*arguments: Sequence[str] | str) -> dict[str, Any]:
    """A command's JSON, its exit code and the seconds it took."""
    began = time.monotonic()
    ended = subprocess.run(
        [*COMMAND, *(str(each) for each in arguments)], capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 3):
        sys.exit(f"{' '.join(map(str, arguments))} ended with {ended.returncode}:\n{ended.stderr}")
    found: dict[str, Any] = json.loads(ended.stdout)
    return {**found, "exit": ended.returncode, "wall_seconds": round(time.monotonic() - began, 2)}


if __name__ == "__main__":
    sys.exit(main())
