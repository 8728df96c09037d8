package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OutliersTest {
    private static Outliers of(int nodes) {
        return new Outliers(Stream.generate(NodeHealth::new).limit(nodes).toList());
    }

    private static void fail(Outliers pool, int node, int times, double nowS) {
        for (int time = 0; time < times; time++) {
            pool.onFailure(node, nowS, false);
        }
    }

    private static List<Integer> usable(Outliers pool, double nowS) {
        return pool.usable(nowS, new SplitMix64(0));
    }

    @Test
    void fiveFailuresInARowEject() {
        Outliers pool = of(4);
        fail(pool, 1, 4, 0);
        assertEquals(List.of(0, 1, 2, 3), usable(pool, 0));
        fail(pool, 1, 1, 0);
        assertTrue(pool.isEjected(1));
        assertEquals(List.of(0, 2, 3), usable(pool, 29.9));
    }

    @Test
    void aSuccessEndsTheRow() {
        Outliers pool = of(4);
        fail(pool, 1, 4, 0);
        pool.onSuccess(1, 0);
        fail(pool, 1, 4, 0);
        assertFalse(pool.isEjected(1));
    }

    @Test
    void afterThirtySecondsOneCallIsTheProbe() {
        Outliers pool = of(4);
        fail(pool, 1, 5, 0);
        assertTrue(usable(pool, 30).contains(1));
        pool.onCall(1, 30);
        assertFalse(usable(pool, 30).contains(1));
        pool.onSuccess(1, 30.1);
        assertFalse(pool.isEjected(1));
        assertEquals(0.1, pool.share(1, 30.1));
        assertEquals(1.0, pool.share(1, 60.1));
    }

    @Test
    void aFailedProbeEjectsForLongerUpTo300Seconds() {
        Outliers pool = of(4);
        fail(pool, 1, 5, 0);
        double nowS = 0;
        for (int time = 2; time < 15; time++) {
            nowS = pool.ejectedUntilS(1);
            fail(pool, 1, 1, nowS);
            assertEquals(nowS + Math.min(300, 30 * time), pool.ejectedUntilS(1));
        }
    }

    @Test
    void neverMoreThanHalfAndNeverTheLast() {
        for (int count = 1; count < 8; count++) {
            Outliers pool = of(count);
            int ejected = 0;
            for (int node = 0; node < count; node++) {
                fail(pool, node, 50, 0);
                ejected += pool.isEjected(node) ? 1 : 0;
            }
            assertEquals(count / 2, ejected);
        }
    }

    @Test
    void belowHalfHealthyEjectionsAreIgnoredButNotABackoff() {
        Outliers pool = of(4);
        fail(pool, 0, 5, 0);
        fail(pool, 1, 5, 0);
        assertEquals(List.of(2, 3), usable(pool, 0.01));
        pool.onFailure(2, 0, true);
        assertEquals(List.of(0, 1, 3), usable(pool, 0.01));
    }

    @Test
    void allInBackoffMeansUseAll() {
        Outliers pool = of(3);
        for (int node = 0; node < 3; node++) {
            pool.onFailure(node, 0, true);
        }
        assertEquals(List.of(0, 1, 2), usable(pool, 0.05));
    }

    @Test
    void aShareOfSuccessesFarBelowTheMeanEjects() {
        Outliers pool = of(6);
        pool.onFailure(0, 0, false);
        for (int call = 0; call < 200; call++) {
            for (int node = 0; node < 6; node++) {
                if (node == 3 && call % 4 == 0) {
                    pool.onFailure(node, 1, false);
                } else {
                    pool.onSuccess(node, 1);
                }
            }
        }
        assertFalse(pool.isEjected(3));
        assertEquals(List.of(0, 1, 2, 4, 5), usable(pool, 10));
    }

    @Test
    void itIsCalmAgainWhenNothingFailedForTwoIntervals() {
        Outliers pool = of(3);
        assertTrue(pool.isCalm());
        pool.onFailure(0, 0, false);
        pool.onSuccess(0, 11);
        assertFalse(pool.isCalm());
        pool.onSuccess(0, 21);
        assertTrue(pool.isCalm());
    }

    @Test
    void pingsTellWhetherANodeIsThereAndNothingOfItsCalls() {
        Outliers pool = of(3);
        fail(pool, 1, 4, 0);
        pool.onPing(1, 0, true);
        assertTrue(pool.isInDoubt(1));
        fail(pool, 1, 1, 0);
        assertTrue(pool.isEjected(1));
        pool.onPing(1, 31, true);
        assertTrue(pool.isEjected(1));
        pool.onPing(0, 31, false);
        assertEquals(List.of(1, 2), usable(pool, 31.05));
    }
}
