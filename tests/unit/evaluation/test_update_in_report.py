"""The story of an update and its costs in the report, in each of its forms."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from comparison_story import sample_run
from lxml import html

from esrag.evaluation.records import EvaluationRun, SystemCost
from esrag.evaluation.report.data import render_json
from esrag.evaluation.report.markdown import render_markdown
from esrag.evaluation.report.page import render_page

NOTE = "10 of 550 rows <b>say</b> the new."
HOW = "train again: not right after 500 s of it"


@pytest.fixture(scope="module")
def run() -> EvaluationRun:
    """A run with a story that has a note, and a system that never became right."""
    made = sample_run(4, draws=50)
    story = replace(made.updates[0], note=NOTE)
    never = SystemCost("rag", update_how=HOW)
    return replace(made, updates=(story,), costs=(never,))


def test_the_note_of_a_story_stands_below_it(run: EvaluationRun) -> None:
    """What was not done, and where it was measured, as text."""
    page = html.fromstring(render_page(run))
    assert NOTE in page.text_content()
    assert "10 of 550 rows" in render_markdown(run)
    assert json.loads(render_json(run))["updates"][0]["note"] == NOTE


def test_an_update_that_never_came_right_is_told_without_a_figure(run: EvaluationRun) -> None:
    """The words stand alone in the table of costs."""
    page = html.fromstring(render_page(run))
    cells = [cell.text_content() for cell in page.xpath("//table[@class='costs']//td")]
    assert HOW in cells
    assert f"| {HOW} |" in render_markdown(run).replace("\\", "")
