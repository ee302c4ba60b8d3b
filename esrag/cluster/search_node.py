"""A shorter way for searches to the socket.

    client ──► SearchNode ─┬─ a search, and a connection is open ──► written and read here
                           └─ anything else ──► the client's own way, through urllib3

Of the time that a search takes beside the server's, most goes into the standard library's making of
requests and reading of headers.  Connections, their checks and their TLS stay urllib3's: they are
taken from its pool and given back to it.  What happens to a request here is told by the same
exceptions, and nothing is sent twice.
"""

from __future__ import annotations

import logging
import socket
import time
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import elastic_transport
from elastic_transport import ApiResponseMeta, HttpHeaders, Urllib3HttpNode
from elastic_transport._node import NodeApiResponse  # what a node returns has no public name
from elastic_transport.client_utils import DEFAULT, DefaultType

_SEARCH = "/_search"
_PIECE = 65_536
_LONGEST_HEAD = 65_536  # as the standard library's limit of one line
_transport_log = logging.getLogger("elastic_transport.node")


class SearchNode(Urllib3HttpNode):
    """A node of the cluster."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """One request and its answer."""
        if (
            method == "POST"
            and body
            and _SEARCH in target
            and not self._http_compress
            and not _transport_log.isEnabledFor(logging.DEBUG)
        ):
            answer = self._searched(target, body, headers, request_timeout)
            if answer is not None:
                return answer
        return super().perform_request(method, target, body, headers, request_timeout)

    def _searched(
        self,
        target: str,
        body: bytes,
        headers: HttpHeaders | None,
        request_timeout: DefaultType | float | None,
    ) -> NodeApiResponse | None:
        """The answer; None when no connection is open yet, or the request is not a plain one."""
        request = self._request(target, body, headers)
        if request is None:
            return None
        limit = (
            self.config.request_timeout
            if isinstance(request_timeout, DefaultType)
            else request_timeout
        )
        began = time.time()
        connection: Any = self.pool._get_conn()
        keep = False
        try:
            if connection.sock is None:
                return None
            connection.sock.settimeout(limit)
            connection.sock.sendall(request)
            status, found, data, keep = _Answer(connection.sock).read()
        except TimeoutError as error:
            raise elastic_transport.ConnectionTimeout(
                "Connection timed out during request", errors=(error,)
            ) from error
        except (OSError, IncompleteRead, ValueError) as error:
            raise elastic_transport.ConnectionError(str(error), errors=(error,)) from error
        finally:
            if not keep:
                connection.close()
            self.pool._put_conn(connection)
        meta = ApiResponseMeta(
            node=self.config,
            duration=time.time() - began,
            http_version="1.1",
            status=status,
            headers=HttpHeaders(found),
        )
        return NodeApiResponse(meta, data)

    def _request(self, target: str, body: bytes, headers: HttpHeaders | None) -> bytes | None:
        """The bytes of a request; None when something in it would have to be escaped."""
        sent = self._headers.copy()
        if headers:
            sent.update(headers)
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        lines = [f"POST {self.path_prefix}{target} HTTP/1.1", f"Host: {host}:{self.config.port}"]
        lines += [f"{name}: {value}" for name, value in sent.items()]
        lines.append(f"content-length: {len(body)}")
        if not all(line.isascii() and line.isprintable() for line in lines):
            return None
        if " " in target or "transfer-encoding" in sent:
            return None
        return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Answer:
    """One answer, read from a socket to its last byte."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def read(self) -> tuple[int, dict[str, str], bytes, bool]:
        """Status, headers, body, and whether the connection may be used again.

        Raises OSError, IncompleteRead when it ends too soon, ValueError when it is no HTTP.
        """
        head = self._until(b"\r\n\r\n", RemoteDisconnected("the server closed the connection"))
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status = first[:9], int(first[9:12])
        if version != "HTTP/1.1 " or status < 200:
            raise ValueError(f"not an answer: {first[:80]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            data = self._pieces()
        elif "content-length" in headers:
            data = self._exactly(int(headers["content-length"]))
        else:
            raise ValueError("an answer that does not say how long it is")
        keep = headers.get("connection", "").lower() != "close" and not self._buffer
        return status, headers, data, keep

    def _more(self) -> bytes:
        return self._sock.recv(_PIECE)

    def _until(self, mark: bytes, lost: Exception) -> bytes:
        while mark not in self._buffer:
            piece = self._more()
            if not piece:
                raise lost
            self._buffer += piece
            if len(self._buffer) > _LONGEST_HEAD and mark not in self._buffer[:_LONGEST_HEAD]:
                raise ValueError("an answer whose head does not end")
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, length: int) -> bytes:
        if length < 0:
            raise ValueError("an answer shorter than nothing")
        parts, have = [self._buffer[:length]], min(len(self._buffer), length)
        self._buffer = self._buffer[length:]
        while have < length:
            piece = self._sock.recv(min(_PIECE, length - have))
            if not piece:
                raise IncompleteRead(b"".join(parts), length - have)
            parts.append(piece)
            have += len(piece)
        return b"".join(parts)

    def _pieces(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = self._until(b"\r\n", IncompleteRead(b"".join(parts)))
            length = int(size.split(b";")[0], 16)
            if not length:
                break
            parts.append(self._exactly(length))
            if self._exactly(2) != b"\r\n":
                raise ValueError("pieces that do not end where they should")
        while self._until(b"\r\n", IncompleteRead(b"".join(parts))):
            pass  # trailers
        return b"".join(parts)
