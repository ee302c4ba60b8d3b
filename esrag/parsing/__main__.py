"""``python -m esrag.parsing PARENT``: a parser child; only ``esrag.parsing.process`` starts it."""

from __future__ import annotations

import sys

from esrag.parsing.child import main

if __name__ == "__main__":
    sys.exit(main())
