"""The lines of a file that somebody else wrote: judgements, runs, questions.

Tolerant where nothing can be misread (a byte order mark, CRLF, blank lines, gzip), strict where it
can: what is no UTF-8 names its line.  Only a line feed ends a line, as questions may hold U+2028.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from esrag.errors import UsageError


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Each line that is not blank with its number, from 1, without its end.

    Raises UsageError for what cannot be read; the message names the file, and the line if there is
    one.
    """
    number = 0
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                line = raw.decode("utf-8").rstrip("\r\n")
                if number == 1:
                    line = line.lstrip("\ufeff")
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{file}, line {number}: not UTF-8: {error.reason}", hint="Save the file as UTF-8."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file} cannot be read: {reason}") from error
