package io.pyrpc.plan.balance;

/**
 * One node at the moment of a pick.
 *
 * @param endpoint {@code host:port}
 * @param inFlight calls of this client that have not ended
 * @param weight share of the load it should get, relative to the others; a node of weight 0 is for when there is no
 *     other
 * @param ewmaS moving average of its latency in seconds; 0 before the first call
 * @param peakS its latency in seconds as Finagle's peak EWMA keeps it, at {@code seenAt}; 0 before the first call
 * @param slowness what calls take there as a multiple of what the same methods take on the client's nodes together; 0:
 *     not known
 * @param seenAt when peakS and slowness were updated last, in seconds on the clock of the picks
 */
public record NodeView(
        String endpoint, int inFlight, double weight, double ewmaS, double peakS, double slowness, double seenAt) {

    /** A node of which nothing is known yet. */
    public NodeView(String endpoint) {
        this(endpoint, 0);
    }

    /** A node of which nothing but its calls in flight is known. */
    public NodeView(String endpoint, int inFlight) {
        this(endpoint, inFlight, 1.0, 0.0, 0.0, 0.0, 0.0);
    }
}
