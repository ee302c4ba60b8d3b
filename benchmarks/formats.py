"""How well and how fast formats are read, beside other libraries, in one run.

    python -m benchmarks.formats mixed [--count 420]
    python -m benchmarks.formats pages FOLDER  # of scrapinghub/article-extraction-benchmark
    python -m benchmarks.formats pdf FOLDER    # of PDF files, such as py-pdf/sample-files

``mixed`` reads a made corpus of all formats and gives milliseconds a file.  ``pages`` compares what
is kept of real news pages with what a person marked as the article: precision and recall of runs
of four words, for our reading, for the walk over the page alone and for trafilatura alone.
``pdf`` compares the time and the number of words with pypdf's, where that is installed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from esrag.corpus.formats import html
from esrag.corpus.reading import read
from esrag.corpus.records import Listed, Parsed

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

_WORD = re.compile(r"\w+")


def mixed(count: int) -> None:
    """Milliseconds for a file of each format, and whether all facts are found."""
    from mixed_corpus import build

    seconds: dict[str, float] = defaultdict(float)
    files: Counter[str] = Counter()
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        for made in build(Path(folder), count):
            start = time.perf_counter()
            outcomes = list(read(Listed(Path(folder) / made.name, made.name)))
            seconds[made.form] += time.perf_counter() - start
            files[made.form] += 1
            texts = [one.document.text for one in outcomes if isinstance(one, Parsed)]
            text = " ".join(" ".join(texts).split())
            lost += sum(fact not in text for fact in made.facts)
    print("| format | files | ms a file |\n|---|---|---|")
    for form, total in sorted(seconds.items(), key=lambda one: one[1]):
        print(f"| {form} | {files[form]} | {1000 * total / files[form]:.1f} |")
    print(f"\n{sum(files.values())} files in {sum(seconds.values()):.1f} s, {lost} facts lost")


def pages(folder: Path) -> None:
    """Precision and recall against marked articles."""
    import trafilatura

    wanted = json.loads((folder / "ground-truth.json").read_text("utf-8"))
    readers: dict[str, Callable[[str], str]] = {
        "ours": lambda page: html.parse(page, document_id="x").text,
        "walk alone": lambda page: html.parse(page, document_id="x", is_page=False).text,
        "trafilatura alone": lambda page: (
            trafilatura.extract(page, include_comments=False, fast=True) or ""
        ),
    }
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for name, entry in wanted.items():
        page = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()).decode("utf-8")
        article = _runs(entry["articleBody"])
        for reader, of in readers.items():
            start = time.perf_counter()
            kept = _runs(of(page))
            seconds[reader] += time.perf_counter() - start
            both = (article & kept).total()
            found[reader].append((both / max(kept.total(), 1), both / max(article.total(), 1)))
    print("| reader | pages | precision | recall | recall below 0.5 | ms a page |")
    print("|---|---|---|---|---|---|")
    for reader, values in found.items():
        count = len(values)
        precision, recall = (sum(value[at] for value in values) / count for at in (0, 1))
        low = sum(value[1] < 0.5 for value in values)
        spent = 1000 * seconds[reader] / count
        print(f"| {reader} | {count} | {precision:.3f} | {recall:.3f} | {low} | {spent:.1f} |")


def pdfs(folder: Path) -> None:
    """Time and words of ours and of pypdf, file by file in turns."""
    import pypdf

    def theirs(path: Path) -> str:
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)

    def ours(path: Path) -> str:
        outcomes = read(Listed(path, path.name))
        return "\n".join(one.document.text for one in outcomes if isinstance(one, Parsed))

    print("| file | ms ours | ms pypdf | words ours | words pypdf |\n|---|---|---|---|---|")
    spent = [0.0, 0.0]
    for path in sorted(folder.rglob("*.pdf")):
        row = []
        for at, of in enumerate((ours, theirs)):
            start = time.perf_counter()
            try:
                words = len(_WORD.findall(of(path)))
            except Exception as error:  # noqa: BLE001 - a comparison notes what the other raises
                words = -1
                print(f"{path.name}: {type(error).__name__}", file=sys.stderr)
            row.append((time.perf_counter() - start, words))
            spent[at] += row[-1][0]
        cells = [f"{1000 * seconds:.1f}" for seconds, _ in row] + [str(words) for _, words in row]
        print(f"| {path.name} | {' | '.join(cells)} |")
    print(f"\nours {spent[0]:.2f} s, pypdf {spent[1]:.2f} s: {spent[1] / spent[0]:.1f} times")


def _runs(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    return Counter(zip(*(words[at:] for at in range(4)), strict=False))


def main() -> None:
    """Run one comparison."""
    parser = argparse.ArgumentParser(description="Measure the reading of formats.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("mixed").add_argument("--count", type=int, default=420)
    kinds.add_parser("pages").add_argument("folder", type=Path)
    kinds.add_parser("pdf").add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.kind == "mixed":
        mixed(given.count)
    elif given.kind == "pages":
        pages(given.folder)
    else:
        pdfs(given.folder)


if __name__ == "__main__":
    main()
