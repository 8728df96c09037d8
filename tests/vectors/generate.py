#!/usr/bin/env python3
"""Writes the vectors: ``python tests/vectors/generate.py [--check] [KIND ...]``.

With --check nothing is written; the exit code is 1 and the kinds are named if the files are not what would be written.
It needs nothing but Python: the answers come from reference/.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from draw import Case, Draw  # noqa: E402
from kinds import KINDS, Fill  # noqa: E402
from reference.balance import CloseCallError  # noqa: E402

# Seeds of what was drawn and not written lie so far apart.
NEXT_TRY = 10**7


def answered(seed: int, draw_case: Callable[[Draw], Case], fill: Fill) -> Case:
    """A scenario with its answers; drawn again where those depend on the last bits of a library."""
    while True:
        try:
            return {"seed": seed, **fill(draw_case(Draw(seed)))}
        except CloseCallError:
            seed += NEXT_TRY


def cases_of(kind: str) -> Iterator[Case]:
    """All scenarios of a kind; no two kinds have a seed in common."""
    seed = (1 + list(KINDS).index(kind)) * 10**5
    for count, draw_case, fill in KINDS[kind]:
        for _ in range(count):
            yield answered(seed, draw_case, fill)
            seed += 1


def plain(value: Any) -> Any:
    """For JSON, which has no infinity."""
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def text_of(kind: str) -> str:
    """What the file of a kind holds: a line for each scenario."""
    lines = [json.dumps(plain(case), separators=(",", ":"), allow_nan=False) for case in cases_of(kind)]
    return f'{{"kind":"{kind}","version":1,"cases":[\n' + ",\n".join(lines) + "\n]}\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files that are there")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help="all without")
    options = parser.parse_args(arguments)
    stale = []
    for kind in options.kinds:
        path, text = HERE / f"{kind}.json", text_of(kind)
        if not options.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(kind)
    if stale:
        print(f"stale: {', '.join(stale)}; run python tests/vectors/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
