"""The page on the whole stack: a real cluster, real documents, real rights of readers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_driving import answered, marked, words

from esrag.sample import corpus_folder

if TYPE_CHECKING:
    from conftest import Stack
    from elasticsearch import Elasticsearch
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.long

CORPUS = corpus_folder() / "release-notes"
QUESTION = "When did Siltbase 4.2.1 come out?"
OTHER = "When was Siltbase 5.0.1 released?"


@pytest.fixture
def filled(stack: Stack, prefix: str) -> str:
    """A document set with release notes, which keeps feedback."""
    stack.environment["ESRAG_SERVE_FEEDBACK"] = "true"
    for command in (("setup", "--set", prefix, "--yes"), ("ingest", "--set", prefix, str(CORPUS))):
        done = stack.esrag(*command)
        assert done.returncode == 0, done.stderr
    return prefix


@contextmanager
def serve(stack: Stack, *flags: str) -> Iterator[str]:
    """``esrag serve`` in a process of its own; its address."""
    command = [sys.executable, "-c", "from esrag.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, *flags], env=stack.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            line = process.stderr.readline()
            assert "Listening at " in line
            yield line.split("Listening at ")[1].split(". ")[0]
        finally:
            process.terminate()
            process.wait(30)


def test_an_answer_is_checked_in_its_document(
    stack: Stack, filled: str, es: Elasticsearch, context: BrowserContext
) -> None:
    """Asked on the page, marked where the file has it; a follow-up; feedback in the index."""
    page = context.new_page()
    with serve(stack, "--set", filled, "--quote") as url:
        page.goto(url)
        turn = answered(page, QUESTION)
        assert any("9 April 2026" in said for said in words(turn))
        turn.locator(".chip").first.click()
        text = (CORPUS / "siltbase-4.2.1.md").read_text(encoding="utf-8")
        assert marked(page) in " ".join(text.split())
        turn.get_by_role("button", name="This helped").click()
        page.get_by_text("Thank you.").wait_for()
        turn = answered(page, "And 5.0.1?")
        assert "5.0.1" in turn.locator(".context").inner_text()
        page.close()
    index = f"esrag-answers-{filled}"
    es.indices.refresh(index=index)
    kept = es.count(index=index, query={"term": {"kind": "feedback"}})
    assert kept["count"] == 1


def test_readers_find_what_they_may_read(
    stack: Stack, filled: str, es: Elasticsearch, context: BrowserContext, tmp_path: Path
) -> None:
    """With an API key that sees one document, the others do not exist."""
    only = {"term": {"document_id": "siltbase-4.2.1.md"}}
    index = {"names": [f"esrag-docs-{filled}*"], "privileges": ["read", "view_index_metadata"]}
    role = {
        "cluster": ["monitor", "monitor_ml", "monitor_inference"],
        "indices": [{**index, "query": only}],
    }
    key = es.security.create_api_key(name=f"{filled}-reader", role_descriptors={"reader": role})
    page = context.new_page()
    with serve(stack, "--set", filled, "--quote", "--auth", "pass-through") as url:
        page.goto(url)
        page.get_by_label("API key").fill(key["encoded"])
        page.keyboard.press("Enter")
        assert any("9 April 2026" in said for said in words(answered(page, QUESTION)))
        turn = answered(page, OTHER)
        assert "27 October" not in turn.inner_text()
        named = page.locator(".source-facts").all_text_contents()
        assert named
        assert all("siltbase-4.2.1.md" in fact for fact in named)
        page.close()
