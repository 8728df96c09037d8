"""The balancers of single calls, and a user's own, as policies of jobs."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection

from pyrpc.errors import ConfigError
from pyrpc.plan.balance import Balancer, NodeView, pick_of
from pyrpc.plan.balance.peak_ewma import observed
from pyrpc.plan.cost import JobCost
from pyrpc.plan.job_nodes import JobNodes
from pyrpc.plan.job_state import NodeState
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.work import Work

# Weight of the newest latency in ewma_s.
NEWEST = 0.15


class Balanced:
    """Whom the balancer picks among the nodes with a free slot, which it sees in the order of the job's nodes.

    What it sees of a node: its pieces in flight; weight 1, a job's nodes have no other; ``slowness``, what a row takes
    there by the line fitted to its pieces, relative to all nodes; ``ewma_s`` and ``peak_s`` are seconds a row, since
    pieces differ in rows. Rows that may be cut are handed out as ``pull`` does.

    A view is made when its node changes, not for each pick: a pick costs what the balancer costs.

    Parameters
    ----------
    nodes : JobNodes
    work : Work
    job_cost : JobCost
    prng : SplitMix64
        The balancer's source of chance.
    policy : Balancer
        One that fails, or names no node, is a ConfigError of whoever asked for a node.
    """

    def __init__(self, nodes: JobNodes, work: Work, job_cost: JobCost, prng: SplitMix64, policy: Balancer) -> None:
        self.look_again_at = math.inf
        self._work = work
        self._job_cost = job_cost
        self._prng = prng
        self._policy = policy
        self._pick = pick_of(policy)
        self._seen = {node: _Seen(place) for place, node in enumerate(nodes)}
        self._nodes = nodes
        # The free nodes: their places, themselves and their views, in the same order.
        self._places: list[int] = []
        self._free: list[NodeState] = []
        self._views: list[NodeView] = []

    def changed(self, node: NodeState) -> None:
        """Look at the node again: put it where it belongs among the free ones, or take it out."""
        seen = self._seen[node]
        if node.cost.samples != seen.samples:
            seen.learn(node)
        at = bisect_left(self._places, seen.place)
        is_listed = at < len(self._places) and self._places[at] == seen.place
        if not self._nodes.free.holds(node):
            if is_listed:
                del self._places[at], self._free[at], self._views[at]
        elif is_listed:
            self._views[at] = self._view(node, seen)
        else:
            self._places.insert(at, seen.place)
            self._free.insert(at, node)
            self._views.insert(at, self._view(node, seen))

    def _view(self, node: NodeState, seen: _Seen) -> NodeView:
        slowness = 0.0
        if node.cost.samples:
            slowness = node.cost.line.predict_s(node.last_rows) / self._job_cost.line.predict_s(node.last_rows)
        return NodeView(node.name, node.in_flight, 1.0, seen.ewma_s, seen.peak_s, slowness, max(0.0, node.freed_at))

    def next(self, now: float) -> tuple[NodeState, int] | None:
        """Whom the balancer picks; None: no slot is free."""
        if not self._free:
            return None
        return self._picked(self._free, self._views, now), max(1, self._work.rows_left // (2 * len(self._nodes)))

    def best_free(self, rows: int, now: float, avoid: Collection[NodeState]) -> NodeState | None:
        """Whom it picks among those that are not to be avoided."""
        if not avoid:
            return self._picked(self._free, self._views, now) if self._free else None
        kept = [place for place, node in enumerate(self._free) if node not in avoid]
        if not kept:
            return None
        return self._picked([self._free[place] for place in kept], [self._views[place] for place in kept], now)

    def declines(self, node: NodeState, rows: int, now: float, avoid: Collection[NodeState]) -> bool:
        """Never: it is the balancer's choice."""
        return False

    def _picked(self, nodes: list[NodeState], views: list[NodeView], now: float) -> NodeState:
        try:
            return nodes[self._pick(views, self._prng, now)]
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f"the policy {type(self._policy).__name__} failed",
                expected=f"an index from 0 to {len(views) - 1}",
                got=repr(error),
            ) from error


class _Seen:
    """What a balancer is told of a node that nobody else needs."""

    __slots__ = ("ewma_s", "peak_s", "place", "samples", "seen_at")

    def __init__(self, place: int) -> None:
        self.place = place
        self.samples = 0
        self.seen_at = 0.0
        self.ewma_s = 0.0
        self.peak_s = 0.0

    def learn(self, node: NodeState) -> None:
        """A piece was done, just now."""
        took_s, now = node.cost.last_row_s, node.freed_at
        self.ewma_s += (1.0 if self.samples == 0 else NEWEST) * (took_s - self.ewma_s)
        self.peak_s = observed(self.peak_s, self.seen_at, took_s, now)
        self.samples = node.cost.samples
        self.seen_at = now
