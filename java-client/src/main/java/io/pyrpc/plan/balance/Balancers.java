package io.pyrpc.plan.balance;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The balancing policies by name.
 *
 * <pre>
 * round_robin      each in turn; for calls and nodes that are all alike
 * random           any, by chance; the yardstick
 * weighted         each in turn in proportion to weight, evenly spread
 * random_priority  at random, in proportion to weight; needs no knowledge of the load
 * least_loaded     the fewest calls in flight; for nodes that are equally fast
 * min_max          the earliest predicted finish; best for few nodes
 * peak_ewma        the lowest latency times queue; quick to leave a node that turns slow
 * power_of_two     the better of two drawn, by the same measure; for many nodes or clients
 * </pre>
 */
public final class Balancers {
    /** Above this an exact scan costs more than the choice of two gets wrong. */
    private static final int SCANNED_NODES = 16;

    private static final Map<String, Supplier<Balancer>> BY_NAME = byName();

    private Balancers() {}

    private static Map<String, Supplier<Balancer>> byName() {
        Map<String, Supplier<Balancer>> table = new LinkedHashMap<>();
        table.put("round_robin", RoundRobin::new);
        table.put("random", RandomChoice::new);
        table.put("weighted", Weighted::new);
        table.put("random_priority", RandomPriority::new);
        table.put("least_loaded", LeastLoaded::new);
        table.put("min_max", MinMax::new);
        table.put("peak_ewma", PeakEwma::new);
        table.put("power_of_two", PowerOfTwo::new);
        return Collections.unmodifiableMap(table);
    }

    /** The names that there are, in the order of the table. */
    public static Set<String> names() {
        return BY_NAME.keySet();
    }

    /**
     * A balancer by its name, each time a new one.
     *
     * @throws ConfigException no policy of that name; the message lists them
     */
    public static Balancer named(String policy) {
        Supplier<Balancer> make = BY_NAME.get(policy);
        if (make == null) {
            String expected = String.join(", ", BY_NAME.keySet()) + " or a Balancer of your own";
            throw new ConfigException("no such balancing policy", Detail.mismatch(expected, String.valueOf(policy)));
        }
        return make.get();
    }

    /** Name of the policy for single calls on so many nodes: an exact scan for few, two choices for many. */
    public static String defaultPolicy(int nodes) {
        return nodes <= SCANNED_NODES ? "min_max" : "power_of_two";
    }

    /** The same policy with an answer that names no node refused. */
    public static Balancer checked(Balancer policy) {
        return (nodes, prng, nowS) -> {
            int index = policy.pick(nodes, prng, nowS);
            if (index >= 0 && index < nodes.size()) {
                return index;
            }
            throw new ConfigException(
                    "the policy " + nameOf(policy) + " picked a node that there is not",
                    Detail.mismatch("an index from 0 to " + (nodes.size() - 1), Integer.toString(index)));
        };
    }

    private static String nameOf(Balancer policy) {
        return policy.getClass().isHidden() ? "given as a lambda" : policy.getClass().getSimpleName();
    }
}
