"""Figures on a terminal: in columns where there is room."""

from __future__ import annotations

import os
import sys

import pytest

from esrag.cli.figure_table import echo_table

ROWS = [["", "lexical", "hybrid"], ["nDCG@10", "0.9 [0.8, 1.0]", "–"]]


@pytest.mark.parametrize(
    ("terminal", "columns", "said"),
    [
        (True, 80, "         lexical         hybrid\nnDCG@10  0.9 [0.8, 1.0]  –\n"),
        (True, 20, "nDCG@10\n  lexical: 0.9 [0.8, 1.0]\n  hybrid: –\n"),
        (False, 20, "         lexical         hybrid\nnDCG@10  0.9 [0.8, 1.0]  –\n"),
    ],
)
def test_a_narrow_terminal_has_a_line_for_each_cell(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    columns: int,
    said: str,
) -> None:
    """A pipe has columns, whatever their width."""
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: size)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    echo_table(ROWS)
    assert capsys.readouterr().out == said
