"""Command line of the benchmarks: ``python -m benchmarks``; ``--help`` lists its options."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from .cases import CASES, JAVA, JOBS
from .cases.sizes import FULL, QUICK, Sizes
from .harness import machine, report
from .harness.outcome import Outcome
from .harness.placement import Placement

_LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
_EXIT_MISSED, _EXIT_INCOMPLETE = 1, 3


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and give the exit code."""
    options = _parser().parse_args(arguments)
    if not hasattr(os, "sched_setaffinity"):
        print("these benchmarks pin processes to cores, which only Linux offers", file=sys.stderr)
        return 2
    here = machine.describe()
    print(f"machine: {machine.line(here)}", flush=True)
    if here["load"] > 0.5:
        print(f"note: the machine is busy (load {here['load']}): trust ratios, not times", flush=True)
    names = options.only or [*(JOBS if options.jobs else ()), *(JAVA if options.java else ())] or list(CASES)
    outcomes = _run(names, QUICK if options.quick else FULL, not options.quick)
    print(report.summary(outcomes, not options.quick), flush=True)
    if options.json is not None:
        _write(options.json, {"machine": here, "quick": options.quick, "outcomes": [o.to_dict() for o in outcomes]})
    if not all(outcome.is_complete for outcome in outcomes):
        return _EXIT_INCOMPLETE
    missed = any(not target.is_reached for outcome in outcomes for target in outcome.targets)
    return _EXIT_MISSED if missed and options.strict and not options.quick else 0


def _run(names: list[str], sizes: Sizes, is_judged: bool) -> list[Outcome]:
    placement = Placement.of_this_process()
    outcomes = []
    for name in names:
        start = time.monotonic()
        outcome = CASES[name](sizes, placement)
        outcome.seconds = time.monotonic() - start
        outcomes.append(outcome)
        print("\n" + report.table(outcome, is_judged) + "\n", flush=True)
    return outcomes


def _write(path: Path, result: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {path}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure pyrpc beside its peers in one run. Exit code: 0, also when a target is missed; "
        "1 a target was missed and --strict was given; 3 pyrpc could not be measured.",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything works, judges nothing")
    parser.add_argument("--jobs", action="store_true", help=f"those of jobs and the planner alone: {', '.join(JOBS)}")
    parser.add_argument("--java", action="store_true", help=f"those of the Java client alone: {', '.join(JAVA)}")
    parser.add_argument(
        "--only",
        action="append",
        choices=CASES,
        metavar="NAME",
        help=f"one of {', '.join(CASES)}; may be given several times (default: all)",
    )
    parser.add_argument(
        "--json",
        nargs="?",
        type=Path,
        const=_LATEST,
        metavar="FILE",
        help=f"also write all values to FILE (default: benchmarks/results/{_LATEST.name})",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
