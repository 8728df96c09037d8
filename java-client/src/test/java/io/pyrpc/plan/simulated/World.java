package io.pyrpc.plan.simulated;

import io.pyrpc.plan.DivisibleWork;
import io.pyrpc.plan.FixedWork;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.Partition;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.SchedulerConfig;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.StreamGrid;
import io.pyrpc.plan.StreamRows;
import io.pyrpc.plan.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A job with its nodes.
 *
 * @param kind of its work
 * @param duplicates share of the reports that come twice
 */
record World(Kind kind, int rows, List<SimulatedNode> nodes, SchedulerConfig config, double duplicates) {
    enum Kind {
        GRID,
        ROWS,
        STREAM_GRID,
        STREAM_ROWS
    }

    boolean isStream() {
        return kind == Kind.STREAM_GRID || kind == Kind.STREAM_ROWS;
    }

    boolean isGrid() {
        return kind == Kind.GRID || kind == Kind.STREAM_GRID;
    }

    boolean hedges() {
        return config.hedge() && config.idempotent();
    }

    Work work() {
        return switch (kind) {
            case GRID -> new FixedWork(Partition.planChunks(rows, 4, 1, 1L, null));
            case ROWS -> rows == 0 ? new FixedWork(List.of()) : new DivisibleWork(rows, null, 0.05, nodes.size());
            case STREAM_GRID -> new StreamGrid(1L, null);
            case STREAM_ROWS -> new StreamRows(0.05, nodes.size());
        };
    }

    /** A world in which at least the first node is there, sooner or later, and does not hang for ever. */
    static World drawn(long seed) {
        Chance chance = new Chance(seed);
        List<SimulatedNode> nodes = new ArrayList<>();
        int count = 1 + chance.below(6);
        for (int place = 0; place < count; place++) {
            nodes.add(drawnNode(place, chance));
        }
        int window = 1 + chance.below(3);
        List<String> policies = List.copyOf(JobPolicy.names());
        SchedulerConfig config = new SchedulerConfig(
                window,
                chance.of(0, 0, 8),
                Map.of(),
                new RetryPolicy(chance.of(1, 3, 10), 0.1, 1.0),
                chance.happens(0.85),
                chance.happens(0.9),
                5.0,
                JobPolicy.named(chance.happens(0.3) ? "min_max" : policies.get(chance.below(policies.size()))));
        Kind kind = Kind.values()[chance.below(4)];
        return new World(kind, chance.of(0, 1, 2, 7, 20, 50), nodes, config, chance.happens(0.5) ? 0.2 : 0.0);
    }

    private static SimulatedNode drawnNode(int place, Chance chance) {
        SimulatedNode node = new SimulatedNode("n" + place, chance.of(1, 10, 20, 100, 1000) / 1000.0);
        if (chance.happens(0.3)) {
            node.diesAt = chance.uniform() * 0.3 - 0.05;
            if (place == 0 || chance.happens(0.5)) {
                node.returnsAt = node.diesAt + chance.uniform() * 4;
            }
        }
        if (chance.happens(0.25)) {
            node.hangsAt = chance.uniform() * 0.3;
            if (place == 0 || chance.happens(0.3)) {
                node.wakesAt = node.hangsAt + chance.uniform() * 10;
            }
        }
        node.refuses = chance.happens(0.2) ? chance.uniform() * 0.6 : 0.0;
        node.breaks = chance.happens(0.15) ? chance.uniform() * 0.3 : 0.0;
        node.losesReply = chance.happens(0.15) ? chance.uniform() * 0.3 : 0.0;
        return node;
    }

    /** What is drawn from a seed. */
    static final class Chance {
        private final SplitMix64 prng;

        Chance(long seed) {
            prng = new SplitMix64(seed ^ 0x5EED);
        }

        double uniform() {
            return prng.uniform();
        }

        int below(int n) {
            return prng.below(n);
        }

        boolean happens(double share) {
            return prng.uniform() < share;
        }

        int of(int... choices) {
            return choices[prng.below(choices.length)];
        }
    }
}
