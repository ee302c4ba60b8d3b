"""Every error esrag raises on purpose, and the exit code each branch ends with.

    EsragError                    1   our own fault, or nothing more precise is known
    ├── UsageError                2   wrong arguments, settings or input files named by the user
    ├── RejectedError             3   the work ended, but at least one input was rejected
    ├── UnavailableError          4   a service was not to be reached, refused too long, or too slow
    │   ├── ModelDownError            the cluster's deployment of the embedding model does not run
    │   ├── TimedOutError             no answer before the deadline; asking again takes as long
    │   └── OverloadedError           the cluster takes no more for now
    ├── PermissionDeniedError     5   credentials are missing, wrong, or lack a privilege
    │   ├── LoginRefusedError         the cluster does not take the credentials
    │   └── NotAllowedError           the cluster takes them, and they do not suffice
    ├── UnsupportedError          6   version, licence, hardware or an extra does not fit
    │   └── LicenceError              the cluster's licence refuses a feature
    └── ConflictError             7   something of another owner, or a lock, is in the way

Only ``esrag.cli`` turns these into a message and an exit code; 130 and 143 mean that the
user or the system stopped the command.  A message says what happened, where, and what to do
next; ``hint`` holds the last part, so that it can be set apart on a terminal.
"""

from __future__ import annotations


class EsragError(Exception):
    """The root of the tree: ``message`` says what and where, ``hint`` what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(EsragError):
    """Arguments, settings or named input files cannot be used as given."""

    exit_code = 2


class RejectedError(EsragError):
    """The command did its work, yet some inputs were rejected; they are listed elsewhere."""

    exit_code = 3


class UnavailableError(EsragError):
    """A server is down, refuses for too long, answers nonsense, or is slower than the deadline."""

    exit_code = 4


class ModelDownError(UnavailableError):
    """The deployment that embeds is not there, or runs nowhere yet."""


class TimedOutError(UnavailableError):
    """A server did not answer before the deadline."""


class OverloadedError(UnavailableError):
    """The cluster has no room for a request at the moment."""


class PermissionDeniedError(EsragError):
    """Credentials are missing or wrong, or a privilege is lacking."""

    exit_code = 5


class LoginRefusedError(PermissionDeniedError):
    """The cluster does not take the credentials."""


class NotAllowedError(PermissionDeniedError):
    """The cluster takes the credentials, and they do not allow what was asked."""


class UnsupportedError(EsragError):
    """The server's version or licence, this machine, or a missing extra does not fit."""

    exit_code = 6


class LicenceError(UnsupportedError):
    """The licence of the cluster does not cover what was asked of it."""


class ConflictError(EsragError):
    """An object of another owner, or somebody's lock, stands in the way."""

    exit_code = 7
