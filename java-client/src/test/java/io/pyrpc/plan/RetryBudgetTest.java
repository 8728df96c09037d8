package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class RetryBudgetTest {
    private static int allowed(BooleanSupplier trySpend) {
        int allowed = 0;
        while (allowed < 100_000 && trySpend.getAsBoolean()) {
            allowed++;
        }
        return allowed;
    }

    @Test
    void withoutCallsTenASecondMayBeRetried() {
        RetryBudget budget = new RetryBudget();
        assertEquals(100, allowed(() -> budget.trySpend(0.0)));
    }

    @Test
    void aFifthOfTheCallsComesOnTop() {
        RetryBudget budget = new RetryBudget();
        budget.onCalls(1000, 0.0);
        assertEquals(300, allowed(() -> budget.trySpend(0.0)));
    }

    @Test
    void noWindowSeesMoreRetriesThanItMay() {
        RetryBudget budget = new RetryBudget(0.0, 3.0, 10.0);
        SplitMix64 draw = new SplitMix64(11);
        List<Double> spent = new ArrayList<>();
        double nowS = 0;
        for (int step = 0; step < 5000; step++) {
            nowS += draw.uniform() * 0.4;
            if (budget.trySpend(nowS)) {
                spent.add(nowS);
            }
        }
        for (double fromS : spent) {
            long within = spent.stream().filter(at -> at >= fromS && at < fromS + 10).count();
            assertTrue(within <= 30, within + " in the window from " + fromS);
        }
        assertTrue(spent.size() > 2000, "it comes back: " + spent.size());
    }

    @Test
    void timeThatGoesBackStandsStill() {
        RetryBudget budget = new RetryBudget(0.0, 1.0, 10.0);
        assertEquals(10, allowed(() -> budget.trySpend(100.0)));
        assertFalse(budget.trySpend(0.0));
        assertFalse(budget.trySpend(-1e6));
        assertEquals(10, allowed(() -> budget.trySpend(111.0)));
    }

    @Test
    void aBudgetThatMakesNoSenseIsRefused() {
        assertThrows(ConfigException.class, () -> new RetryBudget(-0.1, 10, 10));
        assertThrows(ConfigException.class, () -> new RetryBudget(0.2, Double.NaN, 10));
        assertThrows(ConfigException.class, () -> new RetryBudget(0.2, 10, 0));
    }

    @Test
    void hedgesAreFivePercentOfTheCalls() {
        CallBudget budget = new CallBudget();
        budget.onCalls(1000, 0.0);
        assertEquals(50, allowed(() -> budget.tryHedge(0.0)));
        assertEquals(250, allowed(() -> budget.tryRetry(0.0)));
    }

    @Test
    void aHedgeThatTheRetryBudgetForbidsIsNotTakenFromThatOfHedges() {
        CallBudget budget = new CallBudget();
        budget.onCalls(1000, 0.0);
        assertEquals(300, allowed(() -> budget.tryRetry(0.0)));
        for (int time = 0; time < 100; time++) {
            assertFalse(budget.tryHedge(0.0));
        }
        // Room for 40 more in all; the 60 hedges of 5% are all there.
        budget.onCalls(200, 5.0);
        assertEquals(40, allowed(() -> budget.tryHedge(5.0)));
    }
}
