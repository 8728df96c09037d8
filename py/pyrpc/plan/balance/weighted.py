"""Each in turn, in proportion to weight."""

from __future__ import annotations

from collections.abc import Sequence

from pyrpc.plan.balance.view import NodeView
from pyrpc.plan.prng import SplitMix64


class Weighted:
    """Smooth weighted round robin, nginx's (``ngx_http_upstream_round_robin.c``, commit 52327e0627f4, 2012).

    For each pick every node gains its weight in credit; the one with the most credit is taken and pays the sum of
    the weights. Weights 5, 1, 1 give a a b a c a a: the heavy node's turns are spread, not bunched. Credit belongs
    to the endpoint, so it survives when nodes come and go between picks. Where all weights are 0 each counts as 1.
    """

    __slots__ = ("_credit",)

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float = 0.0) -> int:
        """The node with the most credit, the first of equals; draws nothing."""
        total = 0.0
        for node in nodes:
            total += node.weight
        even = 0.0 if total > 0 else 1.0
        credit = self._credit
        if len(credit) > 2 * len(nodes) + 16:
            # Nodes that went for good would else be remembered for ever.
            here = {node.endpoint for node in nodes}
            self._credit = credit = {name: value for name, value in credit.items() if name in here}
        best, most = 0, float("-inf")
        for index, node in enumerate(nodes):
            weight = node.weight or even
            has = credit[node.endpoint] = credit.get(node.endpoint, 0.0) + weight
            # Nothing gained, nothing due: without this a node of weight 0 would win while the others pay.
            if weight > 0 and has > most:
                best, most = index, has
        credit[nodes[best].endpoint] -= total or float(len(nodes))
        return best
