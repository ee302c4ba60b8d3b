"""Source code and configuration: the text as written, as one block that is cut at definitions."""

from __future__ import annotations

import re

from esrag.corpus import fields
from esrag.types import Block, Document

_LANGUAGES = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript",
    "jsx": "javascript", "ts": "typescript", "tsx": "typescript", "java": "java", "kt": "kotlin",
    "kts": "kotlin", "scala": "scala", "groovy": "groovy", "go": "go", "rs": "rust", "c": "c",
    "h": "c", "cc": "c++", "cpp": "c++", "cxx": "c++", "hh": "c++", "hpp": "c++", "cs": "c#",
    "swift": "swift", "rb": "ruby", "php": "php", "pl": "perl", "pm": "perl", "lua": "lua",
    "r": "r", "jl": "julia", "sh": "shell", "bash": "shell", "zsh": "shell", "ps1": "powershell",
    "sql": "sql", "proto": "protobuf", "graphql": "graphql", "tf": "terraform", "ex": "elixir",
    "exs": "elixir", "erl": "erlang", "hs": "haskell", "ml": "ocaml", "clj": "clojure",
    "dart": "dart", "css": "css", "scss": "scss", "vue": "vue", "svelte": "svelte", "tex": "latex",
    "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "conf": "conf",
    "properties": "properties", "gradle": "gradle", "cmake": "cmake", "xml": "xml", "log": "log",
}  # fmt: skip
NAMES = {
    "makefile": "make",
    "dockerfile": "dockerfile",
    "jenkinsfile": "groovy",
    "vagrantfile": "ruby",
    "gemfile": "ruby",
    "rakefile": "ruby",
}

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def parse(text: str, *, document_id: str) -> Document:
    """The document; ``text`` is kept as it is."""
    language = language_of(document_id)
    last = len(text.rstrip())
    first = len(text) - len(text.lstrip("\r\n"))
    return Document(
        id=document_id,
        text=text,
        title=fields.one_line(document_id.rpartition("/")[2]),
        source=document_id,
        mime_type="text/plain",
        metadata={"code_language": language} if language else {},
        blocks=(Block("code", first, last),) if first < last else (),
    )


def declared(raw: bytes) -> str:
    """The encoding that a comment on one of the first two lines names (PEP 263)."""
    for line in raw[:1000].splitlines()[:2]:
        found = _CODING.match(line)
        if found:
            return found.group(1).decode("ascii")
    return ""


def language_of(name: str) -> str:
    """The programming language that a file's name says."""
    base = name.rpartition("/")[2].lower()
    return NAMES.get(base) or _LANGUAGES.get(base.rpartition(".")[2], "")
