package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * Each node draws a priority; the highest wins, and equal ones are settled by the fewest calls in flight.
 *
 * <p>The priority is ln(1 - u) / weight, u uniform in [0, 1): the logarithm of Efraimidis and Spirakis' key
 * u^(1/weight) ("Weighted random sampling with a reservoir", 2006), in the same order but without underflow. So a node
 * wins in proportion to its weight, and the whole order is a weighted sample without replacement.
 */
public final class RandomPriority implements Balancer {
    /** The node of highest priority; one draw a node, in their order. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        int best = 0;
        double highest = Double.NEGATIVE_INFINITY;
        for (int index = 0; index < nodes.size(); index++) {
            NodeView node = nodes.get(index);
            double key = StrictMath.log(1.0 - prng.uniform());
            double priority = node.weight() > 0 ? key / node.weight() : Double.NEGATIVE_INFINITY;
            boolean isIdler = priority == highest && node.inFlight() < nodes.get(best).inFlight();
            if (priority > highest || isIdler) {
                best = index;
                highest = priority;
            }
        }
        return best;
    }
}
