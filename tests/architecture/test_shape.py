"""Architecture: sizes and faces of the modules."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "esrag"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_one_noun(module: Path) -> None:
    """A module past 600 lines holds more than one noun; it starts by saying what it is."""
    source = module.read_text()
    assert len(source.splitlines()) <= 600
    assert ast.get_docstring(ast.parse(source))


def reads_environment(node: ast.AST) -> bool:
    """Whether a node reads ``os.environ``; setting a variable for a library is no reading."""
    if isinstance(node, ast.Call | ast.Subscript):
        target = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return False
        text = ast.unparse(target) if isinstance(node, ast.Subscript) else ast.unparse(node)
        return "os.environ" in text or "os.getenv" in text
    return False


def test_only_settings_read_the_environment() -> None:
    """Configuration flows once: os.environ is read in settings.py alone."""
    readers = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if any(reads_environment(node) for node in ast.walk(ast.parse(module.read_text())))
    }
    assert readers == {"settings.py"}


def test_nothing_but_the_command_line_leaves_the_process() -> None:
    """The library raises; sys.exit stands in the entry points only."""
    leavers = {
        str(module.relative_to(PACKAGE)) for module in MODULES if "sys.exit(" in module.read_text()
    }
    assert all(name.endswith("__main__.py") or name == "cli/__init__.py" for name in leavers)
