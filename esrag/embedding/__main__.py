"""The embedding child: lines of JSON with texts in, lines of JSON with vectors out.

    argument  {"folder": the bundle, "cache": folder of converted files, "runtime": "torch",
               "threads": n}
    out       {"event": "ready", "dims": 384}  or  {"event": "error", "message": …, "hint": …}
    in        {"id": 1, "texts": ["…", "…"]}
    out       {"id": 1, "numbers": [1, 0], "vectors": "<base64 of little-endian float32>",
               "tokens": 37, "padded": 38, "seconds": 0.1, "cpu": 0.2}, more of them until each
              text had its vector;  or  {"id": 1, "error": …}

While the model works on one request the next is being tokenized.  It ends when its standard input
ends.  It needs no network and reads two files of the bundle, or what was converted of them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esrag.bundle import load_bundle
from esrag.embedding.model import Model
from esrag.errors import EsragError

Send = Callable[[Mapping[str, object]], None]
_AHEAD = 2  # requests that wait tokenized


def main() -> int:
    """Load the model named in argv[1], then answer until standard input ends."""
    send = _own_standard_output()
    try:
        order = json.loads(sys.argv[1])
        model = Model(
            load_bundle(Path(order["folder"])),
            order["runtime"],
            Path(order["cache"]),
            threads=int(order["threads"]),
        )
    except EsragError as error:
        send({"event": "error", "message": error.message, "hint": error.hint})
        return 1
    send({"event": "ready", "dims": model.dims})
    requests: queue.Queue[tuple[int, Any] | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(model, requests), daemon=True).start()
    while (request := requests.get()) is not None:
        _answer(model, *request, send)
    return 0


def _own_standard_output() -> Send:
    """Keep the real standard output for the protocol and give libraries standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: Mapping[str, object]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


def _read(model: Model, requests: queue.Queue[tuple[int, Any] | None]) -> None:
    """Tokenize what is asked, ahead of the model; what fails there is handed on."""
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            tokenized: Any = model.tokenize(request["texts"])
        except Exception as error:  # noqa: BLE001 - the thread that answers tells it
            tokenized = error
        requests.put((request["id"], tokenized))
    requests.put(None)


def _answer(model: Model, number: int, tokenized: Any, send: Send) -> None:
    """Send the vectors of one request, or why there are none."""
    before = time.process_time()
    if isinstance(tokenized, Exception):
        send(_failure(number, tokenized))
        return
    try:
        for part in model.embed(tokenized):
            vectors = part.vectors.astype("<f4", copy=False).tobytes()
            after = time.process_time()
            send(
                {
                    "id": number,
                    "numbers": part.numbers,
                    "vectors": base64.b64encode(vectors).decode("ascii"),
                    "tokens": part.tokens,
                    "padded": part.padded,
                    "seconds": part.seconds,
                    "cpu": after - before,
                }
            )
            before = after
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - each runtime has errors of its own kind
        send(_failure(number, error))


def _failure(number: int, error: Exception) -> Mapping[str, object]:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return {"id": number, "error": reason[-1][:500]}


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the command that asked is gone
        sys.exit(main())
