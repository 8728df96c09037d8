package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * The lowest inFlight / weight of all; an exact scan, so it costs time in proportion to the nodes.
 *
 * <p>Equals take turns, beginning after the last pick: idle nodes share the calls of a client that makes one at a time,
 * where the first of them would otherwise get all.
 */
public final class LeastLoaded implements Balancer {
    private final Turn turn = new Turn();

    /** The least loaded node; draws nothing. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        return turn.lowest(
                nodes, node -> node.weight() > 0 ? node.inFlight() / node.weight() : Double.POSITIVE_INFINITY);
    }
}
