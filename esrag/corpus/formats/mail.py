"""Mail: one message (.eml) or a mailbox (.mbox); attachments are inputs of their own.

The text is the plain part, or else the HTML part as pages are read; headers become fields.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from esrag.corpus import fields
from esrag.corpus.decoding import decode, known_codec
from esrag.corpus.formats import html, plain
from esrag.corpus.formats.contents import (
    MEMBER,
    RECORD,
    Content,
    Failure,
    Found,
    Member,
    Part,
    sha256_of,
)
from esrag.corpus.formats.writing import cleaned
from esrag.corpus.limits import size
from esrag.corpus.options import ReadingOptions
from esrag.corpus.origins import printable_name
from esrag.corpus.records import Unreadable
from esrag.types import Block, Document

_FROM_LINE = re.compile(rb"From \S.*\d\d:\d\d")
_HEADERS = {"to": "to", "cc": "cc", "message-id": "message_id", "in-reply-to": "in_reply_to"}
_MOST_ATTACHMENTS = 1_000


def parse(content: Content, options: ReadingOptions) -> Iterator[Found]:
    """The message and its attachments, or those of every message of a mailbox."""
    del options
    limit = content.limits.mail_bytes
    if content.form is None or content.form.name != "mbox":
        raw = content.whole(limit)
        yield from _message(raw, name=content.name, place="")
        return
    for number, raw in enumerate(_messages(content, limit), start=1):
        name, place = f"{content.name}{RECORD}{number}", f"message {number}"
        if len(raw) > limit:
            large = Unreadable("too_large", f"more than {size(limit)}", stage="read")
            yield Failure(name, large, place)
            continue
        try:
            yield from _message(raw, name=name, place=place, source=content.name)
        except Unreadable as error:
            yield Failure(name, error, place, sha256_of(raw))


def _messages(content: Content, limit: int) -> Iterator[bytes]:
    """The messages of a mailbox; of one over the limit, what suffices to see that."""
    lines: list[bytes] = []
    length = 0
    begun, blank = False, True
    while line := content.file.readline(1 << 20):
        if blank and line.startswith(b"From ") and _FROM_LINE.match(line):
            if begun and lines:
                yield b"".join(lines)
            lines, length, begun = [], 0, True
        elif begun and length <= limit:
            # A mailbox writes ">From" where a message has "From" at the start of a line.
            line = line[1:] if line.lstrip(b">").startswith(b"From ") and line[:1] == b">" else line
            lines.append(line)
            length += len(line)
        blank = not line.strip()
    if not begun:
        raise Unreadable("broken", "no line that begins a message")
    if lines:
        yield b"".join(lines)


def _message(raw: bytes, *, name: str, place: str, source: str = "") -> Iterator[Found]:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    if not isinstance(message, EmailMessage) or not any(
        header in message for header in ("from", "to", "subject", "date", "message-id", "received")
    ):
        raise Unreadable("broken", "none of the headers of a mail")
    subject = _header(message, "subject")
    text, blocks = _body(message, name=name)
    if not any(map(str.isalnum, text)):  # a mail that is nothing but its subject
        text = subject
        blocks = (Block("paragraph", 0, len(text)),) if text else ()
    found = {ours: _header(message, header) for header, ours in _HEADERS.items()}
    sent = _date(message)
    document = Document(
        id=name,
        text=text,
        title=fields.one_line(subject) or fields.title_from_name(name),
        source=source or name,
        mime_type="message/rfc822",
        published=sent,
        metadata={key: fields.one_line(value, limit=2000) for key, value in found.items() if value},
        blocks=blocks,
        author=fields.one_line(_header(message, "from")),
        language=fields.language(_header(message, "content-language")),
    )
    yield Part(document, place, sha256_of(raw))
    yield from _attachments(message, name)


def _attachments(message: EmailMessage, name: str) -> Iterator[Found]:
    taken: set[str] = set()
    for number, part in enumerate(_attached(message), start=1):
        if number > _MOST_ATTACHMENTS:
            reason = f"more than {_MOST_ATTACHMENTS:,} attachments"
            yield Failure(f"{name}{MEMBER}…", Unreadable("too_many_members", reason), "attachments")
            return
        own = _filename(part) or f"attachment-{number}{_ending(part)}"
        own = own if own not in taken else f"{number}-{own}"
        taken.add(own)
        content = part.get_content() if part.get_content_type() == "message/rfc822" else None
        try:
            raw = content.as_bytes() if content is not None else part.get_payload(decode=True)
        except (ValueError, LookupError, AttributeError) as error:
            failure = Unreadable("broken", f"attachment: {error}")
            yield Failure(f"{name}{MEMBER}{own}", failure, own)
            continue
        if isinstance(raw, bytes):
            media_type, charset = part.get_content_type(), part.get_content_charset() or ""
            yield Member(
                f"{name}{MEMBER}{own}", io.BytesIO(raw), len(raw), charset, media_type=media_type
            )


def _attached(message: EmailMessage) -> Iterator[EmailMessage]:
    """Parts that are attachments, at whatever depth; of a forwarded mail only the mail itself."""
    bodies = {id(part) for part in (_part(message, "plain"), _part(message, "html")) if part}
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_type() == "message/rfc822":
            yield part
        elif part.is_multipart():
            waiting.extend(
                reversed([one for one in part.iter_parts() if isinstance(one, EmailMessage)])
            )
        elif id(part) not in bodies and part is not message and _is_attachment(part):
            yield part


def _is_attachment(part: EmailMessage) -> bool:
    """What has a name or says so; alternative bodies and parts without a name are none."""
    return bool(part.get_filename()) or part.get_content_disposition() == "attachment"


def _part(message: EmailMessage, kind: str) -> EmailMessage | None:
    found = message.get_body(preferencelist=(kind,))
    return found if isinstance(found, EmailMessage) else None


def _body(message: EmailMessage, *, name: str) -> tuple[str, tuple[Block, ...]]:
    for kind in ("plain", "html"):
        part = _part(message, kind)
        if part is None:
            continue
        raw = part.get_payload(decode=True)
        text = cleaned(_decoded(raw, part)) if isinstance(raw, bytes) else ""
        if not any(map(str.isalnum, text)):
            continue
        if kind == "plain":
            text = text.replace("\r\n", "\n")
            return text, plain.parse_blocks(text)
        page = html.parse(text, document_id=name, is_page=False)
        if page.text:
            return page.text, page.blocks
    return "", ()


def _decoded(raw: bytes, part: EmailMessage) -> str:
    """By the part's own charset; without one, or with one that is none, as UTF-8."""
    charset = known_codec(part.get_content_charset() or "utf-8")
    return decode(raw.replace(b"\0", b""), declared=charset)


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = message.get(name)
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser trips over bad headers
        return ""
    return cleaned(" ".join(str(value or "").split()))


def _date(message: EmailMessage) -> str:
    try:
        return fields.moment(parsedate_to_datetime(_header(message, "date")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _filename(part: EmailMessage) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, TypeError, AttributeError, LookupError):
        return ""
    name = printable_name(cleaned(name.replace("\\", "/").rpartition("/")[2])).strip()
    return "" if name in (".", "..") else name[:200]


def _ending(part: EmailMessage) -> str:
    endings = {"message/rfc822": ".eml", "text/html": ".html", "text/plain": ".txt"}
    return endings.get(part.get_content_type(), "")
