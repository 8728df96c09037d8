"""Replay one seed, or run many: ``python -m tests.simulation 12345 --trace``, from the top of the repository.

Without a seed so many are run as ``--count`` says, one process a core, until ``--minutes`` are over; the first seed is
another one each day. The exit code is 1 if one failed.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation.seeds import SeedFailed, run_seed, run_seeds

LEAST_BLOCK = 500
MOST_BLOCKS = 2000
MOST_FAILURES = 10
# A run of the tests takes seeds from 0 on; those of no day meet them, nor those of another day.
A_DAY = 10_000_000
FIRST_DAY = datetime.date(2026, 1, 1)


def main(arguments: list[str]) -> int:
    """Parse, run, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", help="seeds to replay")
    parser.add_argument("--trace", action="store_true", help="print every event and action of them")
    parser.add_argument("--count", type=int, default=1_000_000, help="how many to run (default: %(default)s)")
    parser.add_argument("--first", type=int, help="the first of them (default: another one each day)")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so many (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.seeds:
        return _replay(options.seeds, is_traced=options.trace)
    first = first_of_the_day(datetime.date.today()) if options.first is None else options.first
    return _run_many(first, options.count, time.monotonic() + 60.0 * options.minutes)


def first_of_the_day(day: datetime.date) -> int:
    """Far from those of any other day, and from those of the tests."""
    return A_DAY * max(1, (day - FIRST_DAY).days + 1)


def _replay(seeds: list[int], *, is_traced: bool) -> int:
    failed = False
    for seed in seeds:
        try:
            end = run_seed(seed, trace=print if is_traced else None)
        except SeedFailed as error:
            print(error)
            failed = True
        else:
            print(f"seed {seed}: every rule holds; the job ended by: {end}")
    return int(failed)


def _run_many(first: int, count: int, until: float) -> int:
    print(f"{count} seeds from {first} on", flush=True)
    size = max(LEAST_BLOCK, count // MOST_BLOCKS)
    blocks = [range(start, min(start + size, first + count)) for start in range(first, first + count, size)]
    ends: Counter[str] = Counter()
    done, failures = 0, 0
    for ended, errors in _run_blocks(blocks, until):
        ends += ended
        done += sum(ended.values()) + len(errors)
        failures += len(errors)
        for error in errors:
            print(error, flush=True)
        if failures >= MOST_FAILURES:
            break
    print(f"{done} of {count} seeds run, {failures} failed; jobs ended by: {dict(ends)}")
    return int(failures > 0)


def _run_blocks(blocks: list[range], until: float) -> Iterator[tuple[Counter[str], list[str]]]:
    # The pool takes all tasks at once, so it is each task that looks at the clock.
    tasks = [(block, until) for block in blocks]
    if len(tasks) == 1:
        yield from map(_run_block, tasks)
        return
    # Left early, it ends what its processes are at.
    with multiprocessing.Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(_run_block, tasks)


def _run_block(task: tuple[range, float]) -> tuple[Counter[str], list[str]]:
    seeds, until = task
    ends: Counter[str] = Counter()
    errors = []
    for seed in seeds:
        if time.monotonic() >= until:
            break
        try:
            ends += run_seeds([seed])
        except SeedFailed as error:
            errors.append(str(error))
    return ends, errors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
