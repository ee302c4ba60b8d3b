"""The rules by which something that lies in a folder is left out, each with the words for it.

Place in the flow: every kind of source (folders, remote folders, lists) judges what it finds by
these, so that a file is treated alike wherever it comes from.  Opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrag.corpus.formats import ENDINGS, format_of, unknown_type
from esrag.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["Patterns", "is_hidden", "is_known", "known_endings", "unknown_type"]

HIDDEN = "hidden file"
LINK_OUT = "link that leads out of the folder"
LINK_FOLDER = "link to a folder"
LINK_BROKEN = "link that leads nowhere"
LISTED_BEFORE = "listed before"
NOT_A_FILE = "neither a file nor a folder"
NOT_INCLUDED = "matches no pattern of --include"


def is_known(name: str) -> bool:
    """Whether some format reads files of this name."""
    return format_of(name) is not None


def known_endings() -> tuple[str, ...]:
    """The endings that are read, for messages."""
    return ENDINGS


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out because it begins with a dot."""
    return name.startswith(".")


@dataclass(frozen=True, slots=True)
class Patterns:
    """All rules for paths below a folder; ``--include`` and ``--exclude`` as in .gitignore."""

    include: GitIgnoreSpec | None
    exclude: GitIgnoreSpec | None
    exclusions: tuple[str, ...] = ()

    @classmethod
    def of(cls, include: Sequence[str], exclude: Sequence[str]) -> Patterns:
        """Compiled; raises UsageError for a pattern that is none."""
        kept = tuple(line for line in exclude if line.strip() and not line.startswith("#"))
        return cls(_spec(include), _spec(kept), kept)

    def rule_for_folder(self, name: str) -> str:
        """Why this folder (its path without a slash at the end) is left out with all in it."""
        if is_hidden(name.rpartition("/")[2]):
            return HIDDEN
        return self._exclusion(name + "/")

    def rule_for_file(self, name: str) -> str:
        """Why this file is left out by its path; "" when it is to be read."""
        if is_hidden(name.rpartition("/")[2]):
            return HIDDEN
        rule = self.rule_of_patterns(name)
        return rule or ("" if is_known(name) else unknown_type(name))

    def rule_of_patterns(self, name: str) -> str:
        """What ``--include`` and ``--exclude`` alone say of a file."""
        if self.include is not None and not self.include.match_file(name):
            return NOT_INCLUDED
        return self._exclusion(name)

    def rule_for_path(self, name: str) -> str:
        """Like ``rule_for_file``, with the folders above it judged as well."""
        parts = name.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        return next(filter(None, map(self.rule_for_folder, above)), "") or self.rule_for_file(name)

    def _exclusion(self, name: str) -> str:
        if self.exclude is None:
            return ""
        found = self.exclude.check_file(name)
        if not found.include or found.index is None:
            return ""
        return f"excluded by {self.exclusions[found.index]}"


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec | None:
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        raise UsageError(
            f"a pattern of --include or --exclude cannot be used: {error}",
            hint="They are written as in .gitignore: *.log, build/, /notes/**/draft-*.md",
        ) from error
