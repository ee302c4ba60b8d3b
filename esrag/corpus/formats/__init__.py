"""The formats: by which endings each is known, which module reads it, what becomes of it.

    name --format_of--> Format --reading--> its module: parse(...)

Adding a format is adding a module here and an entry to ``FORMATS``.  Modules are imported when
the first file of their format is read, so that nothing pays for libraries it does not use; this
table itself imports none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

# text: parse(text, *, document_id) -> Document, after decoding
# file: parse(content, options) -> Document
# many: parse(content, options) -> Iterator[Found]
Shape = Literal["text", "file", "many"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format; ``library``, ``becomes``, ``pages`` and ``fields`` are for the documentation."""

    name: str
    endings: tuple[str, ...]
    shape: Shape
    mime_type: str
    library: str
    becomes: str
    pages: str = ""
    fields: str = ""
    module: str = ""
    names: tuple[str, ...] = ()
    magic: str = ""  # what ``sniffing.kind_of`` must say of the first bytes; text has none
    holds_members: bool = False

    @property
    def module_name(self) -> str:
        """The module that reads it."""
        return f"{__name__}.{self.module or self.name}"


_OFFICE_FIELDS = "properties: title, author, dates, language, subject, keywords, category"
_SHEETS = (
    "each sheet a section, its rows tables with header (blank rows part them), formulas by their "
    "last value; or each row a document"
)

_CODE = (
    "py pyi js mjs cjs jsx ts tsx java kt kts scala groovy go rs c h cc cpp cxx hh hpp cs swift rb "
    "php pl pm lua r jl sh bash zsh ps1 sql proto graphql tf ex exs erl hs ml clj dart css scss "
    "vue svelte tex yaml yml toml ini cfg conf properties gradle cmake xml log"
)

FORMATS: tuple[Format, ...] = (
    Format(
        "markdown",
        (".md", ".markdown"),
        "text",
        "text/markdown",
        "markdown-it-py, PyYAML",
        "the text as written; headings, lists, tables, code and quotes are known",
        fields="YAML front matter",
    ),
    Format(
        "plain",
        (".txt", ".text"),
        "text",
        "text/plain",
        "",
        "the text as written; blank lines separate paragraphs, underlined or lone short lines "
        "are headings",
        fields="`URL:` and `Date:` lines in its head",
        names=tuple("readme license licence changelog authors contributing notice todo".split()),
    ),
    Format(
        "html",
        (".html", ".htm", ".xhtml"),
        "text",
        "text/html",
        "selectolax, trafilatura",
        "the main content without navigation, footers, forms and scripts; tables in pipe form",
        fields="title, canonical link, `meta` elements, `lang`",
    ),
    Format(
        "jsonl",
        (".jsonl", ".ndjson"),
        "many",
        "application/x-ndjson",
        "",
        "one record a line, one document each",
        fields="by name, or as mapped",
    ),
    Format(
        "pdf",
        (".pdf",),
        "file",
        "application/pdf",
        "pypdfium2",
        "the text layer as paragraphs; headings from the outline, else from larger type; running "
        "headers and footers once",
        pages="pages",
        fields="document information: title, author, dates, subject, keywords",
        magic="pdf",
    ),
    Format(
        "docx",
        (".docx",),
        "file",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "python-docx, lxml",
        "headings, paragraphs, lists, tables, text boxes, foot- and endnotes; not headers, "
        "footers, comments, nor what was deleted under tracked changes",
        fields=_OFFICE_FIELDS,
        magic="zip",
    ),
    Format(
        "pptx",
        (".pptx",),
        "file",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "python-pptx",
        "titles as headings, texts, lists, tables, the data of charts, notes",
        pages="slides",
        fields=_OFFICE_FIELDS,
        magic="zip",
    ),
    Format(
        "xlsx",
        (".xlsx", ".xlsm", ".xlsb"),
        "many",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "python-calamine",
        _SHEETS,
        pages="sheets",
        fields=_OFFICE_FIELDS,
        module="sheets",
        magic="zip",
    ),
    Format(
        "xls",
        (".xls",),
        "many",
        "application/vnd.ms-excel",
        "python-calamine",
        _SHEETS,
        pages="sheets",
        module="sheets",
        magic="ole2",
    ),
    Format(
        "ods",
        (".ods",),
        "many",
        "application/vnd.oasis.opendocument.spreadsheet",
        "python-calamine",
        _SHEETS,
        pages="sheets",
        module="sheets",
        magic="zip",
    ),
    Format(
        "csv",
        (".csv", ".tsv", ".tab"),
        "many",
        "text/csv",
        "",
        "one table with its header row; or each row a document",
    ),
    Format(
        "json",
        (".json",),
        "many",
        "application/json",
        "",
        "an array of objects: each a document; an object with a text field: one document; other "
        "data: its own text, as code",
        fields="by name, or as mapped",
    ),
    Format(
        "eml",
        (".eml",),
        "many",
        "message/rfc822",
        "",
        "the plain part, else the HTML part; each attachment is an input `mail.eml!/name.pdf`",
        fields="subject, sender, date, `to`, `cc`, message id",
        module="mail",
        holds_members=True,
    ),
    Format(
        "mbox",
        (".mbox",),
        "many",
        "application/mbox",
        "",
        "each message as a mail: `box.mbox#1`, its attachments `box.mbox#1!/name.pdf`",
        fields="as in mails",
        module="mail",
        holds_members=True,
    ),
    Format(
        "zip",
        (".zip",),
        "many",
        "application/zip",
        "",
        "each member is an input `archive.zip!/folder/name.md`",
        module="archives",
        magic="zip",
        holds_members=True,
    ),
    Format(
        "tar",
        (".tar",),
        "many",
        "application/x-tar",
        "",
        "each member is an input, as in a zip archive",
        module="archives",
        magic="tar",
        holds_members=True,
    ),
    *(
        Format(
            f"tar.{kind}",
            endings,
            "many",
            f"application/x-tar+{kind}",
            "",
            "a compressed tar archive",
            module="archives",
            magic=kind,
            holds_members=True,
        )
        for kind, endings in (
            ("gzip", (".tar.gz", ".tgz")),
            ("bzip2", (".tar.bz2", ".tbz2")),
            ("xz", (".tar.xz", ".txz")),
        )
    ),
    *(
        Format(
            kind,
            (ending,),
            "many",
            f"application/{kind}",
            "",
            "one compressed file, read by the ending before; it keeps its own name as id",
            module="archives",
            magic=kind,
            holds_members=True,
        )
        for kind, ending in (("gzip", ".gz"), ("bzip2", ".bz2"), ("xz", ".xz"))
    ),
    Format(
        "epub",
        (".epub",),
        "file",
        "application/epub+zip",
        "lxml, selectolax",
        "the chapters in reading order, each as HTML is read",
        pages="chapters",
        fields="title, author, language, date, publisher, subject, identifier",
        magic="zip",
    ),
    Format(
        "odt",
        (".odt",),
        "file",
        "application/vnd.oasis.opendocument.text",
        "lxml",
        "headings, paragraphs, lists, tables; notes where they are referred to",
        fields=_OFFICE_FIELDS,
        magic="zip",
    ),
    Format(
        "rtf",
        (".rtf",),
        "file",
        "application/rtf",
        "striprtf",
        "the words as paragraphs, without styles",
        fields="title, author",
        magic="rtf",
    ),
    Format(
        "rst",
        (".rst", ".rest"),
        "text",
        "text/x-rst",
        "docutils",
        "headings, paragraphs, lists, code, tables; directives that read files or pass raw text "
        "on are off, Sphinx's are read as far as they hold text",
        fields="the field list at the top",
    ),
    Format(
        "asciidoc",
        (".adoc", ".asciidoc"),
        "text",
        "text/asciidoc",
        "",
        "headings, paragraphs, lists, listings, tables; inline markup as written, includes are "
        "not followed",
        fields="title, author line and attributes of the header",
    ),
    Format(
        "code",
        tuple(f".{ending}" for ending in _CODE.split()),
        "text",
        "text/x-source",
        "",
        "the text as written, cut before definitions",
        fields="language of the code",
        names=tuple("makefile dockerfile jenkinsfile vagrantfile gemfile rakefile".split()),
    ),
)

_BY_ENDING = {ending: one for one in FORMATS for ending in one.endings}
_BY_NAME = {name: one for one in FORMATS for name in one.names}
_BY_MEDIA_TYPE = {one.mime_type: one for one in reversed(FORMATS)}
_INDEFINITE = frozenset(("text/plain", "application/octet-stream", "binary/octet-stream"))
ENDINGS = tuple(_BY_ENDING)


def format_of(name: str) -> Format | None:
    """The format that a file's name says; None for an unknown one."""
    base = name.rpartition("/")[2].lower()
    return _BY_NAME.get(base) or _BY_ENDING.get(ending_of(base))


def format_of_media_type(media_type: str) -> Format | None:
    """The format that a media type says; None for unknown ones and those that say nothing."""
    kind = media_type.partition(";")[0].strip().lower()
    return None if kind in _INDEFINITE else _BY_MEDIA_TYPE.get(kind)


def ending_of(name: str) -> str:
    """The ending of a name, lower case, with its dot; ".tar.gz" and the like as a whole."""
    path = PurePosixPath(name.lower())
    double = "".join(path.suffixes[-2:])
    return double if double in _BY_ENDING else path.suffix


def unknown_type(name: str) -> str:
    """The rule for a file whose format is not known."""
    return f"unknown type {ending_of(name) or '(no ending)'}"
