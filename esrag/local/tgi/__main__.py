"""``python -m esrag.local.tgi``: the server as the local stack starts it.

The same as ``esrag tgi serve``, with less to import and the errors' exit codes.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from types import FrameType

from esrag.errors import EsragError
from esrag.local.tgi.server import ServeOptions, read_adapter, serve


class _Terminated(BaseException):
    """SIGTERM arrived; unwinds like ^C, so that the worker is stopped."""


def _terminate(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise _Terminated


def main(arguments: list[str]) -> int:
    """Serve until a signal; the exit code says what went wrong."""
    signal.signal(signal.SIGTERM, _terminate)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        serve(_options(arguments), announce=_say)
    except EsragError as error:
        _say(f"Error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except _Terminated:
        return 143
    return 0


def _options(arguments: list[str]) -> ServeOptions:
    parser = argparse.ArgumentParser(prog="python -m esrag.local.tgi", description=__doc__)
    parser.add_argument("--model", default="packaged", help="packaged, a folder, or a hub id")
    parser.add_argument("--data", type=Path, required=True, dest="data_dir", metavar="DIR")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=_positive)
    parser.add_argument("--max-concurrent-requests", type=_positive, default=128)
    parser.add_argument("--max-batch", type=_positive)
    parser.add_argument("--max-input-tokens", type=_positive)
    parser.add_argument("--max-total-tokens", type=_positive)
    parser.add_argument("--api-key-file", type=Path)
    parser.add_argument("--disable-grammar-support", action="store_true")
    parser.add_argument("--grace", type=_seconds, default=90.0, help="to end requests in")
    parser.add_argument(
        "--adapter", type=read_adapter, action="append", default=[], metavar="NAME=PATH"
    )
    parser.add_argument("--adapters-below", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--max-adapters", type=_positive, default=16)
    parser.add_argument("--max-adapter-rank", type=_positive, default=256)
    given = vars(parser.parse_args(arguments))
    adapters, below = tuple(given.pop("adapter")), tuple(given.pop("adapters_below"))
    return ServeOptions(**given, adapters=adapters, adapters_below=below)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 3600:
        raise argparse.ArgumentTypeError("must be between 0 and 3600")
    return number


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
