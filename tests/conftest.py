"""What every test gets: a clean environment, the marker of its directory, and the local stack.

The stack is started once for the session, when the first test asks for it, and ended with it.
Every test works under a prefix of its own and removes what bears it; nothing is ever wiped
across the cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from named_servers import require_answers
from parallel_runs import BySharedFixtures, RunFolder, is_worker, put_slow_first, tell_worker

from esrag.settings import default_data_dir

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

TESTS = Path(__file__).resolve().parent
LEVELS = ("contract", "conformance", "end_to_end", "docs", "browser")

# looked up before the environment is scrubbed
_NAMED_CACHE = os.environ.get("ESRAG_TEST_CACHE")
_OWN_SOFTWARE = default_data_dir() / "local" / "software"
_IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
_SERVER_OPTIONS = {
    "--elasticsearch-url": "address of the Elasticsearch to test instead of the local stack",
    "--elasticsearch-api-key": "its API key, base64",
    "--elasticsearch-user": "its user, if there is no API key",
    "--elasticsearch-password": "the password of that user",
    "--elasticsearch-ca-certs": "PEM file of the authority behind its certificate",
    "--generator-url": "address of the TGI server to test instead of the local stack",
}
_NAMED_SERVERS = {
    option: os.environ.get("ESRAG_TEST_" + option.removeprefix("--").replace("-", "_").upper())
    for option in _SERVER_OPTIONS
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the conformance tests; pytest wants to know them before it collects."""
    group = parser.getgroup("conformance")
    for option, meaning in _SERVER_OPTIONS.items():
        group.addoption(option, help=meaning, default=_NAMED_SERVERS[option])
    group.addoption(
        "--foreign-cluster",
        action="store_true",
        help="the tests may write to servers that are not on this machine",
    )
    group.addoption(
        "--record-conformance",
        action="store_true",
        help="write docs/conformance.json and docs/conformance.md from this run",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden/roles from what the server answers",
    )
    group.addoption("--oracle-seed", default="1", help="generate other requests for the oracle")
    group.addoption("--oracle-count", default="1", help="so many times as many of them, e.g. 0.1")


def pytest_configure(config: pytest.Config) -> None:
    """The record is of one process: several would each write their part of it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background, as a shell does it: the commands under test would inherit
        # that ^C means nothing to them.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--record-conformance") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--record-conformance needs one process: leave out -n")


def pytest_sessionstart(session: pytest.Session) -> None:
    """A server that was named and is not there is told once, and not by every test."""
    if not is_worker(session.config):
        require_answers(session.config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test the marker of its directory, leave the long ones out, deal the rest out."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            level = item.path.relative_to(TESTS).parts[0]
            if level in LEVELS:
                item.add_marker(level)
    left_out = [item for item in items if item.get_closest_marker("long") and _unasked(item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    if is_worker(config):  # the order is random by now
        put_slow_first(items)


def _unasked(item: pytest.Item) -> bool:
    """Long tests run when they are asked for: by marker, by file, or with their folder's target."""
    config = item.config
    if "long" in config.getoption("markexpr") or config.getoption("--record-conformance"):
        return False
    named = " ".join(config.args)
    return ".py" not in named and not (
        "conformance" in named and item.path.is_relative_to(TESTS / "conformance")
    )


_run_folder = RunFolder()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedFixtures | None:
    """With ``--dist loadscope``: what a scope is, is ours to say."""
    if config.getoption("dist") != "loadscope":
        return None
    config.option.loadscopereorder = False  # the order of the collection counts
    return BySharedFixtures(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers keep their stacks in one folder, and share downloads."""
    tell_worker(node.workerinput, _run_folder.of(node.config))


def pytest_unconfigure() -> None:
    """What lasts as long as the run ends here."""
    _run_folder.remove()


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Path:
    """Where stacks keep their data; other users may enter it."""
    return _run_folder.of(pytestconfig)


@pytest.fixture(autouse=True, scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No ESRAG_* variable of the developer's reaches a test; data goes to a temporary folder."""
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith("ESRAG_"):
            patch.delenv(name)
    patch.setenv("ESRAG_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared_software(run_folder: Path) -> Path:
    """Downloads and unpacked programs that all stacks of the tests use.

    ESRAG_TEST_CACHE names the folder, and then it is made; else it is the developer's own, and
    without one it lasts as long as the run.
    """
    if _NAMED_CACHE:
        return Path(_NAMED_CACHE).resolve()
    if os.access(_OWN_SOFTWARE, os.W_OK):
        return _OWN_SOFTWARE
    folder = run_folder / "software"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cannot_start(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Called with a level and a reason: skips on a desk, fails in CI or if a level was named."""

    def give_up(level: str, reason: str) -> None:
        asked_for = f"{request.config.getoption('markexpr')} {' '.join(request.config.args)}"
        if _IN_CI or any(named in asked_for for named in LEVELS):
            pytest.fail(f"the level {level} cannot start: {reason}", pytrace=False)
        pytest.skip(f"the level {level} cannot start: {reason}")

    return give_up


_START_SECONDS = 540  # below pytest's own time limit, so that the reason is told
_COMMAND = [sys.executable, "-c", "from esrag.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A running local stack; ``tgi_url`` is empty when that server was not started."""

    elasticsearch_url: str
    username: str
    password: str
    mlnode_url: str
    tgi_url: str
    data_dir: Path
    environment: dict[str, str]

    def esrag(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of esrag against this stack, in a process of its own."""
        return subprocess.run(
            [*_COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


StackStarter = Callable[..., AbstractContextManager[Stack]]


@pytest.fixture(scope="session")
def start_stack(
    run_folder: Path, shared_software: Path, cannot_start: Callable[[str, str], None]
) -> StackStarter:
    """Starts a stack for the time of a block: further options of ``up``, and ``heap``."""
    return partial(_started, run_folder, shared_software, cannot_start)


@pytest.fixture(scope="session")
def stack(start_stack: StackStarter) -> Iterator[Stack]:
    """One stack for the whole session, on free ports, with data of its own."""
    with start_stack() as made:
        yield made


@pytest.fixture(scope="session")
def basic_stack(start_stack: StackStarter) -> Iterator[Stack]:
    """A second stack with a Basic licence and no server that answers, as small as can be."""
    members = ("--only", "elasticsearch", "--only", "mlnode")
    with start_stack("--tier", "basic", *members, heap="512m") as made:
        yield made


@contextmanager
def _started(
    run_folder: Path,
    shared_software: Path,
    cannot_start: Callable[[str, str], None],
    *options: str,
    heap: str | None = None,
) -> Iterator[Stack]:
    data_dir = Path(tempfile.mkdtemp(prefix="stack-", dir=run_folder))
    data_dir.chmod(0o755)  # Elasticsearch runs under another account when we are root
    environment = {**os.environ, "ESRAG_DATA_DIR": str(data_dir)}
    # Tiers are compared with vectors that are the same, and measuring runtimes takes its time.
    environment |= {"ESRAG_EMBEDDING_RUNTIME": "torch", "ESRAG_EMBEDDING_THREADS": "2"}
    if heap:
        environment["ESRAG_LOCAL_HEAP"] = heap
    up = [*_COMMAND, "local", "up", "--fast-start", "--timeout", str(_START_SECONDS - 120)]
    up += ["--software", str(shared_software)]
    try:
        started = subprocess.run(
            [*up, *options],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if started.returncode != 0:
            cannot_start("contract", started.stderr)
        yield _stack(data_dir, environment)
    finally:
        ended = subprocess.run(
            [*_COMMAND, "local", "down"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        shutil.rmtree(data_dir, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr


def _stack(data_dir: Path, environment: dict[str, str]) -> Stack:
    connection = json.loads((data_dir / "local" / "connection.json").read_text(encoding="utf-8"))
    members = json.loads((data_dir / "local" / "stack.json").read_text(encoding="utf-8"))["members"]
    server = connection["elasticsearch"]
    return Stack(
        elasticsearch_url=server["url"],
        username=server["username"],
        password=server["password"],
        mlnode_url=members["mlnode"]["url"],
        tgi_url=connection["generator"]["url"] if "tgi" in members else "",
        data_dir=data_dir,
        environment=environment,
    )


@pytest.fixture
def es(stack: Stack) -> Iterator[Elasticsearch]:
    """A client with all rights."""
    with _client(stack) as client:
        yield client


@pytest.fixture
def basic_es(basic_stack: Stack) -> Iterator[Elasticsearch]:
    """A client with all rights on the stack with a Basic licence."""
    with _client(basic_stack) as client:
        yield client


@pytest.fixture
def platinum_stack(stack: Stack) -> Iterator[Stack]:
    """The session's stack, which refuses during this test what a Platinum cluster refuses.

    What is made before, by fixtures that live longer, is made under the Enterprise tier.
    """
    with _client(stack) as client:
        client.cluster.put_settings(persistent={"esrag.tier": "platinum"})
        try:
            yield stack
        finally:
            client.cluster.put_settings(persistent={"esrag.tier": None})


@pytest.fixture
def platinum_es(platinum_stack: Stack) -> Iterator[Elasticsearch]:
    """A client with all rights on a stack that behaves like a Platinum cluster."""
    with _client(platinum_stack) as client:
        yield client


def _client(stack: Stack) -> Elasticsearch:
    from elasticsearch import Elasticsearch

    return Elasticsearch(
        stack.elasticsearch_url,
        basic_auth=(stack.username, stack.password),
        request_timeout=60,
        max_retries=0,
    )


@pytest.fixture
def prefix(es: Elasticsearch) -> Iterator[str]:
    """A name that no other test has; objects whose name holds it are removed in the end.

    It is also a valid name of a document set.
    """
    name = f"t{uuid4().hex[:10]}"
    yield name
    remove_named(es, name)


@pytest.fixture
def basic_prefix(basic_es: Elasticsearch) -> Iterator[str]:
    """As ``prefix``, on the stack with a Basic licence."""
    name = f"t{uuid4().hex[:10]}"
    yield name
    remove_named(basic_es, name)


@pytest.fixture(scope="session")
def remove_bearers() -> Callable[[Elasticsearch, str], None]:
    """Removes whatever has a name in its own; for fixtures that live longer than a test."""
    return remove_named


def remove_named(es: Elasticsearch, part: str) -> None:
    """Remove whatever has ``part`` in its name, users of a thing before the thing itself."""
    from elasticsearch import ApiError

    pattern = f"*{part}*"
    with suppress(ApiError):
        for index in es.indices.get(index=pattern, expand_wildcards="all", allow_no_indices=True):
            es.indices.delete(index=index)
    with suppress(ApiError):
        for name in es.indices.get_index_template(name=pattern)["index_templates"]:
            es.indices.delete_index_template(name=name["name"])
    with suppress(ApiError):
        for name in es.cluster.get_component_template(name=pattern)["component_templates"]:
            es.cluster.delete_component_template(name=name["name"])
    with suppress(ApiError):
        for name in es.ingest.get_pipeline():
            if part in name:
                es.ingest.delete_pipeline(id=name)
    with suppress(ApiError):
        metadata = es.cluster.state(metric="metadata", filter_path="metadata.stored_scripts")
        for name in metadata.get("metadata", {}).get("stored_scripts", {}):
            if part in name:
                es.delete_script(id=name)
    with suppress(ApiError):
        for endpoint in es.inference.get()["endpoints"]:
            if part in endpoint["inference_id"]:
                es.inference.delete(inference_id=endpoint["inference_id"], force=True)
    with suppress(ApiError):
        found = es.ml.get_trained_models(model_id=pattern, allow_no_match=True, size=10_000)
        for model in found["trained_model_configs"]:
            es.ml.delete_trained_model(model_id=model["model_id"], force=True)
    _remove_accounts(es, part)


def _remove_accounts(es: Elasticsearch, part: str) -> None:
    from elasticsearch import ApiError

    with suppress(ApiError):
        for name in es.security.get_user():
            if part in name:
                es.security.delete_user(username=name)
    with suppress(ApiError):
        for name in es.security.get_role():
            if part in name:
                es.security.delete_role(name=name)
    with suppress(ApiError):
        keys = es.security.get_api_key()["api_keys"]
        ids = [key["id"] for key in keys if part in key["name"] and not key["invalidated"]]
        if ids:
            es.security.invalidate_api_key(ids=ids)
