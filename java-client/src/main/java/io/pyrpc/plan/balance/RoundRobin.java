package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * One node after the other, whatever their load and weight.
 *
 * <p>The first node is drawn: clients that start together would otherwise all begin with the same one.
 */
public final class RoundRobin implements Balancer {
    private int next = -1;

    /** The one after the last pick. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        int index = next >= 0 ? next % nodes.size() : prng.below(nodes.size());
        next = index + 1;
        return index;
    }
}
