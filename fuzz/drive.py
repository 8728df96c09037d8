"""One target under atheris: ``python -m fuzz.drive TARGET [options of libFuzzer] CORPUS...``"""

from __future__ import annotations

import importlib
import logging
import sys


def main() -> None:
    """Instrument what reads bytes, then hand over to libFuzzer, which ends the process."""
    import atheris

    name = sys.argv.pop(1)
    # Other modules would only dilute what counts as new.
    with atheris.instrument_imports(include=["pyrpc.wire", "pyrpc.server", "pyrpc.transport"]):
        target = importlib.import_module(f"fuzz.{name}")
    target.Bounded.one_in = 4
    # What a node tells of bad frames would be most of what this prints.
    logging.disable(logging.CRITICAL)
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
