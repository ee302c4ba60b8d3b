"""``python -m esrag.local.mlnode --port P --data DIR``: run the ML node process."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from esrag.errors import EsragError


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m esrag.local.mlnode", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder for models")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        from esrag.local.mlnode.server import serve

        serve(port=options.port, data=options.data.resolve())
    except EsragError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
