"""The corpus of a pre-training run: kept in the run's folder, so that a resume reads no index.

    texts ──spool──► texts.jsonl ──split by document──► held-out, train      ┐
    control texts (from outside)                        control              ├─► token rows
    replay texts (general)                              replay               ┘

A document is held out by its name and the seed.  Exact duplicates come once: what is held out is
not trained under another name, and what is in the control is not in the replay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrag.errors import EsragError, UsageError
from esrag.model_files import check_manifest, write_manifest
from esrag.training.run_folder import RunFolder, as_json
from esrag.training.texts import (
    PYTHON_REFERENCE,
    Text,
    is_held_out,
    python_reference,
    read_texts,
)
from esrag.training.token_rows import CorpusFacts, Encode, write_rows
from esrag.training.vocabulary import NewToken, extend_folder, find_new_tokens

CORPUS = "corpus"
TRAIN, REPLAY, DOMAIN, CONTROL = "train", "replay", "domain", "control"
BASE_DOMAIN, BASE_CONTROL = "base-domain", "base-control"
_SPOOL, _FACTS, _TOKENIZER = "texts.jsonl", "corpus.json", "tokenizer"
_LEAST = 2  # documents on either side: an interval wants more than one
_CHARACTERS_A_TOKEN = 4  # in most languages of Latin script
_TEXT_SIDE = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_BOUNDARY = "<|endoftext|>"  # what families of models put between documents


@dataclass(frozen=True, slots=True)
class CorpusPlan:
    """How the corpus is made.

    ``block``: the longest row in tokens.  ``held_out``: share of documents.  ``replay_share``: of
    all trained tokens.  ``measured``: about how many tokens of held-out and of control text are
    measured.  ``extend``: most tokens that the tokenizer gets.
    """

    block: int = 512
    held_out: float = 0.1
    replay: Path | None = None
    replay_share: float = 0.25
    control: Path | None = None
    measured: int = 20_000
    extend: int = 0
    seed: int = 7

    def __post_init__(self) -> None:
        """Raise UsageError for what makes no corpus."""
        for wrong, what in (
            (self.block < 8, "a row has at least 8 tokens"),
            (not 0 < self.held_out < 1, "the share held out lies between 0 and 1"),
            (not 0 <= self.replay_share < 1, "the share of replay lies from 0 to below 1"),
            (self.measured < 100, "at least 100 tokens must be measured"),
            (self.extend < 0, "the tokenizer cannot lose tokens"),
        ):
            if wrong:
                raise UsageError(what, hint="See: esrag pretrain --help")

    def to_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        return {
            "block": self.block,
            "held_out": self.held_out,
            "replay": str(self.replay) if self.replay else "",
            "replay_share": self.replay_share if self.replay else 0.0,
            "control": str(self.control) if self.control else PYTHON_REFERENCE,
            "measured": self.measured,
            "extend": self.extend,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus on disk; ``facts`` by part, ``fertility`` by side, ``new`` tokens in their order."""

    folder: Path
    facts: Mapping[str, Mapping[str, Any]]
    fertility: Mapping[str, float]
    new: tuple[NewToken, ...]
    documents: tuple[str, ...]

    @property
    def tokenizer(self) -> Path:
        """The folder of the extended tokenizer; the base's where nothing was added."""
        return self.folder / _TOKENIZER

    @property
    def fingerprint(self) -> str:
        """Of all tokens that are trained."""
        return "/".join(str(self.facts[part]["sha256"]) for part in (TRAIN, REPLAY))


def prepare_corpus(
    folder: RunFolder,
    base: Path,
    plan: CorpusPlan,
    texts: Callable[[], Iterable[Text]],
    *,
    say: Callable[[str], None],
) -> Corpus:
    """The corpus of the run, made now or found from before; the run's folder is held.

    Raises UsageError when too little is there to train or to measure, UnavailableError when the
    disk is full.
    """
    if not (folder.path / CORPUS / _FACTS).is_file():
        say("Reading the corpus.")
        with folder.publishing(CORPUS) as working:
            _write(working, base, plan, texts(), say)
    return _found(folder.path / CORPUS)


def _found(folder: Path) -> Corpus:
    """The corpus that was written; raises UsageError when a file of it is not as it was."""
    try:
        check_manifest(folder)
        body = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        documents = json.loads((folder / f"{TRAIN}.keys.json").read_text(encoding="utf-8"))
    except (EsragError, OSError, ValueError) as error:
        raise UsageError(
            f"the corpus of the run {folder.parent.name} is damaged: "
            f"{error.message if isinstance(error, EsragError) else error}",
            hint=f"Remove {folder.parent} and begin again.",
        ) from error
    new = tuple(NewToken(**{**row, "parts": tuple(row["parts"])}) for row in body["new"])
    return Corpus(folder, body["facts"], body["fertility"], new, tuple(documents))


def _write(
    folder: Path,
    base: Path,
    plan: CorpusPlan,
    texts: Iterable[Text],
    say: Callable[[str], None],
) -> None:
    spool = folder / _SPOOL
    _spool(spool, texts)
    tokenizer, boundary = load_tokenizer(base)
    new = _new_tokens(tokenizer, spool, plan)
    extended = tokenizer
    if new:
        (folder / _TOKENIZER).mkdir()
        for name in _TEXT_SIDE:
            if (base / name).is_file():
                (folder / _TOKENIZER / name).write_bytes((base / name).read_bytes())
        extend_folder(folder / _TOKENIZER, new)
        extended, _ = load_tokenizer(folder / _TOKENIZER)
        say(f"The tokenizer gets {len(new):,} tokens more.")
    writer = _Writer(folder, plan, boundary)
    facts = writer.all(spool, encoder(extended))
    fertility = {"domain": facts[DOMAIN].fertility, "control": facts[CONTROL].fertility}
    if new:
        before = writer.measured(spool, encoder(tokenizer), BASE_DOMAIN, BASE_CONTROL)
        facts |= before
        fertility |= {
            "domain_before": before[BASE_DOMAIN].fertility,
            "control_before": before[BASE_CONTROL].fertility,
        }
    spool.unlink()
    _require_enough(facts)
    body = {
        "facts": {name: each.to_json() for name, each in facts.items()},
        "fertility": {name: round(value, 4) for name, value in fertility.items()},
        "new": [
            {
                "token": each.token,
                "left": each.left,
                "right": each.right,
                "parts": list(each.parts),
                "count": each.count,
            }
            for each in new
        ],
    }
    (folder / _FACTS).write_text(as_json(body), encoding="utf-8")
    write_manifest(folder, facts={"kind": "corpus"})


class _Writer:
    """Writes the parts of one corpus, each document in one of them."""

    def __init__(self, folder: Path, plan: CorpusPlan, boundary: int) -> None:
        self._folder, self._plan, self._boundary = folder, plan, boundary

    def all(self, spool: Path, encode: Encode) -> dict[str, CorpusFacts]:
        """What is measured first, so that it is not trained; then the rest."""
        seen: set[bytes] = set()
        facts = self.measured(spool, encode, DOMAIN, CONTROL, seen=seen)
        train = self._rows(TRAIN, self._split(spool, held=False), encode, seen=seen)
        wanted = 0
        if self._plan.replay and self._plan.replay_share:
            share = self._plan.replay_share
            wanted = max(1, round(train.tokens * share / (1 - share)))
        replay = read_texts(self._plan.replay) if self._plan.replay and wanted else iter(())
        facts[TRAIN] = train
        facts[REPLAY] = self._rows(REPLAY, replay, encode, most=wanted, seen=seen)
        return facts

    def measured(
        self, spool: Path, encode: Encode, domain: str, control: str, seen: set[bytes] | None = None
    ) -> dict[str, CorpusFacts]:
        """Held-out text and control text, under these names; the same whatever the tokenizer."""
        outside = read_texts(self._plan.control) if self._plan.control else python_reference()
        seen = set() if seen is None else seen
        return {
            name: self._rows(name, _within(texts, self._plan.measured), encode, seen=seen)
            for name, texts in ((domain, self._split(spool, held=True)), (control, outside))
        }

    def _rows(
        self,
        name: str,
        texts: Iterable[Text],
        encode: Encode,
        *,
        most: int = 0,
        seen: set[bytes] | None = None,
    ) -> CorpusFacts:
        return write_rows(
            self._folder,
            name,
            texts,
            encode,
            block=self._plan.block,
            separator=self._boundary,
            most_tokens=most,
            seen=seen,
        )

    def _split(self, spool: Path, *, held: bool) -> Iterator[Text]:
        plan = self._plan
        for text in _spooled(spool):
            if is_held_out(text.key, share=plan.held_out, seed=plan.seed) is held:
                yield text


def load_tokenizer(folder: Path) -> tuple[Any, int]:
    """The tokenizer of a checked folder, and the token that stands between documents."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"the tokenizer in {folder} cannot be read: {str(error).splitlines()[0]}"
        ) from error
    boundary = tokenizer.get_vocab().get(_BOUNDARY, tokenizer.eos_token_id)
    if boundary is None or not tokenizer.is_fast:
        raise UsageError(
            f"the tokenizer in {folder} has "
            + ("no tokenizer.json" if boundary is not None else "no token that ends a document")
        )
    return tokenizer, int(boundary)


def encoder(tokenizer: Any) -> Encode:
    """Text to tokens; markers that stand in a document are text, never markers."""

    def encode(text: str) -> list[int]:
        encoded = tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        )
        return list(encoded["input_ids"])

    return encode


def _new_tokens(tokenizer: Any, spool: Path, plan: CorpusPlan) -> list[NewToken]:
    if not plan.extend:
        return []
    trained = (
        text.text
        for text in _spooled(spool)
        if not is_held_out(text.key, share=plan.held_out, seed=plan.seed)
    )
    return find_new_tokens(tokenizer, trained, most=plan.extend)


def _require_enough(facts: Mapping[str, CorpusFacts]) -> None:
    if not facts[TRAIN].rows:
        raise UsageError(
            "there is no text to train on", hint="Index documents first, or give --text FILE."
        )
    for name, what, hint in (
        (DOMAIN, "held-out documents", "Raise --held-out, or index more documents."),
        (CONTROL, "documents in the control", "Give --control a file of several texts."),
    ):
        if facts[name].documents < _LEAST:
            raise UsageError(
                f"there are {facts[name].documents} {what}, too few to measure anything", hint=hint
            )


def _within(texts: Iterable[Text], tokens: int) -> Iterator[Text]:
    """Texts of some so many tokens in all; of each at most a tenth, so that there are several."""
    room = _CHARACTERS_A_TOKEN * tokens
    for text in texts:
        if room <= 0:
            return
        clipped = text.text.strip()[: _CHARACTERS_A_TOKEN * tokens // 10]
        room -= len(clipped)
        if clipped:
            yield Text(text.key, clipped, text.digest)


def _spool(file: Path, texts: Iterable[Text]) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for text in texts:  # ASCII, so that halves of surrogate pairs can be kept
            lines.write(json.dumps([text.key, text.text]) + "\n")


def _spooled(file: Path) -> Iterator[Text]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield Text(*json.loads(line))
