"""The report of a comparison: one page for people, one text, one file for programs.

    EvaluationRun ─► page       report.html: one file, opens offline, readable without script
                  ─► markdown   report.md
                  ─► data       report.json

What is told is decided once, in ``findings`` and ``outcomes``; the three only render it.  They
ask nobody and compute no test: the same run gives the same bytes.
"""

from esrag.evaluation.report.writing import write

__all__ = ["write"]
