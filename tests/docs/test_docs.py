"""What the documentation says, held against the code; nothing here needs a server."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from docs.generate import GENERATED
from esrag.answering import MOST_SENTENCES
from esrag.calibration import DEFAULT_THRESHOLD
from esrag.cli import COMMANDS, cli
from esrag.cli.paths_or_command import PathsOrCommand
from esrag.evaluation.systems import read_systems
from esrag.privileges import needed
from esrag.quoting import CONFIDENCE, NEW_MARGIN, SAME_MARGIN, Weights
from esrag.resources import load_body
from esrag.retrieval import LONGEST_QUESTION
from esrag.settings import ChunkSettings, Settings
from esrag.templating import template_source
from esrag.verification import DEFAULT_COVERAGE

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {2: "two", 3: "three", 4: "four"}
FOLDER = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(FOLDER.glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in GENERATED]

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_END_OF_COMMAND = frozenset(("|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1"))


@dataclass(frozen=True)
class Found:
    """Something on a page, to be named when it is wrong."""

    page: Path
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text}"


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def blocks(*kinds: str) -> Iterator[Found]:
    """The fenced blocks of these kinds on all pages."""
    for page in PAGES:
        for kind, content in _FENCE.findall(page.read_text(encoding="utf-8")):
            if kind in kinds:
                yield Found(page, content)


def links() -> Iterator[Found]:
    """Links that lead into this repository."""
    for page in PAGES:
        for target in _LINK.findall(prose(page)):
            if "://" not in target and not target.startswith("mailto:"):
                yield Found(page, target)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        words = re.sub(r"[^\w\- ]", "", _LINK.sub("", heading).lower())
        base = anchor = words.replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def commands() -> Iterator[Found]:
    """Every esrag command in a console block (after its prompt) or a shell block."""
    for block in blocks("console", "sh", "bash", "shell"):
        for line in block.text.splitlines():
            stripped = line.strip()
            if stripped.startswith("$ "):
                stripped = stripped.removeprefix("$ ")
            elif not stripped.startswith("esrag "):
                continue
            arguments = words_of(stripped)
            if arguments[:1] == ["esrag"]:
                yield Found(block.page, shlex.join(arguments[1:]))


def words_of(line: str) -> list[str]:
    """A shell line as words: without comment, variables before it, and what follows a pipe."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    end = next((n for n, word in enumerate(words) if word in _END_OF_COMMAND), len(words))
    return words[:end]


def parse(command: click.Command, name: str, words: list[str], parent: click.Context) -> None:
    """Parse without running; click raises what it would show to a user."""
    if not isinstance(command, click.Group) or _stands_alone(command, words):
        with command.make_context(name, list(words), parent=parent) as context:
            if isinstance(command, PathsOrCommand) and (inner := command.named(context)):
                inner.make_context(str(inner.name), context.args, parent=context)
        return
    with click.Context(command, info_name=name, parent=parent) as context:
        if not words:
            raise click.UsageError(f"{name} needs a command")
        inner_name, inner, inner_words = command.resolve_command(context, words)
        if inner is not None:
            parse(inner, inner_name or "", inner_words, context)


def _stands_alone(group: click.Group, words: list[str]) -> bool:
    """Whether the group itself is the command: no word of its commands comes first."""
    if isinstance(group, PathsOrCommand):
        return True
    return group.invoke_without_command and not set(words[:1]) & set(group.commands)


def table_rows(page: str, heading: str) -> Iterator[list[str]]:
    """The cells of the tables below a heading, header and rule left out."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@cache
def strings_of_the_code() -> tuple[str, ...]:
    """Every string of the package, with \\0 where an f-string puts in a value."""
    found = []
    for path in sorted((ROOT / "esrag").rglob("*.py")):
        inside: set[ast.AST] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                inside.update(node.values)
                parts = (v.value if isinstance(v, ast.Constant) else "\0" for v in node.values)
                found.append("".join(str(part) for part in parts))
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node not in inside
            ):
                found.append(node.value)
    return tuple(found)


def is_said(message: str) -> bool:
    """Whether one string of the code holds the parts of ``message`` between its ellipses."""
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    pattern = re.compile(".*?".join(parts), re.DOTALL)
    return any(pattern.search(text) for text in strings_of_the_code())


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_references_are_fresh(name: str) -> None:
    """`make docs` would write the file as it is."""
    path = FOLDER / name
    assert path.is_file(), f"{name} is missing; write it with: make docs"
    # a fresh interpreter: click remembers the help flags of the first context it meets
    program = f"from docs.generate import GENERATED; print(GENERATED[{name!r}](), end='')"
    made = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER.parent,
    )
    assert path.read_text(encoding="utf-8") == made.stdout, f"{name} is stale: make docs"


def test_every_link_resolves() -> None:
    """Files exist, and anchors are headings of the page that they lead to."""
    broken = []
    for found in links():
        file, _, anchor = found.text.partition("#")
        target = (found.page.parent / file).resolve() if file else found.page
        dead = not target.exists()
        if dead or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(str(found))
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    """A reader who starts at docs/README.md finds all of them."""
    listed = set(_LINK.findall((FOLDER / "README.md").read_text(encoding="utf-8")))
    missing = {page.name for page in FOLDER.glob("*.md")} - listed - {"README.md"}
    assert missing == set()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_in_the_guide(name: str) -> None:
    """The generated reference alone does not count."""
    assert any(f"esrag {name}" in page.read_text(encoding="utf-8") for page in WRITTEN)


def test_json_blocks_parse() -> None:
    """What is shown can be pasted."""
    found = list(blocks("json"))
    assert found
    for block in found:
        try:
            json.loads(block.text)
        except ValueError as error:
            pytest.fail(f"{block}\n{error}")


def test_toml_blocks_are_settings(tmp_path: Path) -> None:
    """They parse, and every name in them is a setting, or a system of a comparison."""
    found = list(blocks("toml"))
    assert found
    for block in found:
        if "[systems." in block.text:
            file = tmp_path / "systems.toml"
            file.write_text(block.text, encoding="utf-8")
            assert read_systems(file)
            continue
        for section, values in tomllib.loads(block.text).items():
            field = Settings.model_fields.get(section)
            assert field is not None, f"{block.page.name}: [{section}]"
            if isinstance(values, dict):
                known = field.annotation
                assert isinstance(known, type)
                assert issubclass(known, BaseModel)
                assert set(values) <= set(known.model_fields), str(block)


def test_shown_commands_parse() -> None:
    """Every command and option that a block shows exists; none is run."""
    shown = list(commands())
    assert len(shown) > 10
    wrong = []
    for found in shown:
        try:
            with click.Context(cli, info_name="esrag") as root:
                name, command, words = cli.resolve_command(root, shlex.split(found.text))
                if command is not None:
                    parse(command, name or "", words, root)
        except click.exceptions.Exit:
            continue  # --help
        except click.ClickException as error:
            wrong.append(f"{found}: {error.format_message()}")
    assert wrong == []


def test_commands_in_the_text_exist() -> None:
    """The first words of `esrag …` in running text name a command."""
    wrong = []
    for page in WRITTEN:
        for code in _CODE.findall(prose(page)):
            words = code.split()
            if words[:1] != ["esrag"] or len(words) < 2 or not words[1].isalpha():
                continue
            with click.Context(cli, info_name="esrag") as root:
                command = cli.get_command(root, words[1])
                if isinstance(command, PathsOrCommand):
                    continue  # what follows may be a path
                if isinstance(command, click.Group) and len(words) > 2 and words[2].isalpha():
                    command = command.get_command(root, words[2])
            if command is None:
                wrong.append(f"{page.name}: {code}")
    assert wrong == []


def test_settings_in_the_text_exist() -> None:
    """`section.name` is a setting wherever section is one."""
    wrong = []
    for page in WRITTEN:
        for code in _CODE.findall(prose(page)):
            match = re.fullmatch(r"([a-z]+)\.([a-z_]+)(?: = .*)?", code)
            field = Settings.model_fields.get(match[1]) if match else None
            section = field.annotation if field else None
            if match is None or not isinstance(section, type) or match[2] == "json":
                continue
            if issubclass(section, BaseModel) and match[2] not in section.model_fields:
                wrong.append(f"{page.name}: {code}")
    assert wrong == []


@pytest.mark.parametrize(
    "heading", ["Local stack", "Reaching servers", "Setup and models", "Ingest", "Questions"]
)
def test_messages_are_those_of_the_code(heading: str) -> None:
    """Who looks for a message in the guide finds the words that were printed."""
    rows = [cells for cells in table_rows("troubleshooting.md", heading) if len(cells) == 3]
    messages = [match[1] for cells in rows if (match := _CODE.match(cells[0]))]
    assert messages
    assert [message for message in messages if not is_said(message)] == []


def test_codes_of_rejected_inputs_are_those_of_the_code() -> None:
    """Each code of the table stands in the package."""
    rows = [cells for cells in table_rows("troubleshooting.md", "Ingest") if len(cells) == 2]
    codes = [code for cells in rows for code in _CODE.findall(cells[0])]
    assert codes
    assert [code for code in codes if code not in strings_of_the_code()] == []


def test_weights_are_those_of_the_code() -> None:
    """The table in verification.md says what is computed."""
    shown = {
        cells[0].strip("`"): (float(cells[2]), float(cells[3]))
        for cells in table_rows("verification.md", "Rank the quotes")
        if cells[0].startswith("`")
    }
    score = Weights()
    parts = ("meaning", "words", "figures", "names", "kind", "rank", "passage")
    assert shown == {part: (getattr(score, part), getattr(CONFIDENCE, part)) for part in parts}


def test_constants_are_those_of_the_code() -> None:
    """So are the numbers of retrieval and of the thresholds."""
    shown = {
        name: float(value)
        for name, value in table_rows("answering.md", "What the numbers are")
        if name != "constant"
    }
    hybrid = template_source(load_body("pipelines/search/hybrid.json"))
    layout = load_body("mappings/settings.json")["template"]["settings"]["index"]

    def in_template(pattern: str) -> float:
        match = re.search(pattern, hybrid)
        assert match is not None
        return float(match[1])

    assert shown == {
        "RRF rank constant": in_template(r'"rank_constant": (\d+)'),
        "BM25 b": layout["similarity"]["default"]["b"],
        "rank window": in_template(r"\{\{\^rank_window_size\}\}(\d+)"),
        "kNN candidates": in_template(r"\{\{\^num_candidates\}\}(\d+)"),
        "longest chunk, tokens with context": ChunkSettings().max_tokens,
        "default threshold": DEFAULT_THRESHOLD,
        "default coverage": DEFAULT_COVERAGE,
        "longest question, characters": LONGEST_QUESTION,
    }


def test_margins_are_those_of_the_code() -> None:
    """The sentences that name them change with them."""
    page = (FOLDER / "verification.md").read_text(encoding="utf-8")
    assert f"score at least {SAME_MARGIN} of it" in page
    assert f"no other covers needs {NEW_MARGIN}" in page
    page = (FOLDER / "answering.md").read_text(encoding="utf-8")
    assert f"after {NUMBERS[MOST_SENTENCES]} it is cut off" in page


def test_privileges_of_setup_are_listed() -> None:
    """Each privilege that setup asks the cluster for stands in privileges.md."""
    page = (FOLDER / "privileges.md").read_text(encoding="utf-8")
    asked = [name for name, _ in needed("setup", "default").flat()]
    assert [name for name in asked if f'"{name}"' not in page] == []
