"""What tests do with the page again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def ask(page: Page, question: str = "What is an alarm storm?") -> Locator:
    """Ask, and the turn that it makes; its answer may still be coming."""
    before = page.locator(".turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.locator(".turn").nth(before).wait_for()
    return page.locator(".turn").last


def answered(page: Page, question: str = "What is an alarm storm?") -> Locator:
    """Ask and wait for the end, whichever it is."""
    turn = ask(page, question)
    page.wait_for_selector(".turn:last-child[aria-busy=false]")
    return turn


def words(turn: Locator) -> list[str]:
    """The sentences without the numbers behind them."""
    return turn.locator(".sentence .words").all_inner_texts()


def marked(page: Page) -> str:
    """The words that are marked in the document."""
    page.wait_for_selector("#reader[open] mark")
    return " ".join(" ".join(page.locator("#reader mark").all_inner_texts()).split())
