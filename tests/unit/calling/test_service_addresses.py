"""Addresses of services: one reading each, and none that leads to secrets, in every setting."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel
from service_urls import HOSTILE, PLAIN

from esrag.calling.addresses import ServiceAddress, service_address
from esrag.calling.guard import connectable
from esrag.errors import PermissionDeniedError, UsageError
from esrag.sections import ServiceUrl
from esrag.settings import Settings, load_settings


def settings_with_addresses() -> list[tuple[str, str, bool]]:
    """Section, name, and whether it is a list, of every setting that takes an address."""
    found = []
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        for name, inner in kind.model_fields.items():
            checked = [each for each in inner.metadata if each in get_args(ServiceUrl)]
            listed = ServiceUrl in get_args(inner.annotation)
            if checked or listed:
                found.append((section, name, listed))
    return found


SETTINGS = settings_with_addresses()


def test_there_are_enough_hostile_addresses() -> None:
    """The list is as long as was asked for, without one twice."""
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


def test_every_setting_that_takes_an_address_is_among_them() -> None:
    """Whatever is called url, endpoint or origins is checked when settings are read."""
    known = {f"{section}.{name}" for section, name, _ in SETTINGS}
    named = {
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for name in field.annotation.model_fields
        if name.endswith(("url", "urls", "origins", "otlp_endpoint"))
    }
    assert named - known <= {"ingest.allowed_origins"}  # those of pages, which have a guard apart
    assert len(known) >= 7


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused_in_every_setting(url: str) -> None:
    """The error names the setting, and comes before anything is sent."""
    given = url.replace("PORT", "8080")
    for section, name, listed in SETTINGS:
        value: Any = (given,) if listed else given
        with pytest.raises(UsageError, match=f"{section}.{name}"):
            load_settings(**{section: {name: value}})


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_address_is_taken_everywhere(url: str) -> None:
    """Names, private networks, IPv6 in brackets and a path are what services have."""
    for section, name, listed in SETTINGS:
        value: Any = (url,) if listed else url
        load_settings(**{section: {name: value}})


def test_an_address_has_one_spelling() -> None:
    """Scheme and host in small letters, the usual port left out, no slash at the end."""
    assert str(service_address("HTTPS://Tgi.Example:443/llm/")) == "https://tgi.example/llm"
    assert service_address("http://[::1]:8080") == ServiceAddress("http", "::1", 8080)
    assert service_address("http://[::1]:8080").authority == "[::1]:8080"


@pytest.mark.parametrize(
    "answer",
    [
        ["169.254.169.254"],
        ["10.0.0.1", "169.254.169.254"],
        ["fe80::1%eth0"],
        ["::ffff:169.254.169.254"],
        ["0.0.0.0"],
        ["fd00:ec2::254"],
    ],
)
def test_a_name_that_leads_to_secrets_is_not_called(answer: list[str]) -> None:
    """One such address among several is enough: the name server is not to be trusted."""
    with pytest.raises(PermissionDeniedError, match="must not be asked"):
        connectable(service_address("http://tgi.example"), lambda host, port: answer)


def test_the_address_that_was_judged_is_the_one_that_is_called() -> None:
    """The name is looked up once a connection; what it leads to goes straight to the socket."""
    answers = [["10.0.0.1"], ["169.254.169.254"]]
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    assert connectable(service_address("http://tgi.example"), resolve) == ["10.0.0.1"]
    assert asked == ["tgi.example"]


def test_an_address_of_numbers_asks_no_name_server() -> None:
    """There is nothing to look up."""

    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError(host)

    assert connectable(service_address("http://10.0.0.1"), resolve) == ["10.0.0.1"]
