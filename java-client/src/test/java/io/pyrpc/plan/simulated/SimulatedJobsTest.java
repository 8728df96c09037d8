package io.pyrpc.plan.simulated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.plan.FailReason;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.SchedulerConfig;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whole jobs on a virtual clock, with faults drawn from a seed, and every invariant checked at every action. */
class SimulatedJobsTest {
    private static final int SEEDS = Integer.getInteger("pyrpc.seeds", 600);

    @Test
    void everyJobEndsAndGathersEachRowOnce() {
        int finished = 0;
        int hedges = 0;
        Map<FailReason, Integer> failed = new EnumMap<>(FailReason.class);
        for (long seed = 0; seed < SEEDS; seed++) {
            World world = World.drawn(seed);
            Simulation simulation = new Simulation(world, seed);
            try {
                simulation.run();
                checkEnd(world, simulation);
            } catch (AssertionError | RuntimeException error) {
                throw new AssertionError("seed " + seed + " at " + simulation.nowS + " in " + world, error);
            }
            finished += simulation.isFinished ? 1 : 0;
            hedges += simulation.books.hedges;
            if (simulation.fail != null) {
                failed.merge(simulation.fail.reason(), 1, Integer::sum);
            }
        }
        // The worlds are as bad as they are to be: a test of jobs to which nothing happens would tell nothing.
        assertTrue(finished > SEEDS / 2 && hedges > 100, finished + " finished, " + hedges + " hedges");
        assertTrue(failed.keySet().containsAll(List.of(FailReason.UNKNOWN, FailReason.EXHAUSTED)), failed.toString());
    }

    private static void checkEnd(World world, Simulation simulation) {
        // The slowest node takes a second a row, and hedges wait for some medians: nothing here may take minutes.
        assertTrue(simulation.endedAt < 200, "ended at " + simulation.endedAt);
        if (simulation.fail == null) {
            // Without hedges nothing saves the rows that a node holds for ever.
            boolean mayHang = world.nodes().stream().anyMatch(SimulatedNode::hangsForEver) && !world.hedges();
            assertTrue(simulation.isFinished || mayHang, "no end");
            return;
        }
        switch (simulation.fail.reason()) {
            case UNKNOWN -> assertTrue(!world.config().idempotent());
            case EXHAUSTED -> assertTrue(!world.isGrid() || simulation.books.isAnyExhausted());
            case NO_NODES -> {
                assertEquals(world.nodes().size(), simulation.downAtEnd.size());
                double since = simulation.downAtEnd.values().stream().reduce(0.0, Math::max);
                assertTrue(simulation.endedAt - since >= 5.0);
            }
            default -> throw new AssertionError(simulation.fail);
        }
    }

    @Test
    void aSeedReplays() {
        Simulation first = new Simulation(World.drawn(41), 41).run();
        Simulation second = new Simulation(World.drawn(41), 41).run();
        assertEquals(first.endedAt, second.endedAt);
        assertEquals(first.books.sends, second.books.sends);
    }

    // -- what a job costs under one fault, in virtual time

    private static List<SimulatedNode> alike(int count) {
        List<SimulatedNode> nodes = new ArrayList<>();
        for (int place = 0; place < count; place++) {
            nodes.add(new SimulatedNode("n" + place, 0.02));
        }
        return nodes;
    }

    private static Simulation finished(World.Kind kind, int rows, List<SimulatedNode> nodes) {
        SchedulerConfig config = SchedulerConfig.ofDefaults(RetryPolicy.ofDefaults(), true);
        Simulation simulation = new Simulation(new World(kind, rows, nodes, config, 0.0), 1).run();
        assertTrue(simulation.isFinished, String.valueOf(simulation.fail));
        return simulation;
    }

    @Test
    void nodesThatAreAlikeShareAlike() {
        for (World.Kind kind : List.of(World.Kind.GRID, World.Kind.ROWS)) {
            Simulation simulation = finished(kind, 400, alike(4));
            assertTrue(simulation.endedAt < 2.0 * 1.05, kind + " " + simulation.endedAt);
        }
    }

    @Test
    void aNodeThatDiesCostsOnlyItsWindow() {
        List<SimulatedNode> nodes = alike(4);
        nodes.get(3).diesAt = 0.5;
        Simulation simulation = finished(World.Kind.GRID, 400, nodes);
        // Its window, and what is sent before the last of its connections has told.
        assertTrue(simulation.books.sends - simulation.books.hedges <= 402, "sends " + simulation.books.sends);
        assertTrue(simulation.endedAt < 0.5 + 300 * 0.02 / 3 * 1.1, "ended at " + simulation.endedAt);
    }

    @Test
    void aNodeThatHangsCostsAboutOneHedge() {
        List<SimulatedNode> nodes = alike(8);
        nodes.get(7).hangsAt = 0.5;
        Simulation simulation = finished(World.Kind.GRID, 400, nodes);
        assertTrue(simulation.books.hedges >= 2 && simulation.books.hedges <= 6);
        assertTrue(simulation.endedAt < 400 * 0.02 / 7 + 0.2, "ended at " + simulation.endedAt);
    }

    @Test
    void halfOfTheCallsRefusedIsSurvivedWithoutAStorm() {
        List<SimulatedNode> nodes = alike(4);
        nodes.forEach(node -> node.refuses = 0.5);
        Simulation simulation = finished(World.Kind.GRID, 400, nodes);
        assertTrue(simulation.books.sends <= 1.2 * 400 + 10 * simulation.endedAt + 6 + simulation.books.hedges);
    }

    @Test
    void aThousandNodesFinishToo() {
        List<SimulatedNode> nodes = alike(1000);
        nodes.get(999).hangsAt = 0.0;
        finished(World.Kind.GRID, 5000, nodes);
    }
}
