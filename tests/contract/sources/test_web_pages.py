"""Pages come from allowed origins only, politely, within limits, and each failure is an outcome."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import pytest
from web_site import Site

from esrag.corpus import fetching
from esrag.corpus.listing import Entry, Listing, ListingOptions, had_again, pages
from esrag.corpus.records import Listed, Rejected
from esrag.corpus.spool import Spool
from esrag.corpus.web import client, sitemaps
from esrag.corpus.web.guard import Guard
from esrag.errors import UsageError


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that is allowed when a test says so."""
    with Site().running() as running:
        yield running


@pytest.fixture
def sentinel() -> Iterator[Site]:
    """A server that must not be asked for anything."""
    with Site().running() as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """For the pages; tries do not wait."""
    monkeypatch.setattr(fetching, "LONGEST_WAIT", 0.0)
    with Spool(tmp_path / "spool") as opened:
        yield opened


def options(spool: Spool, **more: object) -> ListingOptions:
    """At full speed."""
    return ListingOptions(spool=spool, requests_per_second=1e6, **more)  # type: ignore[arg-type]


def listed(found: ListingOptions, *arguments: str) -> list[Entry]:
    """All entries."""
    return list(Listing(arguments, found).entries())


def codes(entries: list[Entry]) -> dict[str, str]:
    """What became of each, by the end of its address."""
    return {
        entry.uri.rpartition("/")[2]: getattr(entry, "code", getattr(entry, "rule", ""))
        for entry in entries
    }


def url_list(tmp_path: Path, *urls: str) -> Path:
    """A file with these lines."""
    path = tmp_path / "urls.txt"
    path.write_text("\n".join(urls), encoding="utf-8")
    return path


def sitemap(*urls: str, root: str = "urlset", item: str = "url") -> str:
    """A sitemap in XML."""
    places = "".join(f"<{item}><loc>{url}</loc></{item}>" for url in urls)
    schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0"?><{root} xmlns="{schema}">{places}</{root}>'


def test_a_page_that_is_named_is_fetched(site: Site, spool: Spool) -> None:
    """Naming it allows its origin; the id is its address, the type says how it is read."""
    site.page("/docs/a?v=1", "<title>T</title><p>words")
    (entry,) = listed(options(spool), f"{site.url}/docs/../docs/a?v=1#part")
    address = f"{site.url}/docs/a?v=1"
    assert isinstance(entry, Listed)
    assert (entry.name, entry.uri, entry.origin) == (address, address, address)
    assert (entry.path.suffix, entry.media_type, entry.spooled) == (".html", "text/html", True)
    assert "words" in entry.path.read_text()
    assert site.requests == ["/docs/a?v=1"]


def test_a_list_of_urls_is_crawled_politely(site: Site, spool: Spool, tmp_path: Path) -> None:
    """Each page once, what is not allowed left out by name."""
    site.page("/robots.txt", "User-agent: *\nDisallow: /private/", "text/plain")
    site.page("/a.md", "# A", "text/plain; charset=utf-8")
    site.page("/b", "words")
    site.page("/c.png", "x", "image/png")
    site.page("/private/d", "secret")
    site.leads("/old", "/b")
    urls = ["/a.md", "/b", "/a.md#again", "/c.png", "/private/d", "/old", "/none", "/drafts/e"]
    found = options(
        spool,
        url_lists=(url_list(tmp_path, "# comment", *(site.url + url for url in urls)),),
        allowed_origins=(site.url,),
        exclude=("drafts/",),
    )
    entries = listed(found)
    assert [(type(entry).__name__, getattr(entry, "rule", "")) for entry in entries] == [
        ("Listed", ""),
        ("Listed", ""),
        ("Skipped", "listed before"),
        ("Skipped", "unknown type image/png"),
        ("Skipped", "robots.txt of the site"),
        ("Skipped", "listed before"),
        ("Rejected", ""),
        ("Skipped", "excluded by drafts/"),
    ]
    assert site.requests == ["/robots.txt", "/a.md", "/b", "/c.png", "/old", "/b", "/none"]
    assert [entry.path.suffix for entry in entries if isinstance(entry, Listed)] == [".md", ".html"]
    origins = Listing([], found).origins
    assert [(each.uri[:7], each.complete) for each in origins] == [("file://", True)]


def test_no_hostile_url_reaches_another_server(
    site: Site, sentinel: Site, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the spelling, the redirect or the answer of DNS: the sentinel is never asked."""
    port = sentinel.port
    inner = [
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "0", "0.0.0.0",
        "2130706433", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "017700000001", "0x7f.1",
        "127.0.0.01", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[::1%25lo]", "[::1%lo]", "１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①",
        "127.0.0.1.", "127.0.0.1%00", "127.0.0.1%2e", "%31%32%37.0.0.1", "ⓛocalhost",
        "user@127.0.0.1", "user:pw@127.0.0.1", f"127.0.0.1:{site.port}@127.0.0.1",
        f"127.0.0.1:{site.port}\\@127.0.0.1", f"127.0.0.1:{site.port}#@127.0.0.1",
        f"127.0.0.1:{site.port}?@127.0.0.1", f"127.0.0.1:{site.port} @127.0.0.1",
        "rebinding.example", "private.example", "mixed.example", "metadata.example",
        "mapped.example", "localhost.example", "127.0.0.1.example", "sub.localhost",
        "127.0.0.2", "127.255.255.254", "169.254.169.254", "10.0.0.1", "192.168.0.1",
        "[fe80::1]", "[fd00::1]", "255.255.255.255", "224.0.0.1",
    ]  # fmt: skip
    urls = [f"http://{host}:{port}/secret" for host in inner]
    urls += [
        f"//127.0.0.1:{port}/", f"ftp://127.0.0.1:{port}/", f"gopher://127.0.0.1:{port}/_x",
        f"file://127.0.0.1:{port}/", f"http:127.0.0.1:{port}/", f"http:/127.0.0.1:{port}/",
        f"http:///127.0.0.1:{port}/", f"http:\\\\127.0.0.1:{port}\\", f"https://127.0.0.1:{port}/",
        f"dict://127.0.0.1:{port}/", f"http://127.0.0.1:{site.port}/a\r\nHost: 127.0.0.1:{port}",
        f"http://127.0.0.1:0{port}x/", f"jar:http://127.0.0.1:{port}!/",
    ]  # fmt: skip
    for number, status in enumerate((301, 302, 303, 307, 308)):
        urls.append(site.leads(f"/r{number}", f"{sentinel.url}/secret", status))
    urls.append(site.leads("/r5", f"//127.0.0.1:{port}/secret"))
    urls.append(site.leads("/r6", f"http://rebinding.example:{port}/secret"))
    urls.append(site.leads("/r7", f"http://127.0.0.1:{site.port}@127.0.0.1:{port}/secret"))
    urls.append(site.leads("/r8", "/r0"))
    names = {
        "rebinding.example": [["93.184.216.34"], ["127.0.0.1"]],
        "private.example": [["10.0.0.1"]],
        "mixed.example": [["93.184.216.34", "127.0.0.1"]],
        "metadata.example": [["169.254.169.254"]],
        "mapped.example": [["::ffff:127.0.0.1"]],
    }

    def answer(host: str, _port: int) -> list[str]:
        waiting = names.get(host, [["127.0.0.1"]])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def no_outside(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connections.append(address[0])
        if address[0] == "127.0.0.1":
            return real(address)
        raise ConnectionRefusedError("not in this test")

    connections: list[str] = []
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", no_outside)
    allowed = [
        site.url,
        *(f"http://{host}:{port}" for host in names),
        f"http://0x7f.example:{port}",
    ]
    allowed += [f"http://localhost.example:{port}", f"http://127.0.0.1.example:{port}"]
    allowed += [f"http://sub.localhost:{port}", f"http://169.254.169.254:{port}"]
    found = options(spool, url_lists=(url_list(tmp_path, *urls),), allowed_origins=tuple(allowed))
    listing = Listing([], found)
    listing._web.guard = Guard(allowed, resolve=answer)
    entries = list(listing.entries())
    assert len(urls) >= 75
    assert len(entries) == len(urls) + 1  # the line with a line end in it is two
    assert sentinel.requests == []
    assert set(connections) == {"127.0.0.1", "93.184.216.34"}
    assert not [entry for entry in entries if isinstance(entry, Listed) and "secret" in entry.uri]
    assert {entry.code for entry in entries if isinstance(entry, Rejected)} <= {
        "bad_url", "origin_not_allowed", "address_blocked", "redirected", "unreachable",
        "not_found",
    }  # fmt: skip


def test_redirects_stay_within_allowed_origins(site: Site, sentinel: Site, spool: Spool) -> None:
    """Where one leads is allowed when the user says so; circles end."""
    target = sentinel.page("/there")
    away, circle = site.leads("/away", target), site.leads("/circle", "/circle")
    entries = listed(options(spool), away, circle)
    assert codes(entries) == {"away": "redirected", "circle": "redirected"}
    assert sentinel.requests == []
    (entry,) = listed(options(spool, allowed_origins=(sentinel.url,)), away)
    assert (entry.name, type(entry)) == (target, Listed)


def test_failures_of_pages_are_outcomes(site: Site, spool: Spool, monkeypatch: object) -> None:
    """What passes is tried again, what does not is not."""
    site.answers["/gone"] = (410, {}, b"")
    site.answers["/secret"] = (403, {}, b"")
    site.answers["/teapot"] = (418, {}, b"")
    site.answers["/down"] = (503, {"Retry-After": "7"}, b"")
    site.answers["/big"] = (200, {"Content-Type": "text/html"}, b"x" * 2000)
    site.answers["/packed"] = (
        200,
        {"Content-Type": "text/html", "Content-Encoding": "gzip"},
        gzip.compress(b"x" * 1_000_000),
    )
    site.answers["/odd"] = (200, {"Content-Type": "text/html", "Content-Encoding": "br"}, b"x")
    site.answers["/short"] = _short
    site.page("/image", "x", "image/png")
    names = ["gone", "secret", "teapot", "down", "big", "packed", "odd", "short", "image"]
    entries = listed(options(spool, max_bytes=1000), *(f"{site.url}/{name}" for name in names))
    assert codes(entries) == {
        "gone": "not_found", "secret": "forbidden", "teapot": "http_status",
        "down": "unreachable", "big": "too_large", "packed": "too_large", "odd": "unreadable",
        "short": "unreachable", "image": "unknown_type",
    }  # fmt: skip
    assert site.requests.count("/down") == client.TRIES
    assert site.requests.count("/gone") == 1


def _short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"x")
    handler.close_connection = True


def test_a_page_that_drips_is_left_behind(
    site: Site, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is for the whole of it, not for each byte."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    monkeypatch.setattr(client, "SECONDS", 0.3)
    site.answers["/drip"] = drip
    (entry,) = listed(options(spool), f"{site.url}/drip")
    assert isinstance(entry, Rejected)
    assert entry.code == "too_slow"


def test_a_packed_page_is_unpacked(site: Site, spool: Spool) -> None:
    """As any client does."""
    body = gzip.compress(b"<p>words" * 1000)
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    site.answers["/a"] = (200, headers, body)
    (entry,) = listed(options(spool), f"{site.url}/a")
    assert entry.path.read_bytes() == b"<p>words" * 1000


def test_sitemaps_are_followed_packed_nested_and_as_text(site: Site, spool: Spool) -> None:
    """Naming the sitemap allows its origin; a broken one does not stop the others."""
    one, two, three = (site.page(f"/{name}") for name in ("one", "two", "three"))
    site.page("/index.xml", sitemap(
        f"{site.url}/a.xml.gz", f"{site.url}/b.txt", f"{site.url}/bad.xml", f"{site.url}/index.xml",
        root="sitemapindex", item="sitemap",
    ), "application/xml")  # fmt: skip
    site.answers["/a.xml.gz"] = (200, {}, gzip.compress(sitemap(one, two).encode()))
    site.page("/b.txt", f"\ufeff{three}\n{one}\n", "text/plain")
    site.page("/bad.xml", "<html><body>an error</body></html>")
    entries = listed(options(spool, sitemaps=(f"{site.url}/index.xml",)))
    assert codes(entries) == {
        "one": "listed before", "two": "", "three": "", "bad.xml": "bad_sitemap",
    }  # fmt: skip
    assert len([entry for entry in entries if isinstance(entry, Listed)]) == 3
    assert {entry.origin for entry in entries} == {f"{site.url}/index.xml"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>', "bad_sitemap"),
        ("<urlset><url>", "bad_sitemap"),
        ("<rss/>", "bad_sitemap"),
        (sitemap(*(f"http://127.0.0.1/{n}" for n in range(9))), "too_many"),
    ],
)
def test_hostile_sitemaps_are_rejected(text: str, code: str, site: Site, spool: Spool) -> None:
    """Entities, half documents, other documents, and more than anybody asked for."""
    site.page("/s.xml", text, "application/xml")
    entries = listed(options(spool, sitemaps=(f"{site.url}/s.xml",), max_pages=4))
    last = entries[-1]
    assert isinstance(last, Rejected)
    assert (last.stage, last.code) == ("list", code)


def test_a_packed_sitemap_is_not_unpacked_for_ever(
    site: Site, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes may be gigabytes."""
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 100_000)
    site.answers["/s.xml.gz"] = (200, {}, gzip.compress(b"<urlset>" + b" " * 5_000_000))
    (entry,) = listed(options(spool, sitemaps=(f"{site.url}/s.xml.gz",)))
    assert isinstance(entry, Rejected)
    assert entry.code == "bad_sitemap"


def test_a_site_whose_robots_txt_is_down_is_left_alone(site: Site, spool: Spool) -> None:
    """It may have wishes; a page that the user names is his own."""
    page = site.page("/a")
    site.answers["/robots.txt"] = (503, {}, b"")
    site.page("/s.txt", page)
    (entry,) = listed(options(spool, sitemaps=(f"{site.url}/s.txt",)))
    assert isinstance(entry, Rejected)
    assert entry.code == "unreachable"
    assert "/a" not in site.requests
    (entry,) = listed(options(spool), page)
    assert isinstance(entry, Listed)


def test_requests_are_as_far_apart_as_the_site_asks(site: Site, spool: Spool) -> None:
    """Crawl-delay goes before our own pace."""
    urls = [site.page(f"/{number}") for number in range(3)]
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 0.15", "text/plain")
    site.page("/s.txt", "\n".join(urls))
    assert len(listed(options(spool, sitemaps=(f"{site.url}/s.txt",)))) == 3
    times = site.times[-3:]
    assert all(later - earlier >= 0.14 for earlier, later in pairwise(times))


def test_pages_in_a_list_of_paths_need_an_allowed_origin(
    site: Site, spool: Spool, tmp_path: Path
) -> None:
    """A list may come from anywhere."""
    path = url_list(tmp_path, site.page("/a"))
    (entry,) = listed(options(spool, lists=(path,)))
    assert isinstance(entry, Rejected)
    assert entry.code == "origin_not_allowed"
    (entry,) = listed(options(spool, lists=(path,), allowed_origins=(site.url,)))
    assert isinstance(entry, Listed)


@pytest.mark.parametrize("url", ["http://user:pw@a.example/", "http://0x7f.1/", "https://"])
def test_an_address_that_is_none_is_the_users_mistake(url: str, spool: Spool) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError):
        Listing([url], options(spool))
    with pytest.raises(UsageError):
        Listing([], options(spool, sitemaps=(url,)))


def test_the_type_of_a_page_says_what_it_is() -> None:
    """Its path only when the type says nothing."""
    from esrag.corpus.web.addresses import parsed

    for path, kind, ending in (
        ("/a", "text/html; charset=x", ".html"),
        ("/a.php", "text/html", ".html"),
        ("/a.md", "text/plain", ".md"),
        ("/a", "text/plain", ".txt"),
        ("/a.md", "", ".md"),
        ("/a.md", "application/octet-stream", ".md"),
        ("/a", "application/octet-stream", ""),
        ("/a", "", ""),
    ):
        assert pages.ending_for(parsed("http://h" + path), kind) == ending


def test_a_page_is_had_again_as_it_was_allowed(site: Site, sentinel: Site, spool: Spool) -> None:
    """A dead letter of a page that was not allowed is no way around the guard."""
    page, other = site.page("/a"), sentinel.page("/b")
    named = had_again(page, name=page, origin=page, options=options(spool))
    mapped = had_again(page, name=page, origin=f"{site.url}/s.xml", options=options(spool))
    assert [type(each) for each in (named, mapped)] == [Listed, Listed]
    refused = had_again(other, name=other, origin=f"{site.url}/s.xml", options=options(spool))
    assert isinstance(refused, Rejected)
    assert refused.code == "origin_not_allowed"
    assert sentinel.requests == []


def test_a_pattern_selects_what_a_server_lists(site: Site, spool: Spool) -> None:
    """Right below the folder, once each; nothing of other places."""
    for name in ("a.md", "b.md", "c%20d.md"):
        site.page(f"/docs/{name}", "# Words", "text/plain")
    links = ["b.md", "a.md", "./a.md#x", "/docs/c%20d.md", "x.html", "sub/e.md", "../f.md", "?o=d"]
    links += ["http://elsewhere.example/docs/g.md", "javascript:alert(1)", "http://[", "mailto:a@b"]
    page = "".join(f'<A class=x HREF="{link}">x</a><a>' for link in links)
    site.page("/docs/", page + "<a href=b.md><a " * 10_000 + "<a href=")
    entries = listed(options(spool), f"{site.url}/docs/*.md")
    assert codes(entries) == {"a.md": "", "b.md": "", "c%20d.md": ""}
    assert {entry.origin for entry in entries} == {f"{site.url}/docs/"}
    (entry,) = listed(options(spool), f"{site.url}/none/*.md")
    assert isinstance(entry, Rejected)
    assert (entry.stage, entry.code) == ("list", "not_found")
    with pytest.raises(UsageError, match="last part"):
        listed(options(spool), f"{site.url}/*/a.md")
