"""``python -m esrag.sample.check``: holds documents, facts and questions against each other.

Each check is a function that yields complaints; ``main`` prints them all and exits with 1 when
there is one.  The unit tests call ``complaints`` and, to see that each check can fail, the
single checks with spoilt input.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from esrag.sample import corpus_folder, facts_file, questions_file
from esrag.sample.check_questions import question_complaints
from esrag.sample.texts import SampleDocument, contains, dates_in, load_documents, normalise

Facts = Mapping[str, Any]

_SITE = "https://docs.norrvane.example/"
_CODE = re.compile(r"\b(?:SLT|PWD|FRW|WKB|LDM)-\d+\b")
_ADVISORY = re.compile(r"\b(?:NVS|FN)-\d{4}-\d+\b")
_INCIDENT = re.compile(r"\bINC-\d+\b")
_REGION = re.compile(r"\b(?:lul|crk|hfx|boi|hob|[a-z]{3})-\d\b(?=[\s,.;:)/])")
_NOT_REGIONS = re.compile(r"\b(?:tag|sha|utf|iso|cat|mib)-\d\b")
_PORT = re.compile(r"\bports? (\d{2,5})\b|\b(\d{2,5})/(?:tcp|udp)\b")
_VERSION = re.compile(r"(?<![\w.])(\d+\.\d+\.\d+)(?![\w]|\.\d)")
_MONEY = re.compile(r"\b(EUR|USD|AUD) (\d[\d,]*(?:\.\d+)?)\b")
_MONEY_IN_WORDS = re.compile(r"\b(\d[\d,]*(?:\.\d+)?) (euros|US dollars|Australian dollars)\b")
_CURRENCIES = {"euros": "EUR", "US dollars": "USD", "Australian dollars": "AUD"}
_YEAR = re.compile(r"(?<![\w.,:/-])((?:19|20)\d\d)(?!\w|[.,:]\d)")
_WEEKDAY = re.compile(
    r"\b((?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day),? (\d{1,2} \w+ \d{4}|\w+ \d{1,2}, \d{4})"
)
_DAY = r"(\d{1,2} [A-Z][a-z]+ \d{4}|[A-Z][a-z]+ \d{1,2}, \d{4}|\d{4}-\d\d-\d\d)"


def complaints() -> list[str]:
    """Everything that is wrong with the sample as it lies on disk."""
    documents = load_documents(corpus_folder())
    facts: Facts = json.loads(facts_file().read_text(encoding="utf-8"))
    questions = [
        json.loads(line) for line in questions_file().read_text(encoding="utf-8").splitlines()
    ]
    return [
        *document_complaints(documents, facts),
        *question_complaints(questions, documents, facts),
    ]


def document_complaints(documents: Sequence[SampleDocument], facts: Facts) -> list[str]:
    """What is wrong with the documents, in themselves and by the table of truth."""
    found = [
        *statements(documents, facts),
        *identities(documents),
        *links(documents, facts),
        *idle_patterns(documents, facts),
    ]
    for document in documents:
        for check in (dates, vocabulary, versions, releases, prices, keyed):
            found += [f"{document.id}: {text}" for text in check(document, facts)]
    return found


def statements(documents: Sequence[SampleDocument], facts: Facts) -> Iterator[str]:
    """Each fact is stated, literally, in each document that the table names."""
    texts = {document.id: document.text for document in documents}
    ids: set[str] = set()
    for fact in facts["facts"]:
        if fact["id"] in ids:
            yield f"fact {fact['id']}: the id is used twice"
        ids.add(fact["id"])
        if not fact["statements"]:
            yield f"fact {fact['id']}: stated nowhere"
        for statement in fact["statements"]:
            name, literal = statement["document"], statement["text"]
            if name not in texts:
                yield f"fact {fact['id']}: there is no document {name}"
            elif not contains(texts[name], literal):
                yield f"fact {fact['id']}: {name} does not say {literal!r}"


def identities(documents: Sequence[SampleDocument]) -> Iterator[str]:
    """Ids and addresses are unique, follow the path, and every document has a title."""
    seen: set[str] = set()
    for document in documents:
        path, _, record = document.id.partition("#")
        expected = _SITE + posixpath.splitext(path)[0] + (f"#{record}" if record else "")
        if document.fields.get("url") != expected:
            yield f"{document.id}: the address is {document.fields.get('url')}, not {expected}"
        if document.id in seen:
            yield f"{document.id}: the id is used twice"
        seen.add(document.id)
        if not document.fields.get("title"):
            yield f"{document.id}: no title"
        if not document.text.strip():
            yield f"{document.id}: no text"


def links(documents: Sequence[SampleDocument], facts: Facts) -> Iterator[str]:
    """Every link leads to a document of the sample or to a page named in the table."""
    paths = {document.id.partition("#")[0] for document in documents}
    addresses = {document.fields.get("url", "") for document in documents}
    addresses |= {address.partition("#")[0] for address in addresses}
    for document in documents:
        folder = posixpath.dirname(document.id.partition("#")[0])
        for raw in document.links:
            target = raw.rstrip(".,;")
            if target.startswith(("http://", "https://")):
                ours = ".norrvane.example" in target.partition("//")[2].partition("/")[0]
                endpoint = "<region>" in target or ":8443" in target
                if ours and not endpoint and target not in {*addresses, *facts["site_pages"]}:
                    yield f"{document.id}: {target} is not a page of the sample"
            elif posixpath.normpath(posixpath.join(folder, target)) not in paths:
                yield f"{document.id}: the link {target} leads nowhere"


def dates(document: SampleDocument, _facts: Facts) -> Iterator[str]:
    """Every date is a real one in 2026, and a weekday beside a date is the right one."""
    everything = document.text + "\n" + "\n".join(document.fields.values())
    try:
        dates_in(everything)
    except ValueError as error:
        yield f"a date does not exist: {error}"
        return
    yield from (
        f"the year {match[1]}" for match in _YEAR.finditer(everything) if match[1] != "2026"
    )
    for match in _WEEKDAY.finditer(everything):
        day = dates_in(match[2])[0]
        if day.strftime("%A") != match[1]:
            yield f"{match[0]} is a {day:%A}"
    if not dates_in(document.fields.get("date", "")) and not document.id.endswith(".txt"):
        yield "no date in its fields"


def vocabulary(document: SampleDocument, facts: Facts) -> Iterator[str]:
    """Codes, advisories, incidents, regions and ports are those of the table."""
    for pattern, key in (
        (_CODE, "error_codes"),
        (_ADVISORY, "advisories"),
        (_INCIDENT, "incidents"),
        (_REGION, "regions"),
    ):
        known = set(facts[key])
        for match in pattern.finditer(document.text):
            if match[0] not in known and not _is_name(match[0], facts):
                yield f"{match[0]} is not among the {key} of the table"
    for match in _PORT.finditer(document.text):
        if int(match[1] or match[2]) not in facts["ports"]:
            yield f"port {match[1] or match[2]} is not in the table"


def versions(document: SampleDocument, facts: Facts) -> Iterator[str]:
    """Every version that is mentioned exists, and for the product that it is mentioned with."""
    known: Mapping[str, Sequence[str]] = facts["versions"]
    everywhere = {version for of_product in known.values() for version in of_product}
    text = normalise(document.text)
    for match in _VERSION.finditer(text):
        if match[1] not in everywhere:
            yield f"version {match[1]} exists for no product"
    for product, of_product in known.items():
        series = {version.rpartition(".")[0] for version in of_product}
        for match in re.finditer(rf"\b{product} v?(\d+\.\d+(?:\.\d+)?)(?![\w]|\.\d)", text):
            if match[1] not in of_product and match[1] not in series:
                yield f"{match[0]} does not exist"


def releases(document: SampleDocument, facts: Facts) -> Iterator[str]:
    """Wherever a release is dated, the date is that of the table."""
    table = {
        fact["entity"]: date.fromisoformat(fact["value"])
        for fact in facts["facts"]
        if fact["attribute"] == "release date"
    }
    text = normalise(document.text)
    for name, day in table.items():
        pattern = rf"{re.escape(name)},? (?:was )?(?:released|came out|shipped)(?: on)? {_DAY}"
        for match in re.finditer(pattern, text):
            if dates_in(match[1]) != [day]:
                yield f"{match[0]!r}, but the table says {day}"
    version = document.fields.get("version", "")
    name = f"{document.fields.get('product')} {version}"
    if name in table and dates_in(document.fields["date"]) != [table[name]]:
        yield f"dated {document.fields['date']}, but {name} was released on {table[name]}"


def prices(document: SampleDocument, facts: Facts) -> Iterator[str]:
    """Every amount of money is one of the table's."""
    known = {amount for fact in facts["facts"] for amount in _amounts(fact["value"])}
    for currency, amount in _amounts(normalise(document.text)):
        if (currency, amount) not in known:
            yield f"{currency} {amount} is no price of the table"


def keyed(document: SampleDocument, facts: Facts) -> Iterator[str]:
    """Wherever a pattern of the table matches, it finds the value of its fact."""
    values = {fact["id"]: fact["value"] for fact in facts["facts"]}
    text = normalise(document.text)
    for entry in facts["patterns"]:
        if not document.id.startswith(tuple(entry["documents"])):
            continue
        for match in re.finditer(entry["pattern"], text):
            value = values[entry["fact"]]
            if match[1] != value and [str(day) for day in dates_in(match[1])] != [value]:
                yield f"{match[0]!r}, but {entry['fact']} is {value}"


def idle_patterns(documents: Sequence[SampleDocument], facts: Facts) -> Iterator[str]:
    """A pattern that matches nowhere guards nothing."""
    texts = {document.id: normalise(document.text) for document in documents}
    for entry in facts["patterns"]:
        where = tuple(entry["documents"])
        if not any(
            re.search(entry["pattern"], text)
            for name, text in texts.items()
            if name.startswith(where)
        ):
            yield f"the pattern {entry['pattern']!r} of {entry['fact']} matches nowhere"


def main() -> int:
    """Print the complaints, or how much was found in order; the exit status."""
    found = complaints()
    if found:
        sys.stdout.write("\n".join(found) + f"\n{len(found)} complaints\n")
        return 1
    documents = load_documents(corpus_folder())
    facts: Facts = json.loads(facts_file().read_text(encoding="utf-8"))
    lines = questions_file().read_text(encoding="utf-8").splitlines()
    words = sum(len(document.text.split()) for document in documents)
    sys.stdout.write(
        f"{len(documents)} documents ({words} words), {len(facts['facts'])} facts, "
        f"{len(lines)} questions: in order\n"
    )
    return 0


def _amounts(text: str) -> Iterator[tuple[str, Decimal]]:
    for match in _MONEY.finditer(text):
        yield match[1], Decimal(match[2].replace(",", ""))
    for match in _MONEY_IN_WORDS.finditer(text):
        yield _CURRENCIES[match[2]], Decimal(match[1].replace(",", ""))


def _is_name(word: str, facts: Facts) -> bool:
    return bool(_NOT_REGIONS.fullmatch(word)) or word in facts.get("other_names", ())


if __name__ == "__main__":
    raise SystemExit(main())
