"""Says whether a cluster's libtorch is likely to execute a bundle.  Pure but for reading a table.

A traced model runs on the libtorch that traced it and, as a rule, on newer ones; on an older one
it may fail, or fail only when it is evaluated.  The table is knowledge, not proof, so all that
comes out of it is a warning: what decides are the reference vectors, compared after deployment.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

_TABLE = "libtorch.toml"

Version = tuple[int, ...]


def libtorch_of(server_version: str) -> str | None:
    """The libtorch that a version of Elasticsearch ships, None when the table does not know."""
    server = _numbers(server_version)
    if server is None:
        return None
    fitting = [
        (since, torch) for since, torch in _table() if since[:2] == server[:2] and since <= server
    ]
    return max(fitting)[1] if fitting else None


def torch_warning(server_version: str, bundle_torch: str) -> str:
    """What to know before a bundle is pushed to a cluster of this version; "" when all is well."""
    traced = _numbers(bundle_torch)
    shipped = libtorch_of(server_version)
    if traced is None:
        return "the bundle does not say which torch traced it; the reference vectors will tell"
    if shipped is None:
        return (
            f"which libtorch Elasticsearch {server_version or 'of this cluster'} has is not known "
            f"here; the bundle is of torch {bundle_torch}, and the reference vectors will tell"
        )
    if traced[:2] > (_numbers(shipped) or ())[:2]:
        return (
            f"the bundle was traced by torch {bundle_torch}, and Elasticsearch {server_version} "
            f"has libtorch {shipped}, which is older; if the model fails there, build the bundle "
            f"with torch {shipped}"
        )
    return ""


@cache
def _table() -> tuple[tuple[Version, str], ...]:
    text = files(__package__).joinpath(_TABLE).read_text(encoding="utf-8")
    versions: dict[str, str] = tomllib.loads(text)["versions"]
    return tuple((_numbers(since) or (), torch) for since, torch in versions.items())


def _numbers(version: str) -> Version | None:
    """``9.5.3-SNAPSHOT`` and ``2.7.1+cpu`` as numbers; None when it begins otherwise."""
    plain = version.partition("+")[0].partition("-")[0]
    try:
        numbers = tuple(int(part) for part in plain.split("."))
    except ValueError:
        return None
    return numbers if len(numbers) > 1 else None
