"""The jinja2 environment in which foreign chat templates run: sandboxed, and with a budget.

What a rendering does is counted: rounds of loops, calls, filters, and the length of every text
that arises.  A template that exceeds its budget ends with TemplateBoundsError.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import Template, TemplateRuntimeError, nodes
from jinja2 import filters as plain
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST_STEPS = 200_000
LONGEST_TEXT = 8_000_000
_CHARACTERS_PER_STEP = 1_000
_MOST_BITS = 4_096
_WIDEST = 100
_FILTERS = (
    "abs capitalize count d default dictsort e escape first float forceescape groupby int items "
    "last length list lower map max min reject rejectattr reverse round safe select selectattr "
    "sort string striptags title trim truncate unique upper urlencode wordcount"
).split()
_PADDING = ("center", "ljust", "rjust", "zfill", "expandtabs")
_WIDTH = re.compile(r"\d{4,}|\*|\{[^{}]*\{")


class TemplateBoundsError(TemplateRuntimeError):
    """The template wants more than a chat template may: time, memory, or what is private."""


class BoundedTemplate(Template):
    """Each rendering has a budget of its own."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        """The text; raises TemplateBoundsError."""
        environment = self.environment
        assert isinstance(environment, BoundedEnvironment)  # noqa: S101  # for mypy: it made us
        environment.begin()
        return super().render(*args, **kwargs)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """For chat templates: no private names, no imports, few filters, a budget."""

    template_class = BoundedTemplate
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[loopcontrols, GenerationMark],
            finalize=self._output,
        )
        self._spent = threading.local()
        self.globals.pop("lipsum", None)
        self.filters = {name: self._counted(plain.FILTERS[name]) for name in _FILTERS}
        self.filters |= {
            "join": self._join,
            "replace": self._replace,
            "indent": self._indent,
            "format": self._format,
            "sum": _sum,
            "tojson": self._tojson,
        }

    def begin(self) -> None:
        """A new rendering in this thread."""
        self._spent.steps = 0

    def spend(self, size: int = 0) -> str:
        """One step, and what a text of ``size`` characters is worth."""
        if size > LONGEST_TEXT:
            raise TemplateBoundsError("the chat template makes a text that is too long")
        steps = getattr(self._spent, "steps", 0) + 1 + size // _CHARACTERS_PER_STEP
        self._spent.steps = steps
        if steps > MOST_STEPS:
            raise TemplateBoundsError("the chat template does not come to an end")
        return ""

    def joined(self, *parts: Any) -> str:
        """The operator ``~``."""
        texts = [str(part) for part in parts]
        self.spend(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The operators by which texts and numbers grow."""
        self.spend(_grown(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call of a function or of a text's method."""
        self.spend()
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            _check_method(owner, obj.__name__, args, kwargs)
        result = super().call(context, obj, *args, **kwargs)
        if isinstance(result, str | list | tuple):
            self.spend(len(result))
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _check_nodes(tree)
        counted = _Counting().visit(tree)
        assert isinstance(counted, nodes.Template)  # noqa: S101  # for mypy
        return counted

    def _output(self, value: Any) -> Any:
        text = value if isinstance(value, str) else str(value)
        self.spend(len(text))
        return text

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose result counts; jinja's marks on it (what it wants passed) are kept."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self.spend(len(result) if isinstance(result, str | list | tuple) else 0)
            return result

        for mark in ("jinja_pass_arg", "jinja_async_variant"):
            if hasattr(function, mark) and mark == "jinja_pass_arg":
                setattr(counted, mark, getattr(function, mark))
        return counted

    def _join(self, value: Iterable[Any], d: str = "", attribute: Any = None) -> str:
        if attribute is not None:
            value = (self.getitem(item, attribute) for item in value)
        texts = []
        for item in value:
            texts.append(str(item))
            self.spend(len(texts[-1]) + len(d))
        self.spend(sum(map(len, texts)) + len(d) * len(texts))
        return d.join(texts)

    def _replace(self, text: Any, old: str, new: str, count: int = -1) -> str:
        given = str(text)
        self.spend(_replaced_size(given, old, new))
        return given.replace(old, new, -1 if count is None else count)

    def _indent(
        self, text: str, width: int | str = 4, first: bool = False, blank: bool = False
    ) -> str:
        wide = len(width) if isinstance(width, str) else width
        if wide > _WIDEST:
            raise TemplateBoundsError("the chat template indents too far")
        result: str = plain.do_indent(text, width, first, blank)
        self.spend(len(result))
        return result

    def _format(self, text: str, *args: Any, **kwargs: Any) -> str:
        _check_widths(str(text))
        written: str = str(text) % (kwargs or args)
        return written

    def _tojson(
        self,
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        """As the templates of the hub know it: plain JSON, nothing escaped for HTML."""
        if indent is not None and not 0 <= indent <= _WIDEST:
            raise TemplateBoundsError("the chat template indents too far")
        text = json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )
        self.spend(len(text))
        return text


class GenerationMark(Extension):
    """``{% generation %}``: marks what the assistant says, for training; here it is just shown."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The body as it stands."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Counting(NodeTransformer):
    """Puts the counting into loops and macros, and makes ``~`` a call that counts."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _spending(node.lineno))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _spending(node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Call(
            nodes.EnvironmentAttribute("joined"), node.nodes, [], None, None, lineno=node.lineno
        )


def _spending(line: int) -> nodes.ExprStmt:
    call = nodes.Call(nodes.EnvironmentAttribute("spend"), [], [], None, None, lineno=line)
    return nodes.ExprStmt(call, lineno=line)


_FOREIGN = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)


def _check_nodes(tree: nodes.Template) -> None:
    """Nothing private is named, nothing imported; raises TemplateBoundsError."""
    for node in tree.find_all(nodes.Node):
        if isinstance(node, _FOREIGN):
            raise TemplateBoundsError(f"the chat template imports (line {node.lineno})")
        name = ""
        if isinstance(node, nodes.Getattr):
            name = node.attr
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            name = str(node.arg.value)
        elif isinstance(node, nodes.Const) and isinstance(node.value, str):
            name = node.value if re.fullmatch(r"__\w+__", node.value) else ""
        if name.startswith("_"):
            raise TemplateBoundsError(
                f"the chat template reaches for what is private: {name} (line {node.lineno})"
            )


def _grown(operator: str, left: Any, right: Any) -> int:
    """How long the outcome becomes; raises TemplateBoundsError for numbers beyond measure."""
    if operator == "%":
        if isinstance(left, str):
            _check_widths(left)
        return 0
    lengths = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
    if operator == "+":
        return sum(lengths)
    numbers = [side for side in (left, right) if isinstance(side, int)]
    if operator == "*" and lengths and numbers:
        return lengths[0] * max(numbers[0], 0)
    bits = [number.bit_length() for number in numbers]
    too_large = (
        len(bits) == 2 and bits[0] * abs(numbers[1]) > _MOST_BITS
        if operator == "**"
        else sum(bits) > _MOST_BITS
    )
    if too_large:
        raise TemplateBoundsError("the chat template computes with numbers beyond measure")
    return 0


def _check_method(text: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    given = (*args, *kwargs.values())
    if name in _PADDING and any(isinstance(one, int) and one > _WIDEST * 10 for one in given):
        raise TemplateBoundsError("the chat template pads too far")
    if name in ("format", "format_map"):
        _check_widths(text)
    if name == "replace" and len(args) >= 2:
        size = _replaced_size(text, str(args[0]), str(args[1]))
    elif name == "join" and args and isinstance(args[0], list | tuple):
        size = sum(len(str(one)) + len(text) for one in args[0])
    else:
        return
    if size > LONGEST_TEXT:
        raise TemplateBoundsError("the chat template makes a text that is too long")


def _replaced_size(text: str, old: str, new: str) -> int:
    return len(text) + text.count(old) * max(len(new) - len(old), 0)


def _check_widths(text: str) -> None:
    if _WIDTH.search(text):
        raise TemplateBoundsError("the chat template formats too wide")


def _sum(values: Iterable[Any], attribute: Any = None, start: int | float = 0) -> int | float:
    del attribute
    return sum((value for value in values if isinstance(value, int | float)), start)
