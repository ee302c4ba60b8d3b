"""An index in memory, and a desk: documents, a ledger, and runs from one into the other."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from esrag.chunking import ChunkRules
from esrag.cluster.bulk import Action, Item, Verdict
from esrag.cluster.chunk_index import Stored
from esrag.cluster.stored_documents import HeldDocument, Selection
from esrag.corpus.listing import Entry, Listing, ListingOptions
from esrag.corpus.records import Listed, Rejected
from esrag.indexing import Cutting, Ingest, Progress, PruneReport, Reader, Report, UnjailedReader
from esrag.ledger import Ledger
from esrag.parsing.task import Cut, Read


class WordTokenizer:
    """One token a word."""

    def count(self, text: str) -> int:
        """The number of words."""
        return len(text.split())

    def starts(self, text: str) -> array[int]:
        """Where words begin."""
        return array("L", (match.start() for match in re.finditer(r"\S+", text)))


class MemoryIndex:
    """Keeps chunks as an index does; ``fault`` may refuse an action or a whole request."""

    def __init__(self) -> None:
        self.chunks: dict[str, dict[str, object]] = {}
        self.visible: dict[str, dict[str, object]] = {}
        self.requests: list[list[Action]] = []
        self.fault: Callable[[Action], Verdict] = lambda action: Verdict.ACKNOWLEDGED
        self.after_action: Callable[[], object] = lambda: None
        self.before_send: Callable[[], None] = lambda: None
        self.loses_embeddings = False
        self.is_one_shard = True

    def send(self, actions: Sequence[Action]) -> list[Item]:
        """Apply what is not refused."""
        self.requests.append(list(actions))
        self.before_send()
        return [self._apply(action) for action in actions]

    def _apply(self, action: Action) -> Item:
        verdict = self.fault(action)
        if verdict is not Verdict.ACKNOWLEDGED:
            return Item(action, verdict, 400, "mapper_parsing_exception", "cannot parse")
        if action.kind == "delete":
            found = self.chunks.pop(action.id, None)
        else:
            found = self.chunks[action.id] = json.loads(action.source)
        self.after_action()
        return Item(action, verdict, (200 if found else 404) if action.kind == "delete" else 201)

    def refresh(self) -> None:
        """Show what was written."""
        self.visible = dict(self.chunks)

    def stored(self, document_ids: Sequence[str]) -> dict[str, Stored]:
        """Counted from the visible chunks."""
        found: dict[str, Stored] = {}
        for document_id in document_ids:
            chunks = [c for c in self.visible.values() if c["document_id"] == document_id]
            if chunks:
                versions: dict[str, tuple[int, int]] = {}
                for chunk in chunks:
                    version = str(chunk["document_hash"])
                    total = versions.get(version, (0, 0))[0] + 1
                    versions[version] = (total, 0 if self.loses_embeddings else total)
                last = max(int(str(chunk["position"])) for chunk in chunks)
                origins = {str(chunk["origin"]) for chunk in chunks if "origin" in chunk}
                found[document_id] = Stored(versions, last, tuple(sorted(origins)))
        return found

    def origins(self) -> dict[str, int]:
        """Counted from the visible chunks."""
        return dict(Counter(str(c["origin"]) for c in self.visible.values() if "origin" in c))

    def documents(self, selection: Selection) -> Iterator[HeldDocument]:
        """Those that fit, by id."""
        mine = [chunk for chunk in self.visible.values() if _fits(chunk, selection)]
        counts = Counter(str(chunk["document_id"]) for chunk in mine)
        origins = {str(c["document_id"]): str(c.get("origin", "")) for c in mine}
        for document_id, count in sorted(counts.items()):
            if selection.holds(document_id):
                yield HeldDocument(document_id, count, origins[document_id])

    def chunk_ids(self, document_ids: Sequence[str], *, origin: str = "") -> list[str]:
        """A page of three."""
        return [
            chunk_id
            for chunk_id, chunk in self.visible.items()
            if chunk["document_id"] in document_ids and origin in ("", chunk.get("origin"))
        ][:3]

    def versions(self, document_id: str) -> set[str]:
        """The hashes of a document's chunks, whether a search sees them yet or not."""
        mine = (c for c in self.chunks.values() if c["document_id"] == document_id)
        return {str(chunk["document_hash"]) for chunk in mine}

    def positions(self, document_id: str) -> list[int]:
        """Which chunks of a document are there."""
        mine = (c for c in self.chunks.values() if c["document_id"] == document_id)
        return sorted(int(str(c["position"])) for c in mine)


def _fits(chunk: dict[str, object], selection: Selection) -> bool:
    """As the query does."""
    said = {"origin": selection.origin, "run_id": selection.run}
    if any(value and chunk.get(name) != value for name, value in said.items()):
        return False
    names = (str(chunk.get(name, "")) for name in ("document_id", "source", "url"))
    return not selection.source or any(fnmatchcase(name, selection.source) for name in names)


class _Rejecting:
    """A reader that finds nothing good in some files."""

    def __init__(self, reader: Reader, codes: dict[str, str]) -> None:
        self._reader = reader
        self._codes = codes

    def read(self, files: Iterable[tuple[int, Listed]]) -> Iterator[Read]:
        """The rejection has the file's sha256, as that of the real reader has."""
        for event in self._reader.read(files):
            cut = event.outcome
            code = self._codes.get(cut.parsed.document.id) if isinstance(cut, Cut) else None
            if code and isinstance(cut, Cut):
                name, sha256 = cut.parsed.document.id, cut.parsed.sha256
                failed = Rejected(cut.parsed.path, name, "parse", code, "by the test", sha256)
                yield Read(event.number, failed)
            else:
                yield event


class Desk:
    """A folder of documents, an index, a ledger, and runs from one to the other."""

    def __init__(self, folder: Path) -> None:
        self.docs = folder / "docs"
        self.docs.mkdir(parents=True)
        self.folder = folder
        self.index = MemoryIndex()
        self.runs = 0
        self.shown: list[Progress] = []
        self.pruned = PruneReport()
        self.interrupt_at = -1  # the number of an entry
        self.rejects: dict[str, str] = {}  # files that the reader shall reject, and its code

    def write(self, name: str, chunks: int, word: str = "word") -> None:
        """A document that is cut into this many chunks."""
        paragraph = " ".join([word] * 30)
        (self.docs / name).write_text("\n\n".join([paragraph] * chunks))

    def _watched(self, ingest: Ingest, listing: Listing) -> Iterator[Entry]:
        for number, entry in enumerate(listing.entries()):
            self.shown.append(ingest.progress())
            if number == self.interrupt_at:
                ingest.interrupt(KeyboardInterrupt())
            yield entry

    def run(
        self,
        *paths: Path,
        max_batch: int = 4,
        prune: bool = False,
        prune_all: bool = False,
        name: str = "",
    ) -> Report:
        """One ingest; the report also when it raises (see ``last``)."""
        self.runs += 1
        run_id = f"run{self.runs}"
        cutting = Cutting("set", "model", WordTokenizer(), ChunkRules(40, 0))
        with Ledger(self.folder / "ledger.sqlite") as ledger:
            ledger.begin(run_id, [])
            ingest = Ingest(
                self.index,
                _Rejecting(UnjailedReader(cutting), self.rejects),
                ledger,
                run_id=run_id,
                set_name="set",
                dead_letters=self.folder / f"{run_id}.jsonl",
                max_batch=max_batch,
                chance=lambda: -1000.0,  # no waiting
            )
            listing = Listing(
                [str(path) for path in paths or [self.docs]], ListingOptions(origin=name)
            )
            try:
                ingest.run(self._watched(ingest, listing))
                if prune:
                    origins = [each.uri for each in listing.origins if each.complete]
                    self.pruned = ingest.prune(origins, everything=prune_all)
            finally:
                self.shown.append(ingest.progress())
                self.last = ingest.report()
        return self.last
