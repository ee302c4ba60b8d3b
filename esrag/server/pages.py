"""The web page: files as they lie in the package, without a login, since they hold no data."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from esrag.server.problems import problem

FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page."""

    content: bytes
    media_type: str
    tag: str


def page_files(folder: Path = FOLDER) -> dict[str, PageFile]:
    """The files of a folder by the path they are asked for; read once.

    Names come from the folder and never from a request, so no path leads out of it.
    """
    files = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith((".", "_")) and path.suffix != ".py":
            content = path.read_bytes()
            known = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
            tag = f'"{sha256(content).hexdigest()[:32]}"'
            name = path.relative_to(folder).as_posix()
            files[name] = PageFile(content, known or "application/octet-stream", tag)
    return files


class Page:
    """Answers what no route answers: from the files, or that there is no such thing."""

    def __init__(self, files: dict[str, PageFile]) -> None:
        self._files = files

    async def __call__(self, request: Request) -> Response:
        """A file of the page."""
        name = request.url.path.lstrip("/") or "index.html"
        found = self._files.get(name)
        if found is None:
            raise problem(404, "not_found", "there is nothing at this address")
        if request.method not in ("GET", "HEAD"):
            raise problem(405, "method_not_allowed", "this is only read")
        headers = {"etag": found.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, headers={**headers, "content-type": found.media_type})
