"""A run as JUnit XML, which every CI server reads: the gates, and the questions that failed.

    gate                 one case each; a failure when it is not met, skipped when not compared
    failed question      one case each, an error
    system               one case, passed, when every question was asked of it and none failed

Whatever stands in answers, names and errors, the file is well-formed: characters that XML 1.0
does not allow are written as \\u escapes, and long texts are cut.  Equal runs give equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from esrag.disk import replace_text
from esrag.evaluation.records import EvaluationRun, GateResult, Scored

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_NAME, _MESSAGE, _TEXT = 200, 500, 8_000
# everything that is not a Char of XML 1.0 (fifth edition, production 2), and the C1 controls
_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def write(run: EvaluationRun, file: Path) -> None:
    """Put the run into ``file``, whole or not at all.  Raises EsragError when it cannot be."""
    replace_text(file, xml(run))


def xml(run: EvaluationRun) -> str:
    """The text of the file."""
    suites = [("gates", list(_gates(run))), ("questions", list(_questions(run)))]
    root = ElementTree.Element("testsuites", {"name": _clean(f"esrag {run.name}", _NAME)})
    for name, cases in suites:
        suite = ElementTree.SubElement(root, "testsuite", {"name": name})
        suite.extend(cases)
        _count(suite, cases)
    _count(root, [case for _, cases in suites for case in cases])
    ElementTree.indent(root)
    return f"{_DECLARATION}\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _gates(run: EvaluationRun) -> Iterator[ElementTree.Element]:
    for gate in run.gates:
        case = _case(f"gate.{gate.system}", f"{gate.measure} no worse than by {gate.allowed:g}")
        if not gate.compared and gate.met:
            ElementTree.SubElement(case, "skipped", {"message": _clean(gate.why, _MESSAGE)})
        elif not gate.met:
            _problem(case, "failure", kind="gate", message=gate.why, text=_figures(gate))
        else:
            _said(case, gate.why)
        yield case


def _questions(run: EvaluationRun) -> Iterator[ElementTree.Element]:
    texts = {question.id: question.text for question in run.questions}
    for system in run.systems:
        items = run.scored.get(system.name, ())
        broken = [each for each in items if each.reply.status == "failed"]
        for each in broken:
            yield _broken(system.name, each, texts.get(each.reply.question_id, ""))
        unasked = len(texts.keys() - {each.reply.question_id for each in items})
        if unasked:
            case = _case(f"questions.{system.name}", "every question was asked")
            message = f"{unasked} of {len(texts)} questions have no reply: the run is {run.status}"
            _problem(case, "error", kind="not asked", message=message)
            yield case
        elif not broken:
            case = _case(f"questions.{system.name}", f"all {len(texts)} questions have a reply")
            case.set("time", f"{sum(each.reply.usage.seconds for each in items):.3f}")
            yield case


def _broken(system: str, scored: Scored, question: str) -> ElementTree.Element:
    reply = scored.reply
    case = _case(f"questions.{system}", f"{reply.question_id}: {question}")
    case.set("time", f"{reply.usage.seconds:.3f}")
    _problem(
        case,
        "error",
        kind=reply.error_code or "failed",
        message=reply.error or "the reply failed",
        text=f"question: {question}\nerror: {reply.error}",
    )
    return case


def _case(group: str, name: str) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", {"classname": _clean(group, _NAME), "name": _clean(name, _NAME)}
    )


def _problem(
    case: ElementTree.Element, tag: str, *, kind: str, message: str, text: str = ""
) -> None:
    attributes = {"type": _clean(kind, _NAME), "message": _clean(message, _MESSAGE)}
    ElementTree.SubElement(case, tag, attributes).text = _clean(text, _TEXT)


def _said(case: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(case, "system-out").text = _clean(text, _TEXT)


def _figures(gate: GateResult) -> str:
    return (
        f"allowed: -{gate.allowed:g}\ndifference: {gate.difference:+.6f}\n"
        f"interval: [{gate.low:+.6f}, {gate.high:+.6f}]\nquestions: {gate.questions}\n"
        f"not shared by the runs: {gate.missing}\nwithout a value: {gate.abstained}"
    )


def _count(element: ElementTree.Element, cases: list[ElementTree.Element]) -> None:
    element.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))


def _clean(text: str, most: int) -> str:
    """``text`` as XML may hold it, cut after ``most`` characters."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", cut)
