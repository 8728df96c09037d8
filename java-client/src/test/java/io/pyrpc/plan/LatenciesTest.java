package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class LatenciesTest {
    private static Latencies of(int calls, double tookS) {
        Latencies latencies = new Latencies();
        for (int call = 0; call < calls; call++) {
            latencies.add(tookS);
        }
        return latencies;
    }

    @Test
    void nothingIsHedgedBeforeTwentyCalls() {
        Latencies latencies = of(19, 0.01);
        latencies.allow(true);
        assertEquals(Double.POSITIVE_INFINITY, latencies.hedgeAfterS());
        latencies.add(0.01);
        assertEquals(0.01, latencies.hedgeAfterS());
    }

    @Test
    void onlyAMethodKnownToBeIdempotentIsHedged() {
        Latencies latencies = of(100, 0.01);
        assertNull(latencies.isIdempotent());
        assertEquals(Double.POSITIVE_INFINITY, latencies.hedgeAfterS());
        latencies.allow(false);
        assertEquals(Double.POSITIVE_INFINITY, latencies.hedgeAfterS());
        latencies.allow(true);
        assertEquals(0.01, latencies.hedgeAfterS());
    }

    @Test
    void theDelayIsAtLeastAMillisecond() {
        Latencies latencies = of(20, 0.0001);
        latencies.allow(true);
        assertEquals(0.001, latencies.hedgeAfterS());
    }

    @Test
    void oldLatenciesAreForgotten() {
        Latencies latencies = of(128, 1.0);
        for (int call = 0; call < 160; call++) {
            latencies.add(0.01);
        }
        assertEquals(0.01, latencies.p95S());
    }

    @Test
    void aQuantileIsTheSmallestThatCoversItsShare() {
        for (int count = 1; count < 300; count++) {
            int index = Latencies.quantileIndex(count, 0.95);
            assertEquals(true, index + 1 >= 0.95 * count, "of " + count);
            assertEquals(true, index < 0.95 * count, "of " + count);
        }
    }
}
