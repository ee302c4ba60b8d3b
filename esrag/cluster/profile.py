"""Where the work is done for one document set: which model, who embeds, who fuses rankings.

The index itself says it, in the ``meta`` of its field ``embedding``, because whoever may search
may read that and nothing else is needed: question and index cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from esrag.cluster.client import explained
from esrag.errors import ConflictError, PermissionDeniedError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

FIELD = "embedding"
CALIBRATION = "calibration"  # in the meta of the field, a note of at most 50 characters
FINGERPRINT_LENGTH = 16
NEWEST_FIELD = "chunk_count"  # an index that does not map it was made for an older esrag

Place = Literal["cluster", "client"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the index says.  ``model`` is the fingerprint of a bundle, "" when it does not say.

    ``indices`` are those that stand behind the alias; ``outdated`` says that one of them lacks
    fields that this version writes.  ``calibration`` is the note of the thresholds, "" when there
    is none or when the indices do not agree.
    """

    model: str = ""
    embedding: Place = "cluster"
    fusion: Place = "cluster"
    indices: tuple[str, ...] = ()
    outdated: bool = False
    calibration: str = ""

    @property
    def all_in_cluster(self) -> bool:
        """Whether a search template does it all."""
        return self.embedding == self.fusion == "cluster"

    def fits(self, fingerprint: str) -> bool:
        """Whether the index's vectors are of the bundle with this fingerprint."""
        return self.model in ("", fingerprint[:FINGERPRINT_LENGTH])


def read_profile(client: Elasticsearch, index: str) -> Profile:
    """The profile of what stands behind ``index``; one request.

    Credentials that may not ask, and an index that does not say, mean that all is in the cluster.
    Asked once: a person waits for the answer, and long runs have retries of their own.
    """
    try:
        with explained(f"asking how {index} is searched"):
            # by GET, so that whoever counts writing requests sees that this is none
            answer = client.perform_request(
                "GET",
                f"/{index}/_field_caps",
                params={
                    "fields": f"{FIELD},{NEWEST_FIELD}",
                    "ignore_unavailable": True,
                    "allow_no_indices": True,
                    "include_unmapped": True,
                },
                headers={"accept": "application/json"},
            ).body
    except PermissionDeniedError:
        return Profile()
    return profile_of(answer, index=index)


def profile_of(answer: Any, *, index: str) -> Profile:
    """The profile in an answer of ``_field_caps``.

    Raises ConflictError when several indices behind the name say different things.
    """
    caps = answer.get("fields", {}).get(FIELD, {}).get("dense_vector", {})
    said: dict[str, str] = {}
    for name, values in (caps.get("meta") or {}).items():
        if name == CALIBRATION and len(values) != 1:
            continue
        if len(values) != 1:
            raise ConflictError(
                f"the indices behind {index} disagree about the {name} of their vectors: "
                f"{', '.join(values)}",
                hint="Let the alias lead to one of them: esrag setup",
            )
        said[name] = values[0]
    newest = answer.get("fields", {}).get(NEWEST_FIELD, {})
    return Profile(
        model=said.get("model", ""),
        embedding="client" if said.get("embedding") == "client" else "cluster",
        fusion="client" if said.get("fusion") == "client" else "cluster",
        indices=tuple(sorted(answer.get("indices", ()))),
        calibration=said.get(CALIBRATION, ""),
        outdated=bool(caps) and ("unmapped" in newest or not newest),
    )
