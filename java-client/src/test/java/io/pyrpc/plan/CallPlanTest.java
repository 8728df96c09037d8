package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.OverloadedException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.errors.WorkerLostException;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.LeastLoaded;
import io.pyrpc.plan.balance.RandomChoice;
import io.pyrpc.plan.balance.RoundRobin;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CallPlanTest {
    private static final PyrpcException UNREACHABLE = new UnreachableException("nobody listens");
    private static final PyrpcException LATE = new DeadlineExceededException("out of time");

    private static CallPlan of(int nodes, Balancer balancer) {
        List<String> endpoints = IntStream.range(0, nodes).mapToObj(node -> "h" + node + ":9090").toList();
        return new CallPlan(endpoints, balancer, RetryPolicy.ofDefaults(), new SplitMix64(1));
    }

    private static OptionalDouble again(CallPlan plan, PyrpcException failure, boolean mayRepeat, Integer... tried) {
        return plan.retryAfterS(failure, mayRepeat, List.of(tried), 10.0, 0.0);
    }

    // -- choosing

    @Test
    void anAttemptIsInFlightFromItsBeginToItsEnd() {
        CallPlan plan = of(3, new LeastLoaded());
        Set<Integer> nodes = new HashSet<>();
        for (int call = 0; call < 3; call++) {
            nodes.add(plan.begin(List.of(), 0.0));
        }
        assertEquals(Set.of(0, 1, 2), nodes);
        plan.end(0, 0.0, null, plan.latencies("f"), 0.1);
        plan.forget(1);
        plan.answered(2);
        plan.views().forEach(view -> assertEquals(0, view.inFlight(), view.toString()));
    }

    @Test
    void aFurtherAttemptGoesToANodeThatWasNotTried() {
        CallPlan plan = of(3, new RoundRobin());
        assertEquals(2, plan.begin(List.of(0, 1), 0.0));
        // Even to one that is taken for dead, and to one that was tried only where there is no other.
        plan.end(2, 0.0, UNREACHABLE, null, 0.0);
        assertEquals(2, plan.begin(List.of(0, 1), 0.0));
        assertTrue(Set.of(0, 1, 2).contains(plan.begin(List.of(0, 1, 2), 0.0)));
    }

    @Test
    void aNodeThatIsDownGetsNoCall() {
        CallPlan plan = of(3, new RoundRobin());
        int lost = plan.begin(List.of(), 0.0);
        plan.end(lost, 0.0, UNREACHABLE, null, 0.0);
        for (int call = 0; call < 20; call++) {
            assertFalse(plan.begin(List.of(), 0.05) == lost);
        }
    }

    @Test
    void oneCallTriesANodeThatWasDownAndOthersWaitForItsEnd() {
        CallPlan plan = of(3, (nodes, prng, nowS) -> 0);
        plan.begin(List.of(), 0.0);
        plan.end(0, 0.0, UNREACHABLE, null, 0.0);
        assertEquals(1, plan.begin(List.of(), 0.05));
        assertEquals(0, plan.begin(List.of(), 0.2));
        assertEquals(1, plan.begin(List.of(), 0.2));
        plan.end(0, 0.2, null, null, 0.3);
        assertEquals(0, plan.begin(List.of(), 0.3));
    }

    @Test
    void aNodeThatHangsIsEjectedAfterFiveCalls() {
        CallPlan plan = of(3, (nodes, prng, nowS) -> 0);
        for (int call = 0; call < 5; call++) {
            assertEquals(0, plan.begin(List.of(), 0.0));
            plan.end(0, 0.0, LATE, null, 0.0);
        }
        assertEquals(1, plan.begin(List.of(), 0.0));
    }

    @Test
    void anErrorOfTheStageIsAnAnswerOfTheNode() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 0);
        for (int call = 0; call < 10; call++) {
            assertEquals(0, plan.begin(List.of(), 0.0));
            plan.end(0, 0.0, new StageFailedException("no"), null, 0.0);
        }
        assertTrue(plan.outliers().isCalm());
    }

    @Test
    void whatIsNoCallChangesNoChoiceOfACall() {
        CallPlan plan = of(3, new RandomChoice());
        CallPlan asked = of(3, new RandomChoice());
        for (int call = 0; call < 20; call++) {
            assertEquals(0, asked.beginRequest(List.of(), 0.0));
            asked.answered(0);
            assertEquals(plan.begin(List.of(), 0.0), asked.begin(List.of(), 0.0));
        }
    }

    @Test
    void whatIsNoCallGoesToTheFirstNodeThatIsUpAndWasNotTried() {
        CallPlan plan = of(4, (nodes, prng, nowS) -> 0);
        plan.begin(List.of(), 0.0);
        plan.end(0, 0.0, UNREACHABLE, null, 0.0);
        assertEquals(1, plan.beginRequest(List.of(), 0.0));
        assertEquals(2, plan.beginRequest(List.of(1), 0.0));
        assertEquals(0, plan.beginRequest(List.of(1, 2, 3), 0.0));
        assertEquals(1, plan.beginRequest(List.of(0, 1, 2, 3), 0.0));
    }

    @Test
    void aPolicyThatPicksNoNodeIsRefused() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 2);
        assertThrows(ConfigException.class, () -> plan.begin(List.of(), 0.0));
        plan.views().forEach(view -> assertEquals(0, view.inFlight()));
    }

    @Test
    void anotherPolicySharesWhatIsKnown() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 0);
        CallPlan other = plan.withPolicy((nodes, prng, nowS) -> 1);
        assertEquals(1, other.begin(List.of(), 0.0));
        assertEquals(1, plan.views().get(1).inFlight());
        assertSame(plan.latencies("f"), other.latencies("f"));
        for (int call = 0; call < 1000; call++) {
            plan.begin(List.of(), 0.0);
        }
        assertEquals(50, IntStream.range(0, 200).filter(time -> other.tryHedge(0.0)).count());
    }

    // -- what an end tells

    @Test
    void aLatencyCountsByTheMedianOfItsMethod() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 1);
        Latencies latencies = plan.latencies("f");
        for (int call = 0; call < 8; call++) {
            latencies.add(0.1);
        }
        plan.begin(List.of(), 0.0);
        plan.end(1, 0.0, null, latencies, 0.5);
        assertEquals(0.2 * 5, plan.views().get(1).slowness(), 1e-12);
        assertEquals(0.5, plan.views().get(1).peakS());
        assertEquals(0.2 * 0.5, plan.views().get(1).ewmaS(), 1e-12);
        assertEquals(0.5, plan.repliedAtS()[1]);
    }

    @Test
    void aFailureJoinsNoLatencies() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 1);
        Latencies latencies = plan.latencies("f");
        for (int call = 0; call < 7; call++) {
            latencies.add(0.1);
        }
        plan.begin(List.of(), 0.0);
        plan.end(1, 0.0, LATE, latencies, 0.5);
        assertEquals(0.0, latencies.medianS());
        assertEquals(0.0, plan.views().get(1).slowness());
    }

    @Test
    void aNodeThatWasOvertakenLooksSlowerEachTimeAndHasNotReplied() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 1);
        Latencies latencies = plan.latencies("f");
        for (int call = 0; call < 8; call++) {
            latencies.add(0.1);
        }
        plan.begin(List.of(), 0.0);
        plan.lose(1, 0.0, latencies, 0.2);
        assertEquals(4.0, plan.views().get(1).slowness(), 1e-12);
        plan.begin(List.of(), 0.2);
        plan.lose(1, 0.2, latencies, 0.3);
        assertEquals(8.0, plan.views().get(1).slowness(), 1e-12);
        assertEquals(0.8, plan.views().get(1).peakS(), 1e-12);
        assertEquals(Double.NEGATIVE_INFINITY, plan.repliedAtS()[1]);
        plan.begin(List.of(), 0.4);
        plan.end(1, 0.4, null, latencies, 0.5);
        assertEquals(0.5, plan.repliedAtS()[1]);
    }

    @Test
    void whatIsNoCallDoesNotHideThatCallsHang() {
        CallPlan plan = of(2, (nodes, prng, nowS) -> 0);
        plan.begin(List.of(), 0.0);
        plan.end(0, 0.0, LATE, null, 0.0);
        plan.begin(List.of(), 0.0);
        plan.answered(0);
        assertTrue(plan.outliers().isInDoubt(0));
        assertEquals(Double.NEGATIVE_INFINITY, plan.repliedAtS()[0]);
    }

    @Test
    void aClientCallsNowWhileACallIsOnItsWay() {
        CallPlan plan = of(2, new RoundRobin());
        int first = plan.begin(List.of(), 1.0);
        int second = plan.begin(List.of(), 1.0);
        plan.end(first, 1.0, null, null, 2.0);
        assertEquals(7.0, plan.calledAtS(7.0));
        plan.end(second, 1.0, null, null, 3.0);
        assertEquals(3.0, plan.calledAtS(7.0));
    }

    // -- again

    @Test
    void anUntriedNodeIsAskedAtOnce() {
        CallPlan plan = of(2, new RoundRobin());
        assertEquals(OptionalDouble.of(0.0), again(plan, UNREACHABLE, false, 0));
        assertEquals(OptionalDouble.of(0.0), again(plan, new DrainingException("going"), false, 0));
        assertEquals(OptionalDouble.of(0.0), again(plan, LATE, true, 0));
        assertTrue(again(plan, LATE, false, 0).isEmpty());
    }

    @Test
    void whatIsOfTheCallWaitsBeforeItIsTriedAgain() {
        CallPlan plan = of(2, new RoundRobin());
        Detail detail = Detail.NONE.withRetryAfter(Duration.ofMillis(500));
        double waitS = again(plan, new OverloadedException("busy", detail), false, 0, 1).orElseThrow();
        assertTrue(waitS >= 0.5 && waitS < 0.7, "waits " + waitS);
        assertTrue(again(plan, new WorkerLostException("gone"), true, 0).orElseThrow() > 0);
        assertTrue(again(plan, new StageFailedException("no"), true, 0).isEmpty());
        assertTrue(again(plan, UNREACHABLE, false, 0, 1, 0).isEmpty());
    }

    @Test
    void anOverloadedNodeIsNotWaitedForWhereThereIsAnother() {
        CallPlan plan = of(3, (nodes, prng, nowS) -> 0);
        PyrpcException busy =
                new OverloadedException("busy", Detail.NONE.withRetryAfter(Duration.ofMillis(500)));
        assertEquals(0, plan.begin(List.of(), 0.0));
        plan.end(0, 0.0, busy, null, 0.0);
        plan.begin(List.of(), 0.0);
        plan.end(1, 0.0, busy, null, 0.0);
        assertEquals(OptionalDouble.of(0.0), again(plan, busy, false, 0));
        // Not to the second one, which said the same.
        assertEquals(2, plan.begin(List.of(0), 0.0));
        assertTrue(again(plan, busy, false, 0, 2).orElseThrow() >= 0.5);
        assertEquals(1, plan.begin(List.of(0, 2), 0.5));
    }

    @Test
    void aDelayThatWouldOutlastTheTimeIsNotBegun() {
        CallPlan plan = of(2, new RoundRobin());
        Detail detail = Detail.NONE.withRetryAfter(Duration.ofSeconds(10));
        assertTrue(again(plan, new OverloadedException("busy", detail), false, 0, 1).isEmpty());
        assertTrue(plan.retryAfterS(UNREACHABLE, false, List.of(0), 0.0, 0.0).isEmpty());
    }

    @Test
    void retriesStayWithinTheirBudget() {
        CallPlan plan = of(1, new RoundRobin());
        for (int call = 0; call < 1000; call++) {
            plan.begin(List.of(), 0.0);
        }
        long allowed = IntStream.range(0, 1000)
                .filter(time -> again(plan, new OverloadedException("busy"), false, 0).isPresent())
                .count();
        assertEquals(300, allowed);
    }

    @Test
    void whereNoNodeCanBeReachedTheErrorNamesAll() {
        CallPlan plan = of(2, new RoundRobin());
        assertSame(UNREACHABLE, plan.lastError(UNREACHABLE, List.of(0, 0)));
        assertSame(LATE, plan.lastError(LATE, List.of(0, 1)));
        String text = plan.lastError(UNREACHABLE, List.of(0, 1)).getMessage();
        assertTrue(text.contains("no node can be reached") && text.contains("h0:9090, h1:9090"), text);
    }
}
