"""The records that cross layers: frozen, without behaviour beyond derived values.

    Document --chunking--> Chunk --indexing--> index
    Asked --> Query --retrieval--> Found (Hits) --prompting--> Prompt --generation--> Answer
    index --examples--> Example --training--> adapter

Raw JSON of Elasticsearch or TGI never crosses a layer; the module that received it turns it
into one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "code", "table", "quote"]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch ``text[start:end]`` of a document that structure says belongs together.

    ``level`` is 1-6 for headings and 0 for everything else.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A source item as it came.  ``blocks`` are ordered, do not overlap, and index ``text``.

    ``origin`` is where the input was found, as a URI or a name that the user gave; ``source`` the
    path below it.  ``pages`` holds the offset in ``text`` at which each page begins, empty when
    there are no pages.  ``published`` and ``modified`` are ISO dates or empty; ``acl`` names who
    may read it, empty when nothing is said.
    """

    id: str
    text: str
    title: str
    source: str
    url: str = ""
    mime_type: str = "text/plain"
    published: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    origin: str = ""
    author: str = ""
    language: str = ""
    modified: str = ""
    acl: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch ``document.text[start:end]``: the unit that is embedded, indexed and cited.

    ``heading_path`` holds the headings above it, outermost first.  ``page`` and ``last_page`` count
    from 1 and are 0 where there are no pages; ``chunk_count`` is that of the whole document, and
    ``tokens`` counts what is embedded, context included.
    """

    id: str
    document_id: str
    position: int
    start: int
    end: int
    text: str
    title: str
    heading_path: tuple[str, ...]
    source: str
    url: str
    mime_type: str
    published: str
    metadata: Mapping[str, str]
    content_hash: str
    origin: str = ""
    author: str = ""
    language: str = ""
    modified: str = ""
    acl: tuple[str, ...] = ()
    page: int = 0
    last_page: int = 0
    chunk_count: int = 0
    tokens: int = 0

    @property
    def context(self) -> str:
        """Title and heading path in one line: what a reader of the bare text would miss."""
        return joined_context(self.title, self.heading_path)


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a query.  ``rank`` starts at 1; ``score`` is the server's, after fusion.

    ``highlights`` are stretches of ``text`` that the words of the query matched, as offsets;
    ``scores`` says, where it was asked for, what each ranking or reranker gave, by its name.
    """

    id: str
    document_id: str
    rank: int
    score: float
    text: str
    title: str
    heading_path: tuple[str, ...]
    source: str
    url: str
    position: int
    start: int
    end: int
    published: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    page: int = 0
    last_page: int = 0
    author: str = ""
    language: str = ""
    origin: str = ""
    modified: str = ""
    highlights: tuple[tuple[int, int], ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Title and heading path in one line: what a reader of the bare text would miss."""
        return joined_context(self.title, self.heading_path)


def joined_context(title: str, heading_path: tuple[str, ...]) -> str:
    """Title and headings, each once, joined by " › "; the index's ``context`` field."""
    return " › ".join(dict.fromkeys(part for part in (title, *heading_path) if part))


@dataclass(frozen=True, slots=True)
class Filters:
    """What hits must fulfil: one of the values of each field that is named, dates inclusive.

    ``published_*`` and ``modified_*`` are ISO dates or Elasticsearch's date math; ``metadata``
    holds pairs of name and value.  ``acl`` keeps passages that carry no ``acl`` or share a name
    with it; None does not look at it.
    """

    source: tuple[str, ...] = ()
    document_id: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    published_from: str = ""
    published_to: str = ""
    modified_from: str = ""
    modified_to: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    acl: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of an index.

    ``per_source`` is the most hits of one document, 0 for any number; ``facets`` asks for counts
    by field, ``highlight`` for the words that matched, ``explain`` for the scores of each ranking.
    """

    text: str
    size: int
    filters: Filters = Filters()
    per_source: int = 0
    facets: bool = False
    highlight: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """How many of the candidates of a query have each value of a field, most first."""

    field: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found.

    ``notes`` say in words what was done otherwise than asked; ``degraded`` what retrieval had to do
    without, "" when nothing; ``seconds`` the time of each step by its name.
    """

    hits: tuple[Hit, ...]
    facets: tuple[Facet, ...] = ()
    degraded: str = ""
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as the messages API has it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and the answer that was shown."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was put: with the turns before it, oldest first, and filters."""

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent to the generator.  ``hits[n - 1]`` is the passage the messages number ``n``."""

    messages: tuple[Message, ...]
    hits: tuple[Hit, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A link from a stretch of the answer to the words of a hit that support it.

    ``number`` is the one printed in brackets; ``quote`` equals ``hit.text[start:end]``.
    """

    number: int
    hit: Hit
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer together with the citations that support it.

    ``supported`` is false only for a sentence that is shown although no passage supports it, which
    whoever shows it has to say.
    """

    text: str
    citations: tuple[Citation, ...]
    supported: bool = True


VerdictKind = Literal["supported", "unsupported", "beside the point", "repeated", "no statement"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found about one generated sentence.

    ``cited`` are the passages that it cited and that were given; ``invalid`` those that were not.
    ``why`` is the reason in words; ``support`` the words that carry the sentence, if any do.
    ``scores`` are those of the checks that ran, by their names.
    """

    text: str
    kind: VerdictKind
    cited: tuple[int, ...] = ()
    invalid: tuple[int, ...] = ()
    why: str = ""
    support: Citation | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


AnswerKind = Literal["generated", "quoted", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person is shown.

    ``kind`` says where the words come from: the generator (and they survived verification),
    the passages themselves, or neither (a refusal).  ``generated_text`` is what the generator
    wrote, shown or not; ``dropped`` are its sentences that verification removed.  ``degraded``
    says in words what retrieval had to do without, "" when nothing.  ``standalone`` is the
    question that was searched for, when a follow-up had to be rewritten.  ``complete`` is false
    when the generator broke off.  ``steps`` says of each step how it ended, by its name;
    ``filters`` are those that the question was asked with.
    """

    question: str
    kind: AnswerKind
    sentences: tuple[Sentence, ...]
    hits: tuple[Hit, ...]
    generated_text: str = ""
    dropped: tuple[str, ...] = ()
    confidence: float = 0.0
    degraded: str = ""
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    id: str = ""
    standalone: str = ""
    prompt: Prompt | None = None
    verdicts: tuple[Verdict, ...] = ()
    threshold: float = 0.0
    complete: bool = True
    steps: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    model: str = ""
    filters: Filters = Filters()

    @property
    def invalid_citations(self) -> int:
        """How often a passage was cited that had not been given."""
        return sum(len(verdict.invalid) for verdict in self.verdicts)

    @property
    def text(self) -> str:
        """The answer as one string, without citation numbers."""
        return " ".join(sentence.text for sentence in self.sentences)


ExampleKind = Literal["knowledge", "unknown", "grounded", "unanswerable", "instruction"]
# recall: facts that train teaches, in wordings that it does not have
Split = Literal["train", "dev", "test", "recall"]


@dataclass(frozen=True, slots=True)
class ExampleSource:
    """Where an example comes from, so that it can be checked, and removed with its documents.

    ``chunks``, ``documents``, ``sources`` and ``hashes`` (of the documents' content) run in
    parallel for ``documents``; ``chunks`` are the passages shown or asked about, in the order of
    the prompt.  ``acl`` names who may see it, empty when its documents say nothing.  ``maker`` is
    what wrote it, e.g. ``template:table`` or ``teacher:question``; ``teacher`` its model, if any.
    """

    index: str
    set: str
    chunks: tuple[str, ...]
    documents: tuple[str, ...]
    sources: tuple[str, ...]
    hashes: tuple[str, ...]
    maker: str
    seed: int
    acl: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    teacher: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One training item: messages, of which only the last, the assistant's, carries loss.

    ``accepted`` are groups of forms, of which an answer that is right holds one of each group
    (as in a question file); empty where words cannot decide.  ``relevant`` are the numbers of the
    passages in the prompt that hold the answer, empty for closed-book and unanswerable questions.
    """

    id: str
    kind: ExampleKind
    split: Split
    messages: tuple[Message, ...]
    question: str
    answer: str
    source: ExampleSource
    accepted: tuple[tuple[str, ...], ...] = ()
    relevant: tuple[int, ...] = ()
