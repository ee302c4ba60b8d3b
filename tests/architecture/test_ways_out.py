"""Architecture: who may open a connection.  A further one has to be guarded, and named here."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "esrag"
LIBRARIES = {"aiohttp", "http.client", "httpx", "requests", "socket", "urllib.request", "urllib3"}
MAY = {
    # the one way to services that settings name: guarded addresses, deadlines, calling off
    "calling/connections.py", "calling/guard.py", "calling/wire.py",
    # pages that a user named, with a guard of their own that judges by the same kinds of address
    "corpus/web/addresses.py", "corpus/web/client.py",
    # spans, in the background, without redirects and proxies
    "observing/tracing.py",
    # searches, over connections of Elasticsearch's own client
    "cluster/search_node.py",
    # listens
    "server/serving.py",
    # names of errors, of this machine, and a look at a port
    "cluster/connection_faults.py", "doctor/connection.py", "state/owner.py",
}  # fmt: skip


def imported(tree: ast.AST) -> set[str]:
    """The modules that a module imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_few_modules_open_connections() -> None:
    """The local stack is a server and apart; all else goes through what is guarded."""
    found = set()
    for module in PACKAGE.rglob("*.py"):
        name = module.relative_to(PACKAGE).as_posix()
        if name.startswith("local/"):
            continue
        names = imported(ast.parse(module.read_text()))
        if any(
            each == library or each.startswith(library + ".")
            for each in names
            for library in LIBRARIES
        ):
            found.add(name)
    assert found - MAY == set()
