package io.pyrpc.plan.balance;

import java.util.List;
import java.util.function.ToDoubleFunction;

/** A scan for the lowest cost that begins after the last pick, so that equals take turns. */
final class Turn {
    private int next;

    /**
     * Index of the node of the lowest cost, the first of equals.
     *
     * @param cost 0 or more, infinity for a node that is only for when there is no other
     */
    int lowest(List<NodeView> nodes, ToDoubleFunction<NodeView> cost) {
        int count = nodes.size();
        int index = next % count;
        int best = index;
        double lowest = Double.POSITIVE_INFINITY;
        for (int seen = 0; seen < count && lowest > 0; seen++) {
            double found = cost.applyAsDouble(nodes.get(index));
            if (found < lowest) {
                best = index;
                lowest = found;
            }
            index = index + 1 < count ? index + 1 : 0;
        }
        next = best + 1;
        return best;
    }
}
