"""A page in one file: its style and script within, and nothing that a browser would fetch."""

from __future__ import annotations

import base64
import hashlib

from esrag.evaluation.report.markup import Content, Markup, tag


def page(title: str, *content: Content, style: str, script: str) -> str:
    """The page's HTML: ``content``, then ``script``; both texts are ours and are not escaped."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag("body", *content, tag("script", Markup(script)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def policy(style: str, script: str) -> str:
    """What a browser may do with the page: apply this style, run this script, and no more."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
