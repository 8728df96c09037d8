package io.pyrpc.testing;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import io.pyrpc.plan.balance.RoundRobin;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BalancerCheckTest {
    private static final Set<String> LOAD_AWARE = Set.of("least_loaded", "min_max", "peak_ewma", "power_of_two");

    static Stream<String> names() {
        return Balancers.names().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyPolicyKeepsTheRules(String name) {
        for (long seed : new long[] {0, 1, -1}) {
            BalancerCheck.check(() -> Balancers.named(name), 8, seed, LOAD_AWARE.contains(name));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void theRulesHoldForAnyNumberOfNodes(String name) {
        for (int nodes : new int[] {2, 3, 50}) {
            BalancerCheck.check(() -> Balancers.named(name), nodes, 0, LOAD_AWARE.contains(name));
        }
    }

    private static void isCaught(Supplier<Balancer> broken, String says) {
        AssertionError error = assertThrows(AssertionError.class, () -> BalancerCheck.check(broken));
        assertTrue(error.getMessage().contains(says), error.getMessage());
    }

    @Test
    void aPickThatNamesNoNodeIsCaught() {
        isCaught(() -> (nodes, prng, nowS) -> nodes.size(), "picked 1 of 1 nodes");
        isCaught(() -> (nodes, prng, nowS) -> -1, "picked -1");
    }

    @Test
    void aPolicyThatAlwaysTakesTheFirstIsCaught() {
        isCaught(() -> (nodes, prng, nowS) -> 0, "alike");
    }

    @Test
    void instancesThatShareStateAreCaught() {
        AtomicInteger calls = new AtomicInteger();
        isCaught(() -> (nodes, prng, nowS) -> calls.getAndIncrement() * 7 % nodes.size(), "different picks");
    }

    @Test
    void aPolicyThatReordersTheNodesIsCaught() {
        Balancer broken = (nodes, prng, nowS) -> {
            Collections.reverse(nodes);
            return prng.below(nodes.size());
        };
        isCaught(() -> broken, "changed");
    }

    @Test
    void aPolicyThatFindsNobodyWhereNobodyHasWeightIsCaught() {
        Balancer broken = (nodes, prng, nowS) -> {
            int first = prng.below(nodes.size());
            return IntStream.range(first, first + nodes.size())
                    .map(place -> place % nodes.size())
                    .filter(place -> nodes.get(place).weight() > 0)
                    .findFirst()
                    .orElse(-1);
        };
        isCaught(() -> broken, "picked -1");
    }

    @Test
    void aPolicyThatDoesNotLookAtTheLoadIsNotLoadAware() {
        AssertionError error =
                assertThrows(AssertionError.class, () -> BalancerCheck.check(RoundRobin::new, 8, 0, true));
        assertTrue(error.getMessage().contains("100 times the load"), error.getMessage());
    }
}
