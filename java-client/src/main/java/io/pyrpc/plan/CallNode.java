package io.pyrpc.plan;

import io.pyrpc.plan.balance.NodeView;
import io.pyrpc.plan.balance.PeakEwma;

/** What single calls have shown of one node. */
final class CallNode {
    private static final double EWMA_WEIGHT = 0.2;

    final NodeHealth health = new NodeHealth();
    private NodeView view;
    /** When another node replied before it to the same call; not below seenAt: it has not replied since. */
    private double outrunAtS = Double.NEGATIVE_INFINITY;
    /** Until when it asked to be left alone. */
    private double overloadedUntilS = Double.NEGATIVE_INFINITY;

    CallNode(String endpoint) {
        view = new NodeView(endpoint);
    }

    NodeView view() {
        return view;
    }

    /** When it replied last, as far as one can tell. */
    double repliedAtS() {
        return outrunAtS >= view.seenAt() ? Double.NEGATIVE_INFINITY : view.seenAt();
    }

    boolean isOverloaded(double nowS) {
        return overloadedUntilS > nowS;
    }

    /** It turned a call away, and asked for so much time. */
    void turnedAway(double askedS, double nowS) {
        overloadedUntilS = nowS + askedS;
    }

    void begin() {
        view = withInFlight(1);
    }

    /** An attempt ended of which nothing is learned. */
    void forget() {
        view = withInFlight(-1);
    }

    /**
     * An attempt ended.
     *
     * @param medianS of its method, in seconds; 0: not known, or it failed
     */
    void end(double tookS, double medianS, double nowS) {
        NodeView before = view;
        double peakS = PeakEwma.observed(before.peakS(), before.seenAt(), tookS, nowS);
        double slowness = medianS > 0 ? averaged(before.slowness(), tookS / medianS) : before.slowness();
        view = after(averaged(before.ewmaS(), tookS), peakS, slowness, nowS);
    }

    /** An attempt was cancelled after half of tookS, because another node replied first. */
    void lose(double tookS, double medianS, double nowS) {
        NodeView before = view;
        double ewmaS = Math.max(before.ewmaS(), averaged(before.ewmaS(), tookS));
        double peakS = Math.max(tookS, 2.0 * before.peakS());
        double slowness = medianS > 0 ? Math.max(2.0 * before.slowness(), tookS / medianS) : before.slowness();
        view = after(ewmaS, peakS, slowness, nowS);
        outrunAtS = nowS;
    }

    private static double averaged(double average, double one) {
        return average + EWMA_WEIGHT * (one - average);
    }

    private NodeView after(double ewmaS, double peakS, double slowness, double nowS) {
        return new NodeView(view.endpoint(), view.inFlight() - 1, view.weight(), ewmaS, peakS, slowness, nowS);
    }

    private NodeView withInFlight(int more) {
        return new NodeView(
                view.endpoint(),
                view.inFlight() + more,
                view.weight(),
                view.ewmaS(),
                view.peakS(),
                view.slowness(),
                view.seenAt());
    }
}
