package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.FailureClass;

/**
 * At most {@code maxAttempts} attempts, with exponential backoff and full jitter between them.
 *
 * <p>Full jitter (uniform between 0 and the bound) spreads callers that failed together better than a fixed share of it
 * (Brooker, "Exponential Backoff And Jitter", 2015).
 *
 * @param maxAttempts the first one included; at least 1
 * @param backoffS the longest wait after the first attempt, in seconds
 * @param backoffMaxS the longest wait after any, in seconds
 */
public record RetryPolicy(int maxAttempts, double backoffS, double backoffMaxS) {
    private static final RetryPolicy DEFAULTS = new RetryPolicy(3, 0.1, 1.0);

    /** @throws ConfigException maxAttempts below 1, or a time that is negative or not finite */
    public RetryPolicy {
        if (maxAttempts < 1) {
            throw new ConfigException(
                    "maxAttempts is too small", Detail.mismatch("maxAttempts >= 1", Integer.toString(maxAttempts)));
        }
        checkTime("backoffS", backoffS);
        checkTime("backoffMaxS", backoffMaxS);
    }

    private static void checkTime(String name, double valueS) {
        if (!(Double.isFinite(valueS) && valueS >= 0)) {
            throw new ConfigException(
                    name + " makes no sense", Detail.mismatch("seconds >= 0", Double.toString(valueS)));
        }
    }

    /** Three attempts, 0.1 s doubled up to 1 s between them. */
    public static RetryPolicy ofDefaults() {
        return DEFAULTS;
    }

    /**
     * What follows from the failure of one attempt.
     *
     * @param failure what the error says of itself
     * @param attempt number of the attempt that failed; the first one is 0
     * @param idempotent whether a second run does no harm
     * @param prng one draw is taken for each retry, none otherwise
     * @param retryAfterMs what the node asked for, or null; the delay is that time plus the jittered backoff, so that
     *     callers who were sent away together do not come back together
     */
    public RetryDecision decide(
            FailureClass failure, int attempt, boolean idempotent, SplitMix64 prng, Long retryAfterMs) {
        if (failure == FailureClass.FINAL) {
            return RetryDecision.no(FailReason.FINAL);
        }
        if (failure == FailureClass.UNKNOWN && !idempotent) {
            return RetryDecision.no(FailReason.UNKNOWN);
        }
        if (attempt + 1 >= maxAttempts) {
            return RetryDecision.no(FailReason.EXHAUSTED);
        }
        double askedS = retryAfterMs == null ? 0.0 : Math.max(0L, retryAfterMs) / 1000.0;
        return RetryDecision.after(askedS + prng.uniform() * backoffBoundS(attempt));
    }

    /** The longest backoff after attempt number {@code attempt} (the first is 0), in seconds: doubling, capped. */
    public double backoffBoundS(int attempt) {
        // 2^62 is past any cap that makes sense.
        return Math.min(backoffMaxS, backoffS * (1L << Math.min(attempt, 62)));
    }
}
