"""Source code and configuration: the text as written, in blocks that begin with a definition.

A block is a definition with its comments and decorators before it, up to the next one at the left
margin; what is too long for a chunk is cut between lines.  What a definition looks like is told
by the words that languages begin them with, not by a parser for each.
"""

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

_DEFINITION = re.compile(
    r"^(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub|"
    r"pub\([^)\n]*\)|unsafe|extern|inline|virtual|override|sealed|data|open|declare|@\w+)\s+)*"
    r"(?:def|class|func|fn|function|interface|trait|impl|struct|enum|union|module|mod|namespace|"
    r"type|message|service|rpc|object|record|protocol|extension|sub|package|resource|"
    r"create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|index|trigger))\b",
    re.IGNORECASE,
)
# C and its kin have no word for it: a line at the margin with a parameter list, then a brace.
_FUNCTION = re.compile(r"^[A-Za-z_][\w\s*&:<>,~\[\]]*\([^;]*\)[^;]*\{?\s*$")
_SECTION = re.compile(r"^\[[^\]\n]+\]\s*$|^[A-Za-z_][\w.-]*:\s*(?:[|>]-?)?\s*$")
_LEAD = re.compile(r"^(?://|/\*|\*|\s\*|#(?!include|define|if|endif)|--|;|@|\"\"\")")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BY_SECTION = frozenset(("ini", "toml", "yaml"))
_BY_FUNCTION = frozenset(("c", "c++", "java", "c#", "dart", "php", "javascript", "typescript"))


def parse(text: str, *, document_id: str) -> Document:
    """The document; ``text`` is kept as it is."""
    language = language_of(document_id)
    return Document(
        id=document_id,
        text=text,
        title=fields.one_line(document_id.rpartition("/")[2]),
        source=document_id,
        mime_type="text/plain",
        metadata={"code_language": language} if language else {},
        blocks=parse_blocks(text, language),
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


def parse_blocks(text: str, language: str) -> tuple[Block, ...]:
    """One block for each definition at the left margin, and for what stands before the first."""
    cuts: list[int] = []
    lead = -1  # where comments and decorators begin that may belong to a definition
    for match in _LINES.finditer(text):
        line = match.group().rstrip()
        if _begins(line, language):
            cuts.append(lead if lead >= 0 else match.start())
            lead = -1
        elif line and _LEAD.match(line):
            lead = match.start() if lead < 0 else lead
        elif line:
            lead = -1
    starts = [0, *(cut for cut in cuts if cut > 0)]
    blocks: list[Block] = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        stretch = text[start:end]
        first = start + len(stretch) - len(stretch.lstrip("\r\n"))
        last = start + len(stretch.rstrip())
        if first < last:
            blocks.append(Block("code", first, last))
    return tuple(blocks)


def _begins(line: str, language: str) -> bool:
    if not line or line[0] in " \t})]":
        return False
    if language in _BY_SECTION:
        return bool(_SECTION.match(line))
    if _DEFINITION.match(line):
        return True
    return language in _BY_FUNCTION and len(line) < 300 and bool(_FUNCTION.match(line))
