package io.pyrpc.plan;

/**
 * The answer of {@link RetryPolicy#decide}.
 *
 * @param retry whether to try again
 * @param delayS how long to wait before, in seconds; 0 when not retried
 * @param reason why not: the failure is the answer ({@code FINAL}); the call may have run and must not run twice
 *     ({@code UNKNOWN}); attempts are used up ({@code EXHAUSTED}); null when retried
 */
public record RetryDecision(boolean retry, double delayS, FailReason reason) {
    /** Try again after so many seconds. */
    static RetryDecision after(double delayS) {
        return new RetryDecision(true, delayS, null);
    }

    /** Do not try again. */
    static RetryDecision no(FailReason reason) {
        return new RetryDecision(false, 0.0, reason);
    }
}
