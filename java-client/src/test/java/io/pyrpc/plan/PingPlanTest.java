package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PingPlanTest {
    private final List<NodeHealth> healths = Stream.generate(NodeHealth::new).limit(3).toList();
    private final Outliers outliers = new Outliers(healths);
    private final PingPlan plan = new PingPlan(healths, PingPlan.EVERY_S);
    private final double[] never = {
        Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY
    };

    private void ended(int node, double nowS, boolean isThere) {
        outliers.onPing(node, nowS, isThere);
        plan.ended(node, nowS, isThere);
    }

    @Test
    void nobodyIsPingedBeforeASecondHasPassed() {
        plan.start(5.0);
        assertEquals(6.0, plan.wakeAt(never));
        assertEquals(List.of(), plan.due(5.9, never));
        assertEquals(List.of(0, 1, 2), plan.due(6.0, never));
    }

    @Test
    void aNodeIsNotDueAgainBeforeItsPingHasEnded() {
        plan.start(0.0);
        plan.due(1.0, never);
        assertEquals(List.of(), plan.due(100.0, never));
        ended(1, 1.1, true);
        assertEquals(11.1, plan.wakeAt(never));
        assertEquals(List.of(1), plan.due(11.1, never));
    }

    @Test
    void aNodeThatRepliesToCallsIsNotPinged() {
        plan.start(0.0);
        assertEquals(List.of(0, 2), plan.due(10.0, new double[] {0.0, 9.0, 0.0}));
    }

    @Test
    void noCallGoesToANodeThatDiedWhileNobodyCalledIt() {
        plan.start(0.0);
        plan.due(1.0, never);
        ended(0, 1.0, true);
        ended(2, 1.0, true);
        ended(1, 3.0, false);
        for (double nowS = 3.0; nowS < 5.6; nowS += 0.1) {
            assertFalse(healths.get(1).isUsable(nowS), "at " + nowS);
        }
        // Its next ping is due by its backoff, while calls stay away.
        assertEquals(3.1, plan.wakeAt(never), 1e-9);
        assertEquals(List.of(1), plan.due(3.1, never));
        ended(1, 3.2, true);
        assertTrue(healths.get(1).isUsable(3.2));
    }

    @Test
    void aNodeThatACallFoundDownIsPingedWhenItsBackoffIsOver() {
        plan.start(0.0);
        outliers.onFailure(2, 5.0, true);
        assertEquals(List.of(0, 1), plan.due(5.05, never));
        assertEquals(List.of(2), plan.due(5.1, never));
        assertFalse(healths.get(2).isUsable(7.5));
    }

    @Test
    void pingsOnTheirWayAreBounded() {
        List<NodeHealth> many = Stream.generate(NodeHealth::new).limit(40).toList();
        PingPlan plenty = new PingPlan(many, 10.0);
        plenty.start(0.0);
        double[] replied = new double[40];
        List<Integer> asked = new ArrayList<>(plenty.due(20.0, replied));
        assertEquals(16, asked.size());
        assertEquals(Double.POSITIVE_INFINITY, plenty.wakeAt(replied));
        plenty.ended(asked.get(3), 20.0, true);
        assertEquals(List.of(16), plenty.due(20.0, replied));
    }

    @Test
    void aClientIsIdleAMinuteAfterItsLastCall() {
        plan.start(0.0);
        assertFalse(plan.isIdle(59.0, -1.0));
        assertFalse(plan.isIdle(70.0, 11.0));
        assertTrue(plan.isIdle(71.0, 11.0));
    }

    @Test
    void aShortPeriodSettlesInLessThanASecond() {
        PingPlan quick = new PingPlan(healths, 0.2);
        quick.start(0.0);
        assertEquals(0.2, quick.wakeAt(never));
    }
}
