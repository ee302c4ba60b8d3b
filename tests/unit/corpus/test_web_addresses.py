"""An address has one spelling, and the guard says where a connection may go."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esrag.corpus.records import Unreadable
from esrag.corpus.web.addresses import origin_of, parsed
from esrag.corpus.web.guard import Guard, kind_of
from esrag.errors import UsageError


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://Docs.Example.org", "https://docs.example.org/"),
        ("HTTP://example.org:80/a#part", "http://example.org/a"),
        ("https://example.org:443/a?b=1&a=2#x", "https://example.org/a?b=1&a=2"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://example.org/a/../b/./c", "http://example.org/b/c"),
        ("http://example.org/%7euser/%c3%a9", "http://example.org/~user/%C3%A9"),
        ("http://example.org/é", "http://example.org/%C3%A9"),
        ("http://example.org./", "http://example.org/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[2001:DB8::0:1]/", "http://[2001:db8::1]/"),
        ("http://1.2.3.4:8080/x", "http://1.2.3.4:8080/x"),
    ],
)
def test_an_address_has_one_spelling(url: str, canonical: str) -> None:
    """It is the id of the page."""
    assert str(parsed(url)) == canonical
    assert str(parsed(canonical)) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "", "http://", "http:///x", "ftp://example.org/", "file:///etc/passwd", "//example.org/",
        "javascript:alert(1)", "gopher://127.0.0.1/", "http://user@example.org/",
        "http://user:pw@example.org/", "http://@127.0.0.1/", "http://example.org\\@127.0.0.1/",
        "http://example.org /", "http://exa mple.org/", "http://example.org/\r\nHost: x",
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://127.1/", "http://0/", "http://127.0.0.1.0x0/", "http://1.2.3/", "http://1.2.3.4.5/",
        "http://256.1.1.1/", "http://[::1%25lo]/", "http://[::1/", "http://ex%61mple.org/",
        "http://example.org:0/", "http://example.org:99999/", "http://example.org:x/",
        "http://１２７.０.０.１/", "http://127。0。0。1/", "http://example..org/", "http://-/",
        "http://example.org/\u202e", "http://" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    """Numbers for hosts, user names, signs that some parsers drop."""
    with pytest.raises(Unreadable) as caught:
        parsed(url)
    assert caught.value.code == "bad_url"
    assert caught.value.reason.isprintable()


@given(st.text(max_size=40), st.sampled_from(["http://", "https://", "http:", "//", ""]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_address_or_is_refused(text: str, begin: str) -> None:
    """Nothing else comes out, and what is an address stays one."""
    try:
        address = parsed(begin + text)
    except Unreadable:
        return
    assert parsed(str(address)) == address


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("93.184.216.34", "public"), ("2606:2800:220:1::1", "public"),
        ("64:ff9b::5db8:d822", "public"),
        ("127.0.0.1", "loopback"), ("127.8.8.8", "loopback"), ("::1", "loopback"),
        ("10.1.2.3", "private"), ("172.16.0.1", "private"), ("192.168.1.1", "private"),
        ("100.64.0.1", "private"), ("fd12::1", "private"), ("198.18.0.1", "private"),
        ("169.254.169.254", "forbidden"), ("169.254.1.1", "forbidden"), ("fe80::1", "forbidden"),
        ("168.63.129.16", "forbidden"), ("100.100.100.200", "forbidden"),
        ("fd00:ec2::254", "forbidden"), ("0.0.0.0", "forbidden"), ("::", "forbidden"),
        ("224.0.0.1", "forbidden"), ("ff02::1", "forbidden"), ("255.255.255.255", "forbidden"),
        ("240.0.0.1", "forbidden"), ("::ffff:127.0.0.1", "forbidden"),
        ("::ffff:10.0.0.1", "forbidden"), ("::ffff:169.254.169.254", "forbidden"),
        ("::127.0.0.1", "forbidden"), ("64:ff9b::7f00:1", "forbidden"),
        ("64:ff9b:1::7f00:1", "forbidden"), ("2002:7f00:1::", "forbidden"),
        ("2002:a9fe:a9fe::1", "forbidden"), ("2001:0:4136:e378:8000:63bf:80ff:fffe", "forbidden"),
    ],
)  # fmt: skip
def test_each_ip_address_is_of_one_kind(ip: str, kind: str) -> None:
    """IPv4 in IPv6 is judged by what is inside, and never private."""
    assert kind_of(ipaddress.ip_address(ip)) == kind


def guarded(
    *ips: str, origins: Sequence[str] = ("http://a.example",), **more: Sequence[str]
) -> str:
    """What the guard says of a.example when DNS answers so."""
    guard = Guard(origins, resolve=lambda host, port: list(ips), **more)
    try:
        return ",".join(map(str, guard.ips(parsed("http://a.example/x"))))
    except Unreadable as error:
        return error.code


def test_only_allowed_origins_with_public_addresses_are_connected_to() -> None:
    """One address of another kind among several is enough to refuse."""
    assert guarded("93.184.216.34", "2606:2800:220:1::1") == "93.184.216.34,2606:2800:220:1::1"
    assert guarded("93.184.216.34", origins=["https://a.example"]) == "origin_not_allowed"
    assert guarded("93.184.216.34", origins=["http://a.example:8080"]) == "origin_not_allowed"
    assert guarded("93.184.216.34", "127.0.0.1") == "address_blocked"
    assert guarded("10.0.0.1") == "address_blocked"
    assert guarded() == "unreachable"


def test_a_private_network_is_allowed_by_its_name() -> None:
    """Metadata and link-local addresses are not, whatever is named."""
    assert guarded("10.0.0.1", networks=["10.0.0.0/8"]) == "10.0.0.1"
    assert guarded("10.0.0.1", networks=["192.168.0.0/16"]) == "address_blocked"
    assert guarded("169.254.169.254", networks=["0.0.0.0/0"]) == "address_blocked"
    assert guarded("::ffff:10.0.0.1", networks=["::/0", "10.0.0.0/8"]) == "address_blocked"


def test_what_the_user_spells_out_is_meant() -> None:
    """An origin that is an IP address or localhost."""
    guard = Guard(
        ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://169.254.169.254"],
        resolve=lambda host, port: ["127.0.0.1"],
    )
    for url in ("http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/"):
        assert guard.ips(parsed(url))
    for url in ("http://127.0.0.1:2/", "http://169.254.169.254/", "http://127.0.0.2:1/"):
        with pytest.raises(Unreadable):
            guard.ips(parsed(url))


def test_localhost_that_leads_elsewhere_is_not_localhost() -> None:
    """Somebody may have changed the hosts file."""
    guard = Guard(["http://localhost:1"], resolve=lambda host, port: ["10.0.0.1"])
    with pytest.raises(Unreadable):
        guard.ips(parsed("http://localhost:1/"))


def test_a_host_is_resolved_once() -> None:
    """What DNS says later leads nowhere."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    guard = Guard(["http://a.example"], resolve=lambda host, port: answers.pop(0))
    address = parsed("http://a.example/")
    assert guard.ips(address) == guard.ips(address)
    assert answers == [["127.0.0.1"]]


@pytest.mark.parametrize("text", ["a.example", "http://a.example/docs", "ftp://a", "*"])
def test_an_origin_is_scheme_host_and_port(text: str) -> None:
    """Anything else is the user's mistake."""
    with pytest.raises(UsageError):
        Guard([text])
    with pytest.raises(UsageError, match="network"):
        Guard(networks=["10.0.0.0/99"])


def test_an_origin_may_end_with_a_slash() -> None:
    """As browsers copy it."""
    assert origin_of("https://a.example/").origin == "https://a.example"
