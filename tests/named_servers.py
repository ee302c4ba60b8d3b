"""Asks servers that the command line names whether they are there, before any test wants them."""

from __future__ import annotations

import httpx
import pytest

_SECONDS = 20.0


def require_answers(config: pytest.Config) -> None:
    """Raise UsageError, in one sentence, when a named server cannot be used."""
    if url := config.getoption("--elasticsearch-url"):
        key = config.getoption("--elasticsearch-api-key")
        user = config.getoption("--elasticsearch-user")
        answer = _ask(
            url,
            "--elasticsearch-url",
            headers={"authorization": f"ApiKey {key}"} if key else {},
            auth=(user, config.getoption("--elasticsearch-password") or "") if user else None,
            ca_certs=config.getoption("--elasticsearch-ca-certs"),
        )
        if answer.status_code in (401, 403):
            raise pytest.UsageError(
                f"{url} answers {answer.status_code}: name an account with all rights by"
                " --elasticsearch-api-key, or by --elasticsearch-user and --elasticsearch-password"
            )
    if url := config.getoption("--generator-url"):
        _ask(f"{url.rstrip('/')}/info", "--generator-url")


def _ask(
    url: str,
    option: str,
    *,
    headers: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    ca_certs: str | None = None,
) -> httpx.Response:
    try:
        verify = httpx.create_ssl_context(verify=ca_certs) if ca_certs else True
        with httpx.Client(verify=verify, timeout=_SECONDS, auth=auth) as client:
            return client.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        words = str(error) or type(error).__name__
        raise pytest.UsageError(f"{url}, named by {option}, cannot be reached: {words}") from error
