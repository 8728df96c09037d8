"""A job of indivisible chunks on four nodes of which one or two are five times slower: makespan over the ideal."""

from __future__ import annotations

from contextlib import ExitStack

from ..harness.contest import open_cluster, open_numbered
from ..harness.outcome import Outcome
from ..harness.placement import Placement
from . import uneven
from .sizes import Sizes
from .uneven import NODES, SLOW, TIMES, Contender, Work

NAME = "uneven_chunks"
OURS = uneven.OURS
# Their kind here, and the module they are imported from.
CLUSTERS = {"Dask": ("dask", "distributed"), "Ray": ("ray", "ray")}
_WANTED = 1.05


def run(sizes: Sizes, placement: Placement) -> Outcome:
    """Measure uneven_chunks."""
    work = Work(sizes.job_chunks, sizes.job_chunk_s)
    outcome = Outcome(NAME, _setup(work), ours=uneven.prefix(SLOW[0]) + OURS)
    with ExitStack() as stack:
        ours = uneven.open_ours(stack, outcome, placement)
        stock = open_numbered(stack, outcome, "stock", "pulling", NODES, placement).driver
        contenders: list[Contender] = []
        for slow in SLOW:
            for name, options in uneven.OPTIONS[slow].items():
                contenders += uneven.contender(outcome, name, ours, work, slow, chunk_rows=1, **options)
            contenders += uneven.contender(outcome, "stock Thrift, pull", stock, work, slow)
        uneven.measure(outcome, contenders, sizes.job_rounds)
    for name in CLUSTERS:
        _measure_cluster(outcome, name, work, sizes, placement)
    uneven.judge(outcome, OURS, _WANTED)
    slept = uneven.slept_s(work.row_s)
    for slow in SLOW:
        least = work.best_pieces_s(slow) / work.ideal_s(slow)
        outcome.notes.append(
            f"{uneven.prefix(slow)}the best that whole chunks can do is {least:.3f} x ideal, and "
            f"{least * slept / work.row_s:.3f} with {work.row_s * 1e3:g} ms that take {slept * 1e3:.2f} ms here"
        )
    return outcome


def _measure_cluster(outcome: Outcome, name: str, work: Work, sizes: Sizes, placement: Placement) -> None:
    """Alone, since its processes are not quiet when they are idle: with Ray and Dask beside them all others lose 2%."""
    kind, module = CLUSTERS[name]
    with ExitStack() as stack:
        driver = open_cluster(stack, outcome, name, kind, module, NODES, placement)
        contenders = [one for slow in SLOW for one in uneven.contender(outcome, name, driver, work, slow)]
        uneven.measure(outcome, contenders, sizes.cluster_rounds)


def _setup(work: Work) -> str:
    ideals = " or ".join(f"{work.ideal_s(slow):.3f} s" for slow in SLOW)
    return (
        f"{work.rows} indivisible chunks that sleep {work.row_s * 1e3:g} ms on {NODES} nodes, 1 or 2 of them "
        f"{TIMES:g} times slower; makespan / ideal ({ideals})"
    )
