"""A Chromium for each file, and the page of a scripted server for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripted_server import ScriptedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

# the names that the Makefile looks for
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATION = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
WIDE: ViewportSize = {"width": 1440, "height": 900}


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and what failed in it."""

    page: Page
    failures: list[str]


def found_chromium() -> str | None:
    """The browser of this machine, if there is one."""
    named = next(filter(None, map(shutil.which, NAMES)), None)
    return named or (str(APPLICATION) if APPLICATION.exists() else None)


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts a Chromium with further arguments; all of them end with the file of tests.

    Without a browser these tests are skipped, also in CI: no package registry has one, so not
    every machine can be given one, and pytest's summary and `make test` say that they were.

    Not with the session: as long as playwright runs there is an event loop in this thread, with
    which tests of other folders could not run one of their own.
    """
    from playwright.sync_api import sync_playwright

    path = found_chromium()
    if path is None:
        pytest.skip(f"the page is not tested: none of {', '.join(NAMES)} is installed")
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started: list[Browser] = []

        def start(*further: str) -> Browser:
            made = playwright.chromium.launch(executable_path=path, args=[*arguments, *further])
            started.append(made)
            return made

        yield start
        for browser in started:
            browser.close()


@pytest.fixture(scope="module")
def chromium(launch: Callable[..., Browser]) -> Browser:
    """The browser that the tests of a file share."""
    return launch()


@pytest.fixture(scope="session")
def serving() -> Iterator[ScriptedServer]:
    """One server for all tests, so that Chromium fetches the page once."""
    with ScriptedServer().running() as running:
        yield running


@pytest.fixture
def server(serving: ScriptedServer) -> ScriptedServer:
    """The server without the script of another test."""
    serving.forget()
    return serving


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A window wide enough for the document beside the answer; a login ends with its tab."""
    made = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> Tab:
    """One tab for the tests of a file: a new one costs as much as what is tested in it."""
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    return Tab(opened, failures)


@pytest.fixture
def page(tab: Tab, server: ScriptedServer) -> Iterator[Page]:
    """The page as for somebody new; a script that fails in it fails the test."""
    tab.failures.clear()
    tab.page.set_viewport_size(WIDE)
    tab.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    tab.page.goto(server.url)
    if tab.page.evaluate("sessionStorage.length + localStorage.length"):
        tab.page.evaluate("sessionStorage.clear(); localStorage.clear()")
        tab.page.reload()
    yield tab.page
    tab.page.unroute_all()
    assert tab.failures == []
