"""The records that cross layers: frozen, without behaviour beyond derived values.

    Document --chunking--> Chunk --indexing--> index
    question --retrieval--> Hit --prompting--> Prompt --generation--> Answer

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
    """One result of a query.  ``rank`` starts at 1; ``score`` is the server's, after fusion."""

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

    @property
    def context(self) -> str:
        """Title and heading path in one line: what a reader of the bare text would miss."""
        return joined_context(self.title, self.heading_path)


def joined_context(title: str, heading_path: tuple[str, ...]) -> str:
    """Title and headings, each once, joined by " › "; the index's ``context`` field."""
    return " › ".join(dict.fromkeys(part for part in (title, *heading_path) if part))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as the messages API has it."""

    role: Literal["system", "user", "assistant"]
    content: str


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
    """One sentence of an answer together with the citations that support it."""

    text: str
    citations: tuple[Citation, ...]


AnswerKind = Literal["generated", "quoted", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person is shown.

    ``kind`` says where the words come from: the generator (and they survived verification),
    the passages themselves, or neither (a refusal).  ``generated_text`` is what the generator
    wrote, shown or not; ``dropped`` are its sentences that verification removed.  ``degraded``
    says in words what retrieval had to do without, "" when nothing.
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

    @property
    def text(self) -> str:
        """The answer as one string, without citation numbers."""
        return " ".join(sentence.text for sentence in self.sentences)
