package io.pyrpc.plan.balance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.plan.SplitMix64;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BalancersTest {
    private static List<Integer> picks(String name, List<NodeView> nodes, int count, double nowS) {
        Balancer balancer = Balancers.named(name);
        SplitMix64 prng = new SplitMix64(3);
        List<Integer> picks = new ArrayList<>();
        for (int step = 0; step < count; step++) {
            picks.add(balancer.pick(nodes, prng, nowS));
        }
        return picks;
    }

    private static Set<Integer> picked(String name, List<NodeView> nodes, int count) {
        return new HashSet<>(picks(name, nodes, count, 0.0));
    }

    private static NodeView weighing(String endpoint, double weight) {
        return new NodeView(endpoint, 0, weight, 0.0, 1.0, 1.0, 0.0);
    }

    /** The second of three nodes is slower than the others, and idle. */
    private static List<NodeView> slowOne(double slowness, int inFlight, double seenAt) {
        NodeView quick = new NodeView("h0", inFlight, 1.0, 0.01, 0.01, 1.0, seenAt);
        NodeView slow = new NodeView("h1", 0, 1.0, 0.01, 0.01 * slowness, slowness, 0.0);
        return List.of(quick, slow, new NodeView("h2", inFlight, 1.0, 0.01, 0.01, 1.0, seenAt));
    }

    @Test
    void anUnknownPolicyIsRefusedWithTheList() {
        for (String wrong : new String[] {"fastest", "", null}) {
            ConfigException error = assertThrows(ConfigException.class, () -> Balancers.named(wrong));
            for (String name : Balancers.names()) {
                assertTrue(error.getMessage().contains(name), error.getMessage());
            }
        }
    }

    @Test
    void eachNameGivesANewBalancer() {
        for (String name : Balancers.names()) {
            assertNotSame(Balancers.named(name), Balancers.named(name));
        }
    }

    @Test
    void aPickThatNamesNoNodeIsRefused() {
        List<NodeView> nodes = List.of(new NodeView("a"), new NodeView("b"));
        for (int wrong : new int[] {2, -1, Integer.MAX_VALUE}) {
            Balancer checked = Balancers.checked((views, prng, nowS) -> wrong);
            ConfigException error =
                    assertThrows(ConfigException.class, () -> checked.pick(nodes, new SplitMix64(0), 0.0));
            assertTrue(error.getMessage().contains("picked a node that there is not"), error.getMessage());
        }
        assertEquals(1, Balancers.checked((views, prng, nowS) -> 1).pick(nodes, new SplitMix64(0), 0.0));
    }

    @Test
    void fewNodesAreScannedAndOfManyTwoAreDrawn() {
        assertEquals("min_max", Balancers.defaultPolicy(1));
        assertEquals("min_max", Balancers.defaultPolicy(16));
        assertEquals("power_of_two", Balancers.defaultPolicy(17));
    }

    @Test
    void roundRobinTakesEachInTurn() {
        List<Integer> picks = picks("round_robin", slowOne(1, 0, 0), 7, 0.0);
        for (int step = 1; step < picks.size(); step++) {
            assertEquals((picks.get(0) + step) % 3, picks.get(step));
        }
    }

    @Test
    void randomPrioritySettlesEqualPrioritiesByLoad() {
        NodeView busy = new NodeView("a", 5, 0.0, 0.0, 0.0, 0.0, 0.0);
        NodeView idle = new NodeView("b", 2, 0.0, 0.0, 0.0, 0.0, 0.0);
        assertEquals(Set.of(1), picked("random_priority", List.of(busy, idle, busy), 20));
    }

    @Test
    void weightedTurnsAreSmooth() {
        List<NodeView> nodes = List.of(weighing("a", 5), weighing("b", 1), weighing("c", 1));
        // The sequence of nginx's own description.
        assertEquals(List.of(0, 0, 1, 0, 2, 0, 0), picks("weighted", nodes, 7, 0.0));
    }

    @Test
    void leastLoadedLetsIdleNodesTakeTurns() {
        assertEquals(List.of(0, 1, 2, 0, 1, 2), picks("least_loaded", slowOne(1, 0, 0), 6, 0.0));
    }

    @Test
    void powerOfTwoNeverTakesTheWorstOfAll() {
        List<NodeView> nodes = List.of(new NodeView("a", 1), new NodeView("b", 9), new NodeView("c", 1));
        assertFalse(picked("power_of_two", nodes, 500).contains(1));
    }

    @Test
    void powerOfTwoGivesTheHeavierOfTwoIdleNodesTheCall() {
        NodeView light = new NodeView("a");
        NodeView heavy = new NodeView("b", 0, 2.0, 0.0, 0.0, 0.0, 0.0);
        assertEquals(Set.of(1), picked("power_of_two", List.of(light, heavy), 100));
    }

    @ParameterizedTest
    @ValueSource(strings = {"weighted", "random_priority", "least_loaded", "min_max", "peak_ewma"})
    void aNodeOfWeightZeroGetsNothingWhileThereIsAnother(String name) {
        NodeView busy = new NodeView("b", 3, 1.0, 0.0, 1.0, 1.0, 0.0);
        assertEquals(Set.of(1), picked(name, List.of(weighing("a", 0), busy), 50));
    }

    @ParameterizedTest
    @ValueSource(strings = {"min_max", "peak_ewma", "power_of_two"})
    void anIdleNodeThatIsAHundredTimesSlowerGetsNothing(String name) {
        assertEquals(Set.of(0, 2), picked(name, slowOne(100, 0, 0), 200));
        assertEquals(Set.of(0, 2), picked(name, slowOne(100, 50, 0), 200));
    }

    @ParameterizedTest
    @ValueSource(strings = {"min_max", "peak_ewma"})
    void aSlowNodeGetsACallWhenItWouldFinishItFirst(String name) {
        assertEquals(Set.of(0, 2), picked(name, slowOne(5, 3, 0), 10));
        assertEquals(Set.of(1), picked(name, slowOne(5, 5, 0), 10));
    }

    @ParameterizedTest
    @ValueSource(strings = {"min_max", "peak_ewma"})
    void aSlowNodeIsTriedAgainAfterItsTime(String name) {
        assertFalse(picks(name, slowOne(100, 0, 0), 10, 30.0).contains(1));
        assertTrue(picks(name, slowOne(100, 0, 50), 3, 50.0).contains(1));
    }

    @Test
    void minMaxTakesASmallDifferenceForNoise() {
        assertEquals(List.of(0, 1, 2, 0, 1, 2), picks("min_max", slowOne(1.9, 0, 0), 6, 0.0));
    }

    @Test
    void peakEwmaTriesANewNodeWithOneCall() {
        List<NodeView> nodes = new ArrayList<>(slowOne(1, 0, 0));
        nodes.set(2, new NodeView("new"));
        assertEquals(Set.of(2), picked("peak_ewma", nodes, 5));
        nodes.set(2, new NodeView("new", 1));
        assertFalse(picked("peak_ewma", nodes, 50).contains(2));
    }

    @Test
    void aClockThatGoesBackBreaksNothing() {
        assertEquals(1.0, PeakEwma.observed(1.0, 10.0, 0.5, 0.0));
        assertEquals(1.0, PeakEwma.load(new NodeView("a", 0, 1.0, 0.0, 1.0, 0.0, 10.0), 0.0));
    }
}
