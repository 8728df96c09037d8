package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * Each node as likely as any other, whatever their load and weight.
 *
 * <p>The longest queue grows like ln n / ln ln n (Raab and Steger, "Balls into Bins", 1998): the yardstick for the
 * others, and right for clients that are many and know nothing.
 */
public final class RandomChoice implements Balancer {
    /** One draw a pick. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        return prng.below(nodes.size());
    }
}
