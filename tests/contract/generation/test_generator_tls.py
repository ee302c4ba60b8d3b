"""The generator over TLS: the authority of the settings, the host's name, keeping, calling off."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from fake_generator import FakeGenerator, Script

from esrag.errors import UnavailableError, UsageError
from esrag.generation.cancelling import Cancellation, CancelledError
from esrag.generation.generator import Generator
from esrag.generation.places import Place
from esrag.types import Message

QUESTION = (Message("user", "What is it?"),)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of this test's own."""
    return trustme.CA()


@pytest.fixture
def ca_certs(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """What a server of this name presents."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


@pytest.fixture
def fake(authority: trustme.CA) -> Iterator[FakeGenerator]:
    """A generator with a certificate for this machine's address."""
    with FakeGenerator(tls=context(authority, "127.0.0.1"), script=Script(text="ok")) as running:
        yield running


def text_of(generator: Generator, cancel: Cancellation | None = None) -> str:
    """A whole answer."""
    return "".join(piece.text for piece in generator.stream(QUESTION, cancel=cancel))


def test_an_authority_of_ones_own_is_trusted_and_connections_are_kept(
    fake: FakeGenerator, ca_certs: Path
) -> None:
    """``generator.ca_certs`` is all that it takes."""
    with Generator(Place(url=fake.url, ca_certs=ca_certs)) as generator:
        assert [text_of(generator) for _ in range(3)] == ["ok"] * 3
    assert fake.connections == 1


def test_an_authority_that_is_not_trusted_gets_no_question(fake: FakeGenerator) -> None:
    """Without it nothing is sent, and the words say why."""
    with (
        Generator(Place(url=fake.url)) as generator,
        pytest.raises(UnavailableError, match="certificate") as caught,
    ):
        text_of(generator)
    assert "generator.ca_certs" in caught.value.hint
    assert fake.requests == []


def test_a_certificate_of_another_host_gets_no_question(
    authority: trustme.CA, ca_certs: Path
) -> None:
    """The name is compared with that of the settings, not with the address it leads to."""
    with FakeGenerator(tls=context(authority, "other.example")) as other:
        place = Place(url=f"https://generator.example:{other.port}", ca_certs=ca_certs)
        with (
            Generator(place, resolve=lambda host, port: ["127.0.0.1"]) as generator,
            pytest.raises(UnavailableError, match="certificate"),
        ):
            text_of(generator)
        assert other.requests == []


def test_a_server_without_tls_is_told(fake: FakeGenerator, ca_certs: Path) -> None:
    """https to a server that speaks none, and http to one that does, end with words."""
    with FakeGenerator() as plain:
        url = plain.url.replace("http:", "https:")
        with (
            Generator(Place(url=url, ca_certs=ca_certs, connect_timeout=2)) as generator,
            pytest.raises(UnavailableError),
        ):
            text_of(generator)
    with (
        Generator(Place(url=fake.url.replace("https:", "http:"))) as generator,
        pytest.raises(UnavailableError),
    ):
        text_of(generator)


@pytest.mark.parametrize("script", [Script(hold=True), Script(endless=True, pieces_per_second=50)])
def test_calling_off_ends_a_wait_inside_tls(
    fake: FakeGenerator, ca_certs: Path, script: Script
) -> None:
    """The socket under the encryption is what is closed."""
    fake.script = script
    cancel = Cancellation()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with (
        Generator(Place(url=fake.url, ca_certs=ca_certs)) as generator,
        pytest.raises(CancelledError),
    ):
        text_of(generator, cancel)
    assert fake.wait(lambda: fake.open_streams == 0)


def test_a_file_without_certificates_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    """It is told when the generator is made."""
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    with pytest.raises(UsageError, match=r"empty\.pem"):
        Generator(Place(url="https://generator.example", ca_certs=path))
