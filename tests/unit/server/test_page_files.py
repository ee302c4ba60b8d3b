"""The files of the web page: whole, without a build, and without ways to run foreign text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esrag.server.pages import FOLDER

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
INDEX = (FOLDER / "index.html").read_text(encoding="utf-8")
# what turns a string into markup or code
SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc"
    r"|createContextualFragment|setHTML|setTimeout\(\s*[\"'`]|\.cssText|javascript:"
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_nothing_of_strings(script: Path) -> None:
    """Neither markup nor code: elements come from names and texts alone."""
    assert SINKS.findall(script.read_text(encoding="utf-8")) == []


def test_a_sink_would_be_found() -> None:
    """The counter-check."""
    assert SINKS.search("element.innerHTML = text")


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(file: Path) -> None:
    """The page needs no other host; names of standards are no addresses that are called."""
    addresses = re.findall(r"(?:https?:|[\"'`(])//[\w.-]+", file.read_text("utf-8"))
    assert [each for each in addresses if each != "http://www.w3.org"] == []


def test_the_index_has_no_inline_script_or_style() -> None:
    """The policy of the server would stop them."""
    assert re.findall(r"<script(?![^>]*\bsrc=)", INDEX) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", INDEX) == []


def test_every_file_is_used() -> None:
    """What the index names is there, and what is there is named: modules are fetched at once."""
    named = set(re.findall(r"(?:src|href)=\"([^\"#]+)\"", INDEX))
    assert named == {path.name for path in FILES} - {"index.html"}


def test_modules_import_what_is_there() -> None:
    """A wrong name would only show in a browser."""
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        for names, module in re.findall(r"import \{([^}]+)\} from \"\./([^\"]+)\"", text):
            exported = (FOLDER / module).read_text(encoding="utf-8")
            for name in names.split(","):
                kind = r"(?:async )?(?:function\*?|class|const)"
                assert re.search(rf"export {kind} {name.strip()}\b", exported), (script, name)


def test_modules_are_small() -> None:
    """A module past 300 lines holds more than one noun."""
    assert [path.name for path in SCRIPTS if len(path.read_text("utf-8").splitlines()) > 300] == []
