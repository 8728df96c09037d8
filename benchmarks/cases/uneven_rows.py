"""The same job in rows that may be cut anywhere, the default of map: makespan over the ideal."""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.outcome import Outcome
from ..harness.placement import Placement
from . import uneven
from .sizes import Sizes
from .uneven import NODES, SLOW, TIMES, Contender, Work

NAME = "uneven_rows"
OURS = uneven.OURS
ROWS_A_CHUNK = 100
_WANTED = 1.03


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure uneven_rows."""
    work = Work(sizes.job_chunks * ROWS_A_CHUNK, sizes.job_chunk_s / ROWS_A_CHUNK)
    outcome = Outcome(NAME, _setup(work), ours=uneven.prefix(SLOW[0]) + OURS)
    with ExitStack() as stack:
        ours = uneven.open_ours(stack, outcome, placement)
        contenders: list[Contender] = []
        for slow in SLOW:
            for name, options in uneven.OPTIONS[slow].items():
                contenders += uneven.contender(outcome, name, ours, work, slow, **options)
        uneven.measure(outcome, contenders, sizes.job_rounds)
    uneven.judge(outcome, OURS, _WANTED)
    outcome.notes.append("the peers cut no rows while a job runs: their figures are those of uneven_chunks")
    return outcome


def _setup(work: Work) -> str:
    ideals = " or ".join(f"{work.ideal_s(slow):.3f} s" for slow in SLOW)
    return (
        f"{work.rows:,} rows that sleep {work.row_s * 1e6:g} us, cut on demand, on {NODES} nodes, 1 or 2 of them "
        f"{TIMES:g} times slower; makespan / ideal ({ideals})"
    )
