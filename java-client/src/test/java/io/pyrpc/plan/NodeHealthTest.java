package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class NodeHealthTest {
    private final NodeHealth health = new NodeHealth();

    @Test
    void theTimeDownDoublesUpToFiveSeconds() {
        for (double waitS : new double[] {0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0}) {
            health.onFailure(10.0);
            assertEquals(10.0 + waitS, health.downUntilS(), 1e-12);
        }
    }

    @Test
    void tenThousandFailuresAreNoOverflow() {
        for (int time = 0; time < 10_000; time++) {
            health.onFailure(0.0);
        }
        assertEquals(5.0, health.downUntilS());
    }

    @Test
    void oneCallIsTheProbeAndOthersWaitForIt() {
        health.onFailure(0.0);
        assertFalse(health.isUsable(0.09));
        assertTrue(health.isUsable(0.1));
        health.onCall(0.1);
        assertFalse(health.isUsable(5.0));
        assertTrue(health.isUsable(5.1));
        health.onSuccess();
        assertTrue(health.isUp() && health.isUsable(0.2));
    }

    @Test
    void aCallSentInPanicIsNoProbe() {
        health.onFailure(0.0);
        health.onCall(0.05);
        assertTrue(health.isUsable(0.1));
    }

    @Test
    void nobodyTriesANodeWhileSomebodyAsksIt() {
        health.hold(100.0);
        assertTrue(health.isUsable(0.0));
        health.onFailure(0.0);
        health.hold(3.0);
        assertFalse(health.isUsable(2.9));
        health.hold(1.0);
        assertEquals(3.0, health.downUntilS());
    }
}
