"""Which node gets the next piece of a job, and how large it is.

============================  ==================================================================================
``min_max``                   the earliest predicted finish; the default
``pull``                      whoever is free: fast nodes ask more often
``round_robin``               each in turn, whether it is free or not
``random_priority``           any of those that are free, at random
other names, an object        a balancer of single calls picks among those that are free (placement_balanced.py)
============================  ==================================================================================

Min-max
    Let ``f`` be the time at which a node would be done with one more piece. If the others would be done with all that
    is left before ``f``, the node would be the last to finish and everybody would wait for it: it gets nothing,
    though it is idle. Else it gets the piece. That is list scheduling on machines of different speed with the
    earliest-completion rule (Ibarra and Kim, 1977), with the costs of cost.py.

    Where rows may be cut, ``T`` is the time at which all nodes would be done together, and a node gets half of what
    it can do until then (factoring: Hummel, Schonberg, Flynn, 1992), but no more than the target time of a piece. So
    pieces get smaller towards the end, each in proportion to its node's speed.

    What others can do until ``f`` is known from two sums over all nodes, the speeds and the speeds times when each is
    free, which change with one node at a time. Only where these leave it open, when less than about one piece a node
    is left, are all nodes looked at.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Protocol

from pyrpc.errors import ConfigError
from pyrpc.plan.balance import BALANCERS, Balancer, balancer
from pyrpc.plan.cost import JobCost
from pyrpc.plan.job_nodes import JobNodes
from pyrpc.plan.job_state import NodeState
from pyrpc.plan.placement_balanced import Balanced
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.work import DivisibleWork, Work

# A node that has not shown its speed gets a second piece only if there are so many for each node.
UNSEEN_PIECES = 4
# The least time of a piece, as a multiple of what a piece costs beside its rows, and in seconds.
LEAST_FIXED = 4.0
LEAST_S = 0.001
# A node's pieces grow at most so much from one to the next: a line fitted to small ones may be wrong for large ones.
GROWTH = 8
# "Sooner" means at least by this share of the time in question: predictions are no better.
MARGIN = 0.05
# Within so many target times of the end the nodes are looked at one by one.
TAIL_TARGETS = 10.0
# Costs beside the service itself that are worth hiding behind another piece even at the end.
HIDE = 0.1
LOOK_AGAIN_S = 0.002
# How long round robin waits for a node whose turn it is: seconds, or times what a piece takes there.
PATIENCE_S = 1.0
PATIENCE = 4.0
# The sums are made anew after so many changes, before rounding adds up.
RENEW = 4096

Placed = tuple[NodeState, int]


class Placement(Protocol):
    """Chooses for one job; its nodes tell it of each change."""

    look_again_at: float

    def changed(self, node: NodeState) -> None:
        """Something about the node is different: up or down, paused, its pieces or its cost."""
        ...

    def next(self, now: float) -> Placed | None:
        """The node for the next piece, and the rows for it; None: nobody now. There is work left."""
        ...

    def best_free(self, rows: int, now: float, avoid: set[NodeState]) -> NodeState | None:
        """The best free node for a piece of so many rows that is not to be avoided."""
        ...

    def declines(self, node: NodeState, rows: int, now: float, avoid: set[NodeState]) -> bool:
        """Whether the piece had better wait for another node that is not free yet."""
        ...


class Pull:
    """The node with the fewest pieces, and among these the one that is free longest."""

    def __init__(self, nodes: JobNodes, work: Work) -> None:
        self.look_again_at = math.inf
        self._nodes = nodes
        self._work = work

    def changed(self, node: NodeState) -> None:
        """Nothing depends on it."""

    def next(self, now: float) -> Placed | None:
        node = self._pick(now)
        return None if node is None else (node, self._rows())

    def _pick(self, now: float) -> NodeState | None:
        return self._nodes.free.first()

    def _rows(self) -> int:
        """Half of an equal share: smaller towards the end, and without a look at costs."""
        return max(1, self._work.rows_left // (2 * len(self._nodes)))

    def best_free(self, rows: int, now: float, avoid: set[NodeState]) -> NodeState | None:
        for node in self._nodes.free:
            if node not in avoid:
                return node
        return None

    def declines(self, node: NodeState, rows: int, now: float, avoid: set[NodeState]) -> bool:
        return False


class RoundRobin(Pull):
    """Each in turn: the next piece waits for the next node that is up, however slow that is.

    Only one that has ended nothing for much longer than it should have is passed over: it may be hung.
    """

    def __init__(self, nodes: JobNodes, work: Work) -> None:
        super().__init__(nodes, work)
        self._order = list(nodes)
        self._turn = 0

    def _pick(self, now: float) -> NodeState | None:
        self.look_again_at = math.inf
        for _ in self._order:
            node = self._order[self._turn]
            if node.is_usable and not self._nodes.free.holds(node):
                seems_hung_at = self._patient_until(node)
                if now < seems_hung_at:
                    self.look_again_at = seems_hung_at
                    return None
            self._turn = (self._turn + 1) % len(self._order)
            if self._nodes.free.holds(node):
                return node
        return None

    @staticmethod
    def _patient_until(node: NodeState) -> float:
        head = node.queue[0]
        takes_s = node.cost.line.predict_s(head.rows)
        return max(head.sent_at, node.freed_at) + max(PATIENCE_S, PATIENCE * takes_s)

    def _rows(self) -> int:
        return max(1, self._work.rows // (16 * len(self._nodes)))


class RandomPriority(Pull):
    """Any free node, all equally likely; one draw each time."""

    def __init__(self, nodes: JobNodes, work: Work, prng: SplitMix64) -> None:
        super().__init__(nodes, work)
        self._prng = prng

    def _pick(self, now: float) -> NodeState | None:
        count = len(self._nodes.free)
        return self._nodes.free.at(self._prng.below(count)) if count else None


class MinMax:
    """The earliest predicted finish; see the module's docstring."""

    def __init__(self, nodes: JobNodes, work: Work, job_cost: JobCost) -> None:
        self.look_again_at = math.inf
        self._nodes = nodes
        self._work = work
        self._job_cost = job_cost
        self._speed = 0.0
        self._taken = 0.0
        self._changes = 0
        self._was_known = False
        self._declined = 0
        self._summed_at = -math.inf
        self._rows_then = 0
        self._sums = (0.0, 0.0)

    # -- the two sums

    def changed(self, node: NodeState) -> None:
        self._speed -= node.speed
        self._taken -= node.taken
        if node.is_usable and self._job_cost.is_known:
            node.predict()
            self._speed += node.speed
            self._taken += node.taken
        else:
            node.speed = node.taken = 0.0
        self._changes += 1
        if self._job_cost.is_known and not self._was_known:
            # From the first piece on, the others are taken to be like its node.
            self._was_known = True
            self._changes = RENEW
            for other in self._nodes:
                if other.is_usable:
                    other.predict()
        if self._changes >= RENEW:
            self._changes = 0
            # Added one by one: what sum() gives for floats depends on the version of Python.
            self._speed = self._taken = 0.0
            for other in self._nodes:
                self._speed += other.speed
                self._taken += other.taken

    def _renewed(self, now: float) -> tuple[float, float]:
        """The sums with all nodes as they are now: idle ones free now, late ones as late as they are."""
        speed = taken = 0.0
        for node in self._nodes:
            if node.is_usable:
                free_at, slowness = node.outlook(now)
                pace = node.pace / slowness
                speed += pace
                taken += pace * free_at
        return speed, taken

    # -- whose turn it is

    def next(self, now: float) -> Placed | None:
        self.look_again_at = math.inf
        node = self._nodes.free.first()
        if node is None:
            return None
        if not self._job_cost.is_known:
            return self._probe(node)
        return self._cut(node, now) if isinstance(self._work, DivisibleWork) else self._hand_out(node, now)

    def _probe(self, node: NodeState) -> Placed | None:
        """Nothing is known of any node: one piece each, and another to hide the latency if there are plenty."""
        if node.in_flight and self._work.pieces_left < UNSEEN_PIECES * len(self._nodes):
            return None
        return node, self._first_rows()

    def _first_rows(self) -> int:
        return self._work.first_rows if isinstance(self._work, DivisibleWork) else 1

    def _hand_out(self, node: NodeState, now: float) -> Placed | None:
        """A chunk of a fixed grid."""
        rows = self._work.next_rows
        if self._is_needed(node, rows, self._work.rows_left, now):
            return node, rows
        best = self._earliest(rows, now)
        if best is None:
            self._look_again(now, node.cost.line.predict_s(rows))
            return None
        if best is not node and self._is_needed(best, rows, self._work.rows_left, now):
            return best, rows
        if self._others_have_plenty(best, rows, now):
            return None
        if self._others_are_sooner(best, rows, self._work.pieces_left, now):
            return None
        return best, rows

    def _others_have_plenty(self, node: NodeState, rows: int, now: float) -> bool:
        """What `_others_are_sooner` finds, where it is so clear that sums taken a moment ago tell it.

        With many nodes, a slow one would else have all nodes looked at by each event of a long end. Pieces that were
        handed out since then are missing in what is left and in what others can still do, so they cancel out.
        """
        takes_s = self._ends(node, rows, now) - now
        if not self._summed_at <= now <= self._summed_at + takes_s / 16:
            self._summed_at, self._rows_then = now, self._work.rows_left
            self._sums = self._renewed(now)
        speed, taken = self._sums
        others = (speed - node.pace) * (now + takes_s * (1.0 - MARGIN)) - taken
        # Each of them may end in the middle of a piece.
        if others < self._rows_then + 2 * rows * len(self._nodes):
            return False
        self._look_again(now, takes_s)
        return True

    def _is_needed(self, node: NodeState, rows: int, rows_left: int, now: float) -> bool:
        """Whether even in theory the others could not do all before this node does one more; cheap."""
        if node.is_late(now) or (node.in_flight and not node.cost.samples):
            return False
        ends = max(now, node.start_at) + node.cost.run_s(rows)
        others = (self._speed - node.speed) * ends - (self._taken - node.taken)
        return others < rows_left

    def _earliest(self, rows: int, now: float) -> NodeState | None:
        """The free node that would be done first; none of those that have work when that may as well wait."""
        is_scarce = self._work.pieces_left <= len(self._nodes)
        best, best_at = None, math.inf
        for node in self._nodes.free:
            if node.in_flight >= node.window.lanes and (
                not node.cost.samples or (is_scarce and node.cost.overhead_s < HIDE * node.cost.line.predict_s(rows))
            ):
                continue
            ends = self._ends(node, rows, now)
            if ends < best_at:
                best, best_at = node, ends
        return best

    @staticmethod
    def _ends(node: NodeState, rows: int, now: float) -> float:
        start_at, slowness = node.starts(now)
        return start_at + slowness * node.cost.run_s(rows)

    def _others_are_sooner(
        self, node: NodeState, rows: int, pieces: int, now: float, avoid: Collection[NodeState] = ()
    ) -> bool:
        """Whether all pieces would be done by others well before this node does one of them."""
        takes_s = self._ends(node, rows, now) - now
        until = now + takes_s * (1.0 - MARGIN)
        for other in self._nodes:
            if other is node or not other.is_usable or other in avoid:
                continue
            start_at, slowness = other.starts(now)
            if start_at < until:
                pieces -= other.window.lanes * int((until - start_at) / (slowness * other.cost.run_s(rows)))
                if pieces <= 0:
                    self._look_again(now, takes_s)
                    return True
        return False

    def _look_again(self, now: float, takes_s: float) -> None:
        self.look_again_at = min(self.look_again_at, now + max(LOOK_AGAIN_S, takes_s / 4))

    # -- rows that may be cut

    def _cut(self, node: NodeState, now: float) -> Placed | None:
        speed, taken = self._speed, self._taken
        ends = (self._work.rows_left + taken) / speed if speed > 0 else now
        assert isinstance(self._work, DivisibleWork)
        if ends - now < TAIL_TARGETS * self._work.target_s:
            speed, taken = self._renewed(now)
            ends = (self._work.rows_left + taken) / speed
        rows = self._share(node, ends, speed, taken, now)
        if not rows:
            declined = self._declined
            best = self.best_free(declined or 1, now, set())
            if best is not None and best is not node:
                node, rows = best, self._share(best, ends, speed, taken, now)
                # It may decline too, in favour of the first, since it would get a piece of another size, and both would
                # wait for ever. With the size that the first one declined nobody free is sooner.
                if not rows and declined and not self._others_are_sooner(best, declined, self._pieces(declined), now):
                    rows = declined
        if rows:
            return node, rows
        self._wait(ends, now)
        return None

    def _pieces(self, rows: int) -> int:
        return -(-self._work.rows_left // rows)

    def _wait(self, ends: float, now: float) -> None:
        if not self._work.is_open:  # the end of a stream is not in sight
            self._look_again(now, ends - now)

    def _share(self, node: NodeState, ends: float, speed: float, taken: float, now: float) -> int:
        """Rows for this node where all would be done together at a time; 0: better none.

        Where others would be sooner with pieces of the size that it would get, that size is then in ``_declined``.
        """
        self._declined = 0
        work = self._work
        assert isinstance(work, DivisibleWork)
        if not node.cost.samples:
            return 0 if node.in_flight and work.pieces_left < UNSEEN_PIECES * len(self._nodes) else work.first_rows
        line = node.cost.line
        free_at, _ = node.outlook(now)
        start_at, slowness = node.starts(now)
        left_s = (ends - start_at) / slowness
        least_s = max(LEAST_S, LEAST_FIXED * node.window.width * line.piece_s)
        if node.in_flight and left_s < least_s:
            return 0
        takes_s = min(work.target_s, max(left_s / 2, least_s))
        rows = int((takes_s / node.window.width - line.piece_s) / line.row_s)
        rows = max(1, min(rows, GROWTH * node.cost.most_rows, work.rows_left))
        takes_s = slowness * node.cost.run_s(rows)
        pace = node.pace / slowness
        rest = speed - pace
        if rest > 0 and (work.rows_left + taken - pace * free_at) / rest < start_at + takes_s * (1.0 - MARGIN):
            # In theory, where rows may be halved; so count whole pieces.
            if self._others_are_sooner(node, rows, self._pieces(rows), now):
                self._declined = rows
                return 0
        return rows

    # -- pieces that are sent again

    def best_free(self, rows: int, now: float, avoid: set[NodeState]) -> NodeState | None:
        best, best_at = None, math.inf
        for node in self._nodes.free:
            if node not in avoid:
                if not self._job_cost.is_known:
                    return node
                ends = self._ends(node, rows, now)
                if ends < best_at:
                    best, best_at = node, ends
        return best

    def declines(self, node: NodeState, rows: int, now: float, avoid: set[NodeState]) -> bool:
        self.look_again_at = math.inf
        if not self._job_cost.is_known or self._is_needed(node, rows, self._work.rows_left + rows, now):
            return False
        return self._others_are_sooner(node, rows, self._work.pieces_left + 1, now, avoid)


# Those made for jobs, then the balancers of single calls.
_FOR_JOBS = ("min_max", "pull", "round_robin", "random_priority")
POLICIES = (*_FOR_JOBS, *(name for name in BALANCERS if name not in _FOR_JOBS))


def check_policy(policy: str | Balancer) -> str | Balancer:
    """The policy itself.

    Raises
    ------
    ConfigError
        No policy of that name (the message lists them), or an object without ``pick``.
    """
    if isinstance(policy, str):
        is_policy = policy in POLICIES
    else:
        is_policy = isinstance(policy, Balancer) and not isinstance(policy, type)
    if not is_policy:
        raise ConfigError(
            "no such policy for jobs",
            expected=" or ".join((", ".join(POLICIES), "an object with pick(nodes, prng)")),
            got=repr(policy),
        )
    return policy


def placement(policy: str | Balancer, nodes: JobNodes, work: Work, job_cost: JobCost, prng: SplitMix64) -> Placement:
    """A placement by its name or for a balancer, or ConfigError."""
    check_policy(policy)
    if policy == "min_max":
        return MinMax(nodes, work, job_cost)
    if policy == "pull":
        return Pull(nodes, work)
    if policy == "round_robin":
        return RoundRobin(nodes, work)
    if policy == "random_priority":
        return RandomPriority(nodes, work, prng)
    return Balanced(nodes, work, job_cost, prng, balancer(policy))
