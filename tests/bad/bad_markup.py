"""Bad HTML and XHTML."""

from __future__ import annotations

from bad_case import CUT, Bad

_XXE = """<?xml version="1.0"?>
<!DOCTYPE html [<!ENTITY secret SYSTEM "file:///etc/passwd"> <!ENTITY net SYSTEM "http://127.0.0.1:9/x">]>
<html xmlns="http://www.w3.org/1999/xhtml"><body><p>words &secret; &net;</p></body></html>"""
_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><html><body><p>words &i;</p></body></html>"
)


def html() -> list[Bad]:
    """Pages that are built to hurt, or broken beyond reading."""
    return [
        Bad("entities.xhtml", _XXE, (CUT,), "external entities are not followed"),
        Bad("laughs.xhtml", _LAUGHS, (CUT,), "a billion laughs are not expanded"),
        Bad(
            "deep.html",
            "<div>" * 50_000 + "words" + "</div>" * 50_000,
            ("too_deep",),
            "50,000 deep",
        ),
        Bad("tables.html", "<table><tr><td>" * 5000 + "words", (CUT,), "5,000 tables nested"),
        Bad(
            "attributes.html",
            f"<p {' '.join(f'a{n}=1' for n in range(200_000))}>words</p>",
            ("too_many_attributes",),
            "200,000 attributes",
        ),
        Bad("open.html", "<p>words <b><i><u><a href=x>" * 3000, (CUT,), "3,000 never closed"),
        Bad("misnested.html", "<b><i></b></i>" * 10_000 + "words", (CUT,), "adoption agency"),
        Bad("less-than.html", "<" * 200_000 + " words", (CUT,), "200,000 <"),
        Bad("comment.html", "<p>words</p><!-- " + "-" * 100_000, (CUT,), "a comment left open"),
        Bad(
            "script.html", "<script>let words = 1</script><style>p{}</style>", ("empty",), "no text"
        ),
        Bad(
            "script-open.html", "<p>words</p><script>" + "a" * 100_000, (CUT,), "a script left open"
        ),
        Bad("deep-list.html", "<ul><li>words " * 3000, (CUT,), "a list 3,000 deep"),
        Bad("deep-quote.html", "<blockquote>words " * 3000, (CUT,), "quotes 3,000 deep"),
        Bad("blanks.html", f"<pre>words{' ' * 500_000}words</pre>", (CUT,), "500,000 blanks"),
        Bad("nothing.html", "<html><body></body></html>", ("empty",), "no text"),
        Bad("nul.html", b"<p>words\0words</p>", ("nul_byte",), "NUL"),
        Bad(
            "charset-unknown.html",
            '<meta charset="klingon"><p>words',
            ("undecodable",),
            "no charset",
        ),
        Bad("charset-zip.html", '<meta charset="zip"><p>words', ("undecodable",), "no text codec"),
        Bad(
            "charset-lie.html", b'<meta charset="utf-8"><p>Stra\xdfe', ("undecodable",), "it is not"
        ),
        Bad(
            "charset-latin1.html", b'<meta charset="iso-8859-1"><p>Stra\xdfe', (CUT,), "as declared"
        ),
        Bad(
            "utf7.html",
            '<meta charset="utf-7"><p>+ADw-script+AD4-words',
            ("undecodable",),
            "UTF-7 can hide a script, no browser reads it",
        ),
        Bad(
            "references.html",
            "<p>words &#0; &#xD800; &#x110000; &#99999999999; &nosuch;",
            (CUT,),
            "impossible character references become U+FFFD or stay",
        ),
        Bad(
            "data-uri.html",
            f'<p>words<img src="data:image/png;base64,{"A" * 2_000_000}">',
            (CUT,),
            "2 MB of picture",
        ),
        Bad(
            "title.html", f"<title>{'word ' * 100_000}</title><p>words", (CUT,), "a title of 0.5 MB"
        ),
        Bad(
            "wide-table.html",
            f"<table><tr>{'<td>a' * 20_000}<tr>{'<td>b' * 20_000}</table>",
            (CUT,),
            "20,000 columns",
        ),
        Bad(
            "spans.html",
            '<table><tr><td colspan="1000000" rowspan="1000000">words</table>',
            (CUT,),
            "a cell of 10**12",
        ),
        Bad(
            "refresh.html",
            '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/"><p>words',
            (CUT,),
            "nothing is fetched",
        ),
        Bad(
            "base.html",
            '<base href="javascript:alert(1)"><p>words <a href="x">link</a>',
            (CUT,),
            "a base that is a script",
        ),
        Bad(
            "foreign.html",
            "<svg><math><mi><svg>" * 200 + "<p>words",
            (CUT,),
            "SVG and MathML mixed",
        ),
        Bad("is-a-pdf.html", b"%PDF-1.4 words", ("wrong_type",), "a PDF by content"),
    ]
