package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * Chooses the node of a single call. A policy of your own is one class, or a lambda where it keeps no state.
 *
 * <p>The client calls {@code pick} under its lock: it must not block, and it need not be thread-safe. An instance
 * serves one client and may keep state. {@code io.pyrpc.testing.BalancerCheck} tests one.
 */
@FunctionalInterface
public interface Balancer {
    /**
     * Picks a node.
     *
     * @param nodes never empty, and not to be changed
     * @param prng the only source of chance
     * @param nowS the time, in seconds on a clock that does not go back
     * @return the index of the node to take
     */
    int pick(List<NodeView> nodes, SplitMix64 prng, double nowS);
}
