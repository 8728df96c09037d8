package io.pyrpc.plan;

import java.util.Arrays;

/**
 * The last 128 latencies of one method: median, 95th percentile, and when a call is sent a second time while the first
 * is still on its way.
 *
 * <p>Dean and Barroso, "The Tail at Scale" (2013): a second request after the 95th percentile of the latency costs
 * about 5% more load and takes most of the tail away. Only for methods declared idempotent.
 *
 * <p>The figures are those of the moment of the last update, every 32 calls (and after 8 and 20): sorting 128 numbers
 * for each call would show in its time. Not thread-safe.
 */
public final class Latencies {
    private static final int KEPT = 128;
    private static final int EVERY = 32;
    private static final double QUANTILE = 0.95;
    private static final double HEDGE_MIN_S = 0.001;
    /** With fewer the 95th percentile is just the highest. */
    private static final int HEDGE_MIN_CALLS = 20;

    private final double[] kept = new double[KEPT];
    private long seen;
    private long due = 8;
    private double medianS;
    private double p95S;
    private double hedgeAfterS = Double.POSITIVE_INFINITY;
    private Boolean isIdempotent;

    /** One more, in seconds; true when the figures were updated. */
    public boolean add(double tookS) {
        kept[(int) (seen % KEPT)] = tookS;
        seen++;
        if (seen < due) {
            return false;
        }
        due = seen < HEDGE_MIN_CALLS ? HEDGE_MIN_CALLS : seen + EVERY;
        update();
        return true;
    }

    /** Says whether the method may run twice. */
    public void allow(boolean isIdempotent) {
        this.isIdempotent = isIdempotent;
        setDelay();
    }

    /** The median in seconds; 0 before the eighth call: the first ones connect, import and warm up. */
    public double medianS() {
        return medianS;
    }

    /** In seconds, by nearest rank: the smallest latency that at least 95% do not exceed; 0 before the eighth call. */
    public double p95S() {
        return p95S;
    }

    /** How long to wait for a reply, in seconds; infinity: do not hedge. */
    public double hedgeAfterS() {
        return hedgeAfterS;
    }

    /** Whether the method may run twice; null: not known yet. */
    public Boolean isIdempotent() {
        return isIdempotent;
    }

    private void update() {
        double[] ordered = Arrays.copyOf(kept, (int) Math.min(seen, KEPT));
        Arrays.sort(ordered);
        medianS = ordered[ordered.length / 2];
        p95S = ordered[quantileIndex(ordered.length, QUANTILE)];
        setDelay();
    }

    private void setDelay() {
        boolean mayHedge = Boolean.TRUE.equals(isIdempotent) && seen >= HEDGE_MIN_CALLS;
        hedgeAfterS = mayHedge ? Math.max(HEDGE_MIN_S, p95S) : Double.POSITIVE_INFINITY;
    }

    /** Nearest rank in a sorted list of count numbers: index of the smallest that covers the quantile. */
    static int quantileIndex(int count, double quantile) {
        return Math.min(count - 1, Math.max(0, (int) Math.ceil(quantile * count) - 1));
    }
}
