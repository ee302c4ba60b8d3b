"""What each argument stands for: a folder, a file, a pattern, standard input, a list of them.

    arguments --sources_of--> Source --entries--> Entry

An argument is judged when its Source is made, before anything is sent: one that does not exist
is the user's mistake.  What shows up later is an outcome of an input.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from esrag.corpus.listing.globs import has_magic
from esrag.corpus.listing.lists import list_source
from esrag.corpus.listing.local_sources import glob_source, path_source
from esrag.corpus.listing.options import ListingOptions
from esrag.corpus.listing.pages import Web, is_page
from esrag.corpus.listing.remote_sources import is_remote, local_path, remote_source
from esrag.corpus.listing.rules import Patterns
from esrag.corpus.listing.source import Context, Source
from esrag.corpus.listing.standard_input import input_source
from esrag.corpus.listing.web_sources import page_source, sitemap_source, url_list_source
from esrag.corpus.origins import printable_name
from esrag.errors import UsageError


def sources_of(
    arguments: Sequence[str], options: ListingOptions, *, web: Web
) -> tuple[Source, ...]:
    """One source an argument, in order; raises UsageError that names all that do not exist."""
    context = Context(options, Patterns.of(options.include, options.exclude), web)
    if arguments.count("-") > 1:
        raise UsageError("- (standard input) is named more than once")
    if "" in arguments:
        # the current folder would be the worst guess for a variable of a script that is not set
        raise UsageError("a path is empty", hint="Is a variable not set? A dot is this folder.")
    found = [(argument, _source(argument, context)) for argument in arguments]
    missing = [argument for argument, source in found if source is None]
    lists = (*options.lists, *options.url_lists)
    missing += [str(path) for path in lists if not path.exists() or path.is_dir()]
    if missing:
        shown = ", ".join(printable_name(name) for name in missing)
        raise UsageError(f"no such file or folder: {shown}", hint="Nothing was sent.")
    return (
        *(source for _, source in found if source is not None),
        *(list_source(path, context) for path in options.lists),
        *(url_list_source(path, context) for path in options.url_lists),
        *(sitemap_source(url, context) for url in options.sitemaps),
    )


def _source(argument: str, context: Context) -> Source | None:
    """None when there is no such thing."""
    options, patterns = context.options, context.patterns
    if argument == "-":
        return input_source(options)
    if is_page(argument):
        return page_source(argument, context)
    if is_remote(argument):
        return remote_source(argument, options, patterns)
    path = local_path(argument)
    if os.path.lexists(path):
        return path_source(path, options.origin, patterns)
    if has_magic(str(path)):
        return glob_source(str(path), options.origin, patterns)
    return None
