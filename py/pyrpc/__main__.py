"""``python -m pyrpc`` is the command ``pyrpc``."""

from __future__ import annotations

import sys

from pyrpc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
