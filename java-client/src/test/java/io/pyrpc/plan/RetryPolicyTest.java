package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.FailureClass;
import org.junit.jupiter.api.Test;

class RetryPolicyTest {
    private static final RetryPolicy POLICY = RetryPolicy.ofDefaults();

    private static RetryDecision decide(FailureClass failure, int attempt, boolean idempotent) {
        return POLICY.decide(failure, attempt, idempotent, new SplitMix64(1), null);
    }

    @Test
    void anAnswerIsNeverAskedForAgain() {
        assertEquals(FailReason.FINAL, decide(FailureClass.FINAL, 0, true).reason());
    }

    @Test
    void whatMayHaveRunRunsAgainOnlyIfThatDoesNoHarm() {
        assertEquals(FailReason.UNKNOWN, decide(FailureClass.UNKNOWN, 0, false).reason());
        assertTrue(decide(FailureClass.UNKNOWN, 0, true).retry());
    }

    @Test
    void threeAttemptsAreAll() {
        assertTrue(decide(FailureClass.NOT_EXECUTED, 1, false).retry());
        assertEquals(FailReason.EXHAUSTED, decide(FailureClass.NOT_EXECUTED, 2, false).reason());
    }

    @Test
    void backoffLiesBetweenZeroAndADoublingBound() {
        RetryPolicy policy = new RetryPolicy(Integer.MAX_VALUE, 0.1, 1.0);
        SplitMix64 prng = new SplitMix64(3);
        for (int attempt = 0; attempt < 2000; attempt++) {
            double bound = Math.min(1.0, 0.1 * Math.pow(2, attempt));
            assertEquals(bound, policy.backoffBoundS(attempt), "attempt " + attempt);
            double delayS = policy.decide(FailureClass.NOT_EXECUTED, attempt, false, prng, null).delayS();
            assertTrue(delayS >= 0 && delayS < bound, "attempt " + attempt + " waits " + delayS);
        }
    }

    @Test
    void theTimeANodeAsksForIsALeast() {
        RetryDecision decision = POLICY.decide(FailureClass.NOT_EXECUTED, 0, false, new SplitMix64(1), 1500L);
        assertTrue(decision.delayS() >= 1.5 && decision.delayS() < 1.6, decision.toString());
    }

    @Test
    void onlyRetriesDrawNumbers() {
        SplitMix64 prng = new SplitMix64(9);
        POLICY.decide(FailureClass.FINAL, 0, true, prng, null);
        POLICY.decide(FailureClass.NOT_EXECUTED, 5, true, prng, null);
        assertEquals(new SplitMix64(9).nextU64(), prng.nextU64());
    }

    @Test
    void aPolicyThatMakesNoSenseIsRefused() {
        assertThrows(ConfigException.class, () -> new RetryPolicy(0, 0.1, 1.0));
        assertThrows(ConfigException.class, () -> new RetryPolicy(3, -0.1, 1.0));
        assertThrows(ConfigException.class, () -> new RetryPolicy(3, 0.1, Double.NaN));
        assertThrows(ConfigException.class, () -> new RetryPolicy(3, Double.POSITIVE_INFINITY, 1.0));
    }
}
