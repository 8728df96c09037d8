package io.pyrpc.plan;

/**
 * Second attempts of all single calls together: retries within their budget, hedges also within 5% of the calls.
 *
 * <p>Retries and hedges share the one budget of 20% and 10 a second, so that nodes in trouble get no more than that in
 * all. Not thread-safe.
 */
public final class CallBudget {
    private static final double HEDGE_RATIO = 0.05;

    private final RetryBudget all = new RetryBudget();
    private final RetryBudget hedges = new RetryBudget(HEDGE_RATIO, 0.0, 10.0);

    /** So many calls were made since the last time. */
    public void onCalls(long count, double nowS) {
        all.onCalls(count, nowS);
        hedges.onCalls(count, nowS);
    }

    /** Takes a retry; false: none is left. */
    public boolean tryRetry(double nowS) {
        return all.trySpend(nowS);
    }

    /** Takes a hedge; false: none is left. */
    public boolean tryHedge(double nowS) {
        // Neither pays for a hedge that the other one forbids.
        return hedges.canSpend(nowS) && all.trySpend(nowS) && hedges.trySpend(nowS);
    }
}
