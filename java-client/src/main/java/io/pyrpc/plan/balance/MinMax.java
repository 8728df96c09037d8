package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * The earliest predicted finish, (inFlight + 1) x expected service time / weight, of all; an exact scan.
 *
 * <p>List scheduling onto machines of different speed: each call goes where it ends first, so that the last of all ends
 * early (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969; for uniform machines Cho and Sahni, "Bounds for
 * List Schedules on Uniform Processors", 1980). The expected service time is the node's {@code slowness}: for one call,
 * what it takes in seconds is the same factor for all nodes. So a mix of quick and long methods does not make the node
 * that just ran a long one look slow, as it does with latencies in seconds.
 *
 * <p>Nodes within a factor 2 of the quickest count as equally quick, and so do those not known yet; equals take turns.
 * A slow node's figure decays with a time constant of 10 s until it is tried again: one 100 times slower gets one call
 * in 40 s from a client that makes one call at a time.
 */
public final class MinMax implements Balancer {
    /**
     * Latencies of small calls scatter by about that much between nodes that are alike. Without it one lucky node would
     * get all the calls of a client that makes one at a time.
     */
    static final double ALIKE = 2.0;

    private final Turn turn = new Turn();

    /** The node of the earliest finish; draws nothing. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        double quickest = quickest(nodes);
        return turn.lowest(nodes, node -> finish(node, quickest, nowS));
    }

    private static double quickest(List<NodeView> nodes) {
        double quickest = Double.POSITIVE_INFINITY;
        for (NodeView node : nodes) {
            if (node.slowness() > 0 && node.slowness() < quickest) {
                quickest = node.slowness();
            }
        }
        return quickest == Double.POSITIVE_INFINITY ? 1.0 : quickest;
    }

    private static double finish(NodeView node, double quickest, double nowS) {
        if (!(node.weight() > 0)) {
            return Double.POSITIVE_INFINITY;
        }
        double alike = ALIKE * quickest;
        double service = node.slowness();
        if (service > alike) {
            // A node that got slow must be tried again some day.
            service *= PeakEwma.fading(node.seenAt(), nowS);
        }
        if (service <= alike) {
            service = quickest;
        }
        return (node.inFlight() + 1) * service / node.weight();
    }
}
