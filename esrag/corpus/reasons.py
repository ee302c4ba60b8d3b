"""Every code that a rejection can carry, with what it means in one sentence.

A code is stable: scripts and dead letters are filtered by it.  ``Rejected`` entries, dead letters
and the documentation use these and no others, but for one source: what Elasticsearch refuses
bears the error type that the server gave (``mapper_parsing_exception`` and the like).
"""

from __future__ import annotations

LIST = {
    "unreadable": "The file or folder cannot be opened or read; the system's reason is given.",
    "not_a_file": "It is a pipe, socket or device, or became one after it was listed.",
    "unknown_type": "No format is known for the ending (in a folder such a file is skipped).",
    "bad_name": "The name cannot be used as a path or an id.",
    "unreachable": "The remote place did not answer, after several tries.",
    "not_found": "The remote place has nothing under this address.",
    "forbidden": "The remote place refuses access.",
    "too_slow": "The remote place was slower than the deadline.",
    "http_status": "The remote place answered with a status that is no success.",
    "bad_url": "The address is no http(s) address, or holds a password.",
    "origin_not_allowed": "The address is of an origin that was not allowed.",
    "address_blocked": "The name leads to an address of this machine or a private network.",
    "redirected": "The remote place leads on to an origin that was not allowed.",
    "bad_sitemap": "The sitemap is not XML, or holds no addresses.",
    "too_many": "There are more addresses than the limit.",
    "no_source": "The index keeps no source of its documents.",
    "duplicate_id": "An input before it in this run has the same document id.",
    "id_conflict": "The index holds this document id under another origin, with other content.",
}
READ = {
    "empty": "There is no text: an empty file, or one without a letter or digit.",
    "too_large": "The file is over the size limit of its format.",
    "undecodable": "The bytes are not what the encoding says (UTF-8, or the declared one).",
    "nul_byte": "A text file holds NUL: it is binary, or UTF-16 without a byte order mark.",
    "wrong_type": "The content is of another type than the name says.",
}
PARSE = {
    "broken": "The file is damaged, cut off, or not what the format asks for.",
    "encrypted": "The file or archive member cannot be read without a password.",
    "no_text_layer": "The PDF holds pictures of pages only; it needs text recognition (OCR) first.",
    "unsupported": "The format is known, this variant of it is not.",
    "missing_library": "The library that reads this format is not installed.",
    "too_deep": "Elements or values are nested too deeply.",
    "too_many_attributes": "An HTML tag has more attributes than any real page.",
    "too_many_pages": "The document has more pages than the limit.",
    "text_too_long": "The text of this one document is over the limit.",
    "front_matter": "The YAML front matter is not valid.",
    "metadata": "The metadata has too many fields, one that is too long, or is no object.",
    "id_too_long": "The document id is over the limit.",
    "lone_surrogate": "The text holds half of a surrogate pair, which UTF-8 cannot express.",
    "bad_json": "The line or file is not JSON.",
    "not_an_object": "The record is JSON, but not an object.",
    "no_text_field": "The record has none of the fields that hold text.",
    "text_not_a_string": "The field that should hold the text holds something else.",
    "bad_id": "The field that should hold the id is no string or number.",
    "record_too_large": "One record is over the limit.",
    "bad_table": "The table's rows cannot be told apart, for example by a quote left open.",
    "parser_crashed": "The parser process died of this file.",
    "parser_limit": "The parser used up the time or memory that a file may take.",
}
ARCHIVE = {
    "unsafe_name": "The member's name leads out of the archive, is absolute, or cannot be shown.",
    "link": "The member is a link; links are not followed.",
    "duplicate_name": "A member before it has the same name.",
    "too_many_members": "The archive has more members than the limit.",
    "inflates_too_much": "The archive unpacks to more than the limit, or far beyond its size.",
    "nested_archives": "Archives are packed inside one another more deeply than the limit.",
}
INDEX = {
    "not_verified": "After the refresh the index did not hold what it had acknowledged.",
}
REASONS = {**LIST, **READ, **PARSE, **ARCHIVE, **INDEX}
STAGES = {
    "list and read": {**LIST, **READ},
    "parse": PARSE,
    "archives": ARCHIVE,
    "index and verify": INDEX,
}
