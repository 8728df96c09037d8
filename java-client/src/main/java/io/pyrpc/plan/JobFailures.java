package io.pyrpc.plan;

import io.pyrpc.errors.FailureClass;

/**
 * What a failed attempt of a job leads to: counts the failures of its chunks and knows the bounds.
 *
 * <p>By FailureClass, and by whether the node went down with it. FINAL: the job fails. UNKNOWN in a job that is not
 * idempotent: the job fails. All else sends the chunk again, ahead of those not sent yet, and each cause has its bound:
 *
 * <ul>
 *   <li>UNKNOWN, node still up: backoff by the RetryPolicy, another node if there is one, at most {@code maxAttempts}.
 *   <li>UNKNOWN, node lost: at once, and counted neither against maxAttempts nor against a retry budget. Losing a node
 *       costs at most {@code window} chunks, whatever the size of the job, so it cannot become a storm; counting it
 *       would fail jobs in a rolling restart. But a chunk that took {@link #MAX_LOSSES} nodes with it is a poison pill.
 *   <li>NOT_EXECUTED, node lost (nobody listens there): at once; the bound is so wide that every node may be dead on
 *       the first try without failing a job which one of them could do later.
 *   <li>NOT_EXECUTED, node up (OVERLOADED, DRAINING): the chunk is not at fault. The node is paused as it asked, or
 *       with a backoff that doubles, and the chunk goes to whoever is free, as soon as the JobBudget allows. A job
 *       waits for busy nodes; only a chunk that was turned away time and again for {@link #REFUSED_S}, in which no
 *       other was done
 *       either, gives up.
 * </ul>
 *
 * <p>A bound that is reached while another attempt of the chunk is in flight counts when that one has failed too.
 */
final class JobFailures {
    /** The delay of a chunk that is not sent again. */
    static final double NEVER = Double.POSITIVE_INFINITY;

    private static final int MAX_LOSSES = 3;
    private static final double REFUSED_S = 30.0;

    /** When a chunk was done last. */
    double progressAt = Double.NEGATIVE_INFINITY;

    private final RetryPolicy retry;
    private final boolean idempotent;
    private final SplitMix64 prng;
    private final int mostUnreached;

    /**
     * Nothing has failed yet.
     *
     * @param prng one draw for each backoff
     * @param nodes how many the job has
     */
    JobFailures(RetryPolicy retry, boolean idempotent, SplitMix64 prng, int nodes) {
        this.retry = retry;
        this.idempotent = idempotent;
        this.prng = prng;
        this.mostUnreached = MAX_LOSSES * (nodes + MAX_LOSSES);
    }

    /** Counts one failure that is not FINAL; after how many seconds to send the chunk again, or {@link #NEVER}. */
    double count(ChunkState state, FailureClass failure, boolean nodeLost, double nowS) {
        if (failure == FailureClass.UNKNOWN) {
            return nodeLost ? afterLoss(state) : afterFailure(state);
        }
        return nodeLost ? afterUnreached(state) : afterRefusal(state, nowS);
    }

    /** Whether a bound was reached, be it by an earlier failure. */
    boolean isSpent(ChunkState state) {
        return state.failures >= retry.maxAttempts()
                || state.losses >= MAX_LOSSES
                || state.unreached > mostUnreached;
    }

    private static double afterLoss(ChunkState state) {
        state.losses++;
        return state.losses < MAX_LOSSES ? 0.0 : NEVER;
    }

    private double afterFailure(ChunkState state) {
        RetryDecision decision = retry.decide(FailureClass.UNKNOWN, state.failures, idempotent, prng, null);
        state.failures++;
        return decision.retry() ? decision.delayS() : NEVER;
    }

    private double afterUnreached(ChunkState state) {
        state.unreached++;
        return state.unreached <= mostUnreached ? 0.0 : NEVER;
    }

    private double afterRefusal(ChunkState state, double nowS) {
        if (!state.live.isEmpty()) {
            return 0.0; // only a hedge; the chunk as such has been accepted
        }
        if (state.refusals == 0) {
            state.refusedSince = nowS;
        }
        state.refusals++;
        double since = Math.max(state.refusedSince, progressAt);
        boolean isPatient = state.refusals < retry.maxAttempts() || nowS - since < REFUSED_S;
        return isPatient ? 0.0 : NEVER;
    }
}
