"""What esrag's objects are called in a cluster: every name begins with ``esrag-``.

One document set has one group of names, so that sets do not see each other and roles can be
given by pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# kept for all document sets together
META_INDEX = "esrag-meta"
DLQ_INDEX = "esrag-dlq"

SEARCH_KINDS = ("hybrid", "linear", "lexical", "semantic", "context")
SPARSE_KIND = "sparse"  # the search template of sets that have a model for it
ALL_SEARCH_KINDS = (*SEARCH_KINDS, SPARSE_KIND)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one document set."""

    set: str

    @property
    def alias(self) -> str:
        """The public name of the index; readers and writers use only this."""
        return f"esrag-docs-{self.set}"

    def index(self, generation: int) -> str:
        """The versioned index behind the alias."""
        return f"{self.alias}-{generation:06d}"

    @property
    def index_pattern(self) -> str:
        """Matches every generation and nothing of another set, as no set's name holds ``-0``."""
        return f"{self.alias}-0*"

    @property
    def index_template(self) -> str:
        """Composes the two component templates for new generations."""
        return self.alias

    @property
    def settings_template(self) -> str:
        """Component template with the index settings."""
        return f"{self.alias}-settings"

    @property
    def mappings_template(self) -> str:
        """Component template with the field types."""
        return f"{self.alias}-mappings"

    def embed_pipeline(self, generation: int) -> str:
        """Embeds each chunk on its way into one generation; raises what goes wrong."""
        return f"esrag-embed-{self.set}-{generation:06d}"

    def intake_pipeline(self, generation: int) -> str:
        """A generation's default pipeline: embeds, and sends what fails to the dead letters."""
        return f"esrag-intake-{self.set}-{generation:06d}"

    @property
    def answers(self) -> str:
        """The index of answers that were given, and of what readers thought of them."""
        return f"esrag-answers-{self.set}"

    def endpoint(self, purpose: str, adapter: str = "") -> str:
        """Inference endpoint for embedding, rerank, completion or chat.

        No set's name holds ``_``, so an adapter's endpoint is never another set's.
        """
        name = f"esrag-{purpose}-{self.set}"
        return (
            f"{name}_{re.sub('[^a-z0-9]+', '-', adapter.lower()).strip('-')}" if adapter else name
        )

    def search_template(self, kind: str) -> str:
        """Stored search template; ``kind`` is one of ALL_SEARCH_KINDS."""
        return f"esrag-{kind}-{self.set}"


def generation_of(index: str) -> int | None:
    """The number at the end of an index name; None when it is not the name of a generation."""
    found = re.fullmatch(r"esrag-docs-.+-(\d{6,})", index)
    return int(found[1]) if found else None


def search_kind(template_id: str) -> str:
    """Which of ALL_SEARCH_KINDS a search template is; "" when it is not one of esrag's."""
    found = re.fullmatch(rf"esrag-({'|'.join(ALL_SEARCH_KINDS)})-.+", template_id)
    return found[1] if found else ""
