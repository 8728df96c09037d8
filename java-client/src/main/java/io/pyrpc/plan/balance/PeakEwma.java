package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.List;

/**
 * The lowest peak EWMA x (inFlight + 1) / weight of all; an exact scan.
 *
 * <p>Finagle's metric ({@code com.twitter.finagle.loadbalancer.PeakEwma}): it reacts to a node that turns slow with the
 * first slow answer, and comes back to it as the memory fades, by a factor e every 10 s. Finagle draws two nodes and
 * compares them; {@link PowerOfTwo} does so here.
 *
 * <p>Equals take turns, beginning after the last pick.
 */
public final class PeakEwma implements Balancer {
    /** Finagle's default. Long against one call, short against the time that a node stays slow. */
    static final double DECAY_S = 10.0;
    /** What a node that never answered costs while it has a call: more than any that did. */
    static final double PENALTY_S = 1e9;

    private final Turn turn = new Turn();

    /** The node of the lowest cost; draws nothing. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        return turn.lowest(
                nodes, node -> node.weight() > 0 ? load(node, nowS) / node.weight() : Double.POSITIVE_INFINITY);
    }

    /**
     * The peak EWMA after one more latency: the latency itself if that is higher, else an average on its way down.
     *
     * @param peakS the peak EWMA before, in seconds
     * @param seenAt when it was updated last
     * @param tookS the latency, in seconds
     * @param nowS the time
     */
    public static double observed(double peakS, double seenAt, double tookS, double nowS) {
        if (tookS >= peakS) {
            return tookS;
        }
        double keep = fading(seenAt, nowS);
        return peakS * keep + tookS * (1.0 - keep);
    }

    /**
     * Decayed peak latency times (inFlight + 1).
     *
     * <p>A node that never answered costs nothing while idle, so it is tried, and more than all others while its first
     * call runs, so it is not tried by everybody at once.
     */
    static double load(NodeView node, double nowS) {
        double peakS = node.peakS();
        if (peakS <= 0) {
            return PENALTY_S * node.inFlight();
        }
        return peakS * fading(node.seenAt(), nowS) * (node.inFlight() + 1);
    }

    /** What is left of a figure's weight since it was seen. */
    static double fading(double seenAt, double nowS) {
        // Math.exp may give other last bits once it is compiled.
        return StrictMath.exp(-Math.max(0.0, nowS - seenAt) / DECAY_S);
    }
}
