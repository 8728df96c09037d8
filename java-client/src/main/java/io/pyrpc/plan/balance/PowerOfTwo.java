package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * Draws two different nodes and takes the one with the lower peak EWMA load / weight, as Finagle does.
 *
 * <p>The longest queue grows like ln ln n instead of ln n / ln ln n for one draw (Mitzenmacher, "The Power of Two
 * Choices in Randomized Load Balancing", 2001), at a price that does not depend on n. Unlike an exact minimum it does
 * not send all clients with the same picture to the same node.
 */
public final class PowerOfTwo implements Balancer {
    /** The lighter of two; the first drawn if they are equal. Two draws, none for a single node. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        int count = nodes.size();
        if (count == 1) {
            return 0;
        }
        int first = prng.below(count);
        int second = prng.below(count - 1);
        if (second >= first) {
            second++;
        }
        return isLighter(nodes.get(first), nodes.get(second), nowS) ? first : second;
    }

    private static boolean isLighter(NodeView a, NodeView b, double nowS) {
        double loadA = PeakEwma.load(a, nowS);
        double loadB = PeakEwma.load(b, nowS);
        if (loadA == loadB) {
            // Nothing known of either, most likely: the queues decide.
            loadA = a.inFlight() + 1;
            loadB = b.inFlight() + 1;
        }
        // Compared crosswise: no division, and the same result for the same numbers in every language.
        return loadA * b.weight() <= loadB * a.weight();
    }
}
